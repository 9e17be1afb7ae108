BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $PSStyle.OutputRendering = 'PlainText'
}

Describe 'The table of packets' -Tag Unit {
    BeforeAll {
        $arp = [Convert]::FromHexString('ffffffffffff' + '0a0b0c0d0e0f' + '0806' + '00' * 46)
        $udp = [Convert]::FromHexString('020000000002' + '020000000001' + '0800' + '45000030000000004011000' + '0' + 'c0a8646f' + 'c6336463' + '00' * 28)
        $long6 = [Convert]::FromHexString('020000000002' + '020000000001' + '86dd' + '60000000' + '0010' + '3a40' + '20010db8aaaabbbbccccddddeeeeffff' + '20010db8111122223333444455556666' + '00' * 16)
        $packets = $arp, $udp, $long6 | ForEach-Object { [XdpPS.XskPacket]::new($_) }
    }

    It 'has one line a packet and all columns at <_>' -ForEach 80, 120 {
        $lines = Get-View $packets -Width $_
        $lines | Should -HaveCount 5
        $lines[0] -split '\s+' | Where-Object { $_ } | Should -Be 'No.', 'Time', 'Source', 'Destination', 'Protocol', 'Length', 'Info'
        $lines[2] | Should -Match '0a:0b:0c:0d:0e.*\s+ff:ff:ff:ff:ff.*\s+ARP\s+60 Operation 0$'
        $lines[3] | Should -Match '0\.000000\s+192\.168\.100\.111\s+198\.51\.100\.99\s+UDP\s+62 0 > 0 Len=20'
        $lines[4] | Should -Match 'ICMPv6\s+70 Type 0, code 0'
    }

    It 'has room for whole IPv6 addresses at 160' {
        (Get-View $packets -Width 160)[4] | Should -Match '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff\s+2001:db8:1111:2222:3333:4444:5555:6666'
    }

    It 'keeps nine characters for the time, however long it takes' {
        foreach ($seconds in 0, 99.9999994, 123.456789, 99999.9) { [XdpPS.Formatting.XskFormat]::Seconds([timespan]::FromSeconds($seconds)).Length | Should -BeLessOrEqual 9 }
    }

    It 'lists what is known of a packet, and its layers as a tree' {
        $lines = Get-View $packets[1] -Width 80 -List
        foreach ($property in [XdpPS.XskPacket].GetProperties('DeclaredOnly, Public, Instance').Name + 'Source', 'Destination', 'Protocol', 'Info') {
            $lines -match "^$property\s*:" | Should -HaveCount 1 -Because "$property is in the list"
        }
        $tree = $lines[($lines.IndexOf(($lines -match '^Layers')[0]))..($lines.Count - 1)]
        $tree[0] | Should -Match '^Layers\s+: Ethernet$'
        $tree -match '^\s+(IPv4|UDP)( \[malformed\])?$' | Should -HaveCount 2
        $tree | Should -Contain '                     DestinationAddress : 02:00:00:00:00:02'
        ($tree -match '^\s+TotalLength\s+: 48$') | Should -HaveCount 1
    }

    It 'shows the bytes of a packet in Format-Hex by its Data, since Format-Hex takes no objects' {
        ($packets[1].Data | Format-Hex).Count | Should -Be 4
        { $packets[1] | Format-Hex -ErrorAction Stop } | Should -Throw -ErrorId 'FormatHexTypeNotSupported,Microsoft.PowerShell.Commands.FormatHex'
    }

    It 'prints a packet in text as what it is' {
        "$($packets[1])" | Should -Be '192.168.100.111 > 198.51.100.99 UDP 62 bytes'
    }
}

Describe 'The table of sockets in network namespaces' -Tag Unit {
    It 'has the namespace after the interface, also of what came from elsewhere' {
        $socket = [XdpPS.XskSocketInfo]@{ InterfaceName = 'eth1'; NetworkNamespace = 'lab1'; QueueId = 3; Driver = 'veth'; FrameCount = 8192; FrameSize = 2048 }
        $far = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($socket))
        foreach ($one in $socket, $far) { (Get-View $one -Width 80)[2] | Should -Match '^eth1 \(lab1\)\s+3 Closed' }
    }
}

Describe "The views of sockets and counters$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $left = New-XskSocket $cable.Left -RxRingSize 4096 -FillRingSize 4096
        $right = New-XskSocket $cable.Right
        $result = Send-XskFrame $left -Data (New-TestFrame) -Repeat 12345 -PassThru
        $null = Receive-XskPacket $right -TimeoutSeconds 0.1 -ReadCount 512 -WarningAction SilentlyContinue
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'has one line a socket at <_>' -ForEach 80, 120 {
        $lines = Get-View $left, $right -Width $_
        $lines | Should -HaveCount 4
        $lines[0] -split '\s+' | Should -Be 'Interface', 'Queue', 'State', 'Mode', 'Frames', 'Driver', 'Rings'
        $lines[3] | Should -Match "^$($cable.Right)\s+0 Open\s+native, copy\s+8192x2048 veth\s+2048$"
    }

    It 'shows all ring sizes where they differ and there is room' {
        (Get-View $left -Width 120)[2] | Should -Match '4096/2048/4096/2048$'
    }

    It 'lists a socket with its hardware address in the usual notation' {
        $lines = Get-View $left -Width 80 -List
        $lines | Should -Contain "MacAddress           : $($cable.LeftMac)"
        $lines[0] | Should -Match "^Summary\s+: $($cable.Left) queue 0: native XDP"
        $names = $lines | Where-Object { $_ -match '^\w' } | ForEach-Object { ($_ -split '\s*:')[0] }
        foreach ($name in 'InterfaceName', 'QueueId', 'State', 'Driver', 'AttachMode', 'ProgramId', 'JoinedProgram', 'Filter', 'BindMode', 'NeedWakeup', 'ArrivalTimes', 'BusyPollMicroseconds', 'BusyPollBudget', 'TxBudget', 'HugePages', 'FrameSize', 'FrameCount', 'Headroom', 'MultiBuffer', 'Unaligned', 'RxRingSize', 'TxRingSize', 'FillRingSize', 'CompletionRingSize') {
            $names | Should -Contain $name
        }
    }

    It 'shows a closed socket as closed' {
        $short = New-XskSocket lo -NoProgram
        $short | Remove-XskSocket
        (Get-View $short -Width 80)[2] | Should -Match '\bClosed\b'
    }

    It 'has one line a socket for the ring statistics at <_>' -ForEach 80, 120 {
        $stats = @(Get-XskRingStats $right) * 2
        $lines = Get-View $stats -Width $_
        $lines | Should -HaveCount 4
        $columns = $lines[0] -split '\s+'
        $columns | Should -Be 'Interface', 'Queue', 'RxPackets', 'Rx/s', 'RxLost', 'TxPackets', 'Tx/s', 'RX/FILL/TX/CQ'
        $lines[2] | Should -Match "^$([regex]::Escape($cable.Right))\s+0\s+$($stats[0].RxPackets)\s"
    }

    It 'shows a ring as a line of counters' {
        $lines = Get-View (Get-XskRingStats $right).Rx -Width 80
        $lines | Should -HaveCount 3
        $lines[0].Trim() -split '\s+' | Should -Be 'Producer', 'Consumer', 'Used', 'Free', 'Size', 'NeedWakeup'
    }

    It 'shows the result of Send-XskFrame on one line at <_>' -ForEach 80, 120 {
        $lines = Get-View $result -Width $_
        $lines | Should -HaveCount 3
        $timing = $_ -eq 80 ? @() : @('Late', 'LateP99/us', 'LateMax/us')
        $lines[0].Trim() -split '\s+' | Should -Be (@('Interface', 'Queue', 'Frames', 'Completed', 'DriverDropped', 'Seconds', 'Frames/s') + $timing)
        $lines[2] | Should -Match "^$($cable.Left)\s+0\s+12345\s+12345\s+\d"
        # Nothing was paced.
        $lines[2].Trim() -split '\s+' | Should -HaveCount 7
    }

    It 'shows at 120 how well the timing was kept' {
        $paced = Send-XskFrame $left -Data (New-TestFrame) -Repeat 3 -PacketsPerSecond 100 -PassThru
        $late, $p99, $most = -split (Get-View $paced -Width 120)[2] | Select-Object -Last 3
        $late | Should -Be $paced.LateFrames
        $p99, $most | Should -Be ($paced.LatenessP99Seconds, $paced.WorstLatenessSeconds).ForEach({ [XdpPS.Formatting.XskFormat]::Microseconds($_) })
        $most | Should -Match '^\d+\.\d$'
    }
}
