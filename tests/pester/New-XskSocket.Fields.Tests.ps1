BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
    $withoutLibpcap = Get-SkipNote -Program unshare, mount
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.NewXskSocketCommand'
}

Describe 'The parameters of a filter without a privilege' -Tag Unit {
    It 'refuses -<Parameter> <Value> at binding and says what is allowed' -ForEach @(
        @{ Parameter = 'EtherType'; Value = 'IPv5'; Allowed = 'IPv4, IPv6, ARP.*0x0600 to 0xffff' }
        @{ Parameter = 'EtherType'; Value = 100; Allowed = '0x0600 to 0xffff' }
        @{ Parameter = 'EtherType'; Value = 65536; Allowed = '0x0600 to 0xffff' }
        @{ Parameter = 'IPProtocol'; Value = 'QUIC'; Allowed = 'TCP, UDP.*0 to 255' }
        @{ Parameter = 'IPProtocol'; Value = 256; Allowed = '0 to 255' }
        @{ Parameter = 'Port'; Value = 'http'; Allowed = '0 to 65535.*8000-8100' }
        @{ Parameter = 'Port'; Value = '90-80'; Allowed = '0 to 65535' }
        @{ Parameter = 'Port'; Value = -1; Allowed = '0 to 65535' }
        @{ Parameter = 'Port'; Value = 1.5; Allowed = '0 to 65535' }
        @{ Parameter = 'Address'; Value = '10.1'; Allowed = 'IPv4 or IPv6 address' }
        @{ Parameter = 'Address'; Value = '010.0.0.1'; Allowed = 'IPv4 or IPv6 address' }
        @{ Parameter = 'Address'; Value = '10.0.0x1.1'; Allowed = 'IPv4 or IPv6 address' }
        @{ Parameter = 'Address'; Value = '[2001:db8::1]:80'; Allowed = 'IPv4 or IPv6 address' }
        @{ Parameter = 'Address'; Value = '10.0.0.0/33'; Allowed = 'IPv4 or IPv6 address' }
        @{ Parameter = 'Address'; Value = '2001:db8::/x'; Allowed = 'IPv4 or IPv6 address' }
        @{ Parameter = 'Address'; Value = 'example.org'; Allowed = 'IPv4 or IPv6 address' }
        @{ Parameter = 'Vlan'; Value = 4096; Allowed = '0 to 4095, or Any' }
        @{ Parameter = 'Vlan'; Value = @('Any', 5); Allowed = '0 to 4095, or Any' }
        @{ Parameter = 'Port'; Value = @(); Allowed = 'A value is missing' }
        @{ Parameter = 'Vlan'; Value = $null; Allowed = 'A value is missing' }
    ) {
        $with = @{ $Parameter = $Value }
        { New-XskSocket lo @with } | Should -Throw -ErrorId "ParameterArgumentTransformationError,$command"
        $Error[0].Exception.Message | Should -Match "'$Parameter'.*$Allowed"
    }

    It 'refuses <Line> as FilterSyntax' -ForEach @(
        @{ Line = '-NotMatch'; Words = 'nothing|there is none.*-Port' }
        @{ Line = '-NotMatch -KeepKernelTraffic'; Words = 'there is none' }
        @{ Line = "-Filter ' '"; Words = 'is blank' }
        @{ Line = '-Filter "`0arp" -Port 53'; Words = 'null character' }
        @{ Line = '-EtherType ARP -Port 53'; Words = "'arp and port 53'.*exclude each other" }
        @{ Line = '-IPProtocol ICMP -Port 53'; Words = 'exclude each other' }
        @{ Line = '-EtherType IPv4 -Address 2001:db8::1'; Words = 'exclude each other' }
    ) {
        { Invoke-Expression "New-XskSocket lo $Line" } | Should -Throw -ErrorId "FilterSyntax,$command"
        $Error[0].CategoryInfo.Category | Should -Be 'InvalidArgument'
        $Error[0].Exception.Message | Should -Match $Words
    }

    It 'refuses <Line> as FilterConflict' -ForEach @(@{ Line = '-Port 53 -NoProgram' }, @{ Line = '-KeepKernelTraffic -NoProgram' }) {
        Invoke-Expression "New-XskSocket lo $Line -ErrorAction SilentlyContinue -ErrorVariable failures"
        $failures.FullyQualifiedErrorId | Should -Be "FilterConflict,$command"
    }

    It 'takes none of them together with -Socket on Receive-XskPacket' {
        { Receive-XskPacket -Socket $null -Port 53 } | Should -Throw -ErrorId 'AmbiguousParameterSet,XdpPS.Commands.ReceiveXskPacketCommand'
    }
}

Describe "The parameters of a filter$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        function New-Packet {
            param([string] $Type = '0800', [int] $Protocol = 17, [int] $Port = 53, [string] $Source = '0a000001', [string] $Tag = '')
            $network = switch ($Type) {
                '0800' { '45000026 00010000 40{0:x2}0000 {1} 0a000002 c000 {2:x4} 00120000 00010203040506070809' -f $Protocol, $Source, $Port }
                '86dd' { '60000000 0012{0:x2}40 20010db8000000000000000000000001 20010db8000000000000000000000002 c000 {1:x4} 00120000 00010203040506070809' -f $Protocol, $Port }
                '0806' { '0001080006040001 020000000001 {0} 000000000000 0a000002 000000000000000000000000000000000000' -f $Source }
                default { '00' * 46 }
            }

            return , [Convert]::FromHexString("020000000002 020000000001 $Tag $Type $network".Replace(' ', ''))
        }

        $mixed = @(
            foreach ($port in 53, 80, 8042) { New-Packet -Port $port }
            New-Packet -Protocol 6 -Port 80
            New-Packet -Protocol 1
            New-Packet -Source 'c0000201'
            New-Packet -Type '86dd'
            New-Packet -Type '86dd' -Protocol 6 -Port 443
            New-Packet -Type '0806'
            New-Packet -Type '0806' -Source 'c0000201'
            New-Packet -Type '88cc'
            foreach ($id in '0005', '0006', '0007') { New-Packet -Tag "8100 $id" }
            New-Packet -Tag '88a8 0005' -Protocol 6
            New-Packet -Type '0806' -Tag '8100 0005'
            New-TestFrame -Length 14
        )
    }

    BeforeEach {
        $cable = New-TestCable
        # Where tags are stripped no filter sees them; the warning about that is tested elsewhere.
        foreach ($end in $cable.Left, $cable.Right) { $null = Invoke-Native ethtool -K $end rxvlan off txvlan off }
        $sender = New-XskSocket $cable.Right -NoProgram
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'take what tcpdump takes with "<Expression>": <Line>' -ForEach @(
        @{ Line = '-EtherType ARP, 0x88cc'; Expression = 'arp or ether proto 0x88cc' }
        @{ Line = '-EtherType ipv6'; Expression = 'ip6' }
        @{ Line = '-IPProtocol TCP, 1'; Expression = 'proto 1 or tcp' }
        @{ Line = '-Port 53, (8000..8100)'; Expression = 'port 53 or portrange 8000-8100' }
        @{ Line = '-Port 80-443 -IPProtocol tcp'; Expression = 'tcp and portrange 80-443' }
        @{ Line = '-Address 192.0.2.0/24'; Expression = 'net 192.0.2.0/24' }
        @{ Line = "-Address 192.0.2.1, ([ipaddress] '2001:db8::2')"; Expression = 'host 192.0.2.1 or host 2001:db8::2' }
        @{ Line = '-Vlan 5'; Expression = 'vlan 5' }
        @{ Line = '-Vlan Any -Port 53 -IPProtocol UDP'; Expression = 'vlan and udp and port 53' }
        @{ Line = '-Vlan 5, 7 -EtherType IPv4'; Expression = 'vlan and (ether[14:2] & 0xfff = 5 or ether[14:2] & 0xfff = 7) and ip' }
        @{ Line = "-Vlan 5 -Filter 'tcp or arp'"; Expression = 'vlan 5 and (tcp or arp)' }
        @{ Line = "-Port 53, 80 -Filter 'ip'"; Expression = '(port 53 or port 80) and ip' }
        @{ Line = '-EtherType IPv4 -IPProtocol UDP -Port 53 -Address 10.0.0.1'; Expression = 'ip and udp and port 53 and host 10.0.0.1' }
        @{ Line = '-Port 53 -NotMatch'; Expression = 'not port 53' }
        @{ Line = "-Filter 'tcp or udp' -NotMatch"; Expression = 'not (tcp or udp)' }
    ) {
        $path = [IO.Path]::GetTempFileName()
        Write-Pcap -Path $path -Frame $mixed
        $null = Invoke-Native tcpdump -Z root -r $path -w "$path.matching" $Expression
        $expected = @(Read-Pcap "$path.matching")
        Remove-Item -LiteralPath $path, "$path.matching"
        $expected.Count | Should -BeGreaterThan 0
        $expected.Count | Should -BeLessThan $mixed.Count

        $socket = Invoke-Expression "New-XskSocket $($cable.Left) $Line"
        $socket.Filter | Should -Be $Expression
        $mixed | Send-XskFrame $sender
        @($socket | Receive-XskPacket -TimeoutSeconds 0.3 | ForEach-Object { ConvertTo-Hex $_.Data }) | Should -Be $expected
    }

    It 'work on Receive-XskPacket -InterfaceName as well' {
        $receiver = Start-Pipeline { param($Name) Receive-XskPacket $Name -EtherType ARP -Vlan 5 -KeepKernelTraffic -NotMatch -Count 3 -TimeoutSeconds 5 } $cable.Left
        $null = Wait-Until { (Get-AttachedProgram $cable.Left).Id -gt 0 }
        Start-Sleep -Milliseconds 200
        $mixed | Send-XskFrame $sender
        Wait-Pipeline $receiver | Should -BeNullOrEmpty
        @($receiver.Output | ForEach-Object { ConvertTo-Hex $_.Data }) | Should -Be @($mixed[0..2] | ForEach-Object { ConvertTo-Hex $_ })
        Close-Pipeline $receiver
    }

    It 'warn where VLAN tags are not in the frame' {
        $null = Invoke-Native ethtool -K $cable.Right txvlan on
        $null = New-XskSocket $cable.Left -Vlan 5 -WarningAction SilentlyContinue -WarningVariable warnings
        $warnings | Should -Match "run 'ethtool -K $($cable.Right) txvlan off'"
    }

    It 'leave with -KeepKernelTraffic what the host needs, and are not refused on its own interface' {
        $null = Invoke-Native ip address add 192.0.2.1/24 dev $cable.Left
        $null = Invoke-Native ip route add default via 192.0.2.2
        New-XskSocket $cable.Left -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.Exception.Message | Should -Match "-KeepKernelTraffic.*-Filter \(such as 'not \(tcp port \d+ or arp or icmp6\)'"
        $socket = New-XskSocket $cable.Left -KeepKernelTraffic
        "$socket" | Should -BeLike '*, filter not kernel traffic'
        $capture = Start-Capture $cable.Left
        $mixed | Send-XskFrame $sender
        # Three ARP requests, one of them in a VLAN; no ICMP of these is for this host.
        @(Stop-Capture $capture -Count 3).Count | Should -Be 3
        @($socket | Receive-XskPacket -TimeoutSeconds 0.2).Count | Should -Be ($mixed.Count - 3)
    }
}

Describe "Without libpcap$withoutLibpcap" -Tag Netns -Skip:($withoutLibpcap -ne '') {
    BeforeAll {
        $cable = New-TestCable

        # pwsh in a mount namespace of its own, where each libpcap is an empty file.
        function Invoke-WithoutLibpcap {
            param([string] $Script)
            $libraries = @(Get-ChildItem -Path '/lib*/libpcap.so*', '/usr/lib*/libpcap.so*', '/lib*/*/libpcap.so*', '/usr/lib*/*/libpcap.so*', '/usr/local/lib*/libpcap.so*' -ErrorAction Ignore).FullName
            $hide = ($libraries | ForEach-Object { "mount --bind /dev/null '$_' || exit 9;" }) -join ' '
            $whole = "`$PSStyle.OutputRendering = 'PlainText'; Import-Module '$(Get-ModuleManifest)' -ErrorAction Stop; $Script"
            $output = unshare --mount sh -c "$hide exec `"`$@`"" sh (Get-PwshPath) -NoProfile -NonInteractive -Command $whole 2>&1 | Out-String
            $LASTEXITCODE | Should -Be 0 -Because $output
            return $output.Trim()
        }
    }

    AfterAll {
        Remove-TestCable $cable
    }

    It 'an expression is refused as LibpcapMissing, which names the package and what works without' {
        $text = Invoke-WithoutLibpcap "try { New-XskSocket $($cable.Left) -Filter udp } catch { `$_.FullyQualifiedErrorId; `$_.CategoryInfo.Category; `$_.Exception.Message }; (New-XskSocket $($cable.Left) -IPProtocol UDP -Port 53).Filter"
        $id, $category, $message, $filter = $text -split "`n"
        $id | Should -Be "LibpcapMissing,$command"
        $category | Should -Be 'NotInstalled'
        $message | Should -Match 'libpcap0.8.*-Port'
        $filter | Should -Be 'udp and port 53'
    }

    It 'the other parameters of a filter work, and so does the rest' {
        Invoke-WithoutLibpcap "`$s = New-XskSocket $($cable.Left) -EtherType IPv4 -IPProtocol UDP -Port 53 -Address 10.0.0.0/8 -Vlan Any -NotMatch -KeepKernelTraffic -WarningAction SilentlyContinue; `$s.Filter; (New-XskSocket $($cable.Right)).State" |
            Should -Be "not (vlan and ip and udp and port 53 and net 10.0.0.0/8) and not kernel traffic`nOpen"
    }
}
