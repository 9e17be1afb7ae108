BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program tshark
    $witness = (Get-Command -Name tshark -CommandType Application -ErrorAction Ignore) ? '' : ' [skipped: needs tshark]'
    $tun = (Test-Path -LiteralPath /dev/net/tun) ? '' : ' [skipped: needs /dev/net/tun]'
    $ip = 'IP', 'IcmpEcho', 'Udp', 'Tcp'
    $addressed = @('Arp') + $ip
    $filled = @('Ethernet') + $ip
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $PSStyle.OutputRendering = 'PlainText'
    $command = 'XdpPS.Commands.NewXskFrameCommand'
    $macs = @{ SourceMac = '02:00:00:00:00:01'; DestinationMac = '02:00:00:00:00:02' }
    $v4 = $macs + @{ SourceAddress = '192.0.2.1'; DestinationAddress = '192.0.2.2' }
    $v6 = $macs + @{ SourceAddress = '2001:db8::1'; DestinationAddress = '2001:db8::2' }

    # What tshark reads in frames: for each a line of the fields, with semicolons between them.
    function Read-Frame {
        param([object[]] $Frame, [string[]] $Field)
        $path = [IO.Path]::GetTempFileName()
        try {
            Write-Pcap -Path $path -Frame $Frame.ForEach({ , $_.Data })
            $options = @($Field.ForEach({ '-e', $_ })) + @('ip', 'udp', 'tcp').ForEach({ '-o', "$_.check_checksum:TRUE" })
            Invoke-Native tshark -r $path -n -T fields -E 'separator=;' @options | Where-Object { $_ -notmatch '^Running as' }
        }
        finally {
            Remove-Item -LiteralPath $path
        }
    }
}

Describe 'New-XskFrame' -Tag Unit {
    It 'has the parameter -<Name>' -ForEach @(
        @{ Name = 'EtherType'; Type = 'UInt16'; Aliases = ''; Mandatory = $true; Sets = @('Ethernet') }
        @{ Name = 'Arp'; Type = 'SwitchParameter'; Aliases = ''; Mandatory = $true; Sets = @('Arp') }
        @{ Name = 'IPProtocol'; Type = 'IPProtocol'; Aliases = ''; Mandatory = $true; Sets = @('IP') }
        @{ Name = 'IcmpEcho'; Type = 'SwitchParameter'; Aliases = ''; Mandatory = $true; Sets = @('IcmpEcho') }
        @{ Name = 'Udp'; Type = 'SwitchParameter'; Aliases = ''; Mandatory = $true; Sets = @('Udp') }
        @{ Name = 'Tcp'; Type = 'SwitchParameter'; Aliases = ''; Mandatory = $true; Sets = @('Tcp') }
        @{ Name = 'DestinationMac'; Type = 'FieldSequence'; Aliases = ''; Mandatory = $false; Sets = @('__AllParameterSets') }
        @{ Name = 'SourceMac'; Type = 'FieldSequence'; Aliases = ''; Mandatory = $false; Sets = @('__AllParameterSets') }
        @{ Name = 'InterfaceName'; Type = 'String'; Aliases = ''; Mandatory = $false; Sets = @('__AllParameterSets') }
        @{ Name = 'NetworkNamespace'; Type = 'String'; Aliases = ''; Mandatory = $false; Sets = @('__AllParameterSets') }
        @{ Name = 'Vlan'; Type = 'FieldSequence[]'; Aliases = ''; Mandatory = $false; Sets = @('__AllParameterSets') }
        @{ Name = 'VlanPriority'; Type = 'Byte'; Aliases = ''; Mandatory = $false; Sets = @('__AllParameterSets') }
        @{ Name = 'VlanType'; Type = 'UInt16'; Aliases = ''; Mandatory = $false; Sets = @('__AllParameterSets') }
        @{ Name = 'SourceAddress'; Type = 'FieldSequence'; Aliases = ''; Mandatory = $true; Sets = $addressed }
        @{ Name = 'DestinationAddress'; Type = 'FieldSequence'; Aliases = ''; Mandatory = $true; Sets = $addressed }
        @{ Name = 'Operation'; Type = 'ArpOperation'; Aliases = ''; Mandatory = $false; Sets = @('Arp') }
        @{ Name = 'TargetMac'; Type = 'FieldSequence'; Aliases = ''; Mandatory = $false; Sets = @('Arp') }
        @{ Name = 'TimeToLive'; Type = 'FieldSequence'; Aliases = 'HopLimit'; Mandatory = $false; Sets = $ip }
        @{ Name = 'Identification'; Type = 'FieldSequence'; Aliases = ''; Mandatory = $false; Sets = $ip }
        @{ Name = 'DontFragment'; Type = 'SwitchParameter'; Aliases = ''; Mandatory = $false; Sets = $ip }
        @{ Name = 'DifferentiatedServicesCodePoint'; Type = 'Byte'; Aliases = 'Dscp'; Mandatory = $false; Sets = $ip }
        @{ Name = 'FlowLabel'; Type = 'FieldSequence'; Aliases = ''; Mandatory = $false; Sets = $ip }
        @{ Name = 'SourcePort'; Type = 'FieldSequence'; Aliases = ''; Mandatory = $true; Sets = 'Udp', 'Tcp' }
        @{ Name = 'DestinationPort'; Type = 'FieldSequence'; Aliases = ''; Mandatory = $true; Sets = 'Udp', 'Tcp' }
        @{ Name = 'Identifier'; Type = 'FieldSequence'; Aliases = ''; Mandatory = $false; Sets = @('IcmpEcho') }
        @{ Name = 'SequenceNumber'; Type = 'FieldSequence'; Aliases = ''; Mandatory = $false; Sets = 'IcmpEcho', 'Tcp' }
        @{ Name = 'Reply'; Type = 'SwitchParameter'; Aliases = ''; Mandatory = $false; Sets = @('IcmpEcho') }
        @{ Name = 'AcknowledgmentNumber'; Type = 'FieldSequence'; Aliases = ''; Mandatory = $false; Sets = @('Tcp') }
        @{ Name = 'Flags'; Type = 'TcpControlBits'; Aliases = ''; Mandatory = $false; Sets = @('Tcp') }
        @{ Name = 'Window'; Type = 'UInt16'; Aliases = ''; Mandatory = $false; Sets = @('Tcp') }
        @{ Name = 'Payload'; Type = 'Byte[]'; Aliases = ''; Mandatory = $false; Sets = $filled }
        @{ Name = 'PayloadLength'; Type = 'Int32'; Aliases = ''; Mandatory = $false; Sets = $filled }
        @{ Name = 'Length'; Type = 'Int32'; Aliases = ''; Mandatory = $false; Sets = $filled }
        @{ Name = 'MinimumLength'; Type = 'Int32'; Aliases = ''; Mandatory = $false; Sets = @('__AllParameterSets') }
        @{ Name = 'BadChecksum'; Type = 'SwitchParameter'; Aliases = ''; Mandatory = $false; Sets = 'IcmpEcho', 'Udp', 'Tcp' }
        @{ Name = 'BadHeaderChecksum'; Type = 'SwitchParameter'; Aliases = ''; Mandatory = $false; Sets = $ip }
        @{ Name = 'Count'; Type = 'Int64'; Aliases = ''; Mandatory = $false; Sets = @('__AllParameterSets') }
        @{ Name = 'Vary'; Type = 'FrameVariation'; Aliases = ''; Mandatory = $false; Sets = @('__AllParameterSets') }
        @{ Name = 'Seed'; Type = 'Int64'; Aliases = ''; Mandatory = $false; Sets = @('__AllParameterSets') }
        @{ Name = 'Expand'; Type = 'SwitchParameter'; Aliases = ''; Mandatory = $false; Sets = @('__AllParameterSets') }
    ) {
        $fact = Get-ParameterFact New-XskFrame $Name
        foreach ($property in 'Type', 'Aliases', 'Mandatory') { $fact.$property | Should -Be (Get-Variable -Name $property -ValueOnly) }
        $fact.ByValue | Should -BeFalse
        (Get-Command New-XskFrame).Parameters[$Name].ParameterSets.Keys | Sort-Object | Should -Be ($Sets | Sort-Object)
    }

    It 'builds what tshark reads as asked for' -Skip:($witness -ne '') {
        $frames = @(
            New-XskFrame -Udp @v4 -SourcePort 4000 -DestinationPort 53 -Payload 'hello' -Vlan 100 -VlanPriority 3
            New-XskFrame -Udp @v6 -SourcePort 4000 -DestinationPort 53 -Payload '0x68 65 6c 6c 6f' -Vlan 10, 20
            New-XskFrame -Tcp @v4 -SourcePort 1 -DestinationPort 80 -Flags Fin, Ack -Payload ([byte[]](1, 2, 3))
            New-XskFrame -IcmpEcho @v6 -Identifier 7 -SequenceNumber 8 -PayloadLength 33
            New-XskFrame -IPProtocol GRE @v4 -Payload '0x00000800'
            New-XskFrame -Udp @v4 -SourcePort 1 -DestinationPort 9 -Length 1514 -BadChecksum
        )
        Read-Frame $frames 'frame.len', 'ip.dst', 'ipv6.dst', 'vlan.id', 'udp.dstport', 'tcp.flags', 'icmpv6.echo.sequence_number', 'gre.proto', 'udp.checksum.status', 'tcp.checksum.status', 'icmpv6.checksum.status' | Should -Be @(
            '51;192.0.2.2;;100;53;;;;1;;'
            '75;;2001:db8::2;20;53;;;;1;;'
            '57;192.0.2.2;;;;0x0011;;;;1;'
            '95;;2001:db8::2;;;;8;;;;1'
            '38;192.0.2.2;;;;;;0x0800;;;'
            '1514;192.0.2.2;;;9;;;;0;;'
        )
        $frames | Should -BeOfType XdpPS.XskPacket
    }

    It 'takes addresses as objects as well' {
        $typed = @{
            SourceMac          = [Net.NetworkInformation.PhysicalAddress]::Parse('02-00-00-00-00-01')
            DestinationMac     = '0200.0000.0002'
            SourceAddress      = [ipaddress]'192.0.2.1'
            DestinationAddress = [XdpPS.FieldSequence]::FromAddresses([ipaddress[]]'192.0.2.2')
        }
        ConvertTo-Hex (New-XskFrame -IcmpEcho @typed).Data | Should -Be (ConvertTo-Hex (New-XskFrame -IcmpEcho @v4).Data)
    }

    It 'makes ARP that asks everyone, and answers one' {
        $request = New-XskFrame -Arp -SourceMac 02:00:00:00:00:01 -SourceAddress 192.0.2.1 -DestinationAddress 192.0.2.2
        $request.Info | Should -Be 'Who has 192.0.2.2? Tell 192.0.2.1'
        "$($request.Ethernet.DestinationAddress)" | Should -Be 'FFFFFFFFFFFF'
        $reply = New-XskFrame -Arp -Operation Reply @v4
        $reply.Info | Should -Be '192.0.2.1 is at 02:00:00:00:00:01'
        "$($reply.Arp.TargetHardwareAddress)" | Should -Be '020000000002'
    }

    It 'prints like a received packet, with the time of its making' {
        $before = [datetime]::Now
        $packet = New-XskFrame -IcmpEcho @v4
        $packet.Time | Should -BeGreaterThan $before.AddSeconds(-1)
        (Get-View $packet -Width 80)[2] | Should -Match '^\s+1\s+0\.000000\s+192\.0\.2\.1\s+192\.0\.2\.2\s+ICMP\s+42 Echo'
    }

    It 'refuses <What> with <Id>' -ForEach @(
        @{ What = 'two IP versions'; Id = 'FrameFieldInvalid'; Change = @{ DestinationAddress = '::1' }; Words = 'two IPv4 or two IPv6' }
        @{ What = 'two IP versions for one field'; Id = 'ParameterArgumentTransformationError'; Change = @{ SourceAddress = '10.0.0.1', '::1' }; Words = 'one IP version' }
        @{ What = 'a missing destination'; Id = 'FrameFieldInvalid'; Change = @{ DestinationMac = $null }; Words = 'ip neigh' }
        @{ What = 'a missing source'; Id = 'FrameFieldInvalid'; Change = @{ SourceMac = $null }; Words = '-InterfaceName' }
        @{ What = 'an interface that does not exist'; Id = 'InterfaceNotFound'; Change = @{ SourceMac = $null; InterfaceName = 'none0' }; Words = 'none0' }
        @{ What = 'a port that is none'; Id = 'ParameterArgumentTransformationError'; Change = @{ SourcePort = 65536 }; Words = '0 to 65535' }
        @{ What = 'a prefix with bits beyond its length'; Id = 'ParameterArgumentTransformationError'; Change = @{ SourceAddress = '10.0.0.1/24' }; Words = 'no bits beyond' }
        @{ What = 'an address by half'; Id = 'ParameterArgumentTransformationError'; Change = @{ SourceAddress = '10.1' }; Words = 'IPv4 or IPv6' }
        @{ What = 'a VLAN that is none'; Id = 'ParameterArgumentTransformationError'; Change = @{ Vlan = 4096 }; Words = '4095' }
        @{ What = 'VLANs in a list, which are tags'; Id = 'FrameFieldInvalid'; Change = @{ Vlan = 1..100 }; Words = "'100-199'" }
        @{ What = 'hexadecimal that is none'; Id = 'ParameterArgumentTransformationError'; Change = @{ Payload = '0xabc' }; Words = 'two digits a byte' }
        @{ What = 'two lengths'; Id = 'FrameFieldInvalid'; Change = @{ Length = 100; PayloadLength = 100 }; Words = 'one of them' }
        @{ What = 'a frame without room'; Id = 'FrameFieldInvalid'; Change = @{ Length = 41 }; Words = '42 or more' }
        @{ What = 'more addresses than there are'; Id = 'ParameterArgumentTransformationError'; Change = @{ SourceAddress = '::/0', '::1' }; Words = 'more values' }
        @{ What = 'a payload in hexadecimal without quotes, which is a number'; Id = 'ParameterArgumentTransformationError'; Change = @{ Payload = 0x4500 }; Words = 'in quotes' }
        @{ What = 'a priority without a tag'; Id = 'ParametersContradict'; Change = @{ VlanPriority = 0 }; Words = '-Vlan as well' }
        @{ What = 'a type of tags without a tag'; Id = 'ParametersContradict'; Change = @{ VlanType = 'QinQ' }; Words = '-Vlan as well' }
        @{ What = 'a seed of nothing'; Id = 'ParametersContradict'; Change = @{ SourcePort = (1..5); Seed = 3 }; Words = '-Vary Random as well' }
        @{ What = 'an identification of IPv6'; Id = 'ParametersContradict'; Change = @{ SourceAddress = '2001:db8::1'; DestinationAddress = '2001:db8::2'; Identification = 7 }; Words = 'a field of IPv4' }
        @{ What = 'unfragmented IPv6'; Id = 'ParametersContradict'; Change = @{ SourceAddress = '2001:db8::1'; DestinationAddress = '2001:db8::2'; DontFragment = $true }; Words = 'a bit of IPv4' }
        @{ What = 'a flow label of IPv4'; Id = 'ParametersContradict'; Change = @{ FlowLabel = 7 }; Words = 'a field of IPv6' }
        @{ What = 'a namespace of nothing'; Id = 'ParametersContradict'; Change = @{ NetworkNamespace = 'lab1' }; Words = 'that of -InterfaceName' }
        @{ What = 'more frames than can be meant'; Id = 'FrameFieldInvalid'; Change = @{ SourceAddress = '10.0.0.0/8'; SourcePort = (1..1000); Vary = 'Combination' }; Words = '-Count' }
    ) {
        $parameters = $v4 + @{ SourcePort = 1; DestinationPort = 2 }
        foreach ($name in $Change.Keys) { if ($null -eq $Change[$name]) { $parameters.Remove($name) } else { $parameters[$name] = $Change[$name] } }
        $failure = { New-XskFrame -Udp @parameters } | Should -Throw -PassThru
        $failure.FullyQualifiedErrorId | Should -Be "$Id,$command"
        $failure.CategoryInfo.Category | Should -BeIn 'InvalidArgument', 'InvalidData', 'ObjectNotFound'
        $failure.Exception.Message | Should -Match ([regex]::Escape($Words))
    }

    It 'completes names of EtherTypes, IP protocols and flags' {
        (TabExpansion2 'New-XskFrame -EtherType LL').CompletionMatches.CompletionText | Should -Be 'LLDP'
        (TabExpansion2 'New-XskFrame -IPProtocol OS').CompletionMatches.CompletionText | Should -Be 'OSPF'
        (TabExpansion2 'New-XskFrame -VlanType Qi').CompletionMatches.CompletionText | Should -Be 'QinQ'
        (TabExpansion2 'New-XskFrame -Tcp -Flags Sy').CompletionMatches.CompletionText | Should -Be 'Syn'
        (TabExpansion2 'New-XskFrame -InterfaceName l').CompletionMatches.CompletionText | Should -Contain 'lo'
    }
}

Describe 'A template of frames' -Tag Unit {
    BeforeAll {
        $template = New-XskFrame -Udp @macs -SourceAddress 10.0.0.0/24 -DestinationAddress 192.0.2.2 -SourcePort (1000..1009) -DestinationPort 9
        $random = New-XskFrame -Udp @macs -SourceAddress 10.0.0.0/24 -DestinationAddress 192.0.2.2 -SourcePort '1000-2000' -DestinationPort 53, 80 -Count 5000000 -Vary Random -Seed 7
    }

    It 'stands for its frames without having them' {
        $template | Should -BeOfType XdpPS.XskFrameTemplate
        $template.Count | Should -Be 254
        $template.Fields.Name | Should -Be 'SourceAddress', 'SourcePort'
        "$template" | Should -Be '254 x 42 B frames, 10.0.0.1 > 192.0.2.2 UDP, sequential: SourceAddress 10.0.0.1-10.0.0.254 (254 values); SourcePort 1000-1009 (10 values)'
        $random.Seed | Should -Be 7
        $template.Seed | Should -BeNullOrEmpty
    }

    It 'gives its frames as packets' {
        $packets = @($template.GetPackets())
        $packets.Count | Should -Be 254
        $packets[11].Source | Should -Be 10.0.0.12
        $packets[11].SourcePort | Should -Be 1001
        $packets.Number | Should -Be (1..254)
        $random.GetPacket(4999999).Source | Should -BeLike '10.0.0.*'
        $expanded = New-XskFrame -IcmpEcho @v4 -SequenceNumber (1..5) -Expand
        $expanded.Icmp.SequenceNumber | Should -Be 1, 2, 3, 4, 5
        New-XskFrame -IcmpEcho @v4 -Count 3 | ForEach-Object Count | Should -Be 3
    }

    It 'varies VLAN ids, one tag of several' {
        $packets = @(New-XskFrame -EtherType 0x88b5 @macs -Vlan 10, '100-102' -Expand)
        $packets.ForEach({ $_.Vlans.VlanId -join ',' }) | Should -Be '10,100', '10,101', '10,102'
    }

    It 'draws the same for the same seed' {
        $again = New-XskFrame -Udp @macs -SourceAddress 10.0.0.0/24 -DestinationAddress 192.0.2.2 -SourcePort '1000-2000' -DestinationPort 53, 80 -Count 10 -Vary Random -Seed 7
        foreach ($i in 0..9) { ConvertTo-Hex $again.GetPacket($i).Data | Should -Be (ConvertTo-Hex $random.GetPacket($i).Data) }
    }

    It 'is one line in a table at <_>' -ForEach 80, 120 {
        $lines = Get-View $template, $random -Width $_
        $lines | Should -HaveCount 4
        $lines[0].Trim() -split '\s+' | Should -Be 'Count', 'Length', 'Protocol', 'Vary', 'Fields'
        $lines[2] | Should -Match '^\s+254\s+42 UDP\s+Sequential\s+SourceAddress 10\.0\.0\.1-10\.0\.0\.254'
    }

    It 'lists its fields, and the layers of its first frame' {
        $lines = Get-View $random -Width 80 -List
        foreach ($property in [XdpPS.XskFrameTemplate].GetProperties().Name) { $lines -match "^$property\s*:" | Should -HaveCount 1 }
        $lines | Should -Contain 'Seed   : 7'
        $lines -match 'DestinationPort 53, 80 \(2 values\)' | Should -HaveCount 1
    }

    It 'arrives elsewhere as what it was, with its first frame' {
        $far = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($random))
        $far.Count, $far.Seed | Should -Be 5000000, 7
        [XdpPS.FrameVariation]$far.Vary | Should -Be 'Random'
        $far.Fields.Name | Should -Be 'SourceAddress', 'SourcePort', 'DestinationPort'
        $far.First | Should -BeOfType XdpPS.XskPacket
        ConvertTo-Hex $far.First.Data | Should -Be (ConvertTo-Hex $random.First.Data)
    }

    It 'goes to a capture file and to a filter frame by frame' {
        $template | Export-XskCapture "$TestDrive/t.pcapng"
        (Import-XskCapture "$TestDrive/t.pcapng").SourcePort[0..10] | Should -Be 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1000
        @($template | Test-XskFilter "udp src port 1003" | Where-Object Match).Length | Should -Be 26
    }

    It 'stops with Ctrl-C on its way to a capture file, which is readable' {
        $path = "$TestDrive/endless.pcapng"
        $pipeline = Start-Pipeline -ArgumentList $path, $macs { param($path, $macs) New-XskFrame -EtherType 0x88b5 @macs -Count 20000000 | Export-XskCapture $path }
        try {
            Wait-Until { (Test-Path -LiteralPath $path) -and (Get-Item -LiteralPath $path).Length -gt 100000 } | Should -BeTrue
            Stop-Pipeline $pipeline
        }
        finally {
            Close-Pipeline $pipeline
        }

        (Import-XskCapture $path -ErrorAction Stop | Select-Object -First 1).Protocol | Should -Be '0x88b5'
        Remove-Item -LiteralPath $path
    }
}

Describe "Frames on a cable$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $socket = New-XskSocket $cable.Left -RxRingSize 0 -NoProgram
        $template = New-XskFrame -Udp -InterfaceName $cable.Left -DestinationMac $cable.RightMac -SourceAddress 10.0.0.0/24 -DestinationAddress 192.0.2.2 -SourcePort (1..1000) -DestinationPort 9 -PayloadLength 22
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'arrive as the template says, in order' {
        "$($template.First.Ethernet.SourceAddress)" | Should -Be $cable.LeftMac.Replace(':', '').ToUpperInvariant()
        $capture = Start-Capture $cable.Right
        # Slowly enough for the kernel's backlog on the other end.
        $result = $template | Send-XskFrame $socket -PacketsPerSecond 2000 -PassThru
        $arrived = @(Stop-Capture $capture -Count 1000)
        $result.Frames | Should -Be 1000
        $result.Bytes | Should -Be 64000
        $arrived | Should -Be @($template.GetPackets().ForEach({ ConvertTo-Hex $_.Data }))
        $seen = @(Read-Frame $arrived.ForEach({ @{ Data = [Convert]::FromHexString($_) } }) 'ip.src', 'udp.srcport', 'ip.checksum.status', 'udp.checksum.status')
        $seen | Should -Be @(foreach ($i in 0..999) { "10.0.0.$(1 + $i % 254);$(1 + $i);1;1" })
    }

    It 'go on from round to round with -Repeat, beside other frames and as -Packet' {
        $capture = Start-Capture $cable.Right
        $few = New-XskFrame -EtherType 0x88b5 -SourceMac 02:00:00:00:00:01 -DestinationMac 02:00:00:00:00:02 -Vlan '1-5' -Count 2 -MinimumLength 60
        Send-XskFrame $socket -Packet $few, (New-TestFrame -Seed 9) -Repeat 3
        $arrived = @(Stop-Capture $capture -Count 9)
        Read-Frame $arrived.ForEach({ @{ Data = [Convert]::FromHexString($_) } }) 'vlan.id' | Should -Be '1', '2', '', '3', '4', '', '5', '1', ''
    }

    It 'end with -DurationSeconds within a template' {
        $endless = New-XskFrame -EtherType 0x88b5 -SourceMac 02:00:00:00:00:01 -DestinationMac 02:00:00:00:00:02 -Count 1000000000
        $result = $endless | Send-XskFrame $socket -DurationSeconds 0.2 -PacketsPerSecond 1000 -PassThru
        $result.Frames | Should -BeGreaterThan 10
        $result.Frames | Should -BeLessThan 1000
    }

    It 'stop with Ctrl-C within a template' {
        $pipeline = Start-Pipeline -ArgumentList $socket { param($s) New-XskFrame -EtherType 0x88b5 -SourceMac 02:00:00:00:00:01 -DestinationMac 02:00:00:00:00:02 -Count 1000000000 | Send-XskFrame $s }
        try {
            $before = Get-ReceivedCount $cable.Right
            Wait-Until { (Get-ReceivedCount $cable.Right) -gt $before } | Should -BeTrue
            Stop-Pipeline $pipeline
        }
        finally {
            Close-Pipeline $pipeline
        }
    }

    It "cannot come from an interface without a MAC address$tun" -Skip:($tun -ne '') {
        $name = 'xp{0:x}tun' -f $PID
        $null = Invoke-Native ip tuntap add dev $name mode tun
        try {
            $failure = { New-XskFrame -IcmpEcho -InterfaceName $name -DestinationMac 02:00:00:00:00:02 -SourceAddress 192.0.2.1 -DestinationAddress 192.0.2.2 } | Should -Throw -PassThru
            $failure.FullyQualifiedErrorId | Should -Be 'FrameFieldInvalid,XdpPS.Commands.NewXskFrameCommand'
            $failure.Exception.Message | Should -Be "$name has no MAC address of Ethernet; give -SourceMac, or an interface that has one."
        }
        finally {
            ip link delete $name
        }
    }

    It 'are refused when they are too long, the template as target' {
        $long = New-XskFrame -EtherType 0x88b5 -SourceMac 02:00:00:00:00:01 -DestinationMac 02:00:00:00:00:02 -Vlan '1-5' -Length 1600
        $long | Send-XskFrame $socket -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -Be 'FrameTooLong,XdpPS.Commands.SendXskFrameCommand'
        $failures.TargetObject | Should -Be $long
    }
}
