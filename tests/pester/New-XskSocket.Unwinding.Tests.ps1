BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program prlimit
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
}

Describe "An open that fails at any of its steps$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        # Another process opens a socket for every line that it reads, so that we can take its descriptors from it.
        $loop = @"
            `$name = '$($cable.Left)'
            New-XskSocket `$name | Remove-XskSocket
            New-XskSocket nosuch0 -ErrorAction SilentlyContinue
            'READY'
            while ([Console]::In.ReadLine()) {
                `$failures = `$null
                `$socket = New-XskSocket `$name -ErrorAction SilentlyContinue -ErrorVariable failures
                if (`$socket) { `$socket | Remove-XskSocket; 'opened' }
                else { [Console]::Out.WriteLine("`$(`$failures[0].FullyQualifiedErrorId) `$(`$failures[0].CategoryInfo.Category)") }
            }
"@
        $child = Start-Pwsh $loop

        function Get-DescriptorNumber { @(Get-ChildItem -LiteralPath "/proc/$($child.Id)/fd").Name | ForEach-Object { [int]$_ } }

        # Leaves the process room for so many more descriptors.
        function Open-WithRoomFor {
            param([int] $Room)
            $used = Get-DescriptorNumber
            $free = 0..1023 | Where-Object { $_ -notin $used }
            $null = Invoke-Native prlimit --pid $child.Id "--nofile=$($free[$Room]):"
            $child.StandardInput.WriteLine('go')
            $line = $child.StandardOutput.ReadLineAsync()
            if (-not $line.Wait(10000)) { throw 'The process did not answer.' }
            return $line.Result
        }
    }

    AfterAll {
        Stop-Program $child -Signal KILL
        Remove-TestCable $cable
    }

    It 'leaves no descriptor and no program behind, and says what is missing' {
        Open-WithRoomFor 100 | Should -Be 'opened'
        # The kernel lets go of the last of them a little later.
        Start-Sleep -Milliseconds 200
        $before = Get-DescriptorNumber
        $answers = foreach ($room in 0..20) {
            $answer = Open-WithRoomFor $room
            Get-DescriptorNumber | Should -Be $before -Because "with room for $room the answer was $answer"
            (Get-AttachedProgram $cable.Left).Id | Should -Be 0
            $answer
            if ($answer -eq 'opened') { break }
        }
        $answers[-1] | Should -Be 'opened'
        $answers.Count | Should -BeGreaterThan 3
        $failures = $answers | Where-Object { $_ -ne 'opened' } | Select-Object -Unique
        $failures | Should -Not -Match 'NotSpecified'
        $failures | Should -Contain 'OutOfDescriptors,XdpPS.Commands.NewXskSocketCommand ResourceUnavailable'
    }
}
