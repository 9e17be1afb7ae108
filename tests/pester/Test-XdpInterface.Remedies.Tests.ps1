# Each check of an interface with something that makes its verdict good and something that makes it bad; what it advises is
# done, and then it is content. What takes a NIC is in Test-XdpInterface.Card.Tests.ps1.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program ethtool, bpftool
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-Module "$PSScriptRoot/InterfaceChecks.psm1"
    Import-BuiltModule
}

Describe "What Test-XdpInterface advises$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable -Queues 2
        $left, $right = $cable.Left, $cable.Right
        $bridge = "xpb$PID"
        $null = Invoke-Native ip link add $bridge up type bridge
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        Remove-TestCable $cable
        ip link delete $bridge
    }

    It 'fails Link while the interface or its peer is down, and each remedy brings it up' {
        (Get-Check $left Link).Status | Should -Be 'Pass'
        foreach ($end in $left, $right) {
            $null = Invoke-Native ip link set $end down
            $check = Get-Check $left Link
            $check.Status | Should -Be 'Fail'
            $check.Remedy | Should -Be "ip link set $end up"
            Invoke-Remedy $check
            $null = Wait-Until { (Get-Link $left).operstate -eq 'UP' }
            (Get-Check $left Link).Status | Should -Be 'Pass'
        }
    }

    It 'warns of NativeXdp where a veth has too few queues for it, as the kernel refuses a program there, and the remedy gives them' {
        $object = New-XdpObjectFile
        try {
            (Get-Check $left NativeXdp).Status | Should -Be 'Pass'
            $null = Invoke-Native ethtool -L $left rx 1
            ip link set $left xdpdrv object $object section xdp 2>$null
            $LASTEXITCODE | Should -Not -Be 0
            $check = Get-Check $left NativeXdp
            $check.Status | Should -Be 'Warn'
            $check.Detail | Should -Match "$left has 1 to the 2 of $right"
            Invoke-Remedy $check
            (Get-Check $left NativeXdp).Status | Should -Be 'Pass'
            $null = Invoke-Native ip link set $left xdpdrv object $object section xdp
        }
        finally {
            ip link set $left xdp off
            Remove-Item -LiteralPath $object
        }

        (Get-Check $bridge NativeXdp).Status | Should -Be 'Warn'
    }

    It 'warns of ZeroCopy on a veth, which refuses it' {
        (Get-Check $left ZeroCopy).Status | Should -Be 'Warn'
        { New-XskSocket $left -BindMode ZeroCopy -ErrorAction Stop } | Should -Throw -ErrorId 'ZeroCopyNotSupported,*'
    }

    It 'fails AttachedProgram with a program of another, whatever the mode, and the remedy takes it off' -ForEach @(
        @{ How = 'xdp' }
        @{ How = 'xdpgeneric' }
    ) {
        (Get-Check $left AttachedProgram).Detail | Should -Be 'no XDP program is attached'
        $object = New-XdpObjectFile
        try {
            $null = Invoke-Native ip link set $left $How object $object section xdp
        }
        finally {
            Remove-Item -LiteralPath $object
        }

        $check = Get-Check $left AttachedProgram
        $check.Status | Should -Be 'Fail'
        $check.Detail | Should -Match "^program $((Get-AttachedProgram $left).Id) 'pass'"
        { New-XskSocket $left -ErrorAction Stop } | Should -Throw -ErrorId 'ProgramAttached,*'
        Test-XdpInterface $left, $right -Quiet | Should -BeFalse
        Invoke-Remedy $check
        (Get-Check $left AttachedProgram).Status | Should -Be 'Pass'
        Test-XdpInterface $left, $right -Quiet | Should -BeTrue
    }

    It 'passes AttachedProgram with a program of ours, and warns of one that is joined, until its link is detached' {
        $own = New-XskSocket $left -WarningAction SilentlyContinue
        (Get-Check $left AttachedProgram).Detail | Should -Be "program $($own.ProgramId), native mode, of this session's sockets"
        $own | Remove-XskSocket
        $other = Start-Pwsh -Script "`$s = New-XskSocket $left -WarningAction SilentlyContinue"
        try {
            $check = Get-Check $left AttachedProgram
            $check.Status | Should -Be 'Warn'
            $check.Detail | Should -Match "^program $((Get-AttachedProgram $left).Id) 'xdpps_redirect', native mode, of \w+ \($($other.Id)\): a socket joins it"
            $joined = New-XskSocket $left -QueueId 1 -WarningAction SilentlyContinue
            (Get-Check $left AttachedProgram).Status | Should -Be 'Pass'
            $joined | Remove-XskSocket
            Invoke-Remedy $check
            (Get-Check $left AttachedProgram).Status | Should -Be 'Pass'
        }
        finally {
            Stop-Program $other -Signal KILL
        }
    }

    It 'warns of Queues without a socket, and of Rss where the driver does not tell, until the remedy has opened them' {
        $check = Get-Check $left Queues
        $check.Status | Should -Be 'Warn'
        $check.Detail | Should -BeLike '2 receive queues and no socket*'
        $rss = Get-Check $left Rss
        $rss.Status | Should -Be 'Unknown'
        $rss.Detail | Should -Be 'veth does not tell how it spreads packets over its 2 queues'
        { Invoke-Native ethtool -x $left } | Should -Throw
        $null = New-XskSocket $left -WarningAction SilentlyContinue
        $half = Get-Check $left Queues
        $half.Detail | Should -Be '2 receive queues, 1 with a socket: what arrives on queue 1 goes to the kernel'
        $null = Invoke-Remedy $half
        (Get-Check $left Queues).Status, (Get-Check $left Rss).Status | Should -Be 'Pass', 'Pass'
        Get-XskSocket | Remove-XskSocket
        $null = Invoke-Remedy $check
        (Get-Check $left Queues).Status | Should -Be 'Pass'
        (Get-Check $bridge Queues).Status, (Get-Check $bridge Rss).Status | Should -Be 'Pass', 'Pass'
    }

    It 'has nothing against GRO on the interface itself, where a native program comes before it and a generic one ends it' {
        $null = Invoke-Native ethtool -K $left gro on
        (Get-Check $left Offloads).Detail | Should -Be 'LRO is off, GRO on, which comes after a native program'
        $generic = New-XskSocket $left -AttachMode Generic -WarningAction SilentlyContinue
        try {
            # What the other end does not segment is another matter.
            $check = Get-Check $left Offloads
            $check.Status | Should -Be 'Warn'
            $check.Detail | Should -Be "in generic mode packets that $right has left unsegmented (TSO, GSO) come to a socket on $left merged, or, where they are longer than a frame, not at all"
            Invoke-Remedy $check
            $check = Get-Check $left Offloads
            $check.Status | Should -Be 'Pass'
            $check.Detail | Should -Be 'LRO is off, GRO on, which merges nothing while a program runs in generic mode'
        }
        finally {
            $generic | Remove-XskSocket
            $null = Invoke-Native ethtool -K $right tso on gso on tx-udp-segmentation on
        }
    }

    It 'warns of Offloads where GRO merges on a port of a bridge, until the remedy has switched it off there' {
        (Get-Check $bridge Offloads).Status | Should -Be 'Pass'
        $null = Invoke-Native ip link set $left master $bridge
        try {
            $null = Invoke-Native ethtool -K $left gro on
            $check = Get-Check $bridge Offloads
            $check.Status | Should -Be 'Warn'
            $check.Detail | Should -Be "in generic mode packets that GRO has merged on $left, or that $right has left unsegmented (TSO, GSO) come to a socket on $bridge merged, or, where they are longer than a frame, not at all"
            Invoke-Remedy $check
            (ethtool -k $left) -match '^generic-receive-offload: off' | Should -Not -BeNullOrEmpty
            (Get-Check $bridge Offloads).Status | Should -Be 'Pass'
        }
        finally {
            $null = Invoke-Native ip link set $left nomaster
            $null = Invoke-Native ethtool -K $right tso on gso on tx-udp-segmentation on
        }
    }

    It 'warns of an Mtu of <Mtu> where a packet is longer than <What>, and the remedy fits it' -ForEach @(
        @{ Mtu = 1779; What = 'a default frame'; Options = @{} }
        @{ Mtu = 3827; What = 'a frame of 4096 bytes'; Options = @{ FrameSize = 4096 } }
    ) {
        try {
            $null = Invoke-Native ip link set $left mtu ($Mtu - 1)
            if ($Options.Count) { $socket = New-XskSocket $left @Options -WarningAction SilentlyContinue }
            (Get-Check $left Mtu).Status | Should -Be 'Pass'
            if ($Options.Count) { $socket | Remove-XskSocket }
            $null = Invoke-Native ip link set $left mtu $Mtu
            if ($Options.Count) { $socket = New-XskSocket $left @Options -AttachMode Generic -WarningAction SilentlyContinue }
            $check = Get-Check $left Mtu
            $check.Status | Should -Be 'Warn'
            $check.Detail | Should -Match "MTU of $Mtu, but a packet in a \d+-byte frame can have $($Mtu + 13) bytes"
            Invoke-Remedy $check
            (Get-Link $left).mtu | Should -Be ($Mtu - 1)
            (Get-Check $left Mtu).Status | Should -Be 'Pass'
        }
        finally {
            $null = Invoke-Native ip link set $left mtu 1500
        }
    }

    It 'warns of VlanOffload while the peer of a veth leaves tags out, and the remedy has them put in' {
        $check = Get-Check $left VlanOffload
        $check.Status | Should -Be 'Warn'
        $check.Remedy | Should -Be "ethtool -K $right txvlan off"
        Invoke-Remedy $check
        (Get-Check $left VlanOffload).Status | Should -Be 'Pass'
        $null = Invoke-Native ethtool -K $right txvlan on
        (Get-Check $left VlanOffload).Status | Should -Be 'Warn'
        (Get-Check $bridge VlanOffload).Status | Should -Be 'Pass'
    }

    It 'says right of VlanOffload what a socket sees of a VLAN''s frames' {
        $vlan = "xpv$PID"
        ip link add link $right name $vlan address 02:00:00:00:00:09 up type vlan id 5 2>$null
        if ($LASTEXITCODE -ne 0) { Set-ItResult -Skipped -Because 'needs the kernel''s 8021q'; return }
        $socket = New-XskSocket $left -WarningAction SilentlyContinue
        $sender = New-XskSocket $vlan -NoProgram -WarningAction SilentlyContinue
        foreach ($state in 'on', 'off') {
            $null = Invoke-Native ethtool -K $right txvlan $state
            Send-XskFrame $sender -Data (New-TestFrame -Length 100)
            $seen = Receive-XskPacket $socket -Count 1 -TimeoutSeconds 5
            $seen.Vlan | Should -Be ($state -eq 'off' ? 5 : $null)
            (Get-Check $left VlanOffload).Status | Should -Be ($state -eq 'off' ? 'Pass' : 'Warn')
        }
        $sender | Remove-XskSocket
        ip link delete $vlan
        $null = Invoke-Native ethtool -K $right txvlan on
    }
}
