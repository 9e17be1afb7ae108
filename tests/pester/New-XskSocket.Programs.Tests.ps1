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
            $program = (Get-AttachedProgram $name).Id
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
            $failures.Exception.Message | Should -Match "\bid $program, name 'pass', tag [0-9a-f]{16}, native mode, attached by netlink, held by no process.*-Force.*ip link set dev $name xdp off"
            (Get-AttachedProgram $name).Id | Should -Be $program
            Get-XskSocket | Should -BeNullOrEmpty
            Get-Residue | Should -Be $before
        }

        It 'replaces it with -Force, and warns of what is gone' {
            $socket = New-XskSocket $name -Force -WarningVariable warnings -WarningAction SilentlyContinue
            "$warnings" | Should -Match "The XDP program on $name \(id $program, name 'pass', .*\) was detached"
            $socket.Warnings.Id | Should -Contain 'ProgramReplaced'
            $socket.JoinedProgram | Should -BeFalse
            (Get-AttachedProgram $name).Id | Should -Be $socket.ProgramId
            $sender = New-XskSocket $cable.Right -NoProgram
            Send-XskFrame $sender -Data (New-TestFrame)
            $socket | Receive-XskPacket -Count 1 -TimeoutSeconds 5 | Should -HaveCount 1
            $socket | Remove-XskSocket
            (Get-AttachedProgram $name).Id | Should -Be 0
        }

        It 'puts it back where -Force did not help' {
            New-XskSocket $name -Force -BindMode ZeroCopy -ErrorAction SilentlyContinue -ErrorVariable failures -WarningVariable warnings
            $failures.FullyQualifiedErrorId | Should -Be "ZeroCopyNotSupported,$command"
            $warnings | Should -BeNullOrEmpty
            (Get-AttachedProgram $name).Id | Should -Be $program
        }

        It 'opens once it was detached as the message says' {
            $null = Invoke-Native ip link set dev $name xdp off
            New-XskSocket $name -QueueId 0, 1 | Should -HaveCount 2
        }

        It 'opens with -NoProgram, and leaves it where it is' {
            $socket = New-XskSocket $name -NoProgram
            (Get-AttachedProgram $name).Id | Should -Be $program
            $before = Get-ReceivedCount $cable.Right
            Send-XskFrame $socket -Data (New-TestFrame)
            Get-ReceivedCount $cable.Right | Should -Be ($before + 1)
        }
    }

    Context 'by another process that has the module' {
        BeforeEach {
            $other = Start-Pwsh "`$s = New-XskSocket $name -WarningAction SilentlyContinue"
            $program = (Get-AttachedProgram $name).Id
        }

        It 'joins its program on another queue, and says so with -Verbose' {
            $socket, $verbose = New-XskSocket $name -QueueId 1 -Verbose -WarningAction SilentlyContinue 4>&1 | Sort-Object { $_ -is [Management.Automation.VerboseRecord] }
            $socket.JoinedProgram | Should -BeTrue
            $socket.ProgramId | Should -Be $program
            (Get-AttachedProgram $name).Id | Should -Be $program
            "$verbose" | Should -Match "joined the XDP program \(id $program\).*takes what one of this process would"
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
            (Get-AttachedProgram $name).Id | Should -Be $program
            $socket | Remove-XskSocket
            Wait-Until { (Get-AttachedProgram $name).Id -eq 0 } | Should -BeTrue
        }

        It 'warns where that process has a filter, and joins without a word where both have the same' {
            Stop-Program $other -Signal KILL
            Wait-Until { (Get-AttachedProgram $name).Id -eq 0 } | Should -BeTrue
            $other = Start-Pwsh "`$s = New-XskSocket $name -Filter 'less 80' -WarningAction SilentlyContinue"
            $socket = New-XskSocket $name -QueueId 1 -WarningAction SilentlyContinue -WarningVariable warnings
            "$warnings" | Should -Match "The XDP program on $name \(id \d+, name 'xdpps_redirect'\) was loaded by another process.*decides what arrives here"
            $socket | Remove-XskSocket
            New-XskSocket $name -QueueId 1 -Filter 'less 81' -ErrorAction SilentlyContinue -ErrorVariable failures
            $failures.FullyQualifiedErrorId | Should -Be "FilterConflict,$command"
            $failures.Exception.Message | Should -Match 'another filter or none.*give all sockets of an interface the same filter'
            $socket = New-XskSocket $name -QueueId 1 -Filter 'less 80' -WarningAction SilentlyContinue
            $socket.JoinedProgram, $socket.Filter | Should -Be $true, 'less 80'
            $socket.Warnings | Should -BeNullOrEmpty
            Stop-Program $other -Signal KILL
            $sender = New-XskSocket $cable.Right -QueueId 1 -NoProgram
            Send-XskFrame $sender -Data (New-TestFrame -Length 100)
            Send-XskFrame $sender -Data (New-TestFrame -Length 60)
            $socket | Receive-XskPacket -TimeoutSeconds 1 | ForEach-Object Length | Should -Be 60
        }

        It 'names the queue that the other process holds' {
            { New-XskSocket $name -ErrorAction Stop } | Should -Throw -ErrorId "QueueBusy,$command" -ExpectedMessage "*queue 0 of $name*"
            (Get-AttachedProgram $name).Id | Should -Be $program
        }

        It 'is not replaced with -Force, for a filter' {
            New-XskSocket $name -QueueId 1 -Filter arp -Force -ErrorAction SilentlyContinue -ErrorVariable failures
            $failures.FullyQualifiedErrorId | Should -Be "FilterConflict,$command"
            $failures.Exception.Message | Should -Match 'a bpf_link, which cannot be replaced'
            (Get-AttachedProgram $name).Id | Should -Be $program
        }

        It 'cannot join it in another mode' {
            New-XskSocket $name -QueueId 1 -AttachMode Generic -ErrorAction SilentlyContinue -ErrorVariable failures
            $failures.FullyQualifiedErrorId | Should -Be "ProgramAttached,$command"
            $failures.Exception.Message | Should -Match 'native mode.*-AttachMode Generic'
        }
    }

    Context 'with a map that is pinned' {
        BeforeEach {
            # The socket's program, and the map that it uses, as another tool would have left them.
            $folder = "/tmp/xdpps-$PID-bpf"
            $null = New-Item -ItemType Directory -Path $folder
            $null = Invoke-Native mount -t bpf bpf $folder
            $other = Start-Pwsh "`$s = New-XskSocket $name -QueueId 1 -WarningAction SilentlyContinue"
            $map = (bpftool --json prog show id (Get-AttachedProgram $name).Id | ConvertFrom-Json).map_ids[0]
            $null = Invoke-Native bpftool map pin id $map $folder/xsks
        }

        AfterEach {
            Set-Location $PSScriptRoot
            Get-XskSocket | Remove-XskSocket
            umount $folder
            Remove-Item -LiteralPath $folder
        }

        It 'puts the socket into the map of <Path>, and takes it out again' -ForEach @(
            @{ Path = 'an absolute path'; Relative = $false }
            @{ Path = 'a path relative to the session''s location'; Relative = $true }
        ) {
            Set-Location $folder
            $socket, $verbose = New-XskSocket $name -XskMapPath ($Relative ? './xsks' : "$folder/xsks") -Verbose 4>&1 | Sort-Object { $_ -is [Management.Automation.VerboseRecord] }
            $socket.XskMapPath | Should -Be "$folder/xsks"
            $socket.ProgramId, $socket.AttachMode, $socket.JoinedProgram | Should -Be 0, 'None', $false
            "$verbose" | Should -Match "slot 0 of the map $folder/xsks.*decides what arrives"
            { New-XskSocket $cable.Right -XskMapPath $folder/xsks -ErrorAction Stop } | Should -Throw -ErrorId "QueueBusy,$command"
            $sender = New-XskSocket $cable.Right -NoProgram
            Send-XskFrame $sender -Data (New-TestFrame)
            $packet = $socket | Receive-XskPacket -Count 1 -TimeoutSeconds 5
            ConvertTo-Hex $packet.Data | Should -Be (ConvertTo-Hex (New-TestFrame))
            $packet.TimestampSource | Should -Be 'Read'
            $socket | Remove-XskSocket
            # The slot is empty again: the program passes to the kernel what would have come here.
            $capture = Start-Capture $name
            Send-XskFrame $sender -Data (New-TestFrame -Seed 2)
            Stop-Capture $capture -Count 1 | Should -Be (ConvertTo-Hex (New-TestFrame -Seed 2))
            $sender | Remove-XskSocket
            New-XskSocket $name -XskMapPath $folder/xsks | Should -HaveCount 1
        }

        It 'refuses <What>' -ForEach @(
            @{ What = 'a path where nothing is'; Leaf = 'nothing'; More = @{}; Id = 'MapNotFound'; Category = 'ObjectNotFound' }
            @{ What = 'a map of another type'; Leaf = 'array'; More = @{}; Id = 'MapNotUsable'; Category = 'InvalidArgument' }
            @{ What = 'a filter'; Leaf = 'xsks'; More = @{ Filter = 'arp' }; Id = 'FilterConflict'; Category = 'InvalidArgument' }
        ) {
            $null = Invoke-Native bpftool map create $folder/array type array key 4 value 4 entries 1 name numbers
            New-XskSocket $name -XskMapPath $folder/$Leaf @More -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
            $failures.FullyQualifiedErrorId | Should -Be "$Id,$command"
            $failures.CategoryInfo.Category | Should -Be $Category
            $failures.Exception.Message | Should -Match "$folder/$Leaf"
            Remove-Item -LiteralPath $folder/array
        }
    }
}
