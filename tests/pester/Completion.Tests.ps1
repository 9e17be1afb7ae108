BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
    Import-BuiltModule
    $common = [Management.Automation.Cmdlet]::CommonParameters + [Management.Automation.Cmdlet]::OptionalCommonParameters
    $parameters = foreach ($command in Get-Command -Module XdpPS | Sort-Object Name) {
        $names = @($command.Parameters.Values | Where-Object { $_.Name -notin $common -and -not $_.SwitchParameter } | ForEach-Object Name | Sort-Object)
        if ($names) { @{ Command = $command.Name; Parameters = $names } }
    }
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

    It 'offers files for paths, and for nothing else: <Command>' -ForEach $parameters {
        Push-Location -LiteralPath (New-Item -ItemType Directory -Path "$TestDrive/$Command").FullName
        try {
            $null = New-Item -ItemType File -Path 'zz-file'
            foreach ($name in $Parameters) {
                $files = @(Complete "$Command -$name " | Where-Object ResultType -In 'ProviderItem', 'ProviderContainer')
                # Where a capture, a report, an expectation or a pinned map is.
                $files.Count -gt 0 | Should -Be ($name -cmatch 'Path$') -Because "-$name of $Command completes $(($files | ForEach-Object CompletionText) -join ', ')"
            }
        }
        finally {
            Pop-Location
        }
    }

    It 'knows usual values for <Line>' -ForEach @(
        @{ Line = 'New-XskSocket lo -FrameSize '; Values = '2048', '4096' }
        @{ Line = 'New-XskSocket lo -RxRingSize 4'; Values = '4096' }
        @{ Line = 'New-XskSocket lo -Port 5'; Values = '53', '514', '546', '547', '5353' }
        @{ Line = 'New-XskFrame -Udp -SourcePort 1,44'; Values = '443' }
        @{ Line = 'Edit-XskFrame -DifferentiatedServicesCodePoint 4'; Values = '40', '46', '48' }
        @{ Line = 'New-XskFrame -Vlan 1 -VlanPriority '; Values = '0', '1', '2', '3', '4', '5', '6', '7' }
    ) {
        (Complete $Line).CompletionText | Sort-Object | Should -Be ($Values | Sort-Object)
    }

    It 'knows what can stand at the end of an expression: <Typed>' -ForEach @(
        @{ Typed = "'udp p"; Values = "'udp port '" }
        @{ Typed = "'udp port 53 or ar"; Values = "'udp port 53 or arp'" }
        @{ Typed = "'not (tcp port 22 or icmp"; Values = "'not (tcp port 22 or icmp6'" }
        @{ Typed = 'ether'; Values = "'ether host '", "'ether proto '" }
    ) {
        (Complete "New-XskSocket lo -Filter $Typed").CompletionText | Should -Be $Values
        (Complete "Test-XskFilter $Typed").CompletionText | Should -Be $Values
    }

    It 'writes expressions that libpcap takes' {
        $texts = (Complete 'New-XskSocket lo -Filter ').CompletionText.Trim("'")
        $texts.Count | Should -BeGreaterThan 20
        $values = @{
            'port ' = '53'; 'tcp port ' = '80'; 'udp port ' = '53'; 'portrange ' = '1-9'; 'host ' = '192.0.2.1'; 'src host ' = '192.0.2.1'; 'dst host ' = '192.0.2.1'
            'net ' = '10.0.0.0/8'; 'ether host ' = '02:00:00:00:00:01'; 'ether proto ' = '0x88b5'; 'vlan ' = '5'; 'greater ' = '60'; 'less ' = '60'; 'not ' = 'arp'
        }
        foreach ($text in $texts) { { Test-XskFilter "$text$($values[$text])" -InputObject ('00' * 60) -ErrorAction Stop } | Should -Not -Throw -Because $text }
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

    It 'knows the hardware addresses of interfaces for a source, and of neighbours too' {
        $null = Invoke-Native ip address add 192.0.2.1/24 dev $cable.Left
        $null = Invoke-Native ip neighbour add 192.0.2.9 lladdr 02:00:00:00:77:09 dev $cable.Left nud permanent
        $own = (Complete 'New-XskFrame -SourceMac ').CompletionText
        $own | Should -Contain $cable.LeftMac
        $own | Should -Contain $cable.RightMac
        $own[-1] | Should -Be '02:00:00:00:77:09'
        $peers = @(Complete 'New-XskFrame -DestinationMac ')
        $peers[0].CompletionText, $peers[0].ToolTip | Should -Be '02:00:00:00:77:09', "192.0.2.9, a neighbour on $($cable.Left)"
        $peers[-1].CompletionText | Should -Be 'ff:ff:ff:ff:ff:ff'
        (Complete 'Invoke-XskForward -RewriteDestination 02:00:00:00:77').CompletionText | Should -Be '02:00:00:00:77:09'

        (Complete 'New-XskFrame -DestinationAddress ').CompletionText[0] | Should -Be '192.0.2.9'
        (Complete 'New-XskFrame -SourceAddress 192').CompletionText | Should -Be '192.0.2.1', '192.0.2.9'
        (Complete 'New-XskSocket lo -Address 192.0.2.9').ToolTip | Should -Match '02:00:00:00:77:09'
    }

    It 'knows open sockets, by their variables where they have one' {
        Complete 'Remove-XskSocket ' | Should -BeNullOrEmpty
        $global:xpeOne = New-XskSocket $cable.Left -QueueId 0 -RxRingSize 0 -NoProgram
        $null = New-XskSocket $cable.Left -QueueId 2 -RxRingSize 0 -NoProgram
        try {
            $found = @(Complete 'Send-XskFrame ')
            $found.ListItemText | Should -Be '$xpeOne', "$($cable.Left):2"
            $found[0].ToolTip | Should -Be "$global:xpeOne"
            ([scriptblock]::Create($found[1].CompletionText).Invoke()).QueueId | Should -Be 2
            (Complete 'Get-XskRingStats $xpe').CompletionText | Should -Be '$xpeOne'
            (Complete "New-XskSocket lo -ShareUmemWith $($cable.Left)").ListItemText | Should -Be "$($cable.Left):2"
        }
        finally {
            Get-XskSocket | Remove-XskSocket
            Remove-Variable -Name xpeOne -Scope Global
        }
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
