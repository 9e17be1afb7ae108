BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $PSStyle.OutputRendering = 'PlainText'
    $command = 'XdpPS.Commands.MeasureXskPathCommand'
}

Describe 'Measure-XskPath without a privilege' -Tag Unit {
    It 'has the parameter -<Name>' -ForEach @(
        @{ Name = 'Transmit'; Type = 'XskSocket'; Position = '0'; Mandatory = $true }
        @{ Name = 'Receive'; Type = 'XskSocket[]'; Position = '1'; Mandatory = $false }
        @{ Name = 'FrameSize'; Type = 'Int32[]'; Position = ''; Mandatory = $false }
        @{ Name = 'PacketsPerSecond'; Type = 'Double'; Position = ''; Mandatory = $false }
        @{ Name = 'DurationSeconds'; Type = 'Double'; Position = ''; Mandatory = $false }
        @{ Name = 'Rfc2544'; Type = 'SwitchParameter'; Position = ''; Mandatory = $true }
        @{ Name = 'TrialSeconds'; Type = 'Double'; Position = ''; Mandatory = $false }
        @{ Name = 'LossTolerance'; Type = 'Double'; Position = ''; Mandatory = $false }
        @{ Name = 'Resolution'; Type = 'Double'; Position = ''; Mandatory = $false }
        @{ Name = 'RoundTrip'; Type = 'SwitchParameter'; Position = ''; Mandatory = $false }
        @{ Name = 'Protocol'; Type = 'XskPathProtocol'; Position = ''; Mandatory = $false }
        @{ Name = 'DestinationMac'; Type = 'PhysicalAddress'; Position = ''; Mandatory = $false }
        @{ Name = 'SourceAddress'; Type = 'IPAddress'; Position = ''; Mandatory = $false }
        @{ Name = 'DestinationAddress'; Type = 'IPAddress'; Position = ''; Mandatory = $false }
        @{ Name = 'Port'; Type = 'Int32'; Position = ''; Mandatory = $false }
        @{ Name = 'DrainSeconds'; Type = 'Double'; Position = ''; Mandatory = $false }
        @{ Name = 'Cpu'; Type = 'Int32[]'; Position = ''; Mandatory = $false }
    ) {
        $fact = Get-ParameterFact Measure-XskPath $Name
        foreach ($key in 'Type', 'Position', 'Mandatory') { $fact.$key | Should -Be $_[$key] -Because "that is its $key" }
        $fact.ByValue, $fact.ByProperty | Should -Be $false, $false
    }

    It 'completes the frame sizes of RFC 2544' {
        (TabExpansion2 'Measure-XskPath -FrameSize 1' 28).CompletionMatches.CompletionText | Should -Be '128', '1024', '1280', '1518'
    }
}

Describe "Measure-XskPath on a cable$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $a = New-XskSocket $cable.Left
        $b = New-XskSocket $cable.Right
        $quick = @{ PacketsPerSecond = 1000; DurationSeconds = 0.2; DrainSeconds = 0.3 }
        $throughput = Measure-XskPath $a $b -Rfc2544 -FrameSize 64 -TrialSeconds 0.05 -Resolution 0.2 -LossTolerance 0.5 -DrainSeconds 0.1
    }

    AfterEach {
        foreach ($socket in $a, $b) { $socket.CountFrames().IsConserved | Should -BeTrue -Because "$($socket.CountFrames())" }
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'accounts for every frame, and so does the interface' {
        $before = Get-ReceivedCount $cable.Right
        $result = Measure-XskPath $a $b -FrameSize 64 @quick
        $result | Should -BeOfType XdpPS.XskPathMeasurement
        (Get-ReceivedCount $cable.Right) - $before | Should -Be $result.Sent
        $result.Sent | Should -BeGreaterThan 0
        $result.Received, $result.Lost, $result.LossRatio, $result.Duplicates, $result.Reordered, $result.Foreign | Should -Be $result.Sent, 0, 0, 0, 0, 0
        $result.Transmit, $result.Receive, $result.FrameSize, $result.FrameLength, $result.OfferedPacketsPerSecond | Should -Be "$($cable.Left):0", "$($cable.Right):0", 64, 60, 1000
        $result.RoundTrip | Should -BeFalse
        $result.MeasuringError | Should -BeGreaterThan 0
        ($result.Histogram | Measure-Object Count -Sum).Sum | Should -Be $result.Received
    }

    It 'measures the sizes of RFC 2544 where none is given, and what the MTU forbids not at all' {
        $short = New-TestCable -Mtu 1300
        $c, $d = New-XskSocket $short.Left, $short.Right
        try {
            $results = Measure-XskPath $c $d -DurationSeconds 0.02 -PacketsPerSecond 500 -DrainSeconds 0.1 -WarningVariable warnings -WarningAction SilentlyContinue
            $results.FrameSize | Should -Be 64, 128, 256, 512, 1024, 1280
            $warnings | Should -HaveCount 1
            $warnings[0] | Should -Match '^Frames of 1518 bytes with FCS are left out: .*MTU of 1300'
            { Measure-XskPath $c $d -FrameSize 64, 1518 @quick } | Should -Throw -ErrorId "FrameTooLong,$command"
        }
        finally {
            $c, $d | Remove-XskSocket
            Remove-TestCable $short
        }
    }

    It 'loses exactly what is dropped on the way' {
        $next = New-TestCable
        $out = New-XskSocket $next.Left
        $in = New-XskSocket $next.Right
        # Of every 8 numbers one: the last byte of a frame's number is its 26th.
        $relay = Start-Pipeline { param($from, $to) Invoke-XskForward $from $to -DropFilter 'ether[25] & 7 = 3' -DurationSeconds 20 -WarningAction Ignore } $b, $out
        try {
            Wait-Until { $relay.Shell.InvocationStateInfo.State -eq 'Running' } | Should -BeTrue
            Wait-Until { $null -ne (Measure-XskPath $a $in -FrameSize 64 -PacketsPerSecond 100 -DurationSeconds 0.02 -DrainSeconds 0.1).LatencyMin } | Should -BeTrue
            $result = Measure-XskPath $a $in -FrameSize 64 @quick
            $result.Lost | Should -Be @(0..($result.Sent - 1) | Where-Object { $_ % 8 -eq 3 }).Count
            $result.Lost | Should -BeGreaterThan 0
            $result.Received | Should -Be ($result.Sent - $result.Lost)
        }
        finally {
            Close-Pipeline $relay
            $out, $in | Remove-XskSocket
            Remove-TestCable $next
        }
    }

    It 'goes by UDP where it is told to, past a filter for that port' {
        $other = New-TestCable
        $c = New-XskSocket $other.Left
        $d = New-XskSocket $other.Right -Port 4000
        try {
            { Measure-XskPath $c $d -FrameSize 64 @quick } | Should -Throw -ErrorId "FilterConflict,$command"
            $result = Measure-XskPath $c $d -FrameSize 64 -Protocol Udp -Port 4000 -SourceAddress 192.0.2.1 -DestinationAddress 192.0.2.2 @quick
            $result.Received | Should -Be $result.Sent
        }
        finally {
            $c, $d | Remove-XskSocket
            Remove-TestCable $other
        }
    }

    It 'refuses <What> with <Id>' -ForEach @(
        @{ What = 'a port without UDP'; Id = 'ParametersContradict'; Script = { Measure-XskPath $a $b -Port 7 } }
        @{ What = 'a frame that has no room for IPv6 and a number'; Id = 'FrameTooShort'; Script = { Measure-XskPath $a $b -FrameSize 64 -Protocol Udp -DestinationAddress 2001:db8::1 } }
        @{ What = 'addresses of two kinds'; Id = 'FrameFieldInvalid'; Script = { Measure-XskPath $a $b -Protocol Udp -SourceAddress 192.0.2.1 -DestinationAddress 2001:db8::1 } }
        @{ What = 'a CPU that is not there'; Id = 'CpuNotAllowed'; Script = { Measure-XskPath $a $b -Cpu 8000 } }
        @{ What = 'a frame longer than the MTU'; Id = 'FrameTooLong'; Script = { Measure-XskPath $a $b -FrameSize 1519 } }
    ) {
        $caught = $Script | Should -Throw -ErrorId "$Id,$command" -PassThru
        $caught.Exception.Message | Should -Not -Match "`n"
    }

    It 'refuses a round trip to nowhere with DestinationMissing, and measures it with the -DestinationMac that it asks for' {
        { Measure-XskPath $a } | Should -Throw -ErrorId "DestinationMissing,$command" -ExpectedMessage '*-DestinationMac*MacAddress*'
        $reflector = Start-XskReflector -Socket $b
        try {
            $result = Measure-XskPath $a -DestinationMac $reflector.MacAddress -FrameSize 64 @quick
            $result.Received | Should -Be $result.Sent
        }
        finally { $null = Stop-XskReflector $reflector }
    }

    It 'sends nothing with -WhatIf' {
        $before = Get-ReceivedCount $cable.Right
        Measure-XskPath $a $b -WhatIf | Should -BeNullOrEmpty
        Get-ReceivedCount $cable.Right | Should -Be $before
    }

    It 'is stopped at once, without a result, and gives the sockets back' {
        $pipeline = Start-Pipeline { param($a, $b) Measure-XskPath $a $b -FrameSize 64 -PacketsPerSecond 100 -DurationSeconds 60 } $a, $b
        try {
            $before = $b.GetStatistics().RxPackets
            Wait-Until { $b.GetStatistics().RxPackets -gt $before } | Should -BeTrue
            { Receive-XskPacket $b -TimeoutSeconds 1 } | Should -Throw -ErrorId 'SocketBusy,*'
            { Send-XskFrame $a -Data (New-TestFrame) } | Should -Throw -ErrorId 'SocketBusy,*'
            Stop-Pipeline $pipeline
            $pipeline.Output | Should -HaveCount 0
        }
        finally {
            Close-Pipeline $pipeline
        }

        (Measure-XskPath $a $b -FrameSize 64 @quick).Lost | Should -Be 0
    }

    It 'runs the benchmarks of RFC 2544, and says in what they deviate' {
        $result = $throughput
        $result | Should -BeOfType XdpPS.XskThroughputResult
        $result.FrameSize, $result.FrameLength, $result.TrialSeconds, $result.LossTolerance | Should -Be 64, 60, 0.05, 0.5
        $result.Deviations -match 'section 24' | Should -HaveCount 1
        $result.Deviations -match 'passed, not only' | Should -HaveCount 1
        ($result.Deviations -match 'lower bound').Count | Should -Be ([int]$result.SenderLimited)
        $result.Trials.Count | Should -BeGreaterThan 1
        $result.Trials[0].OfferedPacketsPerSecond | Should -BeNullOrEmpty
        if ($result.AtThroughput) { $result.Throughput | Should -Be $result.AtThroughput.SentPacketsPerSecond }
    }

    It 'comes back from Clixml as it was' {
        $file = [IO.Path]::GetTempFileName()
        try {
            $throughput | Export-Clixml -LiteralPath $file
            $copy = Import-Clixml -LiteralPath $file
        }
        finally {
            Remove-Item -LiteralPath $file
        }

        $copy | Should -BeOfType XdpPS.XskThroughputResult
        "$copy" | Should -Be "$throughput"
        $copy.Deviations | Should -Be $throughput.Deviations
        $copy.Trials.Count | Should -Be $throughput.Trials.Count
        $one, $same = $throughput.Trials[0], $copy.Trials[0]
        $same | Should -BeOfType XdpPS.XskPathMeasurement
        foreach ($property in [XdpPS.XskPathMeasurement].GetProperties().Name | Where-Object { $_ -notin 'Histogram', 'RingSamples' }) { $same.$property | Should -Be $one.$property -Because "that is its $property" }
        $same.Histogram.Count | Should -Be $one.Histogram.Count
        "$($same.Histogram)" | Should -Be "$($one.Histogram)"
        "$($same.RingSamples)" | Should -Be "$($one.RingSamples)"
    }

    It 'fits a terminal of <_> columns, and says that its sizes are with FCS' -ForEach 80, 120 {
        $one = Measure-XskPath $a $b -FrameSize 1518 -PacketsPerSecond 200 -DurationSeconds 0.02 -DrainSeconds 0.1
        foreach ($object in $one, $throughput) {
            $lines = @($object | Out-String -Width $_) -split "`n" | Where-Object { $_.Trim() }
            $lines | Should -HaveCount 3
            ($lines | Measure-Object -Property Length -Maximum).Maximum | Should -BeLessOrEqual $_
            $lines[0] | Should -Match '^Size\+FCS '
            $lines[2].TrimStart() | Should -Match "^$($object.FrameSize) "
        }
    }
}
