BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule

    function Complete { param([string] $Line) (TabExpansion2 -inputScript $Line -cursorColumn $Line.Length).CompletionMatches }
}

Describe 'Completion on any machine' -Tag Unit {
    It 'knows the loopback interface for <_>' -ForEach @(
        'New-XskSocket '
        'New-XskSocket l'
        'New-XskSocket -InterfaceName l'
        'New-XskSocket -Interface l'
        'New-XskSocket -Name L'
        "New-XskSocket 'l"
        'Get-XskSocket l'
        'Get-XdpInterface l'
        'Get-XdpProgram l'
        'Get-XdpInterface -ifName l'
        'Receive-XskPacket -InterfaceName l'
        'Receive-XskPacket -Count 1 -InterfaceName l'
    ) {
        $found = @(Complete $_ | Where-Object ListItemText -EQ 'lo')
        $found | Should -HaveCount 1
        $found[0].ResultType | Should -Be 'ParameterValue'
        $found[0].CompletionText.Trim("'") | Should -Be 'lo'
    }

    It 'says in the tooltip what the interface is' {
        (Complete 'New-XskSocket lo' | Where-Object ListItemText -EQ 'lo').ToolTip | Should -Match '\w+, 00:00:00:00:00:00, driver .+, 1 queue, MTU 65536'
    }

    It 'knows no interface of a name that does not exist: <_>' -ForEach 'nosuch', '[', '*', 'lo]' {
        Complete "New-XskSocket $_" | Where-Object ResultType -EQ 'ParameterValue' | Should -BeNullOrEmpty
    }

    It 'knows queue 0 of the loopback interface' {
        (Complete 'New-XskSocket lo -QueueId ').CompletionText | Should -Be '0'
    }

    It 'knows no queue without an interface' {
        Complete 'New-XskSocket -QueueId ' | Where-Object ResultType -EQ 'ParameterValue' | Should -BeNullOrEmpty
        Complete 'New-XskSocket nosuch0 -QueueId ' | Where-Object ResultType -EQ 'ParameterValue' | Should -BeNullOrEmpty
    }

    It 'knows the values of -<Parameter>' -ForEach @(
        @{ Parameter = 'AttachMode'; Values = 'Auto', 'Generic', 'Native' }
        @{ Parameter = 'BindMode'; Values = 'Auto', 'Copy', 'ZeroCopy' }
    ) {
        (Complete "New-XskSocket lo -$Parameter ").CompletionText | Sort-Object | Should -Be $Values
    }

    It 'knows the CPUs that this session may run on for <_>' -ForEach 'Receive-XskPacket -Cpu ', 'Send-XskFrame -Cpu ', 'Invoke-XskForward -Cpu ', 'Measure-XskPath -Cpu ', 'Start-XskReflector -Cpu ' {
        # Ranges such as 0-3,8.
        $allowed = (Get-Content -LiteralPath /proc/self/status | Select-String '^Cpus_allowed_list:\s*(\S+)').Matches.Groups[1].Value
        $numbers = $allowed -split ',' | ForEach-Object { $first, $last = $_ -split '-'; $first..($last ?? $first) }
        (Complete $_).CompletionText | Should -Be @($numbers)
    }

    It 'knows the names for <Line>' -ForEach @(
        @{ Line = 'New-XskSocket lo -EtherType l'; Names = 'LACP', 'LLDP'; Tip = '0x88cc' }
        @{ Line = 'New-XskSocket lo -EtherType ARP,ipv'; Names = 'IPv4', 'IPv6'; Tip = '0x86dd' }
        @{ Line = "Receive-XskPacket -InterfaceName lo -IPProtocol 'icm"; Names = 'ICMP', 'ICMPv6'; Tip = '58' }
        @{ Line = 'New-XskSocket lo -Vlan '; Names = 'Any'; Tip = 'tag' }
        @{ Line = 'Test-XskFilter -IPProtocol tc'; Names = 'TCP'; Tip = '6' }
    ) {
        $found = @(Complete $Line)
        $found.CompletionText | Should -Be $Names
        $found[-1].ToolTip | Should -Match $Tip
    }
}

Describe "Completion of interfaces$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable -Queues 3
    }

    AfterAll {
        Remove-TestCable $cable
    }

    It 'lists the interfaces of this network namespace that begin with what was typed' {
        (Complete "New-XskSocket $($cable.Left.Substring(0, $cable.Left.Length - 1))").CompletionText | Should -Be $cable.Left
        (Complete 'New-XskSocket xp').CompletionText | Should -Be (@($cable.Left, $cable.Right) | Sort-Object)
    }

    It 'says state, hardware address, driver, queues and MTU' {
        (Complete "New-XskSocket $($cable.Left)").ToolTip | Should -Be "up, $($cable.LeftMac), driver veth, 3 queues, MTU 1500"
    }

    It 'lists the queues of the interface that was typed' {
        (Complete "New-XskSocket $($cable.Left) -QueueId ").CompletionText | Should -Be '0', '1', '2'
        (Complete "New-XskSocket -BindMode Copy -Name $($cable.Left) -Force -QueueId ").CompletionText | Should -Be '0', '1', '2'
        (Complete "New-XskSocket -ifName '$($cable.Left)' -QueueId 1").CompletionText | Should -Be '1'
    }

    It 'quotes a name that has an apostrophe, so that the command finds it' {
        $odd = "xp'$PID"
        $null = Invoke-Native ip link add $odd type veth peer name "xpo$PID"
        try {
            $text = (Complete "New-XskSocket xp'" | Where-Object ListItemText -EQ $odd).CompletionText ?? (Complete 'New-XskSocket ' | Where-Object ListItemText -EQ $odd).CompletionText
            $text | Should -Be "'xp''$PID'"
            { [scriptblock]::Create("New-XskSocket $text -WhatIf").Invoke() } | Should -Not -Throw
        }
        finally {
            ip link delete $odd
        }
    }
}
