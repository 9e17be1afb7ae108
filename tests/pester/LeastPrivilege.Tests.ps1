# What an ordinary user can do with which capabilities, and what the messages say where one is missing.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program setpriv, prlimit, nsenter, bpftool, tcpdump
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
}

Describe "An ordinary user$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        # A user of our own, since what is locked in memory counts for each user.
        $user = 61000 + $PID % 4000
        $copy = Join-Path ([IO.Path]::GetTempPath()) "xdpps-least-$PID"
        $null = New-Item -ItemType Directory -Path "$copy/home" -Force
        Copy-Item -LiteralPath (Split-Path (Get-ModuleManifest)) -Destination "$copy/XdpPS" -Recurse
        $null = Invoke-Native chmod -R a+rX $copy
        $null = Invoke-Native chown "${user}:$user" "$copy/home"
        $three = 'net_raw', 'net_admin', 'bpf'

        # Errors as 'id message', and sockets that say how they are.
        $common = @'
$PSStyle.OutputRendering = 'PlainText'; $WarningPreference = 'SilentlyContinue'
function Attempt { $e = $null; $s = New-XskSocket @args -ErrorAction SilentlyContinue -ErrorVariable e; if ($s) { "opened $(@($s).Count)"; $s | Remove-XskSocket } else { "$(($e[0].FullyQualifiedErrorId -split ',')[0]) $($e[0].Exception.Message)" } }
'@

        # A command line that runs a script as this user, with just these capabilities in it and in all that it starts.
        function Get-CommandLine {
            param([string[]] $Capability, [string] $Script, [string[]] $Prefix = @())
            $set = (@('-all') + @($Capability | ForEach-Object { "+$_" })) -join ','
            $Prefix + @('setpriv', "--reuid=$user", "--regid=$user", '--clear-groups', "--inh-caps=$set", "--ambient-caps=$set", "--bounding-set=$set"
                'env', "HOME=$copy/home", "PSModulePath=$copy"
                (Get-PwshPath), '-NoProfile', '-NonInteractive', '-Command', "$common; Import-Module '$copy/XdpPS/XdpPS.psd1' -ErrorAction Stop; $Script")
        }

        function Invoke-AsUser {
            param([string[]] $Capability, [string] $Script, [string[]] $Prefix = @())
            $program, $arguments = Get-CommandLine @PSBoundParameters
            & $program @arguments 2>&1 | ForEach-Object { "$_" }
        }
    }

    BeforeEach {
        $cable = New-TestCable -Queues 2
        $left = $cable.Left
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    AfterAll {
        Remove-Item -LiteralPath $copy -Recurse -Force
    }

    It 'opens, receives, sends and closes with CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF, and a UMEM within ulimit -l' {
        $far = New-XskSocket $cable.Right -NoProgram
        $capture = Start-Capture $cable.Right
        # No soft limit above what is usual; no CAP_IPC_LOCK.
        $program, $arguments = Get-CommandLine -Capability $three -Prefix 'prlimit', '--memlock=4194304:' -Script @"
            `$s = New-XskSocket $left -FrameCount 512 -ErrorAction Stop
            "`$s"; 'READY'
            "`$(id -u) `$([regex]::Match([IO.File]::ReadAllText('/proc/thread-self/status'), 'CapEff:\s+0*(\w+)').Groups[1].Value)"
            `$packets = @(`$s | Receive-XskPacket -Count 5 -TimeoutSeconds 10)
            `$packets | ForEach-Object { [Convert]::ToHexString(`$_.Data).ToLowerInvariant() }
            `$packets | Send-XskFrame `$s
            (`$s | Get-XskRingStats).TxCompleted
            `$s | Remove-XskSocket; `$s.State
"@
        $lines = [Collections.Generic.List[string]]::new()
        $process = Start-Program -Program $program -Arguments $arguments -WaitFor '^READY$'
        try {
            (Get-AttachedProgram $left).Id | Should -BeGreaterThan 0
            $frames = foreach ($i in 1..5) { , (New-TestFrame -Length 100 -Seed $i) }
            $frames | Send-XskFrame $far
            $text = $process.StandardOutput.ReadToEndAsync()
            $text.Wait(20000) | Should -BeTrue
            $lines.AddRange([string[]]($text.Result.Trim() -split '\n'))
        }
        finally {
            Stop-Program $process -Signal KILL
            $seen = Stop-Capture $capture -Count 5
        }

        $expected = @($frames | ForEach-Object { ConvertTo-Hex $_ })
        # CAP_NET_ADMIN (12), CAP_NET_RAW (13) and CAP_BPF (39), and no other.
        $lines[0] | Should -Be "$user 8000003000"
        $lines[1..5] | Should -Be $expected
        $lines[-2, -1] | Should -Be '5', 'Closed' -Because "$lines"
        # What it sent, as tcpdump has it.
        $seen | Should -Be $expected
        (Get-AttachedProgram $left).Id | Should -Be 0
    }

    It 'is told with PermissionDenied which capability is missing: <Missing>' -ForEach @(
        @{ Missing = 'CAP_NET_RAW'; Has = 'net_admin', 'bpf' }
        @{ Missing = 'CAP_NET_ADMIN'; Has = 'net_raw', 'bpf' }
        @{ Missing = 'CAP_BPF'; Has = 'net_raw', 'net_admin' }
    ) {
        $script = "Attempt $left -FrameCount 64; Attempt $left -FrameCount 64 -NoProgram; Attempt $left -FrameCount 64 -NoProgram -BusyPoll"
        $all, $plain, $busy = Invoke-AsUser -Capability $Has -Script $script
        $all | Should -Match "^PermissionDenied .*[ :]$Missing is missing; run as root, or with CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF.*EPERM\]$"
        if ($Missing -eq 'CAP_NET_RAW') { $plain | Should -Match '^PermissionDenied .*socket\(AF_XDP.*EPERM' } else { $plain | Should -Be 'opened 1' }
        if ($Missing -eq 'CAP_NET_ADMIN') { $busy | Should -Match '^PermissionDenied .*CAP_NET_ADMIN is missing.*SO_PREFER_BUSY_POLL' }
        if ($Missing -eq 'CAP_BPF') { $busy | Should -Be 'opened 1' }
        (Get-AttachedProgram $left).Id | Should -Be 0
    }

    It 'gets a MemoryLockLimit beyond ulimit -l, and each remedy of it works' {
        # The process lowers its own soft limit, with a socket of a mebibyte open that counts too.
        $lines = Invoke-AsUser -Capability $three -Script @"
            `$open = New-XskSocket $left -QueueId 1 -FrameCount 512
            prlimit --pid `$PID --memlock=1572864:
            `$text = Attempt $left -FrameCount 512; `$text
            Attempt $left -FrameCount 64
            `$command = [regex]::Match(`$text, "'(prlimit [^']+)'").Groups[1].Value
            sh -c `$command
            Attempt $left -FrameCount 512
            prlimit --pid `$PID --memlock=65536:
            Attempt $left -FrameCount 64
            `$open | Remove-XskSocket
            prlimit --pid `$PID --memlock=1572864:
            foreach (`$i in 1..8) { Attempt $left -FrameCount 512 }
            prlimit --pid `$PID --memlock=65536:65536
            Attempt $left -FrameCount 512
"@
        $lines[0] | Should -Match "^MemoryLockLimit .*1024 KiB.*-FrameCount.*'prlimit --pid \d+ --memlock=2621440:'.*CAP_IPC_LOCK.*ENOBUFS\]$" -Because "$lines"
        $lines[1..2] | Should -Be 'opened 1', 'opened 1' -Because 'fewer frames fit, and with the limit of the message all of them do'
        $lines[3] | Should -Match "^MemoryLockLimit .*--memlock=unlimited:?' \(what its user has locked may go beyond the present one" -Because 'one mebibyte is more than the limit by now'
        $lines[4..11] | Should -Be (@('opened 1') * 8) -Because 'what was just closed is locked for a moment longer, and waited for'
        $lines[12] | Should -Match "^MemoryLockLimit .*raise the limit as root with 'prlimit --pid \d+ --memlock=1114112'"
        # The last remedy.
        Invoke-AsUser -Capability ($three + 'ipc_lock') -Prefix 'prlimit', '--memlock=65536:' -Script "Attempt $left" | Should -Be 'opened 1'
    }

    It 'can open a socket after root has raised the hard limit as its MemoryLockLimit says, <What>' -ForEach @(
        @{ What = 'where nothing else is locked'; Held = $false; Said = '--memlock=1114112,' }
        @{ What = 'where another process of the user has locked more than the limit'; Held = $true; Said = '--memlock=unlimited (what its user has locked may go beyond' }
    ) {
        # CAP_SYS_RESOURCE (24), which root in a container may lack.
        $effective = [Convert]::ToUInt64([regex]::Match([IO.File]::ReadAllText('/proc/self/status'), 'CapEff:\s+(\w+)').Groups[1].Value, 16)
        if (($effective -shr 24 -band 1) -eq 0) { Set-ItResult -Skipped -Because 'root here has no CAP_SYS_RESOURCE' }
        $holder = $null
        if ($Held) {
            $program, $arguments = Get-CommandLine -Capability $three -Prefix 'prlimit', '--memlock=4194304:4194304' -Script "`$s = New-XskSocket $left -QueueId 1 -NoProgram -FrameCount 512; 'READY'; [Console]::In.ReadLine()"
            $holder = Start-Program -Program $program -Arguments $arguments -WaitFor '^READY$'
        }
        $program, $arguments = Get-CommandLine -Capability $three -Prefix 'prlimit', '--memlock=65536:65536' -Script @"
            'READY'
            while ([Console]::In.ReadLine()) { [Console]::Out.WriteLine((Attempt $left -FrameCount 512)) }
"@
        $process = Start-Program -Program $program -Arguments $arguments -WaitFor '^READY$'
        try {
            $process.StandardInput.WriteLine('go')
            $text = $process.StandardOutput.ReadLine()
            $text | Should -Match '^MemoryLockLimit .*as root'
            $text -replace "'" | Should -BeLike "*$Said*"
            $null = Invoke-Native sh -c ([regex]::Match($text, "'(prlimit [^']+)'").Groups[1].Value)
            $process.StandardInput.WriteLine('go')
            $process.StandardOutput.ReadLine() | Should -Be 'opened 1'
        }
        finally {
            Stop-Program $process -Signal KILL
            Stop-Program $holder -Signal KILL
        }
    }

    It 'opens the pinned map of root once it is allowed to, as PermissionDenied says' {
        $folder = "$copy/bpf"
        $null = New-Item -ItemType Directory -Path $folder
        $prepare = 'mount -t bpf -o mode=755 bpf "$0" && bpftool map create "$0/map" type xskmap key 4 value 4 entries 4 name map && chmod 600 "$0/map" && exec "$@"'
        $program, $arguments = Get-CommandLine -Capability $three -Prefix 'unshare', '--mount', 'sh', '-c', $prepare, $folder -Script @"
            'READY'
            while ([Console]::In.ReadLine()) { [Console]::Out.WriteLine((Attempt $left -FrameCount 64 -XskMapPath $folder/map)) }
"@
        $process = Start-Program -Program $program -Arguments $arguments -WaitFor '^READY$'
        try {
            $process.StandardInput.WriteLine('go')
            $process.StandardOutput.ReadLine() | Should -Match '^PermissionDenied .*have its owner allow it to this user for reading and writing.*BPF_OBJ_GET.*EACCES'
            $null = Invoke-Native nsenter --target $process.Id --mount chown "${user}:$user" "$folder/map"
            $process.StandardInput.WriteLine('go')
            $process.StandardOutput.ReadLine() | Should -Be 'opened 1'
        }
        finally {
            Stop-Program $process -Signal KILL
        }
    }

    It 'joins the program of another process and enters a network namespace with CAP_SYS_ADMIN only, and is told so by ProgramAttached and PermissionDenied' {
        $namespace = New-TestNamespace
        try {
            $null = New-XskSocket $left
            $script = "Attempt $left -QueueId 1 -FrameCount 64; Attempt va -NetworkNamespace $namespace -FrameCount 64"
            $join, $enter = Invoke-AsUser -Capability $three -Script $script
            $join | Should -Match "^ProgramAttached .*run as root, or with CAP_SYS_ADMIN, which joining another process's program takes"
            $enter | Should -Match '^PermissionDenied .*CAP_SYS_ADMIN.*setns.*EPERM'
            Invoke-AsUser -Capability ($three + 'sys_admin') -Script $script | Should -Be 'opened 1', 'opened 1'
        }
        finally {
            Remove-TestNamespace $namespace
        }
    }

    It 'is told with PermissionDenied that the root of a user namespace may not use the BPF of the host' {
        unshare --user --map-root-user true 2>$null
        if ($LASTEXITCODE -ne 0) { Set-ItResult -Skipped -Because 'no user namespace can be made here' }
        $script = "ip link add va type veth peer name vb; ip link set va up; ip link set vb up; (id -u); Attempt va -FrameCount 64; Attempt va -FrameCount 64 -NoProgram"
        $id, $all, $plain = Invoke-Pwsh "$common; $script" -Prefix 'unshare', '--user', '--map-root-user', '--net'
        $id | Should -Be '0'
        $all | Should -Match "^PermissionDenied .*the host's CAP_NET_ADMIN and CAP_BPF.*run outside of it.*EPERM\]$"
        $all | Should -Not -Match 'run as root, or'
        $plain | Should -Be 'opened 1'
    }
}
