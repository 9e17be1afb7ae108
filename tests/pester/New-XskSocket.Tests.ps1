BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.NewXskSocketCommand'
}

Describe 'New-XskSocket without a privilege' -Tag Unit {
    It 'has the parameter -<Name>' -ForEach @(
        @{ Name = 'InterfaceName'; Type = 'String[]'; Aliases = 'ifAlias,ifName,Interface,InterfaceAlias,Name'; Position = '0'; ByValue = $true; ByProperty = $true; Mandatory = $true }
        @{ Name = 'NetworkNamespace'; Type = 'String'; ByProperty = $true }
        @{ Name = 'QueueId'; Type = 'Int32[]' }
        @{ Name = 'AllQueues'; Type = 'SwitchParameter' }
        @{ Name = 'ShareUmemWith'; Type = 'XskSocket' }
        @{ Name = 'Filter'; Type = 'String' }
        @{ Name = 'EtherType'; Type = 'UInt16[]' }
        @{ Name = 'IPProtocol'; Type = 'Byte[]' }
        @{ Name = 'Port'; Type = 'PortRange[]' }
        @{ Name = 'Address'; Type = 'IPNetwork[]' }
        @{ Name = 'Vlan'; Type = 'UInt16[]' }
        @{ Name = 'NotMatch'; Type = 'SwitchParameter' }
        @{ Name = 'KeepKernelTraffic'; Type = 'SwitchParameter' }
        @{ Name = 'AttachMode'; Type = 'XdpAttachMode' }
        @{ Name = 'BindMode'; Type = 'XskBindMode' }
        @{ Name = 'FrameSize'; Type = 'Int32' }
        @{ Name = 'FrameCount'; Type = 'Int32' }
        @{ Name = 'Headroom'; Type = 'Int32' }
        @{ Name = 'Unaligned'; Type = 'SwitchParameter' }
        @{ Name = 'MultiBuffer'; Type = 'SwitchParameter' }
        @{ Name = 'RxRingSize'; Type = 'Int32' }
        @{ Name = 'TxRingSize'; Type = 'Int32' }
        @{ Name = 'FillRingSize'; Type = 'Int32' }
        @{ Name = 'CompletionRingSize'; Type = 'Int32' }
        @{ Name = 'NoNeedWakeup'; Type = 'SwitchParameter' }
        @{ Name = 'BusyPoll'; Type = 'SwitchParameter' }
        @{ Name = 'BusyPollMicroseconds'; Type = 'Int32' }
        @{ Name = 'BusyPollBudget'; Type = 'Int32' }
        @{ Name = 'HugePage'; Type = 'SwitchParameter' }
        @{ Name = 'TxBudget'; Type = 'Int32' }
        @{ Name = 'NoArrivalTime'; Type = 'SwitchParameter' }
        @{ Name = 'NoProgram'; Type = 'SwitchParameter' }
        @{ Name = 'XskMapPath'; Type = 'String' }
        @{ Name = 'Force'; Type = 'SwitchParameter' }
    ) {
        $expected = @{ Aliases = ''; Position = ''; ByValue = $false; ByProperty = $false; Mandatory = $false } + @{}
        foreach ($key in 'Type', 'Aliases', 'Position', 'ByValue', 'ByProperty', 'Mandatory') {
            if ($_.ContainsKey($key)) { $expected[$key] = $_[$key] }
        }
        $fact = Get-ParameterFact New-XskSocket $Name
        foreach ($key in $expected.Keys) { $fact.$key | Should -Be $expected[$key] -Because "that is its $key" }
    }

    It 'reports an interface that does not exist, and goes on with the next' {
        $sockets = New-XskSocket 'nosuch0', 'nosuch1' -ErrorAction SilentlyContinue -ErrorVariable failures
        $sockets | Should -BeNullOrEmpty
        $failures.TargetObject | Should -Be 'nosuch0', 'nosuch1'
        $failures.FullyQualifiedErrorId | Should -Be "InterfaceNotFound,$command", "InterfaceNotFound,$command"
        $failures.CategoryInfo.Category | Should -Be 'ObjectNotFound', 'ObjectNotFound'
        $failures[0].Exception.Message | Should -Match "'nosuch0'.*it has .*\blo\b.*ip link"
    }

    It 'reports a queue that the interface does not have, with those that it has: <Queue>' -ForEach @(@{ Queue = -1 }, @{ Queue = 99 }) {
        New-XskSocket lo -QueueId $Queue -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -Be "QueueOutOfRange,$command"
        $failures.CategoryInfo.Category | Should -Be 'InvalidArgument'
        $failures.TargetObject | Should -Be 'lo'
        $failures.Exception.Message | Should -Match "no queue $Queue.*1 queue \(0\).*ethtool -l lo"
    }

    It 'refuses <Parameters.Keys> <Parameters.Values> as <Id> before any system call' -ForEach @(
        @{ Parameters = @{ FrameSize = 0 }; Id = 'FrameSizeInvalid' }
        @{ Parameters = @{ FrameSize = 1024 }; Id = 'FrameSizeInvalid' }
        @{ Parameters = @{ FrameSize = 3000 }; Id = 'FrameSizeInvalid' }
        @{ Parameters = @{ FrameSize = 131072 }; Id = 'FrameSizeInvalid' }
        @{ Parameters = @{ FrameSize = -2048 }; Id = 'FrameSizeInvalid' }
        @{ Parameters = @{ FrameCount = 1 }; Id = 'FrameCountInvalid' }
        @{ Parameters = @{ FrameCount = -5 }; Id = 'FrameCountInvalid' }
        @{ Parameters = @{ FrameCount = [int]::MaxValue }; Id = 'UmemTooLarge' }
        @{ Parameters = @{ Headroom = -1 }; Id = 'HeadroomInvalid' }
        @{ Parameters = @{ Headroom = 1792 }; Id = 'HeadroomInvalid' }
        @{ Parameters = @{ RxRingSize = 3 }; Id = 'RingSizeInvalid' }
        @{ Parameters = @{ RxRingSize = -2 }; Id = 'RingSizeInvalid' }
        @{ Parameters = @{ TxRingSize = 1000 }; Id = 'RingSizeInvalid' }
        @{ Parameters = @{ TxRingSize = 268435456 }; Id = 'RingSizeInvalid' }
        @{ Parameters = @{ FillRingSize = 0 }; Id = 'RingSizeInvalid' }
        @{ Parameters = @{ CompletionRingSize = 0 }; Id = 'RingSizeInvalid' }
        @{ Parameters = @{ TxBudget = 31 }; Id = 'TxBudgetInvalid' }
        @{ Parameters = @{ TxBudget = 2049 }; Id = 'TxBudgetInvalid' }
    ) {
        New-XskSocket lo @Parameters -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -Be "$Id,$command"
        $failures.CategoryInfo.Category | Should -Be 'InvalidArgument'
        $failures.Exception.Message | Should -Match ([regex]::Escape("$($Parameters.Values)"))
        $failures.Exception.Message | Should -Match '; use .*-(FrameSize|FrameCount|Headroom|TxBudget|\w+RingSize)\b'
        $failures.Exception.Message | Should -Not -Match "`n"
    }

    It 'refuses a socket without RX and without TX ring' {
        { New-XskSocket lo -RxRingSize 0 -TxRingSize 0 -ErrorAction Stop } | Should -Throw -ErrorId "RingSizeInvalid,$command"
    }

    It 'knows no attach mode <_>' -ForEach 'Offload', 'None', 'SKB' {
        { New-XskSocket lo -AttachMode $_ } | Should -Throw -ErrorId "CannotConvertArgumentNoMessage,$command"
    }

    It 'lists the bind modes when one is mistyped' {
        { New-XskSocket lo -BindMode Zero-Copy } | Should -Throw -ErrorId "CannotConvertArgumentNoMessage,$command" -ExpectedMessage '*Auto, Copy, ZeroCopy*'
    }

    It 'wants an interface name' {
        { New-XskSocket '' } | Should -Throw -ErrorId "ParameterArgumentValidationError,$command"
        { New-XskSocket $null } | Should -Throw -ErrorId "ParameterArgumentValidationError,$command"
    }

    It 'does nothing and returns nothing with -WhatIf' {
        New-XskSocket lo -WhatIf | Should -BeNullOrEmpty
        Get-XskSocket | Should -BeNullOrEmpty
    }
}

Describe "New-XskSocket$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable -Queues 2
        $name = $cable.Left
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
        Get-AttachedProgram $name | ForEach-Object Id | Should -Be 0 -Because 'no test leaves a program'
    }

    AfterAll {
        Remove-TestCable $cable
    }

    It 'opens a socket that says what was obtained' {
        $socket = New-XskSocket $name -WarningAction SilentlyContinue
        $link = Get-Link $name
        $socket | Should -BeOfType XdpPS.XskSocket
        $socket.InterfaceName | Should -Be $name
        $socket.InterfaceIndex | Should -Be $link.ifindex
        $socket.MacAddress.ToString() | Should -Be $link.address.Replace(':', '')
        $socket.Driver | Should -Be 'veth'
        $socket.QueueId | Should -Be 0
        $socket.State | Should -Be 'Open'
        $socket.ProgramId | Should -Be (Get-AttachedProgram $name).Id
        $socket.ProgramId | Should -BeGreaterThan 0
        "$($socket.AttachMode)" | Should -Be (Get-AttachedProgram $name).Mode
        "$($socket.BindMode)" | Should -Be 'Copy'
        $socket.NeedWakeup | Should -BeTrue
        "$socket" | Should -Be "$name queue 0: native XDP, copy, 8192 x 2048 B frames, rings 2048, driver veth"
    }

    It 'says it all on one line with -Verbose' {
        $verbose = New-XskSocket $name -QueueId 0 -Verbose 3>$null 4>&1 | Where-Object { $_ -is [Management.Automation.VerboseRecord] }
        "$($verbose[-1])" | Should -BeLike "$name queue 0: native XDP*"
    }

    It 'attaches by bpf_link, so that the kernel removes the program with the process' {
        $null = New-XskSocket $name -QueueId 0, 1
        Get-XdpLinkId $name | Should -HaveCount 1
    }

    It 'takes interface names from the pipeline' {
        $sockets = $cable.Left, $cable.Right | New-XskSocket -QueueId 0, 1
        $sockets.InterfaceName | Should -Be $cable.Left, $cable.Left, $cable.Right, $cable.Right
        $sockets.QueueId | Should -Be 0, 1, 0, 1
    }

    It 'binds the property <_> of pipeline objects' -ForEach 'InterfaceName', 'Interface', 'ifAlias', 'InterfaceAlias', 'ifName', 'Name' {
        ([pscustomobject]@{ $_ = $name } | New-XskSocket -QueueId 0, 1).InterfaceName | Should -Be $name, $name
    }

    It 'accepts -<_> as a name of the parameter' -ForEach 'Interface', 'ifAlias', 'InterfaceAlias', 'ifName', 'Name' {
        $arguments = @{ $_ = $name; WhatIf = $true }
        { New-XskSocket @arguments } | Should -Not -Throw
    }

    It 'opens a queue that is named twice once' {
        New-XskSocket $name -QueueId 1, 1, 0 | ForEach-Object QueueId | Should -Be 1, 0
    }

    It 'opens all queues or none: one that does not exist' {
        New-XskSocket $name -QueueId 0, 1, 7 -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
        $failures.FullyQualifiedErrorId | Should -Be "QueueOutOfRange,$command"
        $failures.Exception.Message | Should -Match 'no queue 7.*2 queues \(0-1\)'
        Get-XskSocket | Should -BeNullOrEmpty
        (Get-AttachedProgram $name).Id | Should -Be 0
    }

    It 'opens all queues or none: one that is taken, whose holder stays open' {
        $held = New-XskSocket $name -QueueId 1 -WarningAction SilentlyContinue
        New-XskSocket $name -QueueId 0, 1 -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
        $failures.FullyQualifiedErrorId | Should -Be "QueueBusy,$command"
        $failures.CategoryInfo.Category | Should -Be 'ResourceBusy'
        $failures.Exception.Message | Should -Match 'held by this session.*see Get-XskSocket.*Remove-XskSocket.*EBUSY'
        Get-XskSocket | Should -Be $held
        $held.State | Should -Be 'Open'
    }

    It 'goes on with the next interface after one that failed' {
        $sockets = $cable.Left, 'nosuch0', $cable.Right | New-XskSocket -QueueId 0, 1 -ErrorAction SilentlyContinue -ErrorVariable failures
        $sockets.Count | Should -Be 4
        $failures.TargetObject | Should -Be 'nosuch0'
    }

    It 'attaches in generic mode on demand, and warns of what that drops' {
        $socket = New-XskSocket $name -QueueId 0, 1 -AttachMode Generic -WarningVariable warnings -WarningAction SilentlyContinue
        (Get-AttachedProgram $name).Mode | Should -Be 'generic'
        "$($socket[0].AttachMode)" | Should -Be 'Generic'
        "$warnings" | Should -Match "generic mode packets that .* has left unsegmented .* come to a socket on $name merged, .*: run 'ethtool -K .* tso off gso off "
    }

    It 'attaches in native mode on demand, and then says nothing' {
        $null = New-XskSocket $name -QueueId 0, 1 -AttachMode Native -WarningVariable warnings
        (Get-AttachedProgram $name).Mode | Should -Be 'native'
        $warnings | Should -BeNullOrEmpty
    }

    It 'falls back to generic mode where the driver has no native one, and warns' {
        $socket = New-XskSocket lo -WarningVariable warnings -WarningAction SilentlyContinue
        (Get-AttachedProgram lo).Mode | Should -Be 'generic'
        "$($socket.AttachMode)" | Should -Be 'Generic'
        "$($warnings[0])" | Should -Match 'Native XDP is not possible on lo.*Generic mode is used, which is slower'
    }

    It 'fails with -AttachMode Native where the driver has no native mode' {
        New-XskSocket lo -AttachMode Native -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -Be "NativeModeNotSupported,$command"
        $failures.CategoryInfo.Category | Should -Be 'NotImplemented'
        $failures.Exception.Message | Should -Match '-AttachMode Auto or Generic'
        (Get-AttachedProgram lo).Id | Should -Be 0
    }

    It 'fails with -BindMode ZeroCopy where the driver only copies, and leaves nothing' {
        New-XskSocket $name -BindMode ZeroCopy -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -Be "ZeroCopyNotSupported,$command"
        $failures.CategoryInfo.Category | Should -Be 'NotImplemented'
        $failures.Exception.Message | Should -Match '-BindMode Copy or Auto.*XDP_ZEROCOPY.*EOPNOTSUPP'
        (Get-AttachedProgram $name).Id | Should -Be 0
    }

    It 'binds in copy mode with -BindMode Copy' {
        "$((New-XskSocket $name -QueueId 0, 1 -BindMode Copy)[0].BindMode)" | Should -Be 'Copy'
    }

    It 'makes the packet memory and the rings as large as it is told' {
        $sizes = @{ FrameSize = 4096; FrameCount = 600; Headroom = 64; RxRingSize = 64; TxRingSize = 128; FillRingSize = 256; CompletionRingSize = 512 }
        $before = (Get-Residue)
        $socket = (New-XskSocket $name -QueueId 0, 1 @sizes)[0]
        foreach ($key in $sizes.Keys) { $socket.$key | Should -Be $sizes[$key] }
        "$socket" | Should -BeLike '*600 x 4096 B frames, rings RX 64 TX 128 FILL 256 COMPLETION 512*'
        # The kernel's rings are mapped pages of the descriptor: RX 64 x 16 bytes and so on, each with its header.
        $rings = $socket | Get-XskRingStats
        $rings.Rx.Size, $rings.Tx.Size, $rings.Fill.Size, $rings.Completion.Size | Should -Be 64, 128, 256, 512
        Get-Residue | Should -Not -Be $before
    }

    It 'lets FILL and COMPLETION grow with RX and TX' {
        $socket = New-XskSocket $name -RxRingSize 4096 -TxRingSize 8192 -WarningAction SilentlyContinue
        $socket.FillRingSize, $socket.CompletionRingSize | Should -Be 4096, 8192
    }

    It 'binds without need-wakeup with -NoNeedWakeup, and still sends' {
        $socket = New-XskSocket $name -NoNeedWakeup -WarningAction SilentlyContinue
        $socket.NeedWakeup | Should -BeFalse
        $before = Get-ReceivedCount $cable.Right
        Send-XskFrame $socket -Data (New-TestFrame)
        Get-ReceivedCount $cable.Right | Should -Be ($before + 1)
    }

    It 'takes no arrival time with -NoArrivalTime: <_>' -ForEach $true, $false {
        $socket = New-XskSocket $name -NoArrivalTime:$_ -WarningAction SilentlyContinue
        $socket.ArrivalTimes | Should -Be (-not $_)
        # The program itself is the witness.
        [bool]((bpftool prog dump xlated id $socket.ProgramId) -match 'ktime_get') | Should -Be (-not $_)
    }

    It 'leaves packets and program alone with -NoProgram, and still sends' {
        $socket = New-XskSocket $name -NoProgram -WarningVariable warnings
        (Get-AttachedProgram $name).Id | Should -Be 0
        "$($socket.AttachMode)", $socket.ProgramId | Should -Be 'None', 0
        "$socket" | Should -Match 'no XDP program'
        $before = Get-ReceivedCount $cable.Right
        Send-XskFrame $socket -Data (New-TestFrame)
        Get-ReceivedCount $cable.Right | Should -Be ($before + 1)
        $warnings | Should -BeNullOrEmpty
    }

    It 'opens nothing with -WhatIf' {
        New-XskSocket $name -WhatIf | Should -BeNullOrEmpty
        Get-XskSocket | Should -BeNullOrEmpty
        (Get-AttachedProgram $name).Id | Should -Be 0
    }

    It 'opens when -Confirm is answered with yes, and does not when it is answered with no' {
        $script = "New-XskSocket $name -QueueId 0, 1 -Confirm | Out-Null; 'open ' + @(Get-XskSocket).Count; New-XskSocket $name -QueueId 0, 1 -Confirm | Out-Null; 'open ' + @(Get-XskSocket).Count"
        $text = Invoke-Pwsh $script -InputLine 'n', 'y'
        $text | Where-Object { $_ -match '^open' } | Should -Be 'open 0', 'open 2'
        "$text" | Should -Match "take its packets from the\s+kernel.*$name queues 0, 1"
    }

    It 'names the queue that another process holds' {
        $other = Start-Pwsh "`$s = New-XskSocket $name -NoProgram"
        try {
            { New-XskSocket $name -NoProgram -ErrorAction Stop } | Should -Throw -ErrorId "QueueBusy,$command" -ExpectedMessage "*queue 0 of $name*"
        }
        finally {
            Stop-Program $other -Signal KILL
        }
    }

    It 'leaves no descriptor and no mapping behind when it fails' {
        $null = New-XskSocket $name -BindMode ZeroCopy -ErrorAction SilentlyContinue
        $before = Get-Residue
        foreach ($i in 1..5) {
            $null = New-XskSocket $name -BindMode ZeroCopy -ErrorAction SilentlyContinue
            $null = New-XskSocket $name -QueueId 0, 9 -ErrorAction SilentlyContinue
            $null = New-XskSocket lo -AttachMode Native -ErrorAction SilentlyContinue
        }
        Get-Residue | Should -Be $before
    }
}
