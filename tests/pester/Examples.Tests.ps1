# Runs the examples of every page of docs/en-US, and the code of the about topics and README, as they are printed: the
# examples of a page in order and in one session, at eth1 and eth2. Both are on a hub with two hosts, 192.0.2.10 and
# 192.0.2.20, which answer ARP, ping and TCP; an example that waits for packets gets a burst of pings, DNS and others.
# What an example needs beforehand, and which errors it is about, is listed here; what it prints has the header that the
# page shows. Long times are cut short; nothing else is changed unless it says so here.
BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program tcpreplay, ping, tshark, capinfos, ethtool, bpftool, mount
    if (-not $note) {
        ip link add xpeprobe type bridge 2>$null
        if ($LASTEXITCODE -eq 0) { ip link delete xpeprobe } else { $note = ' [skipped: needs a kernel with bridges]' }
    }

    $root = (Resolve-Path "$PSScriptRoot/../..").Path
    $pages = foreach ($file in @(Get-Item "$root/docs/en-US/*-*.md", "$root/docs/en-US/about_*.md", "$root/README.md")) {
        $part = ''
        $title = $file.BaseName
        $examples = [Collections.Generic.List[object]]::new()
        $block = $null
        $aboutCode = $file.Name -notmatch '-'
        foreach ($line in Get-Content -LiteralPath $file.FullName) {
            if ($null -ne $block) {
                if ($line -eq '```') {
                    if ($block.Kind -eq 'powershell') {
                        if (-not $examples -or $examples[-1].Title -ne $title) { $examples.Add(@{ Title = $title; Number = $examples.Count + 1; Blocks = [Collections.Generic.List[object]]::new() }) }
                        $examples[-1].Blocks.Add(@{ Code = $block.Lines -join "`n"; Output = [Collections.Generic.List[object]]::new() })
                    }
                    elseif ($block.Kind -eq 'output' -and $examples) { $examples[-1].Blocks[-1].Output.Add($block.Lines.ToArray()) }
                    $block = $null
                }
                else { $block.Lines.Add($line) }
            }
            elseif ($line -match '^## (.+)') { $part = $Matches[1]; if ($aboutCode) { $title = $part } }
            elseif ($line -match '^### (.+)' -and ($aboutCode -or $part -eq 'EXAMPLES')) { $title = $Matches[1] }
            elseif ($line -match '^```(\w*)$' -and ($aboutCode -or $part -eq 'EXAMPLES')) { $block = @{ Kind = $Matches[1]; Lines = [Collections.Generic.List[string]]::new() } }
        }

        if ($examples) { @{ Page = $file.BaseName; Examples = @($examples) } }
    }
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $captures = (Resolve-Path "$PSScriptRoot/../captures").Path

    # The host that an example calls another is the second one here; what it calls eth3 has several queues, as eth2.
    $farAway = @{ 'eth2 -NetworkNamespace far' = "eth0 -NetworkNamespace xdpps-examples-$PID-b"; 'eth3' = 'eth2' }

    # By page, and by the number of the example. Fresh: sockets are closed first, as it is another session's example (of the
    # page: every example). Given: code run in the session before; Within: in a
    # printed test before its tests. Prepare, After: what the test does around it.
    # Errors: their ids, in order. Quiet: no burst, since others' packets would be in the way; Burst: one of so many frames. Apart: eth2 and the second
    # host are on a hub of their own. Replace: what is cut short.
    $needs = @{
        'Edit-XskFrame'     = @{ 2 = @{ Given = '$s = New-XskSocket eth1' } }
        'Export-XskCapture' = @{
            2 = @{ Burst = 3000 }
            3 = @{ Burst = 3000; Replace = @{ '-RotateMegabytes 0.25' = '-RotateMegabytes 0.02' } }
        }
        'Export-XskReport'  = @{ 1 = @{ Prepare = { Set-Queues 1 } }; 4 = @{ After = { Set-Queues 4 } } }
        'Get-XdpInterface'  = @{ 1 = @{ Given = '$null = New-XskSocket eth2 -QueueId 0, 1 -Filter "udp port 53" 3>$null' }; 7 = @{ Errors = 'InterfaceNotFound' } }
        'Get-XdpProgram'    = @{ 1 = @{ Given = '$null = New-XskSocket eth1'; Prepare = { Add-ForeignProgram } } }
        'Get-XskRingStats'  = @{
            2 = @{ Replace = @{ '-Continuous -Count 3' = '-Continuous -IntervalSeconds 0.1 -Count 3' } }
            3 = @{ Quiet = $true; Given = '$tx = New-XskSocket eth2 -RxRingSize 0 -NoProgram; $test = "ffffffffffff 020000000202 88b5" + "00" * 46' }
            4 = @{ Quiet = $true }
            5 = @{ Quiet = $true }
        }
        'Get-XskSocket'     = @{ 1 = @{ Given = '$null = New-XskSocket eth1; $null = New-XskSocket eth2 -AllQueues' }; 4 = @{ Errors = 'SocketNotFound' } }
        'Import-XskCapture' = @{
            3 = @{ Given = '$t = New-XskSocket eth2 -AllQueues | Select-Object -First 1' }
            4 = @{ Errors = 'CaptureDamaged'; Prepare = { [IO.File]::WriteAllBytes("$folder/cut.pcap", [IO.File]::ReadAllBytes("$folder/lan.pcap")[0..300]) }; After = { Remove-Item -LiteralPath "$folder/cut.pcap" } }
        }
        'Invoke-XskForward' = @{ Apart = $true }
        'New-XskFrame'      = @{ Quiet = $true; 6 = @{ Errors = 'FrameFieldInvalid' } }
        'New-XskSocket'     = @{
            Fresh = $true
            3     = @{ Prepare = { Set-Mtu 3000 }; After = { Set-Mtu 1500 } }
            6     = @{ Prepare = { Invoke-Native ip route add default via 192.0.2.10 dev eth1 } }
            7     = @{ After = { Invoke-Native ip route delete default dev eth1 } }
            8     = @{ Prepare = { Add-PinnedMap }; After = { Remove-PinnedMap }; Replace = @{ '/sys/fs/bpf/xsks' = "/tmp/xdpps-$PID-examples/xsks" } }
            9     = @{ Prepare = { Add-ForeignProgram }; Errors = 'ProgramAttached' }
            10    = @{ Quiet = $true; Prepare = { Set-Mtu 9000; Set-Queues 1 }; After = { Set-Queues 4; Set-Mtu 1500 } }
        }
        'Receive-XskPacket' = @{ 2 = @{ Fresh = $true }; 3 = @{ Fresh = $true }; 5 = @{ Fresh = $true; Burst = 150; Replace = @{ '-TimeoutSeconds 1' = '-TimeoutSeconds 0.5' } }; 6 = @{ Fresh = $true } }
        'Measure-XskPath'   = @{
            Replace = $farAway + @{ '-TrialSeconds 1' = '-TrialSeconds 0.1'; '-DurationSeconds 0.3' = '-DurationSeconds 0.1' }
            1       = @{ Prepare = { Set-Queues 1 } }
            5       = @{ Within = '$a = New-XskSocket eth1; $b = New-XskSocket eth2'; After = { Set-Queues 4 } }
        }
        'Start-XskReflector' = @{ Replace = $farAway; Fresh = $true }
        'Stop-XskReflector' = @{ Replace = $farAway; 1 = @{ Given = '$a = New-XskSocket eth1' } }
        'Test-XdpInterface' = @{ 3 = @{ Prepare = { Invoke-Native ip link set $ports.eth1 down }; After = { Invoke-Native ip link set $ports.eth1 up } } }
        'Remove-XskSocket'  = @{ 2 = @{ Given = '$null = New-XskSocket eth1; $null = New-XskSocket eth2 -AllQueues' } }
        'Send-XskFrame'     = @{
            1 = @{ Quiet = $true }
            2 = @{ Burst = 300; Replace = @{ '-TimeoutSeconds 1' = '-TimeoutSeconds 0.5' } }
            3 = @{ Replace = @{ '-PacketsPerSecond 250' = '-PacketsPerSecond 2500' } }
            4 = @{ Errors = 'FrameBytesUnrolled' }
            5 = @{ Errors = 'FrameTooLong', 'FrameHexInvalid' }
        }
        'Test-XskFilter'    = @{ 1 = @{ Given = '$s = New-XskSocket eth1' }; 5 = @{ Errors = 'FilterSyntax' } }
        # It goes on until somebody ends it.
        'Watch-XskRing'     = @{
            1 = @{ Given = '$null = New-XskSocket eth1; $null = New-XskSocket eth2 -QueueId 0'; Replace = @{ 'Watch-XskRing' = 'Watch-XskRing -IntervalSeconds 0.1 -Count 2' } }
            2 = @{ Fresh = $true }
            3 = @{ Replace = @{ '-Count 2' = '-Count 2 -IntervalSeconds 0.1' } }
        }
        'README'            = @{ Fresh = $true }
        'about_XdpPS'       = @{ Fresh = $true }
        'about_XdpRings'    = @{
            Fresh                        = $true
            Apart                        = $true
            'Indices, and how they wrap' = @{ Given = '$s = New-XskSocket eth1' }
        }
        'about_XdpFilters'  = @{ Fresh = $true }
        'about_XdpPerformance'     = @{
            Fresh               = $true
            'Arrays of packets' = @{ Given = '$s = New-XskSocket eth1'; Burst = 3000 }
            'Sending'           = @{ Given = '$s = New-XskSocket eth1' }
        }
        'about_XdpTroubleshooting' = @{
            Fresh                                    = $true
            'Long description'                       = @{ Given = 'New-XskSocket eth9 -ErrorAction SilentlyContinue' }
            'Packets are lost'                       = @{ Given = '$s = New-XskSocket eth1' }
            'Frames are sent, but nobody receives them' = @{ Given = '$s = New-XskSocket eth1; $bytes = [byte[]]::new(60)' }
        }
    }

    function Set-Mtu {
        param([int] $Mtu)
        foreach ($port in @('eth1', 'eth2') + $ports.Values) { $null = Invoke-Native ip link set $port mtu $Mtu }
    }

    function Set-Queues {
        param([int] $Count)
        foreach ($port in 'eth2', $ports.eth2) { $null = Invoke-Native ethtool -L $port rx $Count tx $Count }
    }

    function Set-Hub {
        param([switch] $Apart)
        foreach ($name in 'eth2', 'b') { $null = Invoke-Native ip link set $ports[$name] master ($Apart ? $bridges[1] : $bridges[0]) }
    }

    function Add-ForeignProgram {
        $object = New-XdpObjectFile
        $null = Invoke-Native ip link set dev eth2 xdp object $object section xdp
        Remove-Item -LiteralPath $object
    }

    # In a file system of the test's own: /sys/fs/bpf is the machine's.
    function Add-PinnedMap {
        foreach ($end in 'eth1', $ports.eth1) { $null = Invoke-Native ethtool -L $end rx 2 tx 2 }
        $null = New-Item -ItemType Directory -Path "/tmp/xdpps-$PID-examples"
        $null = Invoke-Native mount -t bpf bpf "/tmp/xdpps-$PID-examples"
        $null = Invoke-Native bpftool map create "/tmp/xdpps-$PID-examples/xsks" type xskmap key 4 value 4 entries 4 name xsks_map
    }

    function Remove-PinnedMap {
        if (Test-Path -LiteralPath "/tmp/xdpps-$PID-examples") {
            umount "/tmp/xdpps-$PID-examples" 2>$null
            Remove-Item -LiteralPath "/tmp/xdpps-$PID-examples"
        }

        foreach ($end in 'eth1', $ports.eth1) { ethtool -L $end rx 1 tx 1 2>$null }
    }

    # From host a to host b: pings, their answers, and what the file has, until the example ends or so many frames are sent.
    function Start-Burst {
        param([int] $Frames)
        Start-Program -Program timeout -Arguments '10', 'sh', '-c', @"
ip netns exec $($hosts.a) ping -q -i 0.02 -c $($Frames ? 40 : 500) 192.0.2.20 >/dev/null 2>&1 &
ip netns exec $($hosts.a) tcpreplay -q -i eth0 --pps=$($Frames -gt 500 ? 10000 : 300) --loop=0 --limit=$($Frames ? $Frames : 3000) '$TestDrive/burst.pcap' >/dev/null 2>&1
wait
"@
    }

    # The names of the columns of the tables that a text has, a line a table; and those of a list.
    function Get-Header {
        param([string[]] $Line)
        for ($i = 1; $i -lt $Line.Count; $i++) {
            if ($Line[$i] -match '^\s*-{2,}(\s+-+)*\s*$') { ($Line[$i - 1].Trim() -split '\s+') -join ' ' }
        }
    }

    function Get-Label {
        param([string[]] $Line)
        foreach ($text in $Line) { if ($text -match '^([A-Za-z]\w*) +:( |$)') { $Matches[1] } }
    }

    # Runs code in a session, and returns what comes out, with the errors. A program's own messages are none.
    function Invoke-Session {
        param([runspace] $Session, [string] $Code)
        $shell = [powershell]::Create($Session)
        try {
            $null = $shell.AddScript($Code, $false)
            $output = [Management.Automation.PSDataCollection[psobject]]::new()
            $async = $shell.BeginInvoke([Management.Automation.PSDataCollection[psobject]]::new(), $output)
            if (-not $async.AsyncWaitHandle.WaitOne(15000)) { throw "It had not ended after 15 s: $Code" }
            $last = try { $null = $shell.EndInvoke($async) } catch { $_.Exception.InnerException.ErrorRecord }
            return @{ Output = @($output); Errors = @(@($shell.Streams.Error) + @($last) | Where-Object { $_ -and $_.FullyQualifiedErrorId -notlike 'NativeCommandError*' }) }
        }
        finally {
            $shell.Stop()
            $shell.Dispose()
        }
    }

    # A test that is printed is run as one, in the session: its verdicts are about the machine.
    function Invoke-PesterBlock {
        param([runspace] $Session, [string] $Code, [string] $Before)
        Set-Content -LiteralPath "$folder/printed.Tests.ps1" -Value "BeforeAll { $Before }`n$Code"
        $run = "Import-Module '$((Get-Module -Name Pester).Path)'; `$run = Invoke-Pester -Path '$folder/printed.Tests.ps1' -Output None -PassThru; 'ran {0} of {1}, {2} broken' -f (`$run.PassedCount + `$run.FailedCount), `$run.TotalCount, `$run.FailedContainersCount"
        @((Invoke-Session $Session $run).Output)[-1] | Should -Match '^ran ([1-9]\d*) of \1, 0 broken$' -Because $Code
    }

    function ConvertTo-Line {
        param([runspace] $Session, [object[]] $Output, [int] $Width = 80)
        $shell = [powershell]::Create($Session)
        try {
            $null = $shell.AddCommand('Out-String').AddParameter('Stream', $true).AddParameter('Width', $Width)
            return @($shell.Invoke($Output))
        }
        finally {
            $shell.Dispose()
        }
    }
}

Describe "The examples as they are printed$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $bridges = ('xp{0:x}ea' -f $PID), ('xp{0:x}eb' -f $PID)
        $hosts = @{ a = "xdpps-examples-$PID-a"; b = "xdpps-examples-$PID-b" }
        $ports = @{ a = 'xp{0:x}pa' -f $PID; b = 'xp{0:x}pb' -f $PID; eth1 = 'xp{0:x}p1' -f $PID; eth2 = 'xp{0:x}p2' -f $PID }
        # A hub is a bridge that learns nothing.
        foreach ($bridge in $bridges) {
            $null = Invoke-Native ip link add $bridge type bridge ageing_time 0 mcast_snooping 0
            $null = Invoke-Native ip link set $bridge addrgenmode none up
        }

        foreach ($entry in @(
                @{ Host = 'a'; Mac = '02:00:00:00:02:02'; Address = '192.0.2.10/24' }
                @{ Host = 'b'; Mac = '02:00:00:00:00:20'; Address = '192.0.2.20/24' })) {
            $name = $hosts[$entry.Host]
            $null = Invoke-Native ip netns add $name
            $null = Invoke-Native ip link add $ports[$entry.Host] type veth peer name eth0 address $entry.Mac netns $name
            $null = Invoke-Native ip netns exec $name ethtool -K eth0 tx off tso off gso off gro off
            $null = Invoke-Native ip -n $name link set eth0 addrgenmode none up
            $null = Invoke-Native ip -n $name link set lo up
            $null = Invoke-Native ip -n $name address add $entry.Address dev eth0
        }

        $null = Invoke-Native ip link add $ports.eth1 numrxqueues 2 numtxqueues 2 type veth peer name eth1 address 02:00:00:00:01:01 numrxqueues 2 numtxqueues 2
        $null = Invoke-Native ip link add $ports.eth2 numrxqueues 4 numtxqueues 4 type veth peer name eth2 address 02:00:00:00:02:03 numrxqueues 4 numtxqueues 4
        foreach ($end in 'eth1', $ports.eth1) { $null = Invoke-Native ethtool -L $end rx 1 tx 1 }
        foreach ($name in 'eth1', 'eth2') { $null = Invoke-Native ip link set $name addrgenmode none up }
        foreach ($port in $ports.Values) { $null = Invoke-Native ip link set $port addrgenmode none master $bridges[0] up }
        $null = Invoke-Native ip address add 192.0.2.1/24 dev eth1

        # The files that the examples read, in the folder where they run; the gaps between packets are cut to 10 us.
        $folder = (New-Item -ItemType Directory -Path "$TestDrive/lab").FullName
        foreach ($file in 'lan', 'protocols', 'encapsulated') {
            Write-Pcap "$folder/$file.pcap" ([byte[][]]@(Read-Pcap "$captures/$file.pcap" | ForEach-Object { , [Convert]::FromHexString($_) }))
        }

        # What a burst has: a frame of the EtherType for experiments, and each fifth time a query for a name.
        $query = [Convert]::FromHexString(('02000000 0020 020000000202 0800 4500 0039 0001 0000 4011 f694 c000020a c0000214 ' +
                    '9c40 0035 0025 0000 1234 0100 0001 0000 0000 0000 07 6578616d706c65 03 636f6d 00 0001 0001').Replace(' ', ''))
        $burst = foreach ($i in 1..5) { , ($i -lt 5 ? (New-TestFrame -Length 200 -Seed $i -Destination 'ff:ff:ff:ff:ff:ff') : $query) }
        Write-Pcap "$TestDrive/burst.pcap" ([byte[][]]$burst)
        Push-Location -LiteralPath $folder
        Import-XskCapture lan.pcap | Where-Object Dns | Export-XskCapture dns.pcapng
        Pop-Location
    }

    AfterAll {
        Remove-PinnedMap
        foreach ($port in $ports.Values) { ip link delete $port 2>$null }
        foreach ($name in $hosts.Values) { ip netns delete $name 2>$null }
        foreach ($bridge in $bridges) { ip link delete $bridge 2>$null }
    }

    Context 'of <Page>' -ForEach $pages {
        BeforeAll {
            $session = New-TestRunspace
            $null = Invoke-Session $session "Set-Location -LiteralPath '$folder'; `$PSStyle.OutputRendering = 'PlainText'"
            $common = $needs[$Page] ?? @{}
            Set-Hub -Apart:$common['Apart']
        }

        AfterAll {
            $null = Invoke-Session $session 'Get-XskSocket | Remove-XskSocket'
            $session.Dispose()
            ip link set dev eth2 xdp off 2>$null
            Set-Hub
        }

        It '<Title>' -ForEach $Examples {
            $isCmdlet = $Page -match '-'
            if ($isCmdlet) { $Title | Should -Match "^Example ${Number}: " -Because 'the examples of a page are numbered in order' }
            $need = $common[$isCmdlet ? $Number : $Title] ?? @{}
            $code = $Blocks.Code -join "`n"
            if ($common['Fresh'] -or $need['Fresh']) { $null = Invoke-Session $session 'Get-XskSocket | Remove-XskSocket' }
            $burst = $null
            $ids = @()
            try {
                if ($need['Prepare']) { $null = & $need.Prepare }
                if ($need['Given']) { (Invoke-Session $session $need.Given).Errors | Should -BeNullOrEmpty -Because 'what the example needs can be had' }
                if (-not ($common['Quiet'] -or $need['Quiet']) -and $code -match 'Receive-XskPacket|Export-XskCapture .* -Socket|Invoke-XskForward') {
                    $burst = Start-Burst -Frames $need['Burst']
                }

                foreach ($block in $Blocks) {
                    $text = $block.Code -replace '-DurationSeconds \d+', '-DurationSeconds 0.3' -replace '-TimeoutSeconds [2-9]\b', '-TimeoutSeconds 1'
                    foreach ($changes in @($common['Replace'], $need['Replace']) -ne $null) {
                        foreach ($long in $changes.Keys) { $text = $text.Replace($long, $changes[$long]) }
                    }

                    if ($text -match '^Describe ') {
                        $null = Invoke-Session $session 'Get-XskSocket | Remove-XskSocket'
                        Invoke-PesterBlock $session $text $need['Within']
                        continue
                    }

                    # A statement at a time, as they are typed: each begins a table of its own.
                    $found = @([Management.Automation.Language.Parser]::ParseInput($text, [ref]$null, [ref]$null).EndBlock.Statements | ForEach-Object { Invoke-Session $session $_.Extent.Text })
                    $errors = @($found | ForEach-Object { $_.Errors })
                    $ids += @($errors | ForEach-Object { ($_.FullyQualifiedErrorId -split ',')[0] })
                    $width = 80
                    foreach ($shown in $block.Output) {
                        # A second picture of the same is of a wider terminal.
                        $lines = @($found | ForEach-Object { ConvertTo-Line $session $_.Output -Width $width })
                        $because = "$($block.Code)`nprints at $width columns`n$($lines -join "`n")`n$($errors -join "`n")"
                        # Of each interface there may be one.
                        @(Get-Header $lines | Select-Object -Unique) | Should -Be @(Get-Header $shown | Select-Object -Unique) -Because $because
                        if (-not (Get-Header $shown)) { @(Get-Label $lines) | Should -Be @(Get-Label $shown) -Because $because }
                        if (($shown -join '') -notmatch '^\s*(WARNING|VERBOSE|What if|[A-Z][a-z]+-X\w+): ') { ($lines -join '').Trim() | Should -Not -BeNullOrEmpty -Because $because }
                        $width = 120
                    }
                }

                $ids | Should -Be @($need['Errors'] | Where-Object { $_ }) -Because $code
            }
            finally {
                Stop-Program $burst
                if ($need['After']) { $null = Invoke-Session $session 'Get-XskSocket | Remove-XskSocket'; $null = & $need.After }
            }
        }
    }
}
