# The checks of a host, and how checks are asked for and shown. Those of an interface are in
# Test-XdpInterface.Remedies.Tests.ps1, and what takes a NIC in Test-XdpInterface.Card.Tests.ps1.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program ethtool, bpftool, setpriv, prlimit, setarch
    $checks = 'KernelVersion', 'KernelOptions', 'AfXdp', 'Privileges', 'LockedMemory', 'Jit', 'Link', 'NativeXdp', 'ZeroCopy', 'AttachedProgram', 'Queues', 'Rss', 'Offloads', 'Mtu', 'VlanOffload', 'NicRings', 'IrqPlacement'
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-Module "$PSScriptRoot/InterfaceChecks.psm1"
    Import-BuiltModule
    $PSStyle.OutputRendering = 'PlainText'
    $checks = 'KernelVersion', 'KernelOptions', 'AfXdp', 'Privileges', 'LockedMemory', 'Jit', 'Link', 'NativeXdp', 'ZeroCopy', 'AttachedProgram', 'Queues', 'Rss', 'Offloads', 'Mtu', 'VlanOffload', 'NicRings', 'IrqPlacement'
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
                $null = New-XskSocket va -NetworkNamespace $namespace -AttachMode Generic -WarningAction SilentlyContinue
                $check = Test-XdpInterface va -NetworkNamespace $namespace -Name Offloads
                $check.Status, $check.Remedy | Should -Be 'Unknown', 'ethtool -K <peer> tso off gso off tx-udp-segmentation off'
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
