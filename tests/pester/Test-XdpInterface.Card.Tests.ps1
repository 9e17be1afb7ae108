# What Test-XdpInterface says of a NIC: its indirection table, interrupts, rings, zero-copy and VLAN offload. Runs in a
# virtual machine of tests/vm (XDPPS_VM), whose card eth0 is there for tests alone.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = $env:XDPPS_VM -and (Test-Path -LiteralPath /sys/class/net/eth0/device) ? (Get-SkipNote -Program ethtool) : ' [skipped: needs the network card of a virtual machine of tests/vm]'
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-Module "$PSScriptRoot/InterfaceChecks.psm1"
    Import-BuiltModule
    $card = 'eth0'

    # Whether ethtool does it here; a card that cannot is no reason to fail.
    function Test-Ethtool {
        $null = ethtool @args 2>&1
        return $LASTEXITCODE -eq 0
    }
}

Describe "Test-XdpInterface on a card$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $null = Invoke-Native ip link set $card up
        $null = Wait-Until { (Get-Link $card).operstate -eq 'UP' } -Seconds 10
        $queues = (Get-XdpInterface $card).MaxCombinedQueues
    }

    BeforeEach {
        $null = ethtool -L $card combined ([Math]::Min(2, $queues)) 2>&1
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        $null = ethtool -L $card combined 1 2>&1
    }

    It 'has something to say in every check' {
        $found = Test-XdpInterface $card
        $found | ForEach-Object { "$_" } | Out-Host
        $found | Should -HaveCount ([XdpPS.XdpInterfaceChecks]::Names.Count)
        ($found | Where-Object Name -EQ 'Link').Status | Should -Be 'Pass'
    }

    It 'says of NativeXdp and ZeroCopy what opening a socket finds' {
        # XDP needs a transmit queue for each CPU beside the others, which two of them leave no card here.
        $null = ethtool -L $card combined 1 2>&1
        foreach ($pair in @{ Name = 'NativeXdp'; Options = @{ AttachMode = 'Native'; BindMode = 'Copy' } }, @{ Name = 'ZeroCopy'; Options = @{ AttachMode = 'Native'; BindMode = 'ZeroCopy' } }) {
            $options = $pair.Options
            $check = Get-Check $card $pair.Name
            if ($check.Status -eq 'Unknown') {
                [version]((uname -r) -replace '^(\d+\.\d+).*', '$1') | Should -BeLessThan ([version]'6.3') -Because $check.Detail
                continue
            }

            $opened = New-XskSocket $card @options -ErrorAction SilentlyContinue -WarningAction SilentlyContinue
            $check.Status | Should -Be ($opened ? 'Pass' : 'Warn') -Because $check.Detail
            $opened | Remove-XskSocket
        }
    }

    It 'warns of ZeroCopy where the driver has it and a socket copies' {
        $null = ethtool -L $card combined 1 2>&1
        if (-not (Get-XdpInterface $card).SupportsZeroCopy) { Set-ItResult -Skipped -Because 'needs a driver with zero-copy'; return }
        # igb takes no smaller frames without copies.
        New-XskSocket $card -FrameSize 4096 -BindMode ZeroCopy -WarningAction SilentlyContinue | ForEach-Object {
            (Get-Check $card ZeroCopy).Status | Should -Be 'Pass'
            Remove-XskSocket $_
        }
        $null = New-XskSocket $card -FrameSize 4096 -BindMode Copy -WarningAction SilentlyContinue
        $check = Get-Check $card ZeroCopy
        $check.Status | Should -Be 'Warn'
        $check.Detail | Should -Match 'the socket on queue 0 copies$'
    }

    It 'reads the indirection table as ethtool does, warns of Rss where it leads past the sockets, and the remedy leads it there' {
        if (-not (Test-Ethtool -x $card) -or -not (Test-Ethtool -X $card equal 2)) { Set-ItResult -Skipped -Because 'needs a card with two queues and an indirection table'; return }
        $check = Get-Check $card Rss
        $check.Status | Should -Be 'Warn'
        $check.Detail | Should -BeLike '*50 % to queue 0, 50 % to queue 1: a socket on queue 0, the default, gets 50 % of it'
        $null = Invoke-Native ethtool -X $card weight 3 1
        (Get-Check $card Rss).Detail | Should -BeLike '*75 % to queue 0, 25 % to queue 1*'
        Invoke-Remedy $check
        (ethtool -x $card) -match '^\s+\d+:' -replace '^\s+\d+:' | ForEach-Object { -split $_ } | Sort-Object -Unique | Should -Be '0'
        (Get-Check $card Rss).Status | Should -Be 'Pass'
        # Two queues, and a socket on the one that gets nothing.
        $null = New-XskSocket $card -QueueId 1 -AttachMode Generic -BindMode Copy -WarningAction SilentlyContinue
        $other = Get-Check $card Rss
        $other.Status | Should -Be 'Warn'
        $other.Detail | Should -BeLike '*the socket on queue 1 gets 0 % of it'
        Invoke-Remedy $other
        (Get-Check $card Rss).Status | Should -Be 'Pass'
        $null = Invoke-Native ethtool -X $card equal 2
        (Get-Check $card Rss).Status | Should -Be 'Warn'
        $null = New-XskSocket $card -QueueId 0 -BindMode Copy -WarningAction SilentlyContinue
        (Get-Check $card Rss).Status | Should -Be 'Pass'
    }

    It 'warns of IrqPlacement while one CPU has all interrupts, and the remedy spreads them' {
        $names = Get-ChildItem -Path /proc/irq/*/* -Directory | Where-Object Name -Match "^$card-(TxRx|rx)-\d+$|^virtio\d+-input\.\d+$"
        # Those of this card, by its device.
        $own = (Get-ChildItem -LiteralPath "/sys/bus/pci/devices/$((Get-XdpInterface $card).BusAddress)/msi_irqs").Name
        $numbers = @($names | ForEach-Object { $_.Parent.Name } | Where-Object { $_ -in $own })
        if ($numbers.Count -lt 2) { Set-ItResult -Skipped -Because 'needs a card with an interrupt for each of two queues'; return }
        foreach ($number in $numbers) { [IO.File]::WriteAllText("/proc/irq/$number/smp_affinity_list", '0') }
        $check = Get-Check $card IrqPlacement
        $check.Status | Should -Be 'Warn' -Because $check.Detail
        $check.Detail | Should -Match "^$($numbers.Count) interrupts of queues \($(($numbers | Sort-Object { [int]$_ }) -join ', ')\) on CPU 0 alone, of 2"
        Invoke-Remedy $check
        $numbers | ForEach-Object { (Get-Content -LiteralPath "/proc/irq/$_/smp_affinity_list") } | Sort-Object -Unique | Should -Be '0', '1'
        (Get-Check $card IrqPlacement).Status | Should -Be 'Pass'
    }

    It 'warns of NicRings that are shorter than they could be, and the remedy lengthens them' {
        $check = Get-Check $card NicRings
        $lines = ethtool -g $card 2>$null
        if (-not $lines) { $check.Status | Should -Be 'Unknown'; return }
        $most, $now = $lines -match '^RX:' -replace '\D'
        $check.Detail | Should -BeLike "RX $now of at most $most descriptors*"
        if (-not (Test-Ethtool -G $card rx ([int]$most / 2))) {
            $check.Status | Should -Be ([int]$now -ge [int]$most ? 'Pass' : 'Warn')
            Set-ItResult -Skipped -Because 'needs a card whose rings can be changed'
            return
        }

        $null = Invoke-Native ethtool -G $card rx 128
        $check = Get-Check $card NicRings
        $check.Status | Should -Be 'Warn'
        Invoke-Remedy $check
        (ethtool -g $card) -match '^RX:' -replace '\D' | Select-Object -Last 1 | Should -Be ([Math]::Min(2048, [int]$most))
        (Get-Check $card NicRings).Status | Should -Be 'Pass'
    }

    It 'warns of VlanOffload while the NIC takes tags out, and the remedy has it leave them' {
        $on = { (ethtool -k $card) -match '^rx-vlan-offload: on' }
        (Get-Check $card VlanOffload).Status | Should -Be ((& $on) ? 'Warn' : 'Pass')
        if (-not (& $on) -and -not (Test-Ethtool -K $card rxvlan on)) { Set-ItResult -Skipped -Because 'needs a card with VLAN offload'; return }
        $check = Get-Check $card VlanOffload
        $check.Status | Should -Be 'Warn'
        Invoke-Remedy $check
        & $on | Should -BeNullOrEmpty
        (Get-Check $card VlanOffload).Status | Should -Be 'Pass'
        $null = Invoke-Native ethtool -K $card rxvlan on
    }

    It 'warns of Offloads where an interface can do LRO' {
        # Few emulated cards can; the kernel's bond takes it from what is under it, and has it while there is nothing.
        $bond = "xpbond$($PID % 1000)"
        ip link add $bond type bond 2>$null
        try {
            if ($LASTEXITCODE -ne 0 -or -not (Test-Ethtool -K $bond lro on) -or -not ((ethtool -k $bond) -match '^large-receive-offload: on')) { Set-ItResult -Skipped -Because 'needs an interface with LRO'; return }
            $check = Test-XdpInterface $bond -Name Offloads
            $check.Status | Should -Be 'Warn'
            $check.Detail | Should -Match '\(lro\)'
            Invoke-Remedy $check
            (Test-XdpInterface $bond -Name Offloads).Detail | Should -Match '^LRO is off'
        }
        finally {
            ip link delete $bond 2>$null
        }
    }

    It 'warns of Jit while net.core.bpf_jit_enable is 0, and the remedy sets it' {
        (Get-Check $card Jit).Status | Should -Be 'Pass'
        $null = sysctl -w net.core.bpf_jit_enable=0 2>&1
        if ($LASTEXITCODE -ne 0 -or (sysctl -n net.core.bpf_jit_enable) -ne '0') { Set-ItResult -Skipped -Because 'needs a kernel without CONFIG_BPF_JIT_ALWAYS_ON'; return }
        $check = Get-Check $card Jit
        $check.Status | Should -Be 'Warn'
        Invoke-Remedy $check
        (Get-Check $card Jit).Status | Should -Be 'Pass'
    }
}
