BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.ReceiveXskPacketCommand'
}

Describe 'Receive-XskPacket without a privilege' -Tag Unit {
    It 'has the parameter -<Name>' -ForEach @(
        @{ Name = 'Socket'; Type = 'XskSocket[]'; Aliases = ''; Position = '0'; ByValue = $true; Sets = 'Socket' }
        @{ Name = 'InterfaceName'; Type = 'String[]'; Aliases = 'ifAlias,ifName,Interface,InterfaceAlias,Name'; Position = '0'; ByValue = $false; Sets = 'Interface' }
        @{ Name = 'Count'; Type = 'Int64'; Aliases = ''; Position = ''; ByValue = $false; Sets = '__AllParameterSets' }
        @{ Name = 'TimeoutSeconds'; Type = 'Double'; Aliases = ''; Position = ''; ByValue = $false; Sets = '__AllParameterSets' }
        @{ Name = 'DurationSeconds'; Type = 'Double'; Aliases = ''; Position = ''; ByValue = $false; Sets = '__AllParameterSets' }
        @{ Name = 'ReadCount'; Type = 'Int32'; Aliases = ''; Position = ''; ByValue = $false; Sets = '__AllParameterSets' }
        @{ Name = 'AsPcapStream'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Sets = '__AllParameterSets' }
        @{ Name = 'SnapLength'; Type = 'Int32'; Aliases = ''; Position = ''; ByValue = $false; Sets = '__AllParameterSets' }
        @{ Name = 'Cpu'; Type = 'Int32'; Aliases = ''; Position = ''; ByValue = $false; Sets = '__AllParameterSets' }
        @{ Name = 'Filter'; Type = 'String'; Aliases = ''; Position = ''; ByValue = $false; Sets = 'Interface' }
        @{ Name = 'EtherType'; Type = 'UInt16[]'; Aliases = ''; Position = ''; ByValue = $false; Sets = 'Interface' }
        @{ Name = 'IPProtocol'; Type = 'Byte[]'; Aliases = ''; Position = ''; ByValue = $false; Sets = 'Interface' }
        @{ Name = 'Port'; Type = 'PortRange[]'; Aliases = ''; Position = ''; ByValue = $false; Sets = 'Interface' }
        @{ Name = 'Address'; Type = 'IPNetwork[]'; Aliases = ''; Position = ''; ByValue = $false; Sets = 'Interface' }
        @{ Name = 'Vlan'; Type = 'UInt16[]'; Aliases = ''; Position = ''; ByValue = $false; Sets = 'Interface' }
        @{ Name = 'NotMatch'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Sets = 'Interface' }
        @{ Name = 'KeepKernelTraffic'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Sets = 'Interface' }
        @{ Name = 'MultiBuffer'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Sets = 'Interface' }
        @{ Name = 'Force'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Sets = 'Interface' }
    ) {
        $fact = Get-ParameterFact Receive-XskPacket $Name
        $fact.Type | Should -Be $Type
        $fact.Aliases | Should -Be $Aliases
        $fact.Position | Should -Be $Position
        $fact.ByValue | Should -Be $ByValue
        (Get-Command Receive-XskPacket).Parameters[$Name].ParameterSets.Keys | Should -Be $Sets
    }

    It 'returns at once when there is no socket: <What>' -ForEach @(
        @{ What = '$null as an argument'; Script = { Receive-XskPacket $null } }
        @{ What = '$null in the pipeline'; Script = { $null | Receive-XskPacket } }
        @{ What = 'an empty array'; Script = { Receive-XskPacket @() } }
        @{ What = 'an empty pipeline'; Script = { @() | Receive-XskPacket } }
        @{ What = 'a failed open'; Script = { New-XskSocket nosuch0 -ErrorAction SilentlyContinue | Receive-XskPacket } }
        @{ What = 'an open with -WhatIf'; Script = { New-XskSocket lo -WhatIf | Receive-XskPacket -Count 5 } }
    ) {
        $pipeline = Start-Pipeline $Script
        try {
            Wait-Pipeline $pipeline | Should -BeNullOrEmpty
            $pipeline.Output | Should -BeNullOrEmpty
        }
        finally {
            Close-Pipeline $pipeline
        }
    }

    It 'refuses -<Name> <Value>' -ForEach @(
        @{ Name = 'Count'; Value = 0 }, @{ Name = 'Count'; Value = -1 }
        @{ Name = 'TimeoutSeconds'; Value = -0.5 }, @{ Name = 'DurationSeconds'; Value = -1 }
        @{ Name = 'ReadCount'; Value = 0 }, @{ Name = 'ReadCount'; Value = 65537 }
        @{ Name = 'SnapLength'; Value = 0 }
    ) {
        $arguments = @{ $Name = $Value }
        { $null | Receive-XskPacket @arguments } | Should -Throw -ErrorId "ParameterArgumentValidationError,$command"
    }

    It 'reports an interface that does not exist' {
        Receive-XskPacket -InterfaceName nosuch0 -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
        $failures.FullyQualifiedErrorId | Should -Be "InterfaceNotFound,$command"
        $failures.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failures.TargetObject | Should -Be 'nosuch0'
    }

    It 'does not take -Socket together with -InterfaceName' {
        { Receive-XskPacket -Socket $null -InterfaceName lo } | Should -Throw -ErrorId "AmbiguousParameterSet,$command"
    }
}

Describe "Receive-XskPacket$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $sender = New-XskSocket $cable.Left
        $frames = @(foreach ($i in 1..9) { , (New-TestFrame -Length (60 + $i) -Seed $i) })
        function Send-Frame { param([int[]] $Index) $Index | ForEach-Object { , $frames[$_ - 1] } | Send-XskFrame $sender }
    }

    BeforeEach {
        $receiver = New-XskSocket $cable.Right
    }

    AfterEach {
        $receiver | Remove-XskSocket
        (Get-AttachedProgram $cable.Right).Id | Should -Be 0 -Because 'no test leaves a program'
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'emits packets with their bytes and what is known of them' {
        $before = [DateTime]::Now
        Send-Frame 1, 2
        $packets = @($receiver | Receive-XskPacket -Count 2 -TimeoutSeconds 5)
        $after = [DateTime]::Now
        $packets | ForEach-Object { $_ | Should -BeOfType XdpPS.XskPacket }
        $packets.Number | Should -Be 1, 2
        $packets | ForEach-Object Length | Should -Be 61, 62
        $packets.Truncated | Should -Be $false, $false
        $packets.InterfaceName | Should -Be $cable.Right, $cable.Right
        $packets.QueueId | Should -Be 0, 0
        $packets.Source | Should -Be '02:00:00:00:00:01', '02:00:00:00:00:01'
        $packets.Destination | Should -Be '02:00:00:00:00:02', '02:00:00:00:00:02'
        $packets.Protocol | Should -Be '0x88b5', '0x88b5'
        $packets | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be ($frames[0..1] | ForEach-Object { ConvertTo-Hex $_ })
        foreach ($packet in $packets) {
            # The kernel's clock and ours may differ by what NTP does in between: a second is more than that.
            $packet.Time | Should -BeGreaterThan $before.AddSeconds(-1)
            $packet.Time | Should -BeLessThan $after.AddSeconds(1)
            [DateTime]::UnixEpoch.AddTicks(($packet.Timestamp - $packet.Timestamp % 100) / 100).ToLocalTime() | Should -Be $packet.Time
        }
        $packets[0].RelativeTime | Should -Be ([timespan]::Zero)
        $packets[1].RelativeTime.Ticks | Should -Be ([math]::Floor(($packets[1].Timestamp - $packets[0].Timestamp) / 100))
        $packets[1].Timestamp | Should -BeGreaterThan $packets[0].Timestamp
    }

    It 'has the time of arrival, not that of reading' {
        Send-Frame 1
        $sent = [DateTime]::Now
        Start-Sleep -Milliseconds 1500
        $packet = Receive-XskPacket $receiver -Count 1 -TimeoutSeconds 5
        "$($packet.TimestampSource)" | Should -Be 'Arrival'
        $packet.Time | Should -BeLessThan $sent.AddSeconds(1)
    }

    It 'stops after -Count packets, and leaves the rest for the next receive' {
        Send-Frame (1..5)
        $receiver | Receive-XskPacket -Count 3 -TimeoutSeconds 5 | ForEach-Object Length | Should -Be 61, 62, 63
        $rest = $receiver | Receive-XskPacket -Count 2 -TimeoutSeconds 5
        $rest | ForEach-Object Length | Should -Be 64, 65
        $rest.Number | Should -Be 1, 2
    }

    It 'ends after -TimeoutSeconds without a packet' {
        Send-Frame 1, 2, 3
        $watch = [Diagnostics.Stopwatch]::StartNew()
        (Receive-XskPacket $receiver -TimeoutSeconds 0.4).Count | Should -Be 3
        $watch.Elapsed.TotalSeconds | Should -BeGreaterOrEqual 0.4
    }

    It 'takes what is there with -TimeoutSeconds 0' {
        Receive-XskPacket $receiver -TimeoutSeconds 0 | Should -BeNullOrEmpty
        Send-Frame (1..9)
        (Receive-XskPacket $receiver -TimeoutSeconds 0).Number | Should -Be (1..9)
        Send-Frame (1..5)
        (Receive-XskPacket $receiver -TimeoutSeconds 0 -ReadCount 3).ForEach({ $_.Count }) | Should -Be 3, 2
    }

    It 'starts the time-out again with each packet' {
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket -TimeoutSeconds 2 } $receiver
        try {
            foreach ($i in 1..5) { Start-Sleep -Milliseconds 500; Send-Frame $i }
            Wait-Pipeline $pipeline | Should -BeNullOrEmpty
            $pipeline.Output | Should -HaveCount 5
        }
        finally {
            Close-Pipeline $pipeline
        }
    }

    It 'ends after -DurationSeconds although packets come' {
        $pipeline = Start-Pipeline { param($socket, $frame) Send-XskFrame $socket -Data $frame -PacketsPerSecond 200 -DurationSeconds 30 } $sender, $frames[0]
        try {
            $watch = [Diagnostics.Stopwatch]::StartNew()
            $packets = Receive-XskPacket $receiver -DurationSeconds 0.6
            $watch.Elapsed.TotalSeconds | Should -BeGreaterOrEqual 0.6
            $packets.Count | Should -BeGreaterThan 10
            $pipeline.Async.IsCompleted | Should -BeFalse
        }
        finally {
            Close-Pipeline $pipeline
        }
    }

    It 'emits arrays of -ReadCount packets, and the last with the rest' {
        Send-Frame (1..7)
        $arrays = @(Receive-XskPacket $receiver -Count 7 -ReadCount 3 -TimeoutSeconds 5)
        $arrays | Should -HaveCount 3
        $arrays[0].GetType() | Should -Be ([XdpPS.XskPacket[]])
        $arrays.ForEach({ $_.Count }) | Should -Be 3, 3, 1
        ($arrays | ForEach-Object { $_ } | ForEach-Object Number) | Should -Be (1..7)
        ($arrays | ForEach-Object { $_ } | ForEach-Object { ConvertTo-Hex $_.Data }) | Should -Be ($frames[0..6] | ForEach-Object { ConvertTo-Hex $_ })
    }

    It 'emits a part of an array when the line has gone quiet, and goes on' {
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket -Count 3 -ReadCount 3 } $receiver
        try {
            Send-Frame 1, 2
            Wait-Until { $pipeline.Output.Count -eq 1 } | Should -BeTrue
            $pipeline.Output[0].Count | Should -Be 2
            Send-Frame 3
            Wait-Pipeline $pipeline | Should -BeNullOrEmpty
            $pipeline.Output | Should -HaveCount 2
        }
        finally {
            Close-Pipeline $pipeline
        }
    }

    It 'keeps the first -SnapLength bytes and says so' {
        Send-Frame 9
        $packet = Receive-XskPacket $receiver -Count 1 -SnapLength 20 -TimeoutSeconds 5
        ConvertTo-Hex $packet.Data | Should -Be (ConvertTo-Hex $frames[8][0..19])
        $packet.Length | Should -Be 69
        $packet.Truncated | Should -BeTrue
    }

    It 'keeps a packet whole that is exactly as long as -SnapLength' {
        Send-Frame 9
        $packet = Receive-XskPacket $receiver -Count 1 -SnapLength 69 -TimeoutSeconds 5
        $packet.Truncated | Should -BeFalse
        $packet.Data.Length | Should -Be 69
    }

    It 'receives from several sockets at once' {
        $both = $receiver, $sender
        Send-Frame 1
        Send-XskFrame $receiver -Data $frames[1]
        $packets = $both | Receive-XskPacket -Count 2 -TimeoutSeconds 5
        $packets.InterfaceName | Sort-Object | Should -Be (@($cable.Left, $cable.Right) | Sort-Object)
        ($packets | Where-Object InterfaceName -EQ $cable.Left).Length | Should -Be 62
    }

    It 'takes a socket that is given twice once' {
        Send-Frame 1, 2
        ($receiver, $receiver | Receive-XskPacket -Count 2 -TimeoutSeconds 5).Number | Should -Be 1, 2
    }

    It 'ends with Select-Object -First 1, and the next receive has the next packet' {
        Send-Frame (1..4)
        ($receiver | Receive-XskPacket | Select-Object -First 1).Length | Should -Be 61
        ($receiver | Receive-XskPacket | Select-Object -First 1).Length | Should -Be 62
        $receiver | Receive-XskPacket -Count 2 -TimeoutSeconds 5 | ForEach-Object Length | Should -Be 63, 64
    }

    It 'gives packets that keep their bytes when the frames are used again' {
        Send-Frame 1
        $packet = Receive-XskPacket $receiver -Count 1 -TimeoutSeconds 5
        foreach ($i in 1..40) { Send-XskFrame $sender -Data (New-TestFrame -Seed 99) -Repeat 200; $null = Receive-XskPacket $receiver -Count 200 -ReadCount 200 -TimeoutSeconds 5 }
        $receiver | Remove-XskSocket
        ConvertTo-Hex $packet.Data | Should -Be (ConvertTo-Hex $frames[0])
    }

    It 'hands packets over as soon as they arrive' {
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket } $receiver
        try {
            Start-Sleep -Milliseconds 300
            Send-Frame 1
            Wait-Until { $pipeline.Output.Count -eq 1 } | Should -BeTrue
            Send-Frame 2
            Wait-Until { $pipeline.Output.Count -eq 2 } | Should -BeTrue
        }
        finally {
            Close-Pipeline $pipeline
        }
    }

    It 'uses no processor time while it waits' {
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket } $receiver
        try {
            Start-Sleep -Milliseconds 500
            # Of all threads (proc(5), utime and stime in hundredths of a second) but .NET's compiler, which the tests before keep busy.
            $used = {
                $sum = 0
                foreach ($task in Get-ChildItem -LiteralPath /proc/self/task) {
                    $stat = Get-Content -LiteralPath "$task/stat" -ErrorAction Ignore
                    if (-not $stat -or $stat -match '\(\.NET Tiered') { continue }
                    $fields = $stat.Substring($stat.LastIndexOf(')') + 2) -split ' '
                    $sum += [int]$fields[11] + [int]$fields[12]
                }
                $sum
            }
            $before = & $used
            Start-Sleep -Milliseconds 1500
            # A loop that spins would use all of the 150, or its share of a busy machine.
            (& $used) - $before | Should -BeLessThan 25
        }
        finally {
            Close-Pipeline $pipeline
        }
    }
}
