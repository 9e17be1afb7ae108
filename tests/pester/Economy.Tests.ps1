BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule

    # The kernel's word on where the calling thread may run. A pipeline's steps are on one thread.
    Add-Type -TypeDefinition @'
        public static class XdpPSTestThread
        {
            [System.Runtime.InteropServices.DllImport("libc")] private static extern int gettid();
            public static string Cpus()
            {
                foreach (string line in System.IO.File.ReadLines("/proc/self/task/" + gettid() + "/status"))
                    if (line.StartsWith("Cpus_allowed_list:")) return line.Substring(18).Trim();
                return "";
            }
        }
'@
}

Describe "What a packet costs in the pipeline$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $receiver = New-XskSocket $cable.Right
        $sender = New-XskSocket $cable.Left -NoProgram
        $frame = New-TestFrame -Length 60

        # Bytes that this thread allocates for receiving so many packets, which lie on the RX ring already.
        function Measure-Receive {
            param([int] $Count, [int] $ReadCount)
            Send-XskFrame $sender -Data $frame -Repeat $Count -PacketsPerSecond 100000
            $null = Wait-Until { ($receiver | Get-XskRingStats).Rx.Used -eq $Count }
            $before = [GC]::GetAllocatedBytesForCurrentThread()
            Receive-XskPacket $receiver -Count $Count -ReadCount $ReadCount -TimeoutSeconds 5 | Out-Null
            [GC]::GetAllocatedBytesForCurrentThread() - $before
        }
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    # A packet's bytes are an array of 60 bytes, with its header and its length 88. What PowerShell itself allocates to
    # hand an object from one command to the next (some 600 bytes) is measured with objects that are there already.
    It 'allocates at most <Limit> bytes a packet and its bytes with -ReadCount <ReadCount>' -ForEach @(
        @{ ReadCount = 1; Limit = 120 }
        @{ ReadCount = 64; Limit = 100 }
    ) {
        $null = Measure-Receive -Count 128 -ReadCount $ReadCount
        $few = Measure-Receive -Count 128 -ReadCount $ReadCount
        $many = Measure-Receive -Count 1664 -ReadCount $ReadCount
        $each = ($many - $few) / 1536
        if ($ReadCount -eq 1) {
            $packets = [XdpPS.XskPacket[]]::new(1536)
            for ($i = 0; $i -lt $packets.Count; $i++) { $packets[$i] = [XdpPS.XskPacket]::new($frame) }
            Write-Output $packets[0..9] | Out-Null
            $before = [GC]::GetAllocatedBytesForCurrentThread()
            Write-Output $packets | Out-Null
            $each -= ([GC]::GetAllocatedBytesForCurrentThread() - $before) / 1536
        }

        $each | Should -BeGreaterThan 88
        $each | Should -BeLessOrEqual (60 + $Limit)
    }
}

Describe "-Cpu$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $receiver = New-XskSocket $cable.Right
        $sender = New-XskSocket $cable.Left -NoProgram
        $frame = New-TestFrame
        $allowed = [XdpPSTestThread]::Cpus()
        $cpu = [int]($allowed -split '[-,]')[-1]
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'keeps a receive on that CPU, and no longer than it lasts' {
        Send-XskFrame $sender -Data $frame -Repeat 3
        $seen = $receiver | Receive-XskPacket -Count 3 -TimeoutSeconds 5 -Cpu $cpu | ForEach-Object { [XdpPSTestThread]::Cpus() }
        $seen | Should -Be "$cpu", "$cpu", "$cpu"
        [XdpPSTestThread]::Cpus() | Should -Be $allowed
    }

    It 'lets the thread go when a later command has enough' {
        Send-XskFrame $sender -Data $frame -Repeat 3
        $seen = $receiver | Receive-XskPacket -TimeoutSeconds 5 -Cpu $cpu | ForEach-Object { [XdpPSTestThread]::Cpus() } | Select-Object -First 1
        $seen | Should -Be "$cpu"
        [XdpPSTestThread]::Cpus() | Should -Be $allowed
    }

    It 'lets the thread go when a later command fails' {
        Send-XskFrame $sender -Data $frame
        { $receiver | Receive-XskPacket -TimeoutSeconds 5 -Cpu $cpu | ForEach-Object { throw [XdpPSTestThread]::Cpus() } } | Should -Throw "$cpu"
        [XdpPSTestThread]::Cpus() | Should -Be $allowed
    }

    It 'lets the thread go when the receive is stopped' {
        $pipeline = Start-Pipeline {
            param($Socket, $Cpu)
            # Runs on the pipeline's thread, before and after.
            $thread = (Get-Item /proc/thread-self).Target
            [pscustomobject]@{ Thread = $thread }
            try { $Socket | Receive-XskPacket -Cpu $Cpu } finally { }
        } -ArgumentList $receiver, $cpu
        try {
            Wait-Until { $pipeline.Output.Count -eq 1 }
            $status = "/proc/$($pipeline.Output[0].Thread)/status"
            function Get-Place { (Get-Content -LiteralPath $status | Select-String '^Cpus_allowed_list:\s*(\S+)').Matches.Groups[1].Value }
            Wait-Until { (Get-Place) -eq "$cpu" }
            Stop-Pipeline $pipeline
            # The thread may have ended, or has gone on to other work.
            $now = Get-Content -LiteralPath $status -ErrorAction Ignore | Select-String '^Cpus_allowed_list:\s*(\S+)'
            if ($now) { $now.Matches.Groups[1].Value | Should -Be $allowed }
        }
        finally {
            Close-Pipeline $pipeline
        }
    }

    It 'keeps a send on that CPU, and no longer than it lasts' {
        $seen = 1..3 | ForEach-Object { if ($_ -gt 1) { [XdpPSTestThread]::Cpus() } } -OutVariable places | ForEach-Object { , $frame } | Send-XskFrame $sender -Cpu $cpu -PassThru
        $places | Should -Be "$cpu", "$cpu"
        $seen.Completed | Should -Be 2
        [XdpPSTestThread]::Cpus() | Should -Be $allowed
    }

    It 'refuses a CPU that is not there: <Command>' -ForEach @(
        @{ Command = 'Receive-XskPacket'; Script = { $receiver | Receive-XskPacket -Cpu 8000 -ErrorAction Stop } }
        @{ Command = 'Send-XskFrame'; Script = { Send-XskFrame $sender -Data $frame -Cpu 8000 -ErrorAction Stop } }
    ) {
        $Script | Should -Throw -ErrorId "CpuNotAllowed,XdpPS.Commands.$($Command -replace '-', '')Command" -ExpectedMessage "*CPU 8000, only on $allowed;*"
        [XdpPSTestThread]::Cpus() | Should -Be $allowed
    }
}

Describe "Tuning a socket$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $name = $cable.Left
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        Remove-TestCable $cable
    }

    It 'busy-polls with <Parameters.Keys>' -ForEach @(
        @{ Parameters = @{ BusyPoll = $true }; Microseconds = 20; Budget = 64 }
        @{ Parameters = @{ BusyPollMicroseconds = 7 }; Microseconds = 7; Budget = 64 }
        @{ Parameters = @{ BusyPollBudget = 8 }; Microseconds = 20; Budget = 8 }
    ) {
        $socket = New-XskSocket $name @Parameters
        $socket.BusyPollMicroseconds, $socket.BusyPollBudget | Should -Be $Microseconds, $Budget
        "$socket" | Should -BeLike "*busy poll $Microseconds us budget $Budget*"
        $far = New-XskSocket $cable.Right -NoProgram
        $sent = foreach ($i in 1..20) { , (New-TestFrame -Length (60 + $i) -Seed $i) }
        $sent | Send-XskFrame $far
        $got = $socket | Receive-XskPacket -Count 20 -TimeoutSeconds 5
        $got | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be ($sent | ForEach-Object { ConvertTo-Hex $_ })
    }

    It 'does not without' {
        (New-XskSocket $name).BusyPollMicroseconds | Should -Be 0
    }

    It 'says how many huge pages to reserve when there are none' -Skip:(-not (Test-Path '/sys/kernel/mm/hugepages/hugepages-2048kB')) {
        # More than any machine has in reserve for a test.
        $folder = '/sys/kernel/mm/hugepages/hugepages-2048kB'
        $turn = Enter-HugePages
        try {
            $free, $total = 'free_hugepages', 'nr_hugepages' | ForEach-Object { [int](Get-Content -LiteralPath "$folder/$_") }
            New-XskSocket $name -HugePage -FrameCount (1024 * ($free + 5)) -ErrorAction SilentlyContinue -ErrorVariable failures
        }
        finally { $turn.Dispose() }
        $failures.FullyQualifiedErrorId | Should -Be 'HugePagesMissing,XdpPS.Commands.NewXskSocketCommand'
        $failures.CategoryInfo.Category | Should -Be 'ResourceUnavailable'
        $failures.Exception.Message | Should -BeLike "*sysctl vm.nr_hugepages=$($total + 5)*"
    }
}
