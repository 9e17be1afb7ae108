BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program tshark
    $witness = (Get-Command -Name tshark -CommandType Application -ErrorAction Ignore) ? '' : ' [skipped: needs tshark]'
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.EditXskFrameCommand'
    $captures = (Resolve-Path -LiteralPath "$PSScriptRoot/../captures").Path
    $macs = @{ SourceMac = '02:00:00:00:00:01'; DestinationMac = '02:00:00:00:00:02' }
    $udp = New-XskFrame -Udp @macs -SourceAddress 192.0.2.1 -DestinationAddress 192.0.2.2 -SourcePort 1 -DestinationPort 2 -Payload 'abc'
    $arp = New-XskFrame -Arp @macs -SourceAddress 192.0.2.1 -DestinationAddress 192.0.2.2

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

Describe 'Edit-XskFrame' -Tag Unit {
    It 'has the parameter -<Name>' -ForEach @(
        @{ Name = 'Packet'; Type = 'PSObject'; Aliases = 'InputObject'; Position = '0'; ByValue = $true; Mandatory = $true }
        @{ Name = 'DestinationMac'; Type = 'PhysicalAddress'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'SourceMac'; Type = 'PhysicalAddress'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'Vlan'; Type = 'UInt16'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'VlanPriority'; Type = 'Byte'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'PushVlan'; Type = 'UInt16[]'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'PopVlan'; Type = 'Int32'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'RemoveVlan'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'SourceAddress'; Type = 'IPAddress'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'DestinationAddress'; Type = 'IPAddress'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'TimeToLive'; Type = 'Byte'; Aliases = 'HopLimit'; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'DifferentiatedServicesCodePoint'; Type = 'Byte'; Aliases = 'Dscp'; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'Identification'; Type = 'UInt16'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'SourcePort'; Type = 'UInt16'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'DestinationPort'; Type = 'UInt16'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'SequenceNumber'; Type = 'UInt32'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'AcknowledgmentNumber'; Type = 'UInt32'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'Flags'; Type = 'TcpControlBits'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'Payload'; Type = 'Byte[]'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'RepairChecksum'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'Force'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
    ) {
        $fact = Get-ParameterFact Edit-XskFrame $Name
        foreach ($property in 'Type', 'Aliases', 'Position', 'ByValue', 'Mandatory') { $fact.$property | Should -Be (Get-Variable -Name $property -ValueOnly) }
    }

    It 'rewrites what it is told to, as tshark reads it' -Skip:($witness -ne '') {
        $edited = @(
            $udp | Edit-XskFrame -SourceMac 06-00-00-00-00-01 -SourceAddress 10.9.8.7 -DestinationPort 53 -TimeToLive 5 -Dscp 46
            $udp | Edit-XskFrame -PushVlan 10, 20 -VlanPriority 4 -Payload 'longer than before'
            $udp | Edit-XskFrame -PushVlan 10, 20 | Edit-XskFrame -PopVlan 1 | Edit-XskFrame -Vlan 21
            $udp | Edit-XskFrame -PushVlan 10, 20 | Edit-XskFrame -RemoveVlan
        )
        Read-Frame $edited 'eth.src', 'ip.src', 'ip.ttl', 'ip.dsfield.dscp', 'ieee8021ad.id', 'vlan.id', 'udp.dstport', 'udp.length', 'ip.checksum.status', 'udp.checksum.status' | Should -Be @(
            '06:00:00:00:00:01;10.9.8.7;5;46;;;53;11;1;1'
            '02:00:00:00:00:01;192.0.2.1;64;0;10;20;2;26;1;1'
            '02:00:00:00:00:01;192.0.2.1;64;0;;21;2;11;1;1'
            '02:00:00:00:00:01;192.0.2.1;64;0;;;2;11;1;1'
        )
        ConvertTo-Hex $edited[3].Data | Should -Be (ConvertTo-Hex $udp.Data)
    }

    It 'leaves the packet as it is, and keeps what is known of it' {
        $packet = (Import-XskCapture "$captures/lan.pcap").Where({ $_.Udp })[3]
        $bytes = ConvertTo-Hex $packet.Data
        $copy = $packet | Edit-XskFrame -SourcePort 4242
        ConvertTo-Hex $packet.Data | Should -Be $bytes
        foreach ($property in 'Number', 'Timestamp', 'TimestampSource', 'RelativeTime', 'InterfaceName', 'QueueId', 'Length', 'Truncated') { $copy.$property | Should -Be $packet.$property }
        $copy.SourcePort | Should -Be 4242
    }

    It 'takes arrays, templates, bytes and hexadecimal text' {
        @(, [XdpPS.XskPacket[]]($udp, $udp) | Edit-XskFrame -SourcePort 9).SourcePort | Should -Be 9, 9
        $template = New-XskFrame -Udp @macs -SourceAddress 192.0.2.1 -DestinationAddress 192.0.2.2 -SourcePort (5..7) -DestinationPort 2
        @($template | Edit-XskFrame -DestinationPort 9).ForEach({ "$($_.SourcePort) $($_.DestinationPort)" }) | Should -Be '5 9', '6 9', '7 9'
        (, $udp.Data | Edit-XskFrame -SourcePort 9).SourcePort | Should -Be 9
        (Edit-XskFrame (ConvertTo-Hex $udp.Data) -SourcePort 9).SourcePort | Should -Be 9
    }

    It 'reports what a packet has no place for, and goes on; -Force leaves it out' {
        $edited = @($arp, $udp | Edit-XskFrame -SourcePort 9 -ErrorAction SilentlyContinue -ErrorVariable failures)
        $edited.SourcePort | Should -Be 9
        $failures.FullyQualifiedErrorId | Should -Be "FrameNotEditable,$command"
        $failures.CategoryInfo.Category | Should -Be 'InvalidData'
        $failures.TargetObject | Should -Be $arp
        $failures.Exception.Message | Should -Match 'no UDP or TCP header.*-Force'
        $edited = @($arp, $udp | Edit-XskFrame -SourcePort 9 -SourceAddress 10.0.0.1 -Force)
        $edited[0].Arp.SenderProtocolAddress | Should -Be 10.0.0.1
        $edited[1].SourcePort | Should -Be 9
    }

    It 'repairs what was wrong only where it is told to, or touches it' {
        $bad = New-XskFrame -Tcp @macs -SourceAddress ::1 -DestinationAddress ::2 -SourcePort 1 -DestinationPort 2 -BadChecksum
        ($bad | Edit-XskFrame -SourceMac 06:00:00:00:00:01).Tcp.ChecksumValid | Should -BeFalse
        ($bad | Edit-XskFrame -RepairChecksum).Tcp.ChecksumValid | Should -BeTrue
        ($bad | Edit-XskFrame -Flags Rst).Tcp.ChecksumValid | Should -BeTrue
    }

    It 'refuses contradicting and impossible parameters' {
        { $udp | Edit-XskFrame -RemoveVlan -PopVlan 1 } | Should -Throw -ErrorId "ParametersContradict,$command"
        { $udp.Data | Edit-XskFrame -SourcePort 1 } | Should -Throw -ErrorId "FrameBytesUnrolled,$command"
        { $udp | Edit-XskFrame -SourceAddress 10.1 } | Should -Throw -ErrorId "ParameterArgumentTransformationError,$command"
        { $udp | Edit-XskFrame -SourceMac 02:00 } | Should -Throw -ErrorId "ParameterArgumentTransformationError,$command"
        { $udp | Edit-XskFrame -PushVlan 4096 } | Should -Throw -ErrorId "ParameterArgumentValidationError,$command"
    }
}

Describe "Edited packets on a cable$note" -Tag Netns -Skip:($note -ne '') {
    It 'arrive as edited' {
        $cable = New-TestCable
        try {
            $socket = New-XskSocket $cable.Left -RxRingSize 0 -NoProgram
            $capture = Start-Capture $cable.Right
            Import-XskCapture "$captures/lan.pcap" | Where-Object { $_.Udp -and $_.IPv4 } |
                Edit-XskFrame -DestinationMac $cable.RightMac -SourceAddress 198.51.100.1 -PushVlan 77 | Send-XskFrame $socket
            $arrived = @(Stop-Capture $capture -Count 10)
            $arrived.Count | Should -BeGreaterThan 10
            $seen = @(Read-Frame $arrived.ForEach({ @{ Data = [Convert]::FromHexString($_) } }) 'eth.dst', 'vlan.id', 'ip.src', 'ip.checksum.status')
            $seen | Select-Object -Unique | Should -Be "$($cable.RightMac);77;198.51.100.1;1"
        }
        finally {
            Get-XskSocket | Remove-XskSocket
            Remove-TestCable $cable
        }
    }
}
