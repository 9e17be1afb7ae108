BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.NewXskSocketCommand'
}

Describe 'New-XskSocket -Filter without a privilege' -Tag Unit {
    It 'ends with the words of libpcap for <Expression>' -ForEach @(
        @{ Expression = 'udp prot 53'; Words = "'udp prot 53'.*syntax error" }
        @{ Expression = 'port nosuchservice'; Words = "'port nosuchservice'.*unknown port" }
    ) {
        { New-XskSocket lo -Filter $Expression } | Should -Throw -ErrorId "FilterSyntax,$command"
        { New-XskSocket lo -Filter $Expression } | Should -Throw -ExpectedMessage '*man pcap-filter*'
        $Error[0].Exception.Message | Should -Match $Words
        $Error[0].CategoryInfo.Category | Should -Be 'InvalidArgument'
        $Error[0].TargetObject | Should -Be $Expression
    }

    It 'refuses <Line>, in the words that were typed' -ForEach @(
        @{ Line = "-Filter 'tcp and udp'"; Words = "^'tcp and udp' matches no packet;" }
        @{ Line = "-Filter arp -Vlan 5 -Port 53"; Words = "^No packet can match both 'arp' and 'vlan 5 and port 53'" }
        @{ Line = "-Filter inbound"; Words = "^'inbound' asks for what the kernel knows of a packet beside its bytes" }
        @{ Line = '-Filter "udp`0 and port 53"'; Words = 'null character' }
    ) {
        $failure = try { Invoke-Expression "New-XskSocket lo $Line" } catch { $_ }
        $failure.FullyQualifiedErrorId | Should -Be "FilterSyntax,$command"
        $failure.Exception.Message | Should -Match $Words
    }

    It 'refuses an expression of more than 16384 characters' {
        { New-XskSocket lo -Filter ('udp or ' * 3000 + 'tcp') } | Should -Throw -ErrorId "FilterTooLarge,$command"
    }

    It 'refuses a filter without a program' {
        New-XskSocket lo -Filter udp -NoProgram -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -Be "FilterConflict,$command"
    }
}

Describe "New-XskSocket -Filter$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        # Ethernet and IPv4 headers, a UDP header with the ports, ten bytes.
        function New-UdpFrame {
            param([int] $Port, [string] $Source = '0a000001')
            $hex = '020000000002 020000000001 0800 45000026 00010000 40110000 {0} 0a000002 c000 {1:x4} 00120000 00010203040506070809' -f $Source, $Port
            return , [Convert]::FromHexString($hex.Replace(' ', ''))
        }

        $mixed = @(
            foreach ($port in 53, 80, 53, 67, 443, 5353) { New-UdpFrame $port }
            New-UdpFrame 53 -Source 'c0000201'
            New-TestFrame -Length 60
            New-TestFrame -Length 42 -Type '0806'
            New-TestFrame -Length 14 -Type '0800'
        )
    }

    BeforeEach {
        $cable = New-TestCable -Queues 2
        $sender = New-XskSocket $cable.Right -NoProgram
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'takes what tcpdump takes of the same frames: <_>' -ForEach @(
        'udp port 53', 'not udp', 'arp or port 443', 'src net 10.0.0.0/8 and udp[2:2] < 100', 'len < 60', 'ether proto 0x88b5'
    ) {
        $path = [IO.Path]::GetTempFileName()
        Write-Pcap -Path $path -Frame $mixed
        $null = Invoke-Native tcpdump -Z root -r $path -w "$path.matching" $_
        $expected = @(Read-Pcap "$path.matching")
        Remove-Item -LiteralPath $path, "$path.matching"
        $expected.Count | Should -BeGreaterThan 0
        $expected.Count | Should -BeLessThan $mixed.Count

        $socket = New-XskSocket $cable.Left -Filter $_ -WarningAction SilentlyContinue
        $socket.Filter | Should -Be $_
        "$socket".EndsWith(", filter $_") | Should -BeTrue
        $mixed | Send-XskFrame $sender
        $received = @($socket | Receive-XskPacket -TimeoutSeconds 0.3)
        @($received | ForEach-Object { ConvertTo-Hex $_.Data }) | Should -Be $expected
        $received.TimestampSource | Select-Object -Unique | Should -Be 'Arrival'
    }

    It 'leaves to the kernel what it does not match' {
        $socket = New-XskSocket $cable.Left -Filter 'udp port 53' -WarningAction SilentlyContinue
        $capture = Start-Capture $cable.Left
        $mixed | Send-XskFrame $sender
        $seen = @(Stop-Capture $capture -Count 7)
        $taken = @($socket | Receive-XskPacket -TimeoutSeconds 0.1)
        $taken.Count | Should -Be 3
        $seen.Count | Should -Be ($mixed.Count - $taken.Count)
    }

    It 'is one for all queues of an interface' {
        $first = New-XskSocket $cable.Left -Filter 'udp port 53' -WarningAction SilentlyContinue
        New-XskSocket $cable.Left -QueueId 1 -Filter tcp -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -Be "FilterConflict,$command"
        $failures.Exception.Message | Should -Match "'udp port 53'.*same filter"
        (New-XskSocket $cable.Left -QueueId 1 -Filter 'udp port 53').ProgramId | Should -Be $first.ProgramId
    }

    It 'works on Receive-XskPacket -InterfaceName as well' {
        $receiver = Start-Pipeline { param($Name) Receive-XskPacket $Name -Filter 'arp' -Count 1 -TimeoutSeconds 5 } $cable.Left
        $null = Wait-Until { (Get-AttachedProgram $cable.Left).Id -gt 0 }
        Start-Sleep -Milliseconds 200
        $mixed | Send-XskFrame $sender
        Wait-Pipeline $receiver | Should -BeNullOrEmpty
        $receiver.Output.Protocol | Should -Be 'ARP'
        Close-Pipeline $receiver
    }
}
