BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
}

Describe "The end of a process$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable -Queues 2
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'leaves the interface clean: SIG<_> while it holds sockets' -ForEach 'KILL', 'TERM', 'HUP' {
        $child = Start-Pwsh "`$s = New-XskSocket $($cable.Left) -QueueId 0, 1"
        (Get-AttachedProgram $cable.Left).Id | Should -BeGreaterThan 0
        Stop-Program $child -Signal $_
        # The kernel frees the program in a worker, some milliseconds after the process.
        Wait-Until { (Get-AttachedProgram $cable.Left).Id -eq 0 } | Should -BeTrue
        New-XskSocket $cable.Left -QueueId 0, 1 -ErrorAction Stop | Remove-XskSocket
    }

    It 'leaves the interface clean: SIG<_> while it receives' -ForEach 'KILL', 'INT' {
        # INT is what Ctrl-C sends.
        $script = "Import-Module '$(Get-ModuleManifest)'; 'READY'; Receive-XskPacket -InterfaceName $($cable.Left)"
        $child = Start-Program -Program (Get-PwshPath) -Arguments '-NoProfile', '-NonInteractive', '-Command', $script -WaitFor '^READY$'
        Wait-Until { (Get-AttachedProgram $cable.Left).Id -ne 0 } | Should -BeTrue
        Start-Sleep -Milliseconds 200
        Stop-Program $child -Signal $_
        Wait-Until { (Get-AttachedProgram $cable.Left).Id -eq 0 } | Should -BeTrue
        New-XskSocket $cable.Left -QueueId 0, 1 -ErrorAction Stop | Remove-XskSocket
    }

    It 'leaves the interface clean: <_>' -ForEach 'exit', 'throw 1', '[Environment]::FailFast(1)' {
        $null = Invoke-Pwsh "`$null = New-XskSocket $($cable.Left) -QueueId 0, 1; (Get-XskSocket).Count; $_"
        Wait-Until { (Get-AttachedProgram $cable.Left).Id -eq 0 } | Should -BeTrue
    }
}

Describe "The end of a session$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable
        $pipeline = $null
    }

    AfterEach {
        Close-Pipeline $pipeline
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'closes all sockets at Remove-Module' {
        $pipeline = Start-Pipeline {
            param($left, $right)
            $sockets = $left, $right | New-XskSocket
            $null = New-XskSocket nosuch0 -ErrorAction SilentlyContinue
            (Get-XskSocket).Count
            Remove-Module XdpPS
            $sockets
        } $cable.Left, $cable.Right
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $pipeline.Output[0] | Should -Be 2
        $pipeline.Output[1, 2].State | Should -Be 'Closed', 'Closed'
        (Get-AttachedProgram $cable.Left).Id, (Get-AttachedProgram $cable.Right).Id | Should -Be 0, 0
    }

    It 'closes all sockets at Import-Module -Force' {
        $pipeline = Start-Pipeline {
            param($name, $manifest)
            $null = New-XskSocket $name
            Import-Module $manifest -Force
            @(Get-XskSocket).Count
        } $cable.Left, (Get-ModuleManifest)
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $pipeline.Output[0] | Should -Be 0
        (Get-AttachedProgram $cable.Left).Id | Should -Be 0
    }

    It 'leaves the sockets of other sessions open at Remove-Module' {
        $mine = New-XskSocket $cable.Left
        $pipeline = Start-Pipeline {
            param($name)
            (New-XskSocket $name).InterfaceName
            (Get-XskSocket).InterfaceName
            Remove-Module XdpPS
        } $cable.Right
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $pipeline.Output | Should -Be $cable.Right, $cable.Right -Because 'a session sees its own sockets only'
        $mine.State | Should -Be 'Open'
        Get-XskSocket | Should -Be $mine
        (Get-AttachedProgram $cable.Left).Id | Should -Be $mine.ProgramId
        (Get-AttachedProgram $cable.Right).Id | Should -Be 0
    }

    It 'does not end a receive that another session runs on its own socket' {
        $mine = New-XskSocket $cable.Left
        $pipeline = Start-Pipeline { param($name) Receive-XskPacket -InterfaceName $name -Count 1 } $cable.Right
        Wait-Until { (Get-AttachedProgram $cable.Right).Id -ne 0 } | Should -BeTrue
        $second = Start-Pipeline { Remove-Module XdpPS }
        Wait-Pipeline $second | Should -BeNullOrEmpty
        Close-Pipeline $second
        Start-Sleep -Milliseconds 200
        Send-XskFrame $mine -Data (New-TestFrame)
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $pipeline.Output | Should -HaveCount 1
    }

    It 'leaves a socket open that was handed to another session when its own is closed' {
        $pipeline = Start-Pipeline { param($name) New-XskSocket $name } $cable.Left
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $socket = $pipeline.Output[0]
        Close-Pipeline $pipeline
        $socket.State | Should -Be 'Open'
        (Send-XskFrame $socket -Data (New-TestFrame) -PassThru).Completed | Should -Be 1
        $socket | Remove-XskSocket
        (Get-AttachedProgram $cable.Left).Id | Should -Be 0
    }

    It 'frees a socket that nobody refers to any more, some time after its session was closed' {
        & {
            $lost = Start-Pipeline { param($name) $null = New-XskSocket $name } $cable.Left
            $null = Wait-Pipeline $lost
            Close-Pipeline $lost
        }
        (Get-AttachedProgram $cable.Left).Id | Should -BeGreaterThan 0
        Wait-Until {
            [GC]::Collect()
            [GC]::WaitForPendingFinalizers()
            (Get-AttachedProgram $cable.Left).Id -eq 0
        } | Should -BeTrue
    }

    It 'sends and receives on one socket at the same time' {
        $both = New-XskSocket $cable.Left
        $other = New-XskSocket $cable.Right
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket -Count 500 -TimeoutSeconds 5 } $both
        $away = Start-Pipeline { param($socket, $frame) Send-XskFrame $socket -Data $frame -Repeat 500 -PacketsPerSecond 2000 } $other, (New-TestFrame)
        try {
            (Send-XskFrame $both -Data (New-TestFrame) -Repeat 500 -PacketsPerSecond 2000 -PassThru).Completed | Should -Be 500
            Wait-Pipeline $pipeline | Should -BeNullOrEmpty
            Wait-Pipeline $away | Should -BeNullOrEmpty
            $pipeline.Output | Should -HaveCount 500
            (Get-XskRingStats $other).Rx.Used | Should -Be 500
        }
        finally {
            Close-Pipeline $away
        }
    }

    It 'refuses a second send while one is running on the socket' {
        $socket = New-XskSocket $cable.Left
        $pipeline = Start-Pipeline { param($socket, $frame) Send-XskFrame $socket -Data $frame -DurationSeconds 1.5 } $socket, (New-TestFrame)
        Wait-Until { (Get-XskRingStats $socket).TxPackets -gt 0 } | Should -BeTrue
        { Send-XskFrame $socket -Data (New-TestFrame) } | Should -Throw -ErrorId 'SocketBusy,XdpPS.Commands.SendXskFrameCommand'
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $stats = Get-XskRingStats $socket
        $stats.TxCompleted | Should -Be $stats.TxPackets
        (Get-Link $cable.Left).stats64.tx.packets | Should -Be $stats.TxPackets
    }
}
