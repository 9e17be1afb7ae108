BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program tcpdump
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.SendXskFrameCommand'
}

Describe "When Send-XskFrame sends$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $files = Join-Path ([IO.Path]::GetTempPath()) "xdpps-timing-$PID"
        $null = New-Item -ItemType Directory -Path $files
        $base = 1790000000000000000

        # A frame for each time, in milliseconds after the base; told apart by the last byte.
        function New-Recording {
            param([double[]] $Millisecond)
            $number = 0
            foreach ($time in $Millisecond) {
                $bytes = New-TestFrame -Length 60 -Seed 1
                $bytes[-1] = ++$number
                [pscustomobject]@{ Data = $bytes; Timestamp = $base + [long]($time * 1000000) }
            }
        }

        function Write-Recording {
            param([double[]] $Millisecond)
            $path = Join-Path $files "$([guid]::NewGuid()).pcap"
            $writer = [IO.BinaryWriter]::new([IO.File]::Create($path))
            try {
                foreach ($word in 0xa1b23c4dL, 0x00040002, 0, 0, 65535, 1) { $writer.Write([uint32]$word) }
                foreach ($one in New-Recording $Millisecond) {
                    $nanoseconds = $one.Timestamp % 1000000000
                    foreach ($word in (($one.Timestamp - $nanoseconds) / 1000000000), $nanoseconds, $one.Data.Length, $one.Data.Length) { $writer.Write([uint32]$word) }
                    $writer.Write([byte[]]$one.Data)
                }
            }
            finally { $writer.Dispose() }
            $path
        }

        # What tcpdump saw at the other end: the frames' numbers, and when they came, in milliseconds from the first.
        function Measure-Arrival {
            param([scriptblock] $Body, [int] $Count)
            $capture = Start-Capture $cable.Right -Filter 'ether', 'proto', '0x88b5'
            $output = & $Body
            $null = Wait-Until { @(Read-Pcap $capture.Path).Count -ge $Count } -Seconds 3
            $bytes = [IO.File]::ReadAllBytes($capture.Path)
            $frames = Stop-Capture $capture -Count $Count
            $times = for ($offset = 24; $offset -lt $bytes.Length; $offset += 16 + [BitConverter]::ToInt32($bytes, $offset + 8)) {
                1000 * [BitConverter]::ToUInt32($bytes, $offset) + [BitConverter]::ToUInt32($bytes, $offset + 4) / 1000
            }
            [pscustomobject]@{
                Numbers = @($frames | ForEach-Object { [Convert]::ToInt32($_.Substring($_.Length - 2), 16) })
                Times   = @($times | ForEach-Object { $_ - $times[0] })
                Output  = $output
            }
        }
    }

    BeforeEach {
        $socket = New-XskSocket $cable.Left -NoProgram
        $before = Get-ReceivedCount $cable.Right
        $pipeline = $null
    }

    AfterEach {
        Close-Pipeline $pipeline
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        Remove-TestCable $cable
        Remove-Item -LiteralPath $files -Recurse
    }

    It 'sends a recording <Factor> times as fast as it was made' -ForEach @(
        @{ Factor = 1; Least = 900; Most = [double]::MaxValue }
        # Twice as fast is less than 1,000 ms by far, and half as fast more.
        @{ Factor = 2; Least = 450; Most = 900 }
        @{ Factor = 0.5; Least = 1800; Most = [double]::MaxValue }
    ) {
        $path = Write-Recording 0, 1, 1.5, 300, 300.02, 1000
        $seen = Measure-Arrival { Import-XskCapture $path | Send-XskFrame $socket -Timing Original -SpeedFactor $Factor -PassThru } 6
        $seen.Numbers | Should -Be (1..6)
        $seen.Times[-1] | Should -BeGreaterOrEqual $Least
        # What is late delays all that follows.
        $seen.Times[-1] | Should -BeLessThan ($Most + 5 * 1000 * $seen.Output.WorstLatenessSeconds)
        $seen.Output.Frames, $seen.Output.OutOfOrderFrames | Should -Be 6, 0
        $seen.Output.ElapsedSeconds | Should -BeGreaterOrEqual (1 / $Factor)
        $seen.Output.LateFrames | Should -BeIn (0..5)
        $seen.Output.LatenessP99Seconds | Should -BeGreaterOrEqual 0
        $seen.Output.WorstLatenessSeconds | Should -BeGreaterOrEqual $seen.Output.LatenessP99Seconds
    }

    It 'repeats a recording, with the mean distance of its frames between two rounds' {
        $frames = New-Recording 0, 100, 600
        $seen = Measure-Arrival { $frames | Send-XskFrame $socket -Timing Original -Repeat 2 -PassThru } 6
        $seen.Numbers | Should -Be 1, 2, 3, 1, 2, 3
        $seen.Output.ElapsedSeconds | Should -BeGreaterOrEqual 1.5
        $seen.Times[-1] | Should -BeGreaterOrEqual 1400
        $seen.Times[3] - $seen.Times[2] | Should -BeGreaterOrEqual 200
        $seen.Output.OutOfOrderFrames | Should -Be 0
    }

    It 'takes the time from <What>' -ForEach @(
        @{ What = 'packets'; Frames = { Import-XskCapture (Write-Recording 0, 400) } }
        @{ What = 'an array of packets'; Frames = { Import-XskCapture (Write-Recording 0, 400) -ReadCount 2 } }
        @{ What = 'packets that were deserialized'; Frames = {
                $path = Join-Path $files 'packets.xml'
                Import-XskCapture (Write-Recording 0, 400) | Export-Clixml -LiteralPath $path
                Import-Clixml -LiteralPath $path
            }
        }
        @{ What = 'hashtables'; Frames = { New-Recording 0, 400 | ForEach-Object { @{ Data = $_.Data; Timestamp = $_.Timestamp } } } }
        @{ What = 'what was JSON'; Frames = { New-Recording 0, 400 | ForEach-Object { @{ Data = ConvertTo-Hex $_.Data; Timestamp = $_.Timestamp } } | ConvertTo-Json | ConvertFrom-Json } }
        @{ What = 'a DateTime'; Frames = { New-Recording 0, 400 | ForEach-Object { @{ Data = $_.Data; Timestamp = [datetime]::UnixEpoch.AddTicks($_.Timestamp / 100).ToLocalTime() } } } }
    ) {
        $recording = & $Frames
        $result = $recording | Send-XskFrame $socket -Timing Original -PassThru
        $result.Frames | Should -Be 2
        $result.ElapsedSeconds | Should -BeGreaterOrEqual 0.4
        $result.ElapsedSeconds | Should -BeLessThan 30
    }

    It 'refuses frames without a time, and sends the others' {
        $frame = New-TestFrame -Length 60
        $made = [XdpPS.XskPacket]::new($frame)
        $first, $second = New-Recording 0, 1
        $all = $first, $frame, (ConvertTo-Hex $frame), @{ Data = $frame }, @{ Data = $frame; Timestamp = 'noon' }, $made, $second
        $result = $all | Send-XskFrame $socket -Timing Original -PassThru -ErrorAction SilentlyContinue -ErrorVariable failures
        $result.Frames | Should -Be 2
        $failures.FullyQualifiedErrorId | Should -Be (@("TimestampMissing,$command") * 5)
        $failures[4].TargetObject | Should -Be $made
        $failures[0].CategoryInfo.Category | Should -Be 'InvalidData'
        $failures[0].Exception.Message | Should -Match 'no time of its own.*Timestamp'
        Get-ReceivedCount $cable.Right | Should -Be ($before + 2)
    }

    It 'sends at once what has an earlier time than a frame before it, in order, and warns' {
        $frames = New-Recording 0, 300, 100, 200, 400
        $seen = Measure-Arrival { $frames | Send-XskFrame $socket -Timing Original -PassThru -WarningVariable warnings -WarningAction SilentlyContinue; "$warnings" } 5
        $seen.Numbers | Should -Be (1..5)
        $seen.Output[0].OutOfOrderFrames | Should -Be 2
        $seen.Output[0].ElapsedSeconds | Should -BeGreaterOrEqual 0.4
        $seen.Output[1] | Should -Be '2 of 5 frames have an earlier timestamp than one before them, and were sent at once.'
    }

    It 'goes on with the next of two recordings although it is the older one' {
        $frames = @(New-Recording 7200000, 7200200) + @(New-Recording 0, 200)
        $result = $frames | Send-XskFrame $socket -Timing Original -PassThru -WarningAction SilentlyContinue
        $result.OutOfOrderFrames | Should -Be 1
        $result.ElapsedSeconds | Should -BeGreaterOrEqual 0.4
        $result.ElapsedSeconds | Should -BeLessThan 60
    }

    It 'warns when no times differ' {
        $frames = New-Recording 0, 0, 0
        $frames | Send-XskFrame $socket -Timing Original -WarningVariable warnings -WarningAction SilentlyContinue
        "$warnings" | Should -Be 'The 3 frames have no times that differ, and were sent as fast as possible.'
    }

    It 'sends frames as they come, without waiting for the end of the pipeline' {
        $pipeline = Start-Pipeline { param($socket, $frames) & { $frames; Start-Sleep 60 } | Send-XskFrame $socket -Timing Original } $socket, (New-Recording 0, 1, 2)
        Wait-Until { (Get-ReceivedCount $cable.Right) -eq $before + 3 } | Should -BeTrue
    }

    It 'stops at once in a long gap, having shown its progress, and sends nothing after that' {
        $pipeline = Start-Pipeline { param($socket, $frames) $frames | Send-XskFrame $socket -Timing Original } $socket, (New-Recording 0, 3600000)
        Wait-Until { $pipeline.Shell.Streams.Progress.Count -gt 1 } | Should -BeTrue
        $pipeline.Shell.Streams.Progress[0].StatusDescription | Should -Match '^1 frames in \d+ s, next at 3600\.0 s of the recording$'
        Stop-Pipeline $pipeline
        Get-ReceivedCount $cable.Right | Should -Be ($before + 1)
        (New-Recording 0 | Send-XskFrame $socket -PassThru).Completed | Should -Be 1
    }

    It 'ends in a long gap when -DurationSeconds are over' {
        $result = New-Recording 0, 3600000 | Send-XskFrame $socket -Timing Original -DurationSeconds 0.3 -PassThru
        $result.Frames | Should -Be 1
        # The duration began before the first frame was sent.
        $result.ElapsedSeconds | Should -BeGreaterOrEqual 0.2
        $result.ElapsedSeconds | Should -BeLessThan 60
    }

    It 'keeps to -BitsPerSecond: <Name>' -ForEach @(
        @{ Name = 'alone'; Arguments = @{ BitsPerSecond = 16000 } }
        @{ Name = 'with -Timing'; Arguments = @{ BitsPerSecond = 16000; Timing = 'BitsPerSecond' } }
    ) {
        # 100 and 500 bytes by turns take 50 and 250 ms: the seventh frame is due after 900.
        $frames = foreach ($i in 1..7) { , (New-TestFrame -Length ($i % 2 ? 100 : 500)) }
        $seen = Measure-Arrival { $frames | Send-XskFrame $socket @Arguments -PassThru } 7
        $seen.Output.ElapsedSeconds | Should -BeGreaterOrEqual 0.9
        $seen.Times[2] - $seen.Times[1] | Should -BeGreaterOrEqual 200
        $seen.Output.OutOfOrderFrames | Should -BeNullOrEmpty
    }

    It 'keeps to -Timing PacketsPerSecond' {
        $result = Send-XskFrame $socket -Data (New-TestFrame) -Repeat 21 -Timing PacketsPerSecond -PacketsPerSecond 100 -PassThru
        $result.ElapsedSeconds | Should -BeGreaterOrEqual 0.2
        $result.LateFrames | Should -BeIn (0..21)
    }

    It 'collects what the session left before the first frame, so that it need not between two' {
        $frames = New-Recording 0, 1
        $before = [GC]::CollectionCount(1)
        $frames | Send-XskFrame $socket -Timing Original
        [GC]::CollectionCount(1) | Should -BeGreaterThan $before
    }

    It 'says nothing of lateness at top speed' {
        $result = New-Recording 0, 3600000 | Send-XskFrame $socket -Timing TopSpeed -PassThru
        $result.Frames | Should -Be 2
        $result.ElapsedSeconds | Should -BeLessThan 60
        foreach ($name in 'LateFrames', 'LatenessP99Seconds', 'WorstLatenessSeconds', 'OutOfOrderFrames') { $result.$name | Should -BeNullOrEmpty }
    }

    It 'returns a result that comes back from Clixml as it was' {
        $path = Join-Path $files 'result.xml'
        $result = New-Recording 0, 1 | Send-XskFrame $socket -Timing Original -PassThru
        $result | Export-Clixml -LiteralPath $path
        $copy = Import-Clixml -LiteralPath $path
        foreach ($property in $result.PSObject.Properties.Name) { $copy.$property | Should -Be $result.$property -Because "that is its $property" }
    }

    It 'refuses <Text>' -ForEach @(
        @{ Text = '-Timing PacketsPerSecond without a rate'; Arguments = @{ Timing = 'PacketsPerSecond' }; Message = '*give it as -PacketsPerSecond*' }
        @{ Text = '-Timing BitsPerSecond without a rate'; Arguments = @{ Timing = 'BitsPerSecond' }; Message = '*give it as -BitsPerSecond*' }
        @{ Text = '-Timing BitsPerSecond with the other rate'; Arguments = @{ Timing = 'BitsPerSecond'; PacketsPerSecond = 1 }; Message = '-Timing BitsPerSecond does not go by -PacketsPerSecond*' }
        @{ Text = '-Timing Original with a rate'; Arguments = @{ Timing = 'Original'; BitsPerSecond = 1000 }; Message = '-Timing Original does not go by -BitsPerSecond*' }
        @{ Text = '-Timing TopSpeed with a rate'; Arguments = @{ Timing = 'TopSpeed'; PacketsPerSecond = 1 }; Message = '-Timing TopSpeed does not go by*' }
        @{ Text = 'two rates'; Arguments = @{ PacketsPerSecond = 1; BitsPerSecond = 1000 }; Message = '*give one of them*' }
        @{ Text = '-SpeedFactor alone'; Arguments = @{ SpeedFactor = 2 }; Message = '*give -Timing Original*' }
        @{ Text = '-SpeedFactor with a rate'; Arguments = @{ SpeedFactor = 2; PacketsPerSecond = 1 }; Message = '*give -Timing Original*' }
    ) {
        $frames = New-Recording 0, 1
        $caught = { $frames | Send-XskFrame $socket @Arguments } | Should -Throw -ErrorId "ParametersContradict,$command" -ExpectedMessage $Message -PassThru
        $caught.CategoryInfo.Category | Should -Be 'InvalidArgument'
        Get-ReceivedCount $cable.Right | Should -Be $before
    }

    It 'refuses -Data with -Timing Original' {
        { Send-XskFrame $socket -Data (New-TestFrame) -Timing Original } | Should -Throw -ErrorId "ParametersContradict,$command" -ExpectedMessage '-Data has no recorded time*'
    }

    It 'refuses -<Name> <Value>' -ForEach @(
        @{ Name = 'SpeedFactor'; Value = 0 }, @{ Name = 'SpeedFactor'; Value = -1 }, @{ Name = 'BitsPerSecond'; Value = 0 }, @{ Name = 'BitsPerSecond'; Value = 1e13 }
    ) {
        $arguments = @{ $Name = $Value }
        { Send-XskFrame $socket -Data (New-TestFrame) @arguments } | Should -Throw -ErrorId "ParameterArgumentValidationError,$command"
    }
}
