BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.NewXskSocketCommand'
}

Describe "New-XskSocket where a program is attached already$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable -Queues 2
        $name = $cable.Left
        $other = $null
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
        Stop-Program $other -Signal KILL
        Remove-TestCable $cable
    }

    Context 'by someone who does not share it' {
        BeforeAll {
            $object = New-XdpObjectFile
        }

        BeforeEach {
            $null = Invoke-Native ip link set dev $name xdp object $object section xdp
            $program = (Get-XdpProgram $name).Id
        }

        AfterAll {
            Remove-Item -LiteralPath $object
        }

        It 'names the program, says how to detach it, and leaves it where it is' {
            $program | Should -BeGreaterThan 0
            $before = Get-Residue
            New-XskSocket $name -QueueId 0, 1 -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
            $failures.FullyQualifiedErrorId | Should -Be "ProgramAttached,$command"
            $failures.CategoryInfo.Category | Should -Be 'ResourceBusy'
            $failures.TargetObject | Should -Be $name
            $failures.Exception.Message | Should -Match "\bid $program, name 'pass', native mode.*ip link set dev $name xdp off"
            (Get-XdpProgram $name).Id | Should -Be $program
            Get-XskSocket | Should -BeNullOrEmpty
            Get-Residue | Should -Be $before
        }

        It 'does not replace it with -Force either' {
            { New-XskSocket $name -Force -ErrorAction Stop } | Should -Throw -ErrorId "ProgramAttached,$command"
            (Get-XdpProgram $name).Id | Should -Be $program
        }

        It 'opens once it was detached as the message says' {
            $null = Invoke-Native ip link set dev $name xdp off
            New-XskSocket $name -QueueId 0, 1 | Should -HaveCount 2
        }

        It 'opens with -NoProgram, and leaves it where it is' {
            $socket = New-XskSocket $name -NoProgram
            (Get-XdpProgram $name).Id | Should -Be $program
            $before = Get-ReceivedCount $cable.Right
            Send-XskFrame $socket -Data (New-TestFrame)
            Get-ReceivedCount $cable.Right | Should -Be ($before + 1)
        }
    }

    Context 'by another process that has the module' {
        BeforeEach {
            $other = Start-Pwsh "`$s = New-XskSocket $name -WarningAction SilentlyContinue"
            $program = (Get-XdpProgram $name).Id
        }

        It 'joins its program on another queue, and says so with -Verbose' {
            $socket, $verbose = New-XskSocket $name -QueueId 1 -Verbose -WarningAction SilentlyContinue 4>&1 | Sort-Object { $_ -is [Management.Automation.VerboseRecord] }
            $socket.JoinedProgram | Should -BeTrue
            $socket.ProgramId | Should -Be $program
            (Get-XdpProgram $name).Id | Should -Be $program
            "$verbose" | Should -Match "joined the XDP program \(id $program\)"
            $sender = New-XskSocket $cable.Right -QueueId 1 -NoProgram
            Send-XskFrame $sender -Data (New-TestFrame)
            $socket | Receive-XskPacket -Count 1 -TimeoutSeconds 5 | Should -HaveCount 1
        }

        It 'goes on receiving when that process is killed, and takes the program along when it closes' {
            $socket = New-XskSocket $name -QueueId 1 -WarningAction SilentlyContinue
            Stop-Program $other -Signal KILL
            $sender = New-XskSocket $cable.Right -QueueId 1 -NoProgram
            Send-XskFrame $sender -Data (New-TestFrame)
            $socket | Receive-XskPacket -Count 1 -TimeoutSeconds 3 | Should -HaveCount 1
            (Get-XdpProgram $name).Id | Should -Be $program
            $socket | Remove-XskSocket
            Wait-Until { (Get-XdpProgram $name).Id -eq 0 } | Should -BeTrue
        }

        It 'names the queue that the other process holds' {
            { New-XskSocket $name -ErrorAction Stop } | Should -Throw -ErrorId "QueueBusy,$command" -ExpectedMessage "*queue 0 of $name*"
            (Get-XdpProgram $name).Id | Should -Be $program
        }

        It 'cannot join it in another mode' {
            New-XskSocket $name -QueueId 1 -AttachMode Generic -ErrorAction SilentlyContinue -ErrorVariable failures
            $failures.FullyQualifiedErrorId | Should -Be "ProgramAttached,$command"
            $failures.Exception.Message | Should -Match 'native mode.*-AttachMode Generic'
        }
    }
}
