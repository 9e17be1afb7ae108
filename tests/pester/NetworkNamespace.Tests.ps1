BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule

    function Complete { param([string] $Line) (TabExpansion2 -inputScript $Line -cursorColumn $Line.Length).CompletionMatches }
}

Describe '-NetworkNamespace of what does not exist' -Tag Unit {
    It 'is ObjectNotFound for <Command> and <Place>' -ForEach @(
        foreach ($command in 'New-XskSocket', 'Receive-XskPacket -InterfaceName', 'Get-XskSocket', 'Get-XdpInterface', 'Get-XdpProgram', 'Test-XdpInterface') {
            foreach ($place in 'nosuch-namespace', '/proc/1/ns/nosuch', '/proc/1/ns/mnt', '/proc/self/ns/uts', '/etc/passwd', '../x') { @{ Command = $command; Place = $place } }
        }
    ) {
        $failures = $null
        Invoke-Expression "$Command lo -NetworkNamespace '$Place' -ErrorAction SilentlyContinue -ErrorVariable failures" | Should -BeNullOrEmpty
        $failures.FullyQualifiedErrorId | Should -BeLike 'NamespaceNotFound,XdpPS.Commands.*'
        $failures.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failures.Exception.Message | Should -Match ([regex]::Escape($Place))
    }

    It 'is refused when it is empty: <_>' -ForEach "''", '$null' {
        { Invoke-Expression "New-XskSocket lo -NetworkNamespace $_" } | Should -Throw -ErrorId 'NamespaceNotFound,*' -ExpectedMessage '*is empty*'
    }
}

Describe "-NetworkNamespace$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $lab = New-TestNamespace -Queues 2
        $other = New-TestNamespace -Queues 2
        $own = [IO.FileInfo]::new('/proc/self/ns/net').LinkTarget
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        Remove-TestNamespace $lab
        Remove-TestNamespace $other
    }

    It 'opens a socket in there, which sees what tcpdump sees, and leaves the session where it is' {
        $s = New-XskSocket va -NetworkNamespace $lab -AllQueues
        $s.NetworkNamespace | Should -Be $lab, $lab
        "$($s[0])" | Should -BeLike "va queue 0 in ${lab}: *"
        [IO.FileInfo]::new('/proc/self/ns/net').LinkTarget | Should -Be $own
        (ip -n $lab -json -details link show dev va | ConvertFrom-Json).xdp.prog.id | Should -Be $s[0].ProgramId

        $path = [IO.Path]::GetTempFileName()
        $tcpdump = Start-Program ip 'netns', 'exec', $lab, 'tcpdump', '-i', 'vb', '-w', $path, '-U', '--immediate-mode', '-Q', 'in', '-Z', 'root' -WaitFor 'listening on' -Stream Error
        try {
            $peer = New-XskSocket vb -NetworkNamespace $lab -NoProgram
            $frames = foreach ($i in 1..5) { , (New-TestFrame -Length (60 + $i) -Seed $i) }
            $frames | Send-XskFrame $peer
            $packets = $s | Receive-XskPacket -Count 5 -TimeoutSeconds 5
            $packets | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be ($frames | ForEach-Object { ConvertTo-Hex $_ })
            $packets.NetworkNamespace | Select-Object -Unique | Should -Be $lab
            $frames[0..2] | Send-XskFrame $s[0]
            $null = Wait-Until { @(Read-Pcap $path).Count -ge 3 }
            Read-Pcap $path | Should -Be ($frames[0..2] | ForEach-Object { ConvertTo-Hex $_ })
            ($s | Get-XskRingStats).NetworkNamespace | Should -Be $lab, $lab
        }
        finally {
            Stop-Program $tcpdump -Signal INT
            Remove-Item -LiteralPath $path
        }

        $s | Remove-XskSocket
        (ip -n $lab -json -details link show dev va | ConvertFrom-Json).PSObject.Properties['xdp'] | Should -BeNullOrEmpty
    }

    It 'takes the path of a process in there' {
        $sleep = Start-Program ip 'netns', 'exec', $lab, 'sh', '-c', 'echo in; exec sleep 60' -WaitFor in
        try {
            (New-XskSocket va -NetworkNamespace "/proc/$($sleep.Id)/ns/net" -AllQueues)[0].NetworkNamespace | Should -Be "/proc/$($sleep.Id)/ns/net"
            # The same place by another name.
            (Get-XskSocket va -NetworkNamespace $lab)[1].NetworkNamespace | Should -Be "/proc/$($sleep.Id)/ns/net"
        }
        finally {
            Stop-Program $sleep -Signal KILL
        }
    }

    It 'keeps interfaces of the same name apart' {
        $a = New-XskSocket va -NetworkNamespace $lab -WarningAction SilentlyContinue
        $b = New-XskSocket va -NetworkNamespace $other -WarningAction SilentlyContinue
        $a.ProgramId | Should -Not -Be $b.ProgramId
        Get-XskSocket va | Should -Be $a, $b
        Get-XskSocket -NetworkNamespace $other | Should -Be $b
        Get-XskSocket va -NetworkNamespace $lab | Should -Be $a
        $b | Remove-XskSocket
        Get-XskSocket va -NetworkNamespace $other -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
        $failures.FullyQualifiedErrorId | Should -Be 'SocketNotFound,XdpPS.Commands.GetXskSocketCommand'
        $failures.Exception.Message | Should -Match "'va' in network namespace '$other'; none is open; New-XskSocket va -NetworkNamespace $other opens one"
    }

    It 'warns of the queues of that interface and proposes what works from outside' {
        $null = New-XskSocket vb -NetworkNamespace $other -WarningAction SilentlyContinue -WarningVariable warnings
        "$warnings" | Should -Match "vb has 2 receive queues.*queue 1.*-AllQueues, or run 'ip netns exec $other ethtool -L vb rx 1'"
    }

    It 'receives from all queues of an interface in there, and lets go of it' {
        $receive = Start-Pipeline { param($lab) Receive-XskPacket -InterfaceName va -NetworkNamespace $lab -Count 2 -TimeoutSeconds 10 } $lab
        try {
            $null = Wait-Until { (ip -n $lab -json -details link show dev va | ConvertFrom-Json).PSObject.Properties['xdp'] }
            foreach ($queue in 0, 1) {
                $peer = New-XskSocket vb -NetworkNamespace $lab -NoProgram -QueueId $queue
                , (New-TestFrame -Seed $queue) | Send-XskFrame $peer
            }
            Wait-Pipeline $receive | Should -BeNullOrEmpty
            $receive.Output.QueueId | Sort-Object | Should -Be 0, 1
        }
        finally {
            Close-Pipeline $receive
        }

        (ip -n $lab -json -details link show dev va | ConvertFrom-Json).PSObject.Properties['xdp'] | Should -BeNullOrEmpty
    }

    It 'names the namespace when the interface is not in it' {
        New-XskSocket nosuch0 -NetworkNamespace $lab -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.Exception.Message | Should -Match "no interface named 'nosuch0' in network namespace '$lab'.*\bva\b.*ip netns exec $lab ip link"
    }

    It 'lists the interfaces in there with the sockets on them, and opens one that comes through the pipeline' {
        (Get-XdpInterface -NetworkNamespace $lab).Name | Should -Be ((ip -n $lab -json link show | ConvertFrom-Json).ifname)
        $s = Get-XdpInterface va -NetworkNamespace $lab | New-XskSocket -AllQueues
        $s.NetworkNamespace | Should -Be $lab, $lab
        $nic = Get-XdpInterface v* -NetworkNamespace $lab
        ($nic | Where-Object Name -EQ va).Sockets.QueueId | Should -Be 0, 1
        ($nic | Where-Object Name -EQ va).XdpProgramName | Should -Be 'xdpps_redirect'
        ($nic | Where-Object Name -EQ va).SpeedMbps | Should -Be ((ip netns exec $lab ethtool va | Select-String 'Speed: (\d+)').Matches.Groups[1].Value)
        ($nic | Where-Object Name -EQ vb).Sockets | Should -BeNullOrEmpty
        (Get-XdpInterface va -NetworkNamespace $other).Sockets | Should -BeNullOrEmpty
        $nic | Get-XskSocket -ErrorAction Ignore | Should -Be $s
        # One of the session's own namespace comes without a name.
        Get-XdpInterface lo | New-XskSocket -Force -WhatIf | Should -BeNullOrEmpty
    }

    It 'shows the programs in there, and what stands in the way' {
        $object = New-XdpObjectFile
        try {
            $null = Invoke-Native ip -n $other link set va xdp object $object section xdp
            $program = Get-XdpProgram -NetworkNamespace $other
            $program.Id | Should -Be ((ip -n $other -json -details link show dev va | ConvertFrom-Json).xdp.prog.id)
            $program.NetworkNamespace | Should -Be $other
            Get-XdpProgram va -NetworkNamespace $lab | Should -BeNullOrEmpty
            New-XskSocket va -NetworkNamespace $other -ErrorAction SilentlyContinue -ErrorVariable failures
            $failures.FullyQualifiedErrorId | Should -BeLike 'ProgramAttached,*'
            # What the message proposes works from outside.
            $remedy = "ip netns exec $other ip link set dev va xdp off"
            $failures.Exception.Message | Should -Match "'$remedy'"
            Invoke-Expression $remedy
            Get-XdpProgram va -NetworkNamespace $other | Should -BeNullOrEmpty
            $null = Invoke-Native ip -n $other link set va xdp object $object section xdp
            $s = New-XskSocket va -NetworkNamespace $other -AllQueues -Force -WarningAction SilentlyContinue -WarningVariable warnings
            $s.Count | Should -Be 2
            "$warnings" | Should -Match 'was detached to make way for ours'
        }
        finally {
            Remove-Item -LiteralPath $object
        }
    }

    It 'completes its names, and the interfaces and queues in there' {
        (Complete 'New-XskSocket -NetworkNamespace xdpps-pester-').CompletionText | Should -Contain $lab
        (Complete "New-XskSocket -NetworkNamespace $lab -InterfaceName v").CompletionText | Should -Be 'va', 'vb'
        (Complete "New-XskSocket va -NetworkNamespace $lab -QueueId ").CompletionText | Should -Be '0', '1'
        (Complete "Receive-XskPacket -NetworkNamespace $lab -InterfaceName v").CompletionText | Should -Be 'va', 'vb'
        Complete 'New-XskSocket -NetworkNamespace nosuch -InterfaceName v' | Where-Object ResultType -EQ 'ParameterValue' | Should -BeNullOrEmpty
    }

    It 'ends a waiting receive when the interface in there is deleted' {
        ip -n $other link add vc type veth peer name vd
        $s = New-XskSocket vc -NetworkNamespace $other -WarningAction SilentlyContinue
        $receive = Start-Pipeline { param($s) $s | Receive-XskPacket } $s
        try {
            Start-Sleep -Milliseconds 300
            $null = Invoke-Native ip -n $other link delete vc
            (Wait-Pipeline $receive).FullyQualifiedErrorId | Should -BeLike 'InterfaceGone,*'
        }
        finally {
            Close-Pipeline $receive
        }
    }
}
