#Requires -Version 7.6
#Requires -Modules XdpPS

<#
.SYNOPSIS
    Tests this host's network interfaces against a file of expectations.
.DESCRIPTION
    Three phases, which are tags too: Config (what the interface is), Path (whether frames get through), Stress (how many,
    how fast). What is wrong in a phase makes the later ones of that interface pointless: they are skipped.

    Run it as root, with Pester 5.7 or later:
    Invoke-Pester -Container (New-PesterContainer -Path NicValidation.Tests.ps1 -Data @{ ExpectationPath = 'lab.psd1' }) -Output Detailed
.PARAMETER ExpectationPath
    The file of expectations. The default is nic.expectations.psd1 beside this file.
.PARAMETER HostName
    Which of its hosts this is. The default is this machine's name.
#>
param(
    [string] $ExpectationPath = "$PSScriptRoot/nic.expectations.psd1",
    [string] $HostName = [Environment]::MachineName
)

BeforeDiscovery {
    Import-Module "$PSScriptRoot/XskAssertions.psm1" -Force
    $expected = Import-PowerShellDataFile -LiteralPath $ExpectationPath
    $self = @($expected.Hosts | Where-Object { $_.Name -eq $HostName })
    if ($self.Count -ne 1) { throw "$ExpectationPath has $($self.Count) hosts of the name '$HostName'; it has to have one." }

    # What is misspelt, or has no value, would be tested by nothing.
    function Assert-Entry {
        param([string] $What, [object] $Entry, [string[]] $Needed, [string[]] $Other = @())
        if ($Entry -isnot [Collections.IDictionary]) { throw "$ExpectationPath`: $What has to be a table, @{ ... }." }
        $unknown = @($Entry.Keys | Where-Object { $_ -notin $Needed + $Other })
        if ($unknown) { throw "$ExpectationPath`: $What has '$($unknown -join "', '")', which is nothing that can be expected there." }
        $missing = @($Needed) + @($Entry.Keys) | Where-Object { $null -eq $Entry[$_] } | Select-Object -Unique
        if ($missing) { throw "$ExpectationPath`: $What has no value for '$($missing -join "', '")'." }
    }

    $traffic = @{
        Throughput = @{ Needed = 'FrameSize', 'MinimumPacketsPerSecond', 'Seconds'; Other = 'PacketsPerSecond' }
        Loss       = @{ Needed = 'FrameSize', 'PacketsPerSecond', 'MaximumLossRatio', 'Seconds' }
        Latency    = @{ Needed = 'FrameSize', 'PacketsPerSecond', 'Percentile', 'MaximumMicroseconds', 'Seconds' }
    }
    Assert-Entry "host $HostName" $self[0] -Needed Name, Interfaces
    if (-not @($self[0].Interfaces)) { throw "$ExpectationPath has no interface of the host '$HostName': nothing would be tested." }
    foreach ($interface in $self[0].Interfaces) {
        $what = "host $HostName, interface $($interface -is [Collections.IDictionary] ? $interface['Name'] : $interface)"
        Assert-Entry $what $interface -Needed Name -Other (@(
                'NetworkNamespace', 'Driver', 'Mtu', 'RxQueues', 'TxQueues', 'SpeedMbps', 'Pass', 'NoFail', 'Peer', 'PeerNamespace', 'Vlans') + $traffic.Keys)
        $idle = @('PeerNamespace', 'Vlans') + $traffic.Keys | Where-Object { $interface[$_] }
        if ($idle -and -not $interface['Peer']) { throw "$ExpectationPath`: $what has '$($idle -join "', '")', and no Peer to test that with." }
        foreach ($key in $traffic.Keys) {
            $words = $traffic[$key]
            foreach ($entry in $interface[$key]) { Assert-Entry "$what, $key" $entry @words }
        }
    }

    # What a list of expectations of an interface makes tests of; the names of an It see each entry's keys.
    function Get-Case {
        param([Collections.IDictionary] $Interface, [string] $Label, [string] $Key, [scriptblock] $Make)
        foreach ($entry in @($Interface[$Key]) | Where-Object { $null -ne $_ }) {
            $case = @{ HostName = $HostName; Interface = $Label; Expected = $entry }
            if ($entry -is [Collections.IDictionary]) { $entry.GetEnumerator() | ForEach-Object { $case[$_.Key] = $_.Value } }
            if ($Make) { & $Make $case }
            $case
        }
    }

    $interfaces = foreach ($interface in $self[0].Interfaces) {
        $place = @{ InterfaceName = $interface.Name }
        # Two namespaces may have interfaces of one name.
        $label = $interface.Name
        if ($interface['NetworkNamespace']) {
            $place.NetworkNamespace = $interface.NetworkNamespace
            $label += " in $($interface.NetworkNamespace)"
        }

        $peer = @{ InterfaceName = $interface['Peer'] }
        if ($interface['PeerNamespace']) { $peer.NetworkNamespace = $interface.PeerNamespace }
        @{
            HostName   = $HostName
            Interface  = $label
            Place      = $place
            Peer       = $peer
            # The shortest frame, and the longest that fits both the MTU and a frame of the packet memory.
            Lengths    = 60, (14 + [math]::Min($interface['Mtu'] ?? 1500, 1500))
            Facts      = @(foreach ($name in 'Driver', 'Mtu', 'RxQueues', 'TxQueues', 'SpeedMbps') { Get-Case $interface $label $name { param($case) $case.Fact = $name } })
            Pass       = @(Get-Case $interface $label Pass)
            NoFail     = @(Get-Case $interface $label NoFail)
            Vlans      = @(Get-Case $interface $label Vlans)
            Throughput = @(Get-Case $interface $label Throughput { param($case) $case.Rate = Format-Rate $case.MinimumPacketsPerSecond })
            Loss       = @(Get-Case $interface $label Loss { param($case) $case.Rate = Format-Rate $case.PacketsPerSecond; $case.Percent = 100 * $case.MaximumLossRatio })
            Latency    = @(Get-Case $interface $label Latency { param($case) $case.Rate = Format-Rate $case.PacketsPerSecond })
        }
    }
    # Pester 6 refuses -ForEach with nothing: lists that may be empty are looked at before.
    $wired = @($interfaces | Where-Object { $_.Peer.InterfaceName })
}

BeforeAll {
    Import-Module "$PSScriptRoot/XskAssertions.psm1"

    # How many tests each phase of each interface began and finished. A test says itself that it begins (Pester knows the names of what
    # is skipped only there), and that it reached its end.
    $progress = @{}
    function Enter-Test {
        param([string] $Phase, [string[]] $After = @())
        foreach ($earlier in $After) {
            $count = $progress["$Interface/$earlier"]
            if ($count -and $count.Begun -ne $count.Finished) { Set-ItResult -Skipped -Because "the phase $earlier failed on $Interface of $HostName" }
        }

        if (-not $progress["$Interface/$Phase"]) { $progress["$Interface/$Phase"] = @{ Begun = 0; Finished = 0 } }
        $progress["$Interface/$Phase"].Begun++
    }

    function Complete-Test {
        param([string] $Phase)
        $progress["$Interface/$Phase"].Finished++
    }

    # Frames of both directions, which the kernel has no use for.
    function Send-TestFrame {
        param($From, $To, [hashtable] $FromPlace, [hashtable] $With)
        if (-not $From -or -not $To) { throw 'No socket is open on both ends.' }
        $mark = [Random]::Shared.NextInt64().ToString('x16')
        New-XskFrame @FromPlace @With -EtherType 0x88b5 -DestinationMac "$($To.MacAddress)" -Payload "0x$mark" | Send-XskFrame $From
        $clock = [Diagnostics.Stopwatch]::StartNew()
        while ($clock.Elapsed.TotalSeconds -lt 2) {
            $packet = Receive-XskPacket $To -Count 1 -TimeoutSeconds 1 -ProgressAction SilentlyContinue
            if ($packet -and [Convert]::ToHexString($packet.Data).Contains($mark, 'OrdinalIgnoreCase')) { return $packet }
        }
    }
}

Describe 'Config' -Tag Config -ForEach $interfaces {
    It '[<HostName>] [<Interface>] is there, and up' {
        Enter-Test Config
        (Get-XdpInterface @Place -ErrorAction Stop).State | Should -Be 'up'
        Complete-Test Config
    }

    if ($Facts) {
        It '[<HostName>] [<Interface>] <Fact> is <Expected>' -ForEach $Facts {
            Enter-Test Config
            (Get-XdpInterface @Place -ErrorAction Stop).$Fact | Should -Be $Expected
            Complete-Test Config
        }
    }

    if ($Pass) {
        It '[<HostName>] [<Interface>] passes the check <Expected>' -ForEach $Pass {
            Enter-Test Config
            Test-XdpInterface @Place -Name $Expected -ErrorAction Stop | Should -BeFitForXdp
            Complete-Test Config
        }
    }

    if ($NoFail) {
        It '[<HostName>] [<Interface>] does not fail the check <Expected>' -ForEach $NoFail {
            Enter-Test Config
            Test-XdpInterface @Place -Name $Expected -ErrorAction Stop | Should -BeFitForXdp -AllowWarning
            Complete-Test Config
        }
    }
}

if ($wired) {
    Describe 'Path' -Tag Path -ForEach $wired {
        BeforeAll { $sockets = @{} }
        AfterAll { $sockets.Values | Remove-XskSocket }

        It '[<HostName>] [<Interface>] opens a socket on both ends' {
            Enter-Test Path -After Config
            $sockets.Near = New-XskSocket @Place -ErrorAction Stop
            $sockets.Far = New-XskSocket @Peer -ErrorAction Stop
            $sockets.Values.State | Should -Be 'Open', 'Open'
            Complete-Test Path
        }

        It '[<HostName>] [<Interface>] carries frames of <_> bytes both ways' -ForEach $Lengths {
            Enter-Test Path -After Config
            Send-TestFrame $sockets.Near $sockets.Far $Place @{ Length = $_ } | Should -Not -BeNullOrEmpty
            Send-TestFrame $sockets.Far $sockets.Near $Peer @{ Length = $_ } | Should -Not -BeNullOrEmpty
            Complete-Test Path
        }

        if ($Vlans) {
            It '[<HostName>] [<Interface>] carries the tag of VLAN <Expected>' -ForEach $Vlans {
                Enter-Test Path -After Config
                (Send-TestFrame $sockets.Near $sockets.Far $Place @{ Length = 64; Vlan = $Expected }).Vlan | Should -Be $Expected
                (Send-TestFrame $sockets.Far $sockets.Near $Peer @{ Length = 64; Vlan = $Expected }).Vlan | Should -Be $Expected
                Complete-Test Path
            }
        }

        It '[<HostName>] [<Interface>] drops nothing of that' {
            Enter-Test Path -After Config
            $sockets.Values | Get-XskRingStats | Should -HaveNoXskDrops
            Complete-Test Path
        }
    }

    Describe 'Stress' -Tag Stress -ForEach $wired {
        BeforeAll {
            $sockets = @{}
            function Open-Path {
                if (-not $sockets['Near']) { $sockets.Near = New-XskSocket @Place -ErrorAction Stop }
                if (-not $sockets['Far']) { $sockets.Far = New-XskSocket @Peer -ErrorAction Stop }
            }
        }

        AfterAll { $sockets.Values | Remove-XskSocket }

        if ($Throughput) {
            It '[<HostName>] [<Interface>] throughput at <FrameSize> bytes is at least <Rate>' -ForEach $Throughput {
                Enter-Test Stress -After Config, Path
                Open-Path
                $load = @{ FrameSize = $FrameSize; DurationSeconds = $Seconds }
                if ($Expected['PacketsPerSecond']) { $load.PacketsPerSecond = $Expected.PacketsPerSecond }
                Measure-XskPath $sockets.Far $sockets.Near @load -ProgressAction SilentlyContinue | Should -HaveXskThroughput $MinimumPacketsPerSecond
                Complete-Test Stress
            }
        }

        if ($Loss) {
            It '[<HostName>] [<Interface>] loss at <FrameSize> bytes and <Rate> is at most <Percent> %' -ForEach $Loss {
                Enter-Test Stress -After Config, Path
                Open-Path
                $found = Measure-XskPath $sockets.Far $sockets.Near -FrameSize $FrameSize -PacketsPerSecond $PacketsPerSecond -DurationSeconds $Seconds -ProgressAction SilentlyContinue
                $found | Should -HaveXskLossAtMost $MaximumLossRatio
                if ($MaximumLossRatio -eq 0) { $found | Should -HaveNoXskDrops }
                Complete-Test Stress
            }
        }

        if ($Latency) {
            It '[<HostName>] [<Interface>] latency at <FrameSize> bytes and <Rate> is at most <MaximumMicroseconds> us (<Percentile>)' -ForEach $Latency {
                Enter-Test Stress -After Config, Path
                Open-Path
                Measure-XskPath $sockets.Far $sockets.Near -FrameSize $FrameSize -PacketsPerSecond $PacketsPerSecond -DurationSeconds $Seconds -ProgressAction SilentlyContinue |
                    Should -HaveXskLatencyAtMost $MaximumMicroseconds -Percentile $Percentile
                Complete-Test Stress
            }
        }
    }
}
