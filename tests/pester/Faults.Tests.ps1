# What happens to the machine, the process or whoever reads, while sockets are open: docs/faults.md has the whole list.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program prlimit, bpftool, unshare, tcpdump
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule

    # A process that runs scripts one after the other, each when a line comes on its input, between READY and DONE.
    function Start-Stepper {
        param([string[]] $Step, [string[]] $Prefix = @())
        $steps = @($Step | ForEach-Object { "'READY'; `$null = [Console]::In.ReadLine(); $_" }) -join '; '
        $script = "`$ErrorActionPreference = 'Stop'; `$WarningPreference = 'Ignore'; Import-Module '$(Get-ModuleManifest)'; $steps; 'DONE'"
        $command = $Prefix + @((Get-PwshPath), '-NoProfile', '-NonInteractive', '-Command', $script)
        $process = Start-Program -Program $command[0] -Arguments $command[1..($command.Count - 1)] -WaitFor '^READY$'
        return $process
    }

    function Step { param($Process) $Process.StandardInput.WriteLine('go') }

    # What it prints up to the next READY, or DONE.
    function Read-Step {
        param($Process, [int] $Seconds = 20)
        $lines = [Collections.Generic.List[string]]::new()
        while ($true) {
            $line = $Process.StandardOutput.ReadLineAsync()
            if (-not $line.Wait($Seconds * 1000)) { throw "It prints nothing more than: $lines" }
            if ($null -eq $line.Result) { throw "It ended with: $lines | $($Process.StandardError.ReadToEnd())" }
            if ($line.Result -in 'READY', 'DONE') { return $lines }
            $lines.Add($line.Result)
        }
    }

    function Suspend-Process {
        param($Process)
        $null = Invoke-Native /bin/kill -STOP $Process.Id
        $stopped = Wait-Until { (Get-Content "/proc/$($Process.Id)/stat") -match '\) T ' }
        $stopped | Should -BeTrue
    }

    function Resume-Process { param($Process) $null = Invoke-Native /bin/kill -CONT $Process.Id }

    function New-Series {
        param([int] $Count, [int] $Seed)
        foreach ($i in 1..$Count) { , (New-TestFrame -Length 80 -Seed ($Seed * 100000 + $i)) }
    }

    function Get-Digest {
        param([byte[][]] $Frame)
        $all = [Collections.Generic.List[byte]]::new()
        foreach ($one in $Frame) { $all.AddRange($one) }
        [Convert]::ToHexString([Security.Cryptography.SHA256]::HashData($all.ToArray()))
    }

    $digest = '$all = [Collections.Generic.List[byte]]::new(); foreach ($one in $packets) { $all.AddRange($one.Data) }; "$($packets.Count) $([Convert]::ToHexString([Security.Cryptography.SHA256]::HashData($all.ToArray()))) $($s.CountFrames().IsConserved)"'
}

Describe "A process that is suspended$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable
        $far = New-XskSocket $cable.Right -NoProgram
        $child = $null
    }

    AfterEach {
        Stop-Program $child -Signal KILL
        Get-XskSocket | Remove-XskSocket
        (Wait-Until { (Get-AttachedProgram $cable.Left).Id -eq 0 }) | Should -BeTrue
        Remove-TestCable $cable
    }

    It 'goes on receiving with what came meanwhile, longer ago than -TimeoutSeconds: <What>' -ForEach @(
        @{ What = 'Receive-XskPacket'; Receive = '$packets = @(Receive-XskPacket $s -TimeoutSeconds 1)' }
        @{ What = 'Receive-XskPacket -ReadCount'; Receive = '$packets = @(Receive-XskPacket $s -TimeoutSeconds 1 -ReadCount 64 | ForEach-Object { $_ })' }
        @{ What = 'Export-XskCapture -Socket'; Receive = '$path = [IO.Path]::GetTempFileName(); Export-XskCapture $path -Socket $s -TimeoutSeconds 1; $packets = @(Import-XskCapture $path); Remove-Item $path' }
    ) {
        $frames = @(New-Series 250 1)
        $child = Start-Stepper "`$s = New-XskSocket $($cable.Left)", "$Receive; $digest"
        Step $child
        $null = Read-Step $child
        Step $child
        Start-Sleep -Milliseconds 200
        $frames[0..49] | Send-XskFrame $far
        Start-Sleep -Milliseconds 200
        Suspend-Process $child
        Start-Sleep -Milliseconds 1300
        $frames[50..149] | Send-XskFrame $far
        Start-Sleep -Milliseconds 300
        Resume-Process $child
        $frames[150..249] | Send-XskFrame $far
        Read-Step $child | Should -Be "250 $(Get-Digest $frames) True"
    }

    It 'goes on sending, every frame once and in order' {
        $capture = Start-Capture $cable.Right
        $template = "New-XskFrame -Udp -SourceAddress 10.0.0.1 -DestinationAddress 10.0.0.2 -SourcePort 1-2000 -DestinationPort 7 -SourceMac 02:00:00:00:00:01 -DestinationMac 02:00:00:00:00:02"
        $child = Start-Stepper "`$s = New-XskSocket $($cable.Left)", "`$r = $template | Send-XskFrame `$s -PacketsPerSecond 2000 -PassThru; `"`$(`$r.Completed) `$(`$r.LateFrames -gt 0) `$(`$s.CountFrames().IsConserved)`""
        Step $child
        $null = Read-Step $child
        Step $child
        Wait-Until { @(Read-Pcap $capture.Path).Count -gt 200 } | Should -BeTrue
        Suspend-Process $child
        Start-Sleep -Milliseconds 700
        $held = @(Read-Pcap $capture.Path).Count
        $held | Should -BeLessThan 2000 -Because 'it was stopped in the middle'
        Resume-Process $child
        # What it was late with it says.
        Read-Step $child | Should -Be '2000 True True'
        $ports = Stop-Capture $capture -Count 2000 | ForEach-Object { [Convert]::ToInt32($_.Substring(68, 4), 16) }
        Compare-Object @($ports) @(1..2000) -SyncWindow 0 | Should -BeNullOrEmpty
    }
}

Describe "A process that is ended at a random moment$note" -Tag Netns -Skip:($note -ne '') {
    It 'leaves nothing behind, whatever it was doing' {
        # Invoke-SignalRounds.ps1 -Rounds 200 takes some minutes.
        $result = & "$PSScriptRoot/../faults/Invoke-SignalRounds.ps1" -Rounds 5 -Seed ([DateTime]::UtcNow.DayOfYear) -ModulePath $env:XDPPS_TEST_MODULE_PATH
        $result.Rounds | Should -Be 5
        $result.Attached | Should -BeGreaterThan 0
    }
}

Describe "A reader that is stuck$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable
        $socket = New-XskSocket $cable.Left -RxRingSize 256 -FillRingSize 256 -FrameCount 1024
        $far = New-XskSocket $cable.Right -NoProgram
        $pipeline = $flood = $null
    }

    AfterEach {
        Close-Pipeline $pipeline
        Close-Pipeline $flood
        Get-XskSocket | Remove-XskSocket
        (Get-AttachedProgram $cable.Left).Id | Should -Be 0
        Remove-TestCable $cable
    }

    # A minute with XDPPS_STUCK_SECONDS=60.
    It 'under a flood for <Seconds> s loses what the ring cannot hold, is told so, and goes on' -ForEach @{ Seconds = [int]($env:XDPPS_STUCK_SECONDS ?? 2) } {
        # Numbered frames.
        $sent = [Linq.Enumerable]::Range(0, $Seconds * 1000).ForEach({ $f = New-TestFrame; [BitConverter]::GetBytes($_).CopyTo($f, 14); , $f })
        $pipeline = Start-Pipeline {
            param($s, $seconds)
            $first = $true
            Receive-XskPacket $s -TimeoutSeconds 1 | ForEach-Object { if ($first) { Start-Sleep $seconds; $first = $false }; ConvertTo-Json -Compress @($_.Data[14..17]) }
        } $socket, $Seconds
        $result = $sent | Send-XskFrame $far -PacketsPerSecond 2000 -PassThru
        $failure = Wait-Pipeline $pipeline -Seconds ($Seconds + 20)
        $failure | Should -BeNullOrEmpty
        $numbers = @($pipeline.Output | ForEach-Object { [BitConverter]::ToInt32([byte[]]($_ | ConvertFrom-Json)) })
        $stats = Get-XskRingStats $socket
        $numbers.Count | Should -Be $stats.RxPackets
        $numbers.Count + $stats.RxDropped + $stats.RxRingFull | Should -Be ($result.Completed - $result.DriverDropped)
        $numbers.Count | Should -BeGreaterOrEqual 256
        # In order, each once, and the oldest first: the ring keeps what it has.
        Compare-Object $numbers @($numbers | Sort-Object -Unique) -SyncWindow 0 | Should -BeNullOrEmpty
        Compare-Object $numbers[0..255] @(0..255) -SyncWindow 0 | Should -BeNullOrEmpty
        "$($pipeline.Shell.Streams.Warning)" | Should -Match "$($cable.Left) queue 0: the kernel dropped \d+ packets because its"
        $socket.CountFrames().IsConserved | Should -BeTrue -Because $socket.CountFrames()
        Send-XskFrame $far -Data (New-TestFrame)
        Receive-XskPacket $socket -Count 1 -TimeoutSeconds 5 | Should -HaveCount 1
    }

    It 'is stopped at once all the same, and the socket can be used again' {
        $pipeline = Start-Pipeline { param($s) Receive-XskPacket $s | ForEach-Object { Start-Sleep 60 } } $socket
        $flood = Start-Pipeline { param($s, $frame) while ($true) { Send-XskFrame $s -Data $frame -Repeat 1000 -WarningAction Ignore } } $far, (New-TestFrame)
        Wait-Until { (Get-XskRingStats $socket).RxRingFull + (Get-XskRingStats $socket).RxDropped -gt 1000 } | Should -BeTrue
        Stop-Pipeline $pipeline
        Close-Pipeline $flood
        $flood = $null
        @(Receive-XskPacket $socket -TimeoutSeconds 0.2 -WarningAction Ignore).Count | Should -BeGreaterThan 200
        $socket.CountFrames().IsConserved | Should -BeTrue -Because $socket.CountFrames()
    }
}

Describe "A machine that runs short$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable -Queues 2
        $far = New-XskSocket $cable.Right -NoProgram
        $child = $null
    }

    AfterEach {
        Stop-Program $child -Signal KILL
        Get-XskSocket | Remove-XskSocket
        (Wait-Until { (Get-AttachedProgram $cable.Left).Id -eq 0 }) | Should -BeTrue
        Remove-TestCable $cable
    }

    It 'of descriptors keeps what is open going, and opens more once there are some' {
        $child = Start-Stepper @(
            # What is used later is loaded: without descriptors no library can be.
            "`$s = New-XskSocket $($cable.Left); `$null = Send-XskFrame `$s -Data ('02' * 60) -PassThru; `$null = Get-XskRingStats `$s; `$packets = @(Receive-XskPacket `$s -TimeoutSeconds 0.2); `$null = $digest; `$t = New-XskSocket $($cable.Left) -QueueId 1; `$t | Remove-XskSocket; New-XskSocket nosuch0 -ErrorAction SilentlyContinue -ErrorVariable e; `$null = `$e[0].FullyQualifiedErrorId; try { Receive-XskPacket `$t } catch { `$null = `$_.FullyQualifiedErrorId }"
            "`$packets = @(Receive-XskPacket `$s -TimeoutSeconds 2); $digest"
            "`$r = Send-XskFrame `$s -Data ('02' * 60) -Repeat 50 -PassThru; `"`$(`$r.Completed) `$((Get-XskRingStats `$s).TxPackets)`""
            "New-XskSocket $($cable.Left) -QueueId 1 -ErrorAction SilentlyContinue -ErrorVariable e; `"`$(`$e[0].FullyQualifiedErrorId) `$(@(Get-XskSocket).Count)`"; try { Receive-XskPacket `$s -TimeoutSeconds 1 } catch { `$_.FullyQualifiedErrorId }"
            "`$t = New-XskSocket $($cable.Left) -QueueId 1; `$t.State"
        )
        Step $child
        $null = Read-Step $child
        $frames = @(New-Series 100 2)
        # It is receiving already when the limit comes.
        Step $child
        Start-Sleep -Milliseconds 300
        $null = Invoke-Native prlimit --pid $child.Id '--nofile=3:'
        Start-Sleep -Milliseconds 1200
        $frames | Send-XskFrame $far
        Read-Step $child | Should -Be "100 $(Get-Digest $frames) True"
        Step $child
        Read-Step $child | Should -Be '50 51'
        Step $child
        $answers = @(Read-Step $child)
        $answers[0] | Should -Be 'OutOfDescriptors,XdpPS.Commands.NewXskSocketCommand 1'
        $answers[1] | Should -Be 'OutOfDescriptors,XdpPS.Commands.ReceiveXskPacketCommand'
        $null = Invoke-Native prlimit --pid $child.Id '--nofile=1024:'
        Step $child
        Read-Step $child | Should -Be 'Open'
    }

    It 'of address space refuses a UMEM that is too large, leaves nothing of it, and keeps what is open going' {
        $child = Start-Stepper @(
            "`$s = New-XskSocket $($cable.Left) -QueueId 0; New-XskSocket $($cable.Left) -QueueId 1 | Remove-XskSocket"
            "New-XskSocket $($cable.Left) -QueueId 1 -FrameCount 131072 -ErrorAction SilentlyContinue -ErrorVariable e; `"`$(`$e[0].FullyQualifiedErrorId) `$(@(Get-XskSocket).Count)`""
            "`$packets = @(Receive-XskPacket `$s -TimeoutSeconds 1); $digest"
            "(New-XskSocket $($cable.Left) -QueueId 1 -FrameCount 131072).State"
        )
        Step $child
        $null = Read-Step $child
        $held = { @(Get-ChildItem "/proc/$($child.Id)/fd" | Where-Object { $_.LinkTarget -match 'bpf|socket:' }).Count }
        $before = & $held
        $pages = [long]((Get-Content "/proc/$($child.Id)/statm") -split ' ')[0]
        # Room for 128 MiB, where 256 are wanted.
        $null = Invoke-Native prlimit --pid $child.Id "--as=$($pages * [Environment]::SystemPageSize + 128MB):"
        Step $child
        Read-Step $child | Should -Be 'OutOfMemory,XdpPS.Commands.NewXskSocketCommand 1'
        & $held | Should -Be $before
        $frames = @(New-Series 100 3)
        Step $child
        Start-Sleep -Milliseconds 200
        $frames | Send-XskFrame $far
        Read-Step $child | Should -Be "100 $(Get-Digest $frames) True"
        $null = Invoke-Native prlimit --pid $child.Id '--as=unlimited:'
        Step $child
        Read-Step $child | Should -Be 'Open'
    }

    It 'of the memory of its control group ends as by SIGKILL, and leaves nothing' {
        # Version 2 of control groups, else version 1.
        $v2 = (Test-Path /sys/fs/cgroup/cgroup.controllers) -and (Get-Content /sys/fs/cgroup/cgroup.subtree_control) -match '\bmemory\b'
        $parent = $v2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory'
        $limit = $v2 ? 'memory.max' : 'memory.limit_in_bytes'
        if (-not $v2 -and -not (Test-Path "$parent/$limit")) {
            Set-ItResult -Skipped -Because 'there is no memory controller of control groups here'
            return
        }

        $group = New-Item -ItemType Directory -Path "$parent/xdpps-$PID"
        try {
            $child = Start-Stepper "`$s = New-XskSocket $($cable.Left) -QueueId 0", "New-XskSocket $($cable.Left) -QueueId 1 -FrameCount 131072"
            Step $child
            $null = Read-Step $child
            (Get-AttachedProgram $cable.Left).Id | Should -Not -Be 0
            # What it has already is not counted. 256 MiB more are wanted.
            Set-Content "$group/$limit" 64M
            Set-Content "$group/cgroup.procs" $child.Id
            Step $child
            $child.WaitForExit(20000) | Should -BeTrue
            $child.ExitCode | Should -Be 137
            (Wait-Until { (Get-AttachedProgram $cable.Left).Id -eq 0 }) | Should -BeTrue
            New-XskSocket $cable.Left -QueueId 0, 1 | Should -HaveCount 2
        }
        finally {
            Stop-Program $child -Signal KILL
            (Wait-Until { rmdir $group 2>$null; $LASTEXITCODE -eq 0 }) | Should -BeTrue
        }
    }

    It 'of disk ends a recording with the last packet that fits, and the socket goes on' {
        $folder = (New-Item -ItemType Directory -Path (Join-Path ([IO.Path]::GetTempPath()) "xdpps-disk-$PID")).FullName
        $child = Start-Stepper -Prefix 'unshare', '--mount', 'sh', '-c', 'mount -t tmpfs -o size=200k tmpfs "$0" && exec "$@"', $folder -Step @(
            "`$s = New-XskSocket $($cable.Left) -WarningAction Ignore"
            "try { Export-XskCapture $folder/full -Socket `$s } catch { `$_.FullyQualifiedErrorId }; Start-Sleep 1; capinfos -T -r -c $folder/full; `$packets = @(Import-XskCapture $folder/full); $digest"
            "`$null = @(Receive-XskPacket `$s -TimeoutSeconds 0.2); 'empty'; `$packets = @(Receive-XskPacket `$s -Count 10 -TimeoutSeconds 5); $digest"
        )
        try {
            Step $child
            $null = Read-Step $child
            $frames = @(New-Series 2500 4)
            Step $child
            Start-Sleep -Milliseconds 200
            $frames | Send-XskFrame $far -PacketsPerSecond 5000
            $answers = @(Read-Step $child)
            $answers[0] | Should -Be 'CaptureWriteFailed,XdpPS.Commands.ExportXskCaptureCommand'
            $count, $seen, $conserved = $answers[2] -split ' '
            [int]$count | Should -BeGreaterThan 1000
            $answers[1] | Should -Match "\t$count$"
            $seen | Should -Be (Get-Digest $frames[0..([int]$count - 1)])
            $conserved | Should -Be 'True'
            Step $child
            Start-Sleep -Milliseconds 800
            $more = @(New-Series 10 5)
            $more | Send-XskFrame $far
            (Read-Step $child)[1] | Should -Be "10 $(Get-Digest $more) True"
        }
        finally {
            Remove-Item -LiteralPath $folder -Recurse
        }
    }
}

Describe "Clocks that are not this machine's$note" -Tag Netns -Skip:($note -ne '') {
    It 'do not shift the times of packets: a time namespace' {
        $cable = New-TestCable
        $far = New-XskSocket $cable.Right -NoProgram
        $child = $null
        try {
            $child = Start-Stepper -Prefix 'unshare', '--time', '--monotonic', '100000', '--fork', '--kill-child' -Step @(
                "`$s = New-XskSocket $($cable.Left)"
                "Receive-XskPacket `$s -Count 3 -TimeoutSeconds 5 | ForEach-Object { `$_.Timestamp }; (Get-Content /proc/self/timens_offsets) -join ' '"
            )
            Step $child
            $null = Read-Step $child
            Step $child
            Start-Sleep -Milliseconds 300
            $from = [long](date +%s%N)
            Send-XskFrame $far -Data (New-TestFrame) -Repeat 3
            $until = [long](date +%s%N)
            $lines = @(Read-Step $child)
            $lines[3] | Should -Match 'monotonic +100000'
            # The offset between the clocks is read to a microsecond or so.
            foreach ($time in $lines[0..2]) { [long]$time | Should -BeGreaterThan ($from - 1e6) }
            foreach ($time in $lines[0..2]) { [long]$time | Should -BeLessThan ($until + 1e6) }
        }
        finally {
            Stop-Program $child -Signal KILL
            Get-XskSocket | Remove-XskSocket
            Remove-TestCable $cable
        }
    }
}

Describe 'docs/faults.md' -Tag Unit {
    BeforeAll {
        $root = (Resolve-Path -LiteralPath "$PSScriptRoot/../..").Path
        $rows = @(Get-Content -LiteralPath "$root/docs/faults.md" | Where-Object { $_ -match '^\| (?!Fault|-)' } | ForEach-Object { , @($_.Trim('|', ' ') -split ' \| ') })
        $named = @($rows | ForEach-Object { [regex]::Matches($_[4], '`([^`]+)`') } | ForEach-Object { $_.Groups[1].Value })
    }

    It 'names tests that exist' {
        $rows.Count | Should -BeGreaterOrEqual 15
        foreach ($row in $rows) { $row | Should -HaveCount 5 -Because $row[0] }
        foreach ($test in $named) {
            if ($test -match '^(?<File>[\w.-]+): (?<Name>.+)$') {
                "$PSScriptRoot/$($Matches.File).Tests.ps1" | Should -FileContentMatch ([regex]::Escape("It '$($Matches.Name)'")) -Because $test
            }
            else {
                $class, $method = $test -split '\.'
                $files = @(Get-ChildItem -Path "$root/tests/XdpPS.Core.Tests/$class*.cs" | Select-String -Pattern "void $method\(")
                $files | Should -HaveCount 1 -Because $test
            }
        }
    }

    It 'names all tests of faults that there are' {
        $inCode = @(Get-Content -LiteralPath "$root/tests/XdpPS.Core.Tests/RunningFaultTests.cs" | Where-Object { $_ -match 'public void (\w+)\(' -and $Matches[1] -ne 'Dispose' } | ForEach-Object { $null = $_ -match 'public void (\w+)\('; "RunningFaultTests.$($Matches[1])" })
        $here = @(Get-Content -LiteralPath "$PSScriptRoot/Faults.Tests.ps1" | Where-Object { $_ -match "^    It '(.+?)' " -and $Matches[1] -notlike 'names *' } | ForEach-Object { $null = $_ -match "^    It '(.+?)' "; "Faults: $($Matches[1])" })
        $inCode.Count + $here.Count | Should -BeGreaterThan 15
        foreach ($test in $inCode + $here) { $named | Should -Contain $test }
    }

    It 'names errors that exist' {
        $ids = @($rows | ForEach-Object { ($_[2] -split ',')[0] } | Where-Object { $_ -ne 'none' })
        $ids | Should -HaveCount @($ids | Where-Object { $_ -in [enum]::GetNames([XdpPS.XskErrorId]) }).Count
        $ids | Should -Contain 'InterfaceGone'
    }
}
