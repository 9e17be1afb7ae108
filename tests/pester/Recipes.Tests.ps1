# Runs every recipe of docs/recipes.md as it stands there, between three hosts on a hub whose fourth port is eth1.
BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program tcpdump, tshark, ping, arping, dig, dnsmasq, busybox, iperf3, nc, ethtool, tc
    if (-not $note) {
        # A kernel without bridges cannot have the hub.
        ip link add xprprobe type bridge 2>$null
        if ($LASTEXITCODE -eq 0) { ip link delete xprprobe } else { $note = ' [skipped: needs a kernel with bridges]' }
    }
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $recipes = @{}
    $title = ''
    $code = $null
    foreach ($line in Get-Content -LiteralPath "$PSScriptRoot/../../docs/recipes.md") {
        if ($line -match '^## (.+)') { $title = $Matches[1] }
        elseif ($line -eq '```powershell') { $code = [Collections.Generic.List[string]]::new() }
        elseif ($line -eq '```' -and $null -ne $code) { $recipes[$title] = $code -join "`n"; $code = $null }
        elseif ($null -ne $code) { $code.Add($line) }
    }

    $ran = [Collections.Generic.HashSet[string]]::new()
    # What one test or function leaves for others: the file that tcpdump wrote, and the one that all recipes about files read.
    $shared = @{}

    # What the recipe writes. Long times are cut short; nothing else is changed unless the test says so.
    function Invoke-Recipe {
        param([string] $Title, [Collections.IDictionary] $Replace = @{})
        if (-not $recipes.ContainsKey($Title)) { throw "docs/recipes.md has no recipe '$Title'." }
        $null = $ran.Add($Title)
        $script = $recipes[$Title] -replace '-DurationSeconds \d{2,}', '-DurationSeconds 4'
        foreach ($text in $Replace.Keys) {
            if (-not $script.Contains($text)) { throw "The recipe '$Title' has no '$text'." }
            $script = $script.Replace($text, $Replace[$text])
        }

        & ([scriptblock]::Create($script))
    }

    function Start-Traffic {
        param([string] $Script, [switch] $AtOnce)
        # A receive has begun once its program is attached.
        $wait = $AtOnce ? '' : 'for i in $(seq 100); do ip link show eth1 | grep -q xdp && break; sleep 0.1; done; sleep 0.3;'
        $all = "a='ip netns exec $($hosts.a)'; b='ip netns exec $($hosts.b)'; c='ip netns exec $($hosts.c)'; $wait { $Script`n} >/dev/null 2>&1"
        Start-Program -Program timeout -Arguments '20', 'bash', '-c', $all
    }

    # tcpdump at a port of the hub; ours is the one that sends to eth1.
    function Start-Witness {
        param([string] $Port = $ports.m, [string] $Direction = 'out', [string[]] $Filter = @())
        Start-Capture $Port -Direction $Direction -Filter $Filter
    }

    function Stop-Witness {
        param($Capture)
        Start-Sleep -Milliseconds 300
        Stop-Program $Capture.Process -Signal INT
        Move-Item -LiteralPath $Capture.Path -Destination "$PWD/witness.pcap" -Force
        return "$PWD/witness.pcap"
    }

    # Runs a recipe while a script makes traffic, with a witness; afterwards $shared.Witness is what tcpdump wrote.
    function Invoke-Live {
        param([string] $Title, [string] $Traffic, [string[]] $Filter = @(), [Collections.IDictionary] $Replace = @{})
        $capture = Start-Witness -Filter $Filter
        $process = Start-Traffic $Traffic
        try {
            Invoke-Recipe $Title $Replace
        }
        finally {
            $shared.Witness = Stop-Witness $capture
            Stop-Program $process
        }
    }

    # What tshark reads, a line a packet, the fields separated by spaces.
    function Read-Field {
        param([string] $Path, [string] $Filter, [string[]] $Field)
        $arguments = @('-n', '-r', $Path, '-Y', $Filter, '-T', 'fields', '-E', 'separator=/s', '-E', 'occurrence=f') + ($Field | ForEach-Object { '-e', $_ })
        tshark @arguments 2>$null
        if ($LASTEXITCODE -ne 0) { throw "tshark ended with $LASTEXITCODE." }
    }

    function Get-Tally {
        param([object[]] $Line)
        @($Line) -ne '' | Group-Object -NoElement | ForEach-Object { "$($_.Name) $($_.Count)" } | Sort-Object
    }

    # Traffic that the recipes about files find something in, captured by tcpdump once.
    function Get-LanCapture {
        if (-not $shared.ContainsKey('Lan')) {
            $capture = Start-Witness
            $process = Start-Traffic -AtOnce (@'
$b iperf3 -s -1 & sleep 0.5; $a iperf3 -c 10.77.0.2 -n 400K
$a ping -c 3 -i 0.2 10.77.0.2; $c ping -c 2 -i 0.2 10.77.0.1
for name in www mail www ftp; do $a dig +time=1 +tries=1 @10.77.0.2 $name.example.test; done
$a nc -w 1 10.77.0.2 81; $a nc -w 2 10.77.0.66 80
'@)
            $null = $process.WaitForExit(20000)
            $shared.Lan = "$(Split-Path -Path $PWD)/lan.pcap"
            Move-Item -LiteralPath (Stop-Witness $capture) -Destination $shared.Lan
        }

        return $shared.Lan
    }
}

Describe "The recipes$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $hosts = @{}
        $ports = @{}
        $bridge = 'xp{0:x}br' -f $PID
        $dnsmasq = @()
        # A hub is a bridge that learns nothing.
        $null = Invoke-Native ip link add $bridge type bridge ageing_time 0 mcast_snooping 0
        $null = Invoke-Native ip link set $bridge addrgenmode none up
        $number = 0
        foreach ($name in 'a', 'b', 'c', 'm') {
            $number++
            $ports[$name] = "xp{0:x}$name" -f $PID
            if ($name -eq 'm') {
                $null = Invoke-Native ip link add $ports.m type veth peer name eth1
                $null = Invoke-Native ip link set eth1 addrgenmode none up
            }
            else {
                $hosts[$name] = "xdpps-recipes-$PID-$name"
                $null = Invoke-Native ip netns add $hosts[$name]
                $null = Invoke-Native ip link add $ports[$name] type veth peer name eth0 address "02:00:00:00:77:0$number" netns $hosts[$name]
                # A capture shall see frames as a wire has them.
                $null = Invoke-Native ip netns exec $hosts[$name] ethtool -K eth0 tx off tso off gso off gro off
                $null = Invoke-Native ip -n $hosts[$name] link set eth0 addrgenmode none up
                $null = Invoke-Native ip -n $hosts[$name] address add "10.77.0.$number/24" dev eth0 brd +
                $null = Invoke-Native ip netns exec $hosts[$name] sh -c 'echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_broadcasts'
            }

            $null = Invoke-Native ip link set $ports[$name] addrgenmode none master $bridge up
        }

        # One address of two hosts, one of nobody, and a server for DNS and DHCP on two of them.
        foreach ($name in 'b', 'c') {
            $null = Invoke-Native ip -n $hosts[$name] address add 10.77.0.9/24 dev eth0
            $own = $name -eq 'b' ? 2 : 3
            $dnsmasq += Start-Program -Program ip -WaitFor 'started' -Stream Error -Arguments @(
                'netns', 'exec', $hosts[$name], 'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--user=root', '--pid-file='
                "--listen-address=10.77.0.$own", '--bind-interfaces', '--address=/example.test/192.0.2.80', "--dhcp-leasefile=$TestDrive/leases-$name"
                "--dhcp-range=10.77.0.${own}0,10.77.0.${own}9,2m")
        }

        $null = Invoke-Native ip -n $hosts.a neighbour add 10.77.0.66 lladdr 02:00:00:00:77:66 dev eth0 nud permanent
    }

    BeforeEach {
        Push-Location -LiteralPath (New-Item -ItemType Directory -Path "$TestDrive/$([guid]::NewGuid().ToString('N'))").FullName
    }

    AfterEach {
        Pop-Location
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        foreach ($process in $dnsmasq) { Stop-Program $process }
        if ($ports['m']) { ip link delete $ports.m 2>$null }
        foreach ($name in $hosts.Values) { ip netns delete $name }
        ip link delete $bridge 2>$null
    }

    It 'A warning about arrays' {
        Copy-Item -LiteralPath (Get-LanCapture) -Destination lan.pcapng
        $long = Invoke-Recipe 'A warning about arrays'
        $long.Count | Should -BeGreaterThan 100
        $long.Number | Should -Be @(Read-Field lan.pcapng 'frame.len > 1000' frame.number)
        @(Import-XskCapture lan.pcapng -ReadCount 64 | Where-Object Length -GT 1000).Count | Should -Be 0
    }

    It 'Who talks to whom' {
        $found = Invoke-Live 'Who talks to whom' '$a ping -c 6 -i 0.05 10.77.0.2; $c ping -c 3 -i 0.05 10.77.0.1' -Filter ip
        $ips = $found | Where-Object Name -Match '^10\.' | ForEach-Object { "$($_.Name -replace ',') $($_.Count)" } | Sort-Object
        $ips | Should -Be (Get-Tally (Read-Field $shared.Witness ip ip.src, ip.dst))
        $ips | Should -Contain '10.77.0.1 10.77.0.2 6'
    }

    It 'Top talkers by bytes' {
        $found = Invoke-Live 'Top talkers by bytes' '$a ping -c 4 -i 0.05 -s 1200 10.77.0.2; $c ping -c 9 -i 0.05 10.77.0.1' -Filter ip
        foreach ($address in '10.77.0.1', '10.77.0.2', '10.77.0.3') {
            $lengths = [int[]](Read-Field $shared.Witness "ip.src == $address" frame.len)
            $row = $found | Where-Object Source -EQ $address
            $row.Packets, $row.Bytes | Should -Be $lengths.Count, ($lengths | Measure-Object -Sum).Sum
        }

        $found[0].Bytes | Should -BeGreaterThan 5000
        $found.Bytes | Should -Be ($found.Bytes | Sort-Object -Descending)
    }

    It 'Largest flows' {
        Copy-Item -LiteralPath (Get-LanCapture) -Destination lan.pcapng
        $found = Invoke-Recipe 'Largest flows'
        $largest = Read-Field lan.pcapng tcp ip.src, tcp.srcport, ip.dst, tcp.dstport, frame.len |
            Group-Object { $_ -replace ' \d+$' } |
            ForEach-Object { [pscustomobject]@{ Flow = $_.Name; Bytes = ($_.Group | ForEach-Object { [int]($_ -split ' ')[-1] } | Measure-Object -Sum).Sum } } |
            Sort-Object Bytes -Descending | Select-Object -First 2
        # Far more than any other: of all that was fetched a busy machine may not have recorded each packet.
        $largest[0].Bytes | Should -BeGreaterThan 100000
        $found[0..1] | ForEach-Object { "$($_.Flow -replace ',' -replace '^TCP ') $($_.Bytes)" } | Should -Be ($largest | ForEach-Object { "$($_.Flow) $($_.Bytes)" })
    }

    It 'Count by VLAN and protocol' {
        Copy-Item -LiteralPath "$PSScriptRoot/../captures/encapsulated.pcap" -Destination lan.pcapng
        $found = Invoke-Recipe 'Count by VLAN and protocol'
        $vlans = foreach ($row in $found | Where-Object Name -Match ', ') { foreach ($i in 1..$row.Count) { ($row.Name -split ',')[0] } }
        # Of two tags both show the outer one.
        Get-Tally $vlans | Should -Be (Get-Tally (Read-Field lan.pcapng 'vlan or ieee8021ad' vlan.id, ieee8021ad.id | ForEach-Object { $_.Trim() -replace '^(\d+) (\d+)$', '$2' }))
        ($found | Where-Object Name -EQ ARP).Count | Should -Be @(Read-Field lan.pcapng 'arp and not vlan and not ieee8021ad' frame.number).Count
    }

    It 'Packets per second over time' {
        Copy-Item -LiteralPath (Get-LanCapture) -Destination lan.pcapng
        $found = Invoke-Recipe 'Packets per second over time'
        $expected = Get-Tally (Read-Field lan.pcapng frame frame.time_relative | ForEach-Object { $_ -replace '\..*' })
        $found | ForEach-Object { "$($_.Second) $($_.Packets)" } | Sort-Object | Should -Be $expected
        ($found | Measure-Object Bytes -Sum).Sum | Should -Be ([int[]](Read-Field lan.pcapng frame frame.len) | Measure-Object -Sum).Sum
        $found.Bar -match '^#+$' | Should -HaveCount $found.Count
    }

    It 'Capture DNS for a minute, and Slow DNS answers' {
        $found = Invoke-Live 'Capture DNS for a minute' 'for n in www mail www; do $a dig +time=1 +tries=1 @10.77.0.2 $n.example.test; done; $c ping -c 2 10.77.0.1' -Filter 'port 53'
        $found | ForEach-Object { "$($_.Name) $($_.Count)" } | Should -Be 'A, www.example.test 2', 'A, mail.example.test 1'
        @(Import-XskCapture dns.pcapng).Count | Should -Be @(Read-Field $shared.Witness dns frame.number).Count
        (Read-Field dns.pcapng frame frame.protocols) -notmatch ':dns$' | Should -BeNullOrEmpty

        $slow = Invoke-Recipe 'Slow DNS answers'
        $times = [double[]](Read-Field dns.pcapng dns.time dns.time) | Sort-Object -Descending
        $slow | Should -HaveCount 3
        # tshark's time has nanoseconds, ours ticks of 100.
        foreach ($i in 0..2) { $slow[$i].Milliseconds | Should -BeGreaterThan ($times[$i] * 1000 - 0.0002) -Because "$($slow.Milliseconds) $times"; $slow[$i].Milliseconds | Should -BeLessThan ($times[$i] * 1000 + 0.0002) }
        $slow.Server | Sort-Object -Unique | Should -Be '10.77.0.2'
    }

    It 'Record for hours into a ring of files' {
        $files = Invoke-Live 'Record for hours into a ring of files' '$a ping -f -c 1000 10.77.0.2' -Replace @{ '-RotateMegabytes 100' = '-RotateMegabytes 0.02' }
        $files | Should -HaveCount 10
        @(Get-ChildItem -Path ring_*.pcapng).Name | Should -Be $files.Name
        $kept = @($files | Import-XskCapture -ErrorAction Stop | ForEach-Object { ConvertTo-Hex $_.Data })
        $all = @(Read-Pcap $shared.Witness)
        $all.Count | Should -BeGreaterThan $kept.Count
        $kept.Count | Should -BeGreaterThan 1000
        # The witness is on another port, where all that is under way has another order.
        $gone = $all.Count - $kept.Count
        $late = [Collections.Generic.HashSet[string]]::new([string[]]$all[[int]($gone / 2)..($all.Count - 1)])
        @($kept | Where-Object { -not $late.Contains($_) }) | Should -HaveCount 0
        @($kept | Sort-Object -Unique) | Should -HaveCount $kept.Count
    }

    It 'Watch drops while receiving' {
        $found = @(Invoke-Live 'Watch drops while receiving' '$a ping -f -c 300 10.77.0.2')
        $groups = @($found | Where-Object { $_ -is [Microsoft.PowerShell.Commands.GroupInfo] })
        $samples = @($found | Where-Object { $_.PSObject.Properties['RxPackets'] })
        $samples.Count | Should -BeGreaterThan 3
        $samples[-1].RxPackets + $samples[-1].RxDropped + $samples[-1].RxRingFull | Should -Be @(Read-Pcap $shared.Witness).Count
        ($groups | Where-Object Name -EQ ICMP).Count | Should -BeGreaterThan 500
    }

    It 'Find duplicate owners of an address' {
        $found = @(Invoke-Live 'Find duplicate owners of an address' '$a arping -c 2 -w 2 -I eth0 10.77.0.9; $a arping -c 1 -w 1 -I eth0 10.77.0.2; $a arping -D -c 1 -w 1 -I eth0 10.77.0.9')
        $found | Should -HaveCount 1
        $found[0].Address | Should -Be '10.77.0.9'
        $found[0].Owners | Should -Be (Read-Field $shared.Witness 'arp.src.proto_ipv4 == 10.77.0.9' arp.src.hw_mac | Sort-Object -Unique | ForEach-Object { $_.Replace(':', '').ToUpperInvariant() })
        $found[0].Owners | Should -HaveCount 2
    }

    It 'Find the DHCP servers of a segment' {
        $found = Invoke-Live 'Find the DHCP servers of a segment' '$a timeout 6 busybox udhcpc -i eth0 -n -q -f -t 2 -T 1 -s /bin/true'
        $expected = Read-Field $shared.Witness 'dhcp.option.dhcp in {2, 5, 6}' dhcp.option.dhcp_server_id, eth.src, dhcp.ip.your | Sort-Object -Unique
        $found | ForEach-Object { "$($_.Server) $($_.From -replace '(..)(?=.)', '$1:' | ForEach-Object ToLowerInvariant) $($_.Offers)" } | Sort-Object | Should -Be $expected
        $found.Server | Sort-Object -Unique | Should -Be '10.77.0.2', '10.77.0.3'
    }

    It 'Find who is behind a broadcast storm' {
        $found = Invoke-Live 'Find who is behind a broadcast storm' '$c ping -b -i 0.01 -c 100 10.77.0.255'
        $first = $found[0]
        $first.What | Should -Be '020000007703, 10.77.0.255, ICMP'
        $first.PerSecond * 5 | Should -Be @(Read-Field $shared.Witness 'eth.dst == ff:ff:ff:ff:ff:ff and icmp' frame.number).Count
        $first.PerSecond | Should -BeGreaterOrEqual 15
    }

    Context 'where a port drops' {
        BeforeAll { $null = Invoke-Native tc qdisc add dev $ports.b root tbf rate 5mbit burst 3000 limit 9000 }

        AfterAll { tc qdisc delete dev $ports.b root 2>$null }

        It "Follow one TCP connection's retransmissions" {
            $capture = Start-Witness
            $process = Start-Traffic -AtOnce '$b iperf3 -s -1 & sleep 0.5; $a iperf3 -c 10.77.0.2 -n 600K'
            $null = $process.WaitForExit(20000)
            Move-Item -LiteralPath (Stop-Witness $capture) -Destination tcp.pcapng
            $found = Invoke-Recipe "Follow one TCP connection's retransmissions"
            $found.Count | Should -BeGreaterThan 2
            # What tshark calls a retransmission depends on acknowledgements and times as well: most of these, but not all.
            $again = @(Read-Field tcp.pcapng 'tcp.len > 0' frame.number, tcp.srcport, tcp.seq_raw | Group-Object { ($_ -split '\s')[1, 2] -join ' ' } | ForEach-Object { $_.Group | Select-Object -Skip 1 } | ForEach-Object { [int]($_ -split '\s')[0] } | Sort-Object)
            $found.Number | Should -Be $again
            @(Read-Field tcp.pcapng 'tcp.len > 0 and tcp.analysis.retransmission' frame.number | Where-Object { $_ -in $again }).Count | Should -BeGreaterThan 0
        }

        It 'Find what got lost between two points' {
            $before = Start-Witness -Port $ports.a -Direction in -Filter icmp
            $behind = Start-Witness -Port $ports.b -Direction out -Filter icmp
            $process = Start-Traffic -AtOnce '$a ping -c 40 -l 40 -s 1400 -w 2 10.77.0.2; $a ping -c 3 -i 0.3 10.77.0.2'
            $null = $process.WaitForExit(20000)
            Move-Item -LiteralPath (Stop-Witness $before) -Destination before.pcapng
            Move-Item -LiteralPath (Stop-Witness $behind) -Destination behind.pcapng
            $found = @(Invoke-Recipe 'Find what got lost between two points')
            $arrived = @(Read-Field behind.pcapng icmp icmp.ident, icmp.seq)
            $expected = @(Read-Field before.pcapng icmp icmp.ident, icmp.seq | Where-Object { $_ -notin $arrived })
            $expected.Count | Should -BeGreaterThan 2
            $found | ForEach-Object { "$($_.Icmp.Identifier) $($_.Icmp.SequenceNumber)" } | Should -Be $expected
        }
    }

    It 'Connections that nobody answers' {
        Copy-Item -LiteralPath (Get-LanCapture) -Destination lan.pcapng
        $found = @(Invoke-Recipe 'Connections that nobody answers')
        $attempts = @(Read-Field lan.pcapng 'tcp.flags.syn == 1 and ip.dst == 10.77.0.66' tcp.srcport)
        $found.Connection | Should -Be "10.77.0.1 $($attempts[0]) > 10.77.0.66 80"
        $found.Attempts | Should -Be $attempts.Count
    }

    It 'Replay a capture at double speed' {
        $null = Invoke-Native tshark -n -r (Get-LanCapture) -Y 'icmp or arp or dns or tcp.port in {80, 81}' -w lan.pcapng
        $recorded = @(Read-Field lan.pcapng frame frame.time_relative, data.data, frame.len)
        $capture = Start-Witness -Direction in
        $result = Invoke-Recipe 'Replay a capture at double speed'
        $seen = Stop-Witness $capture
        Read-Pcap $seen | Should -Be (Import-XskCapture lan.pcapng | ForEach-Object { ConvertTo-Hex $_.Data })
        $result.Frames | Should -Be $recorded.Count
        $seconds = [double]($recorded[-1] -split ' ')[0]
        $seconds | Should -BeGreaterThan 1
        $from = [double[]]@($recorded | ForEach-Object { ($_ -split '\s')[0] })
        $to = [double[]]@(Read-Field $seen frame frame.time_relative)
        $to[-1] | Should -BeGreaterThan ($seconds * 0.45)
        # The longest pauses are half of what they were; one or the other may be late on a busy machine.
        $longest = 1..($from.Count - 1) | Sort-Object { $from[$_] - $from[$_ - 1] } -Descending | Select-Object -First 9
        $ratios = @($longest | ForEach-Object { ($to[$_] - $to[$_ - 1]) / ($from[$_] - $from[$_ - 1]) } | Sort-Object)
        $ratios[4] | Should -BeLessThan 0.75
    }

    It 'Flood a host with UDP frames that all differ' {
        $capture = Start-Witness -Direction in -Filter 'udp port 9'
        $result = Invoke-Recipe 'Flood a host with UDP frames that all differ' @{ '-Count 1000000' = '-Count 2000'; '-PacketsPerSecond 100000' = '-PacketsPerSecond 4000' }
        $seen = Stop-Witness $capture
        $result.Frames, $result.DriverDropped | Should -Be 2000, 0
        Read-Field $seen 'ip.dst == 10.77.0.2 and eth.dst == 02:00:00:00:77:02 and ip.src == 198.18.0.0/15 and udp.srcport >= 1024 and frame.len == 64' frame.number | Should -HaveCount 2000
        $sources = Read-Field $seen udp ip.src, udp.srcport
        @($sources | Sort-Object -Unique).Count | Should -BeGreaterThan 1990
        $valid = Invoke-Native tshark -n -r $seen -o udp.check_checksum:TRUE -o ip.check_checksum:TRUE -Y 'udp.checksum.status == 1 and ip.checksum.status == 1' -T fields -e frame.number
        @($valid -match '^\d+$') | Should -HaveCount 2000
    }

    Context 'at a firewall' {
        BeforeAll {
            $firewall = "xdpps-recipes-$PID-fw"
            $before, $behind = 'f', 'g' | ForEach-Object { "xp{0:x}$_" -f $PID }
            $null = Invoke-Native ip netns add $firewall
            $null = Invoke-Native ip link add $before type veth peer name in0 address 02:00:00:00:77:f1 netns $firewall
            $null = Invoke-Native ip link add $behind address 02:00:00:00:77:f2 type veth peer name out0 netns $firewall
            foreach ($name in $before, $behind) { $null = Invoke-Native ip link set $name addrgenmode none up }
            foreach ($name in 'in0', 'out0') { $null = Invoke-Native ip -n $firewall link set $name addrgenmode none up }
            $null = Invoke-Native ip -n $firewall address add 10.78.1.1/24 dev in0
            $null = Invoke-Native ip -n $firewall address add 10.78.2.1/24 dev out0
            $null = Invoke-Native ip -n $firewall neighbour add 10.78.2.2 lladdr 02:00:00:00:77:f2 dev out0 nud permanent
            $null = Invoke-Native ip netns exec $firewall sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
        }

        AfterAll {
            ip netns delete $firewall 2>$null
        }

        It 'Find out what a firewall does with bad checksums' {
            $found = Invoke-Recipe 'Find out what a firewall does with bad checksums' @{ eth1 = $before; eth2 = $behind }
            $found | ForEach-Object { "$($_.Name) $($_.Count)" } | Should -Be '4001, True 100', '4002, False 100'
            # What the router itself counted: this one does not track connections.
            $names, $values = (Invoke-Native ip netns exec $firewall cat /proc/net/snmp) -match '^Ip: ' | ForEach-Object { , ($_ -split ' ') }
            'InReceives', 'InHdrErrors', 'ForwDatagrams' | ForEach-Object { $values[$names.IndexOf($_)] } | Should -Be 300, 100, 200
        }
    }

    It 'are all that the page has' {
        $recipes.Keys | Sort-Object | Should -Be ($ran | Sort-Object)
        $ran.Count | Should -BeGreaterThan 12
    }
}

Describe 'The code of the recipes' -Tag Unit {
    It 'names commands in full' {
        $defined = (Get-Alias).Name
        foreach ($title in $recipes.Keys) {
            $tokens = $errors = $null
            $tree = [Management.Automation.Language.Parser]::ParseInput($recipes[$title], [ref]$tokens, [ref]$errors)
            $errors | Should -BeNullOrEmpty -Because $title
            foreach ($command in $tree.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] }, $true)) {
                $command.GetCommandName() | Should -Match '^[A-Z]\w+-[A-Z]\w+$' -Because $title
                $command.GetCommandName() | Should -Not -BeIn $defined
            }
        }
    }
}
