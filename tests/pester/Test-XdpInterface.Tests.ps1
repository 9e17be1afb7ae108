# Each check with something that makes its verdict good and something that makes it bad; what it advises is done, and
# then it is content. What takes a NIC is in Test-XdpInterface.Card.Tests.ps1.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program ethtool, bpftool, setpriv, prlimit, setarch
    $checks = 'KernelVersion', 'KernelOptions', 'AfXdp', 'Privileges', 'LockedMemory', 'Jit', 'Link', 'NativeXdp', 'ZeroCopy', 'AttachedProgram', 'Queues', 'Rss', 'Offloads', 'Mtu', 'VlanOffload', 'NicRings', 'IrqPlacement'
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $PSStyle.OutputRendering = 'PlainText'
    $checks = 'KernelVersion', 'KernelOptions', 'AfXdp', 'Privileges', 'LockedMemory', 'Jit', 'Link', 'NativeXdp', 'ZeroCopy', 'AttachedProgram', 'Queues', 'Rss', 'Offloads', 'Mtu', 'VlanOffload', 'NicRings', 'IrqPlacement'

    # One check, which has a remedy where it is not content.
    function Get-Check {
        param([string] $Interface, [string] $Name)
        $check = Test-XdpInterface $Interface -Name $Name
        @($check) | Should -HaveCount 1
        $check.Interface, $check.Name | Should -Be $Interface, $Name
        if ($check.Status -eq 'Pass') { $check.Remedy | Should -BeNullOrEmpty }
        return $check
    }

    # Does what a check advises: a command, or the one in quotes.
    function Invoke-Remedy {
        param($Check)
        $command = $Check.Remedy -match "'([^']+)'" ? $Matches[1] : $Check.Remedy
        if ($command -match '^New-XskSocket ') { Invoke-Expression "$command -WarningAction SilentlyContinue" }
        else { $null = Invoke-Native sh -c $command }
    }
}

Describe 'Test-XdpInterface on any machine' -Tag Unit {
    It 'has the parameters that it is documented with' {
        $fact = Get-ParameterFact Test-XdpInterface InterfaceName
        $fact.Type, $fact.Aliases, $fact.Position | Should -Be 'String[]', 'ifAlias,ifName,Interface,InterfaceAlias', '0'
        $fact.ByValue, $fact.ByProperty, $fact.Mandatory | Should -Be $true, $true, $false
        (Get-ParameterFact Test-XdpInterface Name).Aliases | Should -Be 'Check'
        (Get-ParameterFact Test-XdpInterface NetworkNamespace).ByProperty | Should -BeTrue
        (Get-ParameterFact Test-XdpInterface Quiet).Type | Should -Be 'SwitchParameter'
    }

    It 'runs every check in one order, and those that are asked for in the same' {
        (Test-XdpInterface lo).Name | Should -Be $checks
        (Test-XdpInterface lo -Name Mtu, jit).Name | Should -Be 'Jit', 'Mtu'
    }

    It 'completes the names of checks, with what they ask' {
        $found = (TabExpansion2 'Test-XdpInterface lo -Name ').CompletionMatches
        $found.CompletionText | Should -Be $checks
        ($found | Where-Object CompletionText -EQ 'Jit').ToolTip | Should -Be 'are XDP programs compiled?'
        (TabExpansion2 'Test-XdpInterface lo -Name Link, n').CompletionMatches.CompletionText | Should -Be 'NativeXdp', 'NicRings'
        (TabExpansion2 'Test-XdpInterface l').CompletionMatches.CompletionText | Should -Contain 'lo'
    }

    It 'takes no check that there is not' {
        { Test-XdpInterface lo -Name Weather } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }

    It 'reports a name that no interface has, and goes on with the next' {
        (Test-XdpInterface nosuch0, lo -Name Link -ErrorAction SilentlyContinue -ErrorVariable failures).Interface | Should -Be 'lo'
        $failures.FullyQualifiedErrorId | Should -Be 'InterfaceNotFound,XdpPS.Commands.TestXdpInterfaceCommand'
        $failures.TargetObject | Should -Be 'nosuch0'
        Test-XdpInterface nosuch0 -Name Mtu -Quiet -ErrorAction SilentlyContinue | Should -BeFalse
        Test-XdpInterface nosuch* | Should -BeNullOrEmpty
        # Where nothing was tested, nothing is fit.
        Test-XdpInterface nosuch* -Quiet | Should -BeExactly $false
        @() | Test-XdpInterface -Quiet | Should -BeExactly $false
    }

    It 'says of a kernel that was built with less what it lacks, and tries where no file tells' {
        $config = Test-XdpInterface lo -Name KernelOptions
        $own = Get-Item -Path '/proc/config.gz', "/boot/config-$(uname -r)" -ErrorAction Ignore | Select-Object -First 1
        if ($own) {
            $lines = $own.Extension -eq '.gz' ? (zcat $own) : (Get-Content -LiteralPath $own)
            $config.Detail | Should -BeLike "$own has *"
            $config.Detail -match 'CONFIG_XDP_SOCKETS=y' | Should -Be ($lines -contains 'CONFIG_XDP_SOCKETS=y')
            $config.Detail -match 'not CONFIG_XDP_SOCKETS_DIAG' | Should -Be ($lines -notmatch '^#' -notcontains 'CONFIG_XDP_SOCKETS_DIAG=y' -and -not ($lines -match '^CONFIG_XDP_SOCKETS_DIAG='))
        }
        else { $config.Detail | Should -BeLike 'by trying*' }
    }
}

Describe "Test-XdpInterface$note" -Tag Netns -Skip:($note -ne '') {
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

    Context 'on a host that has all' {
        It 'is content with <_>' -ForEach 'KernelVersion', 'KernelOptions', 'AfXdp', 'Privileges', 'LockedMemory', 'Jit' {
            $check = Get-Check $left $_
            $check.Status | Should -Be 'Pass' -Because $check.Detail
        }

        It 'gives what it found, as others find it' {
            (Get-Check $left KernelVersion).Detail | Should -Match "^Linux $([regex]::Match((uname -r), '^\d+\.\d+\.\d+'))\b"
            (Get-Check $left Privileges).Detail | Should -Match 'CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF and CAP_SYS_ADMIN'
            # In a namespace of its own the setting is not to be seen; it is what becomes of a program that tells.
            if (-not (Test-Path -LiteralPath /proc/sys/net/core/bpf_jit_enable)) { (Get-Check $left Jit).Detail | Should -Match 'compiled to \d+ bytes' }
        }

        It 'changes nothing' {
            $residue = Get-Residue
            $links = ip -json link show
            Test-XdpInterface $left, $right, $bridge | Should -HaveCount (3 * $checks.Count)
            Get-Residue | Should -Be $residue
            ip -json link show | Should -Be $links
        }
    }

    Context 'as a user without a privilege, on a host that lacks it all' {
        BeforeAll {
            $user = 62000 + $PID % 3000
            $copy = Join-Path ([IO.Path]::GetTempPath()) "xdpps-doctor-$PID"
            $null = New-Item -ItemType Directory -Path "$copy/home" -Force
            Copy-Item -LiteralPath (Split-Path (Get-ModuleManifest)) -Destination "$copy/XdpPS" -Recurse
            # An old kernel's configuration, in place of this one's.
            $text = [Text.Encoding]::ASCII.GetBytes("CONFIG_BPF_SYSCALL=y`n# CONFIG_XDP_SOCKETS is not set`n")
            $file = [IO.File]::Create("$copy/config.gz")
            $gzip = [IO.Compression.GZipStream]::new($file, [IO.Compression.CompressionMode]::Compress)
            $gzip.Write($text, 0, $text.Length)
            $gzip.Dispose()
            $null = Invoke-Native chmod -R a+rX $copy
            $null = Invoke-Native chown "${user}:$user" "$copy/home"
            $object = New-XdpObjectFile
            $null = Invoke-Native ip link set $left xdp object $object section xdp

            # Runs the checks as that user, in a mount namespace that was made so before.
            function Get-AsUser {
                param([string] $Before, [string[]] $Prefix = @(), [string] $Name = '')
                $script = "Import-Module '$copy/XdpPS/XdpPS.psd1'; Test-XdpInterface $left $Name | ConvertTo-Json -Compress"
                $command = $Prefix + @('setpriv', "--reuid=$user", "--regid=$user", '--clear-groups', '--bounding-set=-all', '--inh-caps=-all'
                    'env', "HOME=$copy/home", (Get-PwshPath), '-NoProfile', '-NonInteractive', '-Command', $script)
                $json = Invoke-Native unshare --mount sh -c "$Before; exec `"`$@`"" sh @command
                $found = @{}
                $json | Select-Object -Last 1 | ConvertFrom-Json | ForEach-Object { $found[$_.Name] = $_ }
                return $found
            }

            $bad = Get-AsUser -Prefix 'setarch', (uname -m), '--uname-2.6', 'prlimit', '--memlock=65536:' -Before @"
                test ! -e /proc/config.gz || mount --bind $copy/config.gz /proc/config.gz
                mount -t tmpfs none /proc/sys/net/core && echo 0 > /proc/sys/net/core/bpf_jit_enable
"@
            $hidden = Get-AsUser -Name '-Name KernelOptions, Jit, AttachedProgram' -Before @'
                for file in /proc/config.gz /boot/config-* /usr/lib/modules/*/config; do test ! -e $file || mount --bind /dev/null $file; done
                mount -t tmpfs none /proc/sys/net/core
'@
        }

        AfterAll {
            Remove-Item -LiteralPath $copy -Recurse -Force
            Remove-Item -LiteralPath $object
            $null = Invoke-Native ip link set $left xdp off
        }

        It 'fails KernelVersion, and says what is needed' {
            $bad.KernelVersion.Status | Should -Be ([int][XdpPS.XdpCheckStatus]::Fail)
            $bad.KernelVersion.Detail | Should -Match '^Linux 2\.6\.\d+: sockets need 5\.11$'
            $bad.KernelVersion.Remedy | Should -Be 'install Linux 5.11 or newer'
        }

        It 'fails KernelOptions, and says what is missing' -Skip:(-not (Test-Path -LiteralPath /proc/config.gz)) {
            $bad.KernelOptions.Status | Should -Be ([int][XdpPS.XdpCheckStatus]::Fail)
            $bad.KernelOptions.Detail | Should -Be '/proc/config.gz lacks CONFIG_XDP_SOCKETS (sockets)'
        }

        It 'fails AfXdp and Privileges, and the remedy gives what is missing' {
            $bad.AfXdp.Status, $bad.Privileges.Status | Should -Be 2, 2
            $bad.AfXdp.Detail | Should -Be 'socket(AF_XDP) gives EPERM: CAP_NET_RAW is missing'
            $bad.Privileges.Detail | Should -Be 'CAP_NET_RAW and CAP_NET_ADMIN and CAP_BPF are missing'
            $command = $bad.Privileges.Remedy -replace '^sudo ' -replace '\$\(id -[ug]\)', "$user" -replace '--init-groups', '--clear-groups' -replace ' pwsh$', ' grep CapEff /proc/self/status'
            $held = [Convert]::ToUInt64((-split (Invoke-Native sh -c $command))[1], 16)
            foreach ($capability in 12, 13, 39) { ($held -shr $capability) -band 1 | Should -Be 1 }
        }

        It 'fails LockedMemory, with both numbers, and the remedy raises the limit' {
            $bad.LockedMemory.Status | Should -Be ([int][XdpPS.XdpCheckStatus]::Fail)
            $bad.LockedMemory.Detail | Should -Be "a socket's UMEM locks 16 MiB by default; ulimit -l allows this user 64 KiB in all, and CAP_IPC_LOCK is missing"
            $bad.LockedMemory.Remedy | Should -Match "^prlimit --pid \d+ --memlock=$(16MB + 64KB):?$"
            # Root of a container may not raise it.
            prlimit "--memlock=$(16MB + 64KB):$(16MB + 64KB)" true 2>$null
            if ($LASTEXITCODE -ne 0) { return }
            # The child is gone: its command for a process that is there.
            $sleeper = Start-Program -Program prlimit -Arguments '--memlock=65536:', 'sleep', '60'
            try {
                $null = Invoke-Native sh -c ($bad.LockedMemory.Remedy -replace '--pid \d+', "--pid $($sleeper.Id)")
                Invoke-Native prlimit --pid $sleeper.Id --memlock --noheadings --raw --output SOFT | Should -Be (16MB + 64KB)
            }
            finally {
                Stop-Program $sleeper
            }
        }

        It 'warns of Jit where the setting is 0' {
            $bad.Jit.Status | Should -Be ([int][XdpPS.XdpCheckStatus]::Warn)
            $bad.Jit.Detail | Should -BeLike 'net.core.bpf_jit_enable is 0*'
            $bad.Jit.Remedy | Should -Be 'sysctl -w net.core.bpf_jit_enable=1'
        }

        It 'says Unknown, and why, where this user is not told' {
            foreach ($name in 'KernelOptions', 'Jit', 'AttachedProgram') {
                $hidden[$name].Status | Should -Be ([int][XdpPS.XdpCheckStatus]::Unknown) -Because $hidden[$name].Detail
            }
            $hidden.KernelOptions.Detail | Should -Match 'cannot be read, and this process is refused what would tell \(socket: EPERM'
            $hidden.AttachedProgram.Detail | Should -Match "^program $((Get-AttachedProgram $left).Id), native mode: whether .* CAP_SYS_ADMIN only$"
        }

        It 'is told by the kernel what the interface can do, as root is' {
            $own = @{}
            Test-XdpInterface $left -Name Link, NativeXdp, ZeroCopy, Queues, Rss, Offloads, Mtu, VlanOffload, NicRings, IrqPlacement | ForEach-Object { $own[$_.Name] = $_ }
            foreach ($name in $own.Keys) { $bad[$name].Detail | Should -Be $own[$name].Detail }
        }
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

    It 'has nothing against a virtual interface that has no rings of a NIC and no interrupts' {
        (Get-Check $left NicRings).Detail | Should -Be "a virtual interface (veth), without a NIC's rings"
        (Get-Check $left IrqPlacement).Detail | Should -Be 'a virtual interface (veth), without interrupts of its own'
        (Get-Check lo NicRings).Status | Should -Be 'Pass'
    }

    It 'looks into another network namespace, and its remedies do too' {
        $namespace = New-TestNamespace -Queues 2
        try {
            $found = Test-XdpInterface va -NetworkNamespace $namespace
            $found.Name | Should -Be $checks
            $found.NetworkNamespace | Select-Object -Unique | Should -Be $namespace
            ($found | Where-Object Name -EQ 'Jit').Detail | Should -Be (Get-Check $left Jit).Detail
            $vlan = $found | Where-Object Name -EQ 'VlanOffload'
            $vlan.Remedy | Should -Be "ip netns exec $namespace ethtool -K vb txvlan off"
            Invoke-Remedy $vlan
            (Get-XdpInterface va -NetworkNamespace $namespace | Test-XdpInterface -Name VlanOffload).Status | Should -Be 'Pass'
            $null = Invoke-Remedy ($found | Where-Object Name -EQ 'Queues')
            (Get-XdpInterface va -NetworkNamespace $namespace | Test-XdpInterface -Name Queues).Status | Should -Be 'Pass'
            Get-XskSocket | Remove-XskSocket
            # A peer that went elsewhere is asked there, and not guessed at where that place has no name.
            $null = Invoke-Native ip -n $namespace link set vb netns $PID name "xpe$PID" up
            $null = Invoke-Native ethtool -K "xpe$PID" txvlan on
            $check = Test-XdpInterface va -NetworkNamespace $namespace -Name VlanOffload
            $check.Status, $check.Remedy | Should -Be 'Warn', "ethtool -K xpe$PID txvlan off"
            $nameless = Start-Program -Program unshare -Arguments '--net', 'sleep', '60'
            try {
                Wait-Until { (Get-Item "/proc/$($nameless.Id)/ns/net").LinkTarget -ne (Get-Item /proc/self/ns/net).LinkTarget } | Should -BeTrue
                $null = Invoke-Native ip link set "xpe$PID" netns $nameless.Id
                $check = Test-XdpInterface va -NetworkNamespace $namespace -Name VlanOffload
                $check.Status, $check.Remedy | Should -Be 'Unknown', 'ethtool -K <peer> txvlan off'
            }
            finally { Stop-Program $nameless }
        }
        finally {
            ip link delete "xpe$PID" 2>$null
            Remove-TestNamespace $namespace
        }
    }

    It 'takes names and objects from the pipeline' {
        $names = $left, $right
        ($names | Test-XdpInterface -Name Link).Interface | Should -Be $names
        (Get-XdpInterface $left, $right | Test-XdpInterface -Name Link).Interface | Should -Be $names
        ([pscustomobject]@{ ifName = $left }, [pscustomobject]@{ Name = $right } | Test-XdpInterface -Name Link).Interface | Should -Be $names
        (New-XskSocket $left -WarningAction SilentlyContinue | Test-XdpInterface -Name Link).Interface | Should -Be $left
        (Test-XdpInterface $left -Name Mtu | Test-XdpInterface -Name Link).Interface | Should -Be $left
        $far = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize((Get-XdpInterface $right)))
        ($far | Test-XdpInterface -Name Link).Interface | Should -Be $right
        (Test-XdpInterface "$($left.Substring(0, $left.Length - 2))*" -Name Link).Interface | Should -Contain $left
    }

    It 'gives one bool for all with -Quiet, which a warning leaves true' {
        (Test-XdpInterface $left).Status | Should -Contain 'Warn'
        Test-XdpInterface $left, $right -Quiet | Should -BeExactly $true
        $null = Invoke-Native ip link set $right down
        $left, $right | Test-XdpInterface -Quiet | Should -BeExactly $false
        Test-XdpInterface $left, $right -Quiet -Name Mtu | Should -BeExactly $true
        $null = Invoke-Native ip link set $right up
    }

    It 'has a group for each interface and fits <_> columns' -ForEach 80, 120 {
        $found = Test-XdpInterface $left, $bridge
        $lines = Get-View $found -Width ($_ - 1)
        $lines | Where-Object { $_ -match '^\s*Interface: ' } | Should -Be "   Interface: $left", "   Interface: $bridge"
        $lines[1] | Should -Match '^Name\s+Status\s+Detail$'
        # Lines end between words.
        $text = ($lines | ForEach-Object { $_.Trim() }) -join ' '
        foreach ($check in $found | Where-Object Detail -NotMatch '\S{50}') { $text | Should -Match ([regex]::Escape($check.Detail)) }
        foreach ($check in $found) { $lines -match "^$($check.Name)\s+$($check.Status)\s+\S" | Should -Not -BeNullOrEmpty }
    }

    It 'colours a verdict where the session has colours' {
        $PSStyle.OutputRendering = 'Ansi'
        try {
            $text = Test-XdpInterface $left -Name Link, VlanOffload | Out-String -Width 79
        }
        finally {
            $PSStyle.OutputRendering = 'PlainText'
        }

        $text | Should -Match ([regex]::Escape("$($PSStyle.Foreground.Green)Pass$($PSStyle.Reset)"))
        $text | Should -Match ([regex]::Escape("$($PSStyle.Formatting.Warning)Warn$($PSStyle.Reset)"))
    }

    It 'shows the remedy in a list' {
        $lines = Get-View (Test-XdpInterface $left -Name VlanOffload) -Width 120 -List
        $lines | Should -Contain 'Name             : VlanOffload'
        $lines | Should -Contain "Remedy           : ethtool -K $right txvlan off"
    }

    It 'survives a border with every property as it was' {
        $check = Get-Check $left VlanOffload
        $copy = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($check))
        $copy | Should -BeOfType XdpPS.XdpInterfaceCheck
        $copy | Should -Be $check
        "$copy" | Should -Be "$left VlanOffload: Warn, $($check.Detail)"
    }
}
