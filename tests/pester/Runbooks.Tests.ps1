# Runs the scripts of examples/runbooks on a chain of hosts: a (eth0) - h - r - b, and makes each find what it is for, and not find it.
BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program ping, sysctl
    $runbooks = Get-ChildItem -Path "$PSScriptRoot/../../examples/runbooks/*.ps1"
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $runbooks = Resolve-Path -LiteralPath "$PSScriptRoot/../../examples/runbooks"
}

Describe 'The runbook <_.BaseName>' -Tag Unit -ForEach $runbooks {
    BeforeAll {
        $command = Get-Command -Name $_.FullName
        $help = Get-Help -Name $_.FullName
        $own = @($command.Parameters.Values | Where-Object { $_.Name -notin [Management.Automation.PSCmdlet]::CommonParameters + [Management.Automation.PSCmdlet]::OptionalCommonParameters })
    }

    It 'has help, of every parameter too, and examples that it can bind' {
        $help.Synopsis | Should -Not -Match '\.ps1 '
        $help.Description.Text | Should -Not -BeNullOrEmpty
        foreach ($parameter in $own) {
            ($help.parameters.parameter | Where-Object Name -EQ $parameter.Name).description.Text | Should -Not -BeNullOrEmpty -Because "-$($parameter.Name) needs a description"
        }

        foreach ($example in $help.examples.example) {
            # get-help takes the first line for the code.
            $ast = [Management.Automation.Language.Parser]::ParseInput($example.code, [ref]$null, [ref]$null)
            $call = $ast.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] -and $args[0].GetCommandName() -like "*$($command.Name)" }, $true)
            $call | Should -Not -BeNullOrEmpty
            foreach ($name in $call.CommandElements | Where-Object { $_ -is [Management.Automation.Language.CommandParameterAst] } | ForEach-Object ParameterName) { $command.Parameters.Keys | Should -Contain $name }
        }
    }

    It 'asks before it does anything' {
        $command.Parameters.Keys | Should -Contain 'WhatIf'
    }
}

Describe "The runbooks$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $hosts = @{}
        foreach ($name in 'a', 'h', 'r', 'b') {
            $hosts[$name] = "xdpps-runbooks-$PID-$name"
            $null = Invoke-Native ip netns add $hosts[$name]
            $null = Invoke-Native ip netns exec $hosts[$name] sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0
        }

        function Connect-Host {
            param([int] $Number, [string] $From, [string] $FromName, [string] $To, [string] $ToName)
            $null = Invoke-Native ip -n $hosts[$From] link add $FromName type veth peer name $ToName netns $hosts[$To]
            foreach ($end in @(, ($From, $FromName, 1)) + @(, ($To, $ToName, 2))) {
                $null = Invoke-Native ip -n $hosts[$end[0]] link set $end[1] up
                $null = Invoke-Native ip -n $hosts[$end[0]] address add "10.91.$Number.$($end[2])/24" dev $end[1]
                $null = Invoke-Native ip -n $hosts[$end[0]] address add "fd91:$Number`::$($end[2])/64" dev $end[1] nodad
            }
        }

        Connect-Host 1 a eth0 h left
        Connect-Host 2 h right r left
        Connect-Host 3 r right b eth0
        foreach ($route in ('a', '10.91.1.2', 'fd91:1::2'), ('h', '10.91.2.2', 'fd91:2::2'), ('b', '10.91.3.1', 'fd91:3::1')) {
            $null = Invoke-Native ip -n $hosts[$route[0]] route add default via $route[1]
            $null = Invoke-Native ip -n $hosts[$route[0]] -6 route add default via $route[2]
        }

        $null = Invoke-Native ip -n $hosts.r route add 10.91.1.0/24 via 10.91.2.1
        $null = Invoke-Native ip -n $hosts.r -6 route add fd91:1::/64 via fd91:2::1
        # Whoever is pinged has been resolved by then.
        $null = Invoke-Native ip netns exec $hosts.a ping -c 1 -W 3 10.91.3.2
        $null = Invoke-Native ip netns exec $hosts.a ping -c 1 -W 3 fd91:3::2
        $at = @{ InterfaceName = 'eth0'; NetworkNamespace = $hosts.a }
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        foreach ($name in $hosts.Values) { ip netns delete $name }
    }

    It 'leave everything as it is with -WhatIf: <Name>' -ForEach @(
        @{ Name = 'Invoke-AlertCapture'; Arguments = @{ PacketsPerSecond = 0; Path = 'TestDrive:/whatif' } }
        @{ Name = 'Find-MtuBlackHole'; Arguments = @{ Destination = '10.91.3.2' } }
        @{ Name = 'Test-DuplicateAddress'; Arguments = @{ Address = '10.91.1.2' } }
        @{ Name = 'Find-PacketLoss'; Arguments = @{ DestinationAddress = '10.91.3.2' } }
    ) {
        # Without IPv6 the kernel sends nothing of its own accord here.
        $cable = New-TestCable
        try {
            $ends = $Name -eq 'Find-PacketLoss' ? @{ Transmit = $cable.Left; Point = $cable.Right } : @{ InterfaceName = $cable.Left }
            & "$runbooks/$Name.ps1" @ends @Arguments -WhatIf | Should -BeNullOrEmpty
            (Get-Link $cable.Left).stats64.tx.packets | Should -Be 0
            Test-Path -Path 'TestDrive:/whatif' | Should -BeFalse
        }
        finally {
            Remove-TestCable $cable
        }
    }

    Context 'Find-MtuBlackHole' {
        BeforeAll {
            $find = "$runbooks/Find-MtuBlackHole.ps1"
            $quick = @{ TimeoutSeconds = 0.15; Attempts = 2 }
        }

        It 'finds nothing on a path that carries all that the interface sends' {
            $found = & $find 10.91.3.2 @at @quick
            $found.Answered, $found.PathMtu, $found.BlackHole, $found.ReportedBy, $found.Hop | Should -Be $true, 1500, $false, $null, $null
        }

        It 'says that nobody answers' {
            $found = & $find 10.91.3.77 @at @quick
            $found.Answered, $found.PathMtu, $found.BlackHole | Should -Be $false, $null, $false
        }

        Context 'on a path with a narrow link' {
            BeforeAll {
                $null = Invoke-Native ip -n $hosts.r link set right mtu 1342
                $null = Invoke-Native ip -n $hosts.b link set eth0 mtu 1342
            }

            AfterAll {
                $null = Invoke-Native ip -n $hosts.r link set right mtu 1500
                $null = Invoke-Native ip -n $hosts.b link set eth0 mtu 1500
            }

            It 'names the router that says so, and sees no black hole: <_>' -ForEach '10.91.3.2', 'fd91:3::2' {
                $found = & $find $_ @at @quick
                $found.PathMtu, $found.BlackHole, $found.ReportedMtu | Should -Be 1342, $false, 1342
                $found.ReportedBy | Should -Be ($_ -match ':' ? 'fd91:2::2' : '10.91.2.2')
            }

            It 'leaves to the kernel what routers say about packets of others: <_>' -ForEach '10.91.3.2', 'fd91:3::2' {
                $destination = $_
                $family = $destination -match ':' ? '-6' : '-4'
                $null = Invoke-Native ip -n $hosts.a $family route flush cache
                $learned = [Collections.Generic.List[string]]::new()
                # What it says of its probes comes while its socket is open.
                $null = & $find $destination @at @quick -Verbose 4>&1 | ForEach-Object {
                    if ($learned.Count -or "$_" -notmatch ' hops: ') { return }
                    $null = ip netns exec $hosts.a ping $family -c 1 -W 1 -M do -s 1400 $destination 2>&1
                    $learned.Add("$(Invoke-Native ip -n $hosts.a $family route get $destination)")
                }
                $learned[0] | Should -Match 'mtu 1342'
            }

            It 'finds the black hole where that message is suppressed, and the hop before it: <Destination>' -ForEach @(
                @{ Destination = '10.91.3.2'; Suppress = 'icmp[0] = 3'; Hop = '10.91.2.2' }
                @{ Destination = 'fd91:3::2'; Suppress = 'icmp6 and ip6[40] = 2'; Hop = 'fd91:2::2' }
            ) {
                # What this socket takes reaches nobody.
                $null = New-XskSocket right -NetworkNamespace $hosts.h -Filter $Suppress
                $found = & $find $Destination @at @quick
                $found.PathMtu, $found.BlackHole, $found.HopMtu | Should -Be 1342, $true, 1342
                $found.Hop, "$($found.HopAddress)", "$($found.NextHop)" | Should -Be 2, $Hop, $Destination
                $found.ReportedBy | Should -BeNullOrEmpty
            }

            It 'refuses sizes that make no sense' {
                { & $find 10.91.3.2 @at -MaximumMtu 9000 } | Should -Throw '*MTU of 1500*'
                { & $find 10.91.3.2 @at -MinimumMtu 1500 } | Should -Throw '*below -MaximumMtu*'
            }
        }
    }

    Context 'Test-DuplicateAddress' {
        BeforeAll {
            $test = "$runbooks/Test-DuplicateAddress.ps1"
            $quick = @{ ProbeCount = 2; ProbeIntervalSeconds = 0.05; WaitSeconds = 0.3 }
            $theirs = (ip -n $hosts.h -json link show dev left | ConvertFrom-Json).address
            # An address of both hosts.
            foreach ($place in ('a', 'eth0'), ('h', 'left')) {
                $null = Invoke-Native ip -n $hosts[$place[0]] address add 10.91.1.9/24 dev $place[1]
                $null = Invoke-Native ip -n $hosts[$place[0]] address add fd91:1::9/64 dev $place[1] nodad
            }
        }

        AfterAll {
            foreach ($place in ('a', 'eth0'), ('h', 'left')) {
                $null = Invoke-Native ip -n $hosts[$place[0]] address delete 10.91.1.9/24 dev $place[1]
                $null = Invoke-Native ip -n $hosts[$place[0]] address delete fd91:1::9/64 dev $place[1]
            }
        }

        It 'tells the duplicate address from the free, the own and that of one other host' {
            $found = '10.91.1.9', '10.91.1.1', '10.91.1.2', '10.91.1.77', 'fd91:1::9', 'fd91:1::1', 'fd91:1::2', 'fd91:1::77' | & $test @at @quick
            $verdicts = @{}
            $found | ForEach-Object { $verdicts["$($_.Address)"] = $_.Verdict }
            foreach ($prefix in '10.91.1.', 'fd91:1::') {
                '9', '1', '2', '77' | ForEach-Object { $verdicts["$prefix$_"] } | Should -Be 'Duplicate', 'Own', 'InUse', 'Free' -Because "of $prefix"
            }

            foreach ($address in $found | Where-Object Verdict -In 'Duplicate', 'InUse') {
                $address.Owners | Should -HaveCount 1
                [BitConverter]::ToString($address.Owners[0].GetAddressBytes()) | Should -Be $theirs.Replace(':', '-')
            }
        }

        It 'takes link-local addresses with a scope, which has to be that of the interface' {
            $link = "$((ip -n $hosts.h -json address show dev left | ConvertFrom-Json).addr_info | Where-Object scope -EQ link | ForEach-Object local)"
            (& $test "$link%eth0" @at @quick).Verdict | Should -Be 'InUse'
            $cable = New-TestCable
            try {
                $found = & $test "fe80::1%$($cable.Left)", 'fe80::1' -InterfaceName $cable.Left @quick
                "$($found.Address) $($found.Verdict)" | Should -Be 'fe80::1 Free'
                { & $test "fe80::1%$($cable.Right)" -InterfaceName $cable.Left @quick } | Should -Throw "*is on another interface than $($cable.Left)*"
            }
            finally {
                Remove-TestCable $cable
            }
        }

        It 'sees another host about to take the address: <_>' -ForEach '10.91.1.78', 'fd91:1::78' {
            $other = New-XskSocket left -NetworkNamespace $hosts.h -NoProgram -RxRingSize 0
            $probe = if ($_ -match ':') {
                New-XskFrame -IPProtocol 58 -InterfaceName left -NetworkNamespace $hosts.h -SourceAddress '::' -DestinationAddress ff02::1:ff00:78 -TimeToLive 255 -Payload ('0x8700000000000000' + [Convert]::ToHexString(([ipaddress]$_).GetAddressBytes())) |
                    Edit-XskFrame -RepairChecksum
            }
            else { New-XskFrame -Arp -InterfaceName left -NetworkNamespace $hosts.h -SourceAddress 0.0.0.0 -DestinationAddress $_ }
            $pipeline = Start-Pipeline -ArgumentList $other, $probe -Script { param($socket, $frame) Send-XskFrame $socket $frame -Repeat 100 -PacketsPerSecond 50 }
            try {
                $found = & $test $_ @at @quick
            }
            finally {
                Close-Pipeline $pipeline
            }

            $found.Verdict, $found.Owners.Count | Should -Be 'Contended', 0
            [BitConverter]::ToString($found.Contenders[0].GetAddressBytes()) | Should -Be $theirs.Replace(':', '-')
        }
    }

    Context 'Find-PacketLoss' {
        BeforeAll {
            $find = "$runbooks/Find-PacketLoss.ps1"
            $path = @{ Transmit = "$($hosts.a)/eth0"; Point = "$($hosts.h)/left", "$($hosts.r)/left", "$($hosts.b)/eth0" }
            $quick = @{ Count = 32; TimeoutSeconds = 0.2 }
        }

        It 'finds nothing on a path that loses nothing, in one round' {
            $found = & $find @path @quick -DestinationAddress 10.91.3.2
            $found.Lossy, $found.Segments.Count, $found.Rounds.Count, $found.Rounds[0].Received | Should -Be $false, 0, 1, 32
        }

        It 'finds the segment that loses every fourth frame, and which those are: <Destination>' -ForEach @(
            @{ Destination = '10.91.3.2'; Filter = 'udp and udp[19] & 3 = 1' }
            @{ Destination = 'fd91:3::2'; Filter = 'ip6[6] = 17 and ip6[59] & 3 = 1' }
        ) {
            # A socket that nobody reads takes these on their way into the router, behind h's interface and before b's.
            $null = New-XskSocket left -NetworkNamespace $hosts.r -Filter $Filter
            $found = & $find -Transmit $path.Transmit -Point "$($hosts.h)/left", "$($hosts.b)/eth0" @quick -DestinationAddress $Destination
            $found.Lossy, $found.Segments.Count | Should -Be $true, 1
            $found.Segments[0].From, $found.Segments[0].To, $found.Segments[0].LossRatio | Should -Be "$($hosts.h)/left", "$($hosts.b)/eth0", 0.25
            $found.Rounds.Point | Should -Be "$($hosts.b)/eth0", "$($hosts.h)/left"
            $found.Rounds[0].Missing | Should -Be @(0..31 | Where-Object { $_ % 4 -eq 1 })
        }

        It 'finds a segment at the beginning, and looks at every point with -All' {
            $null = Invoke-Native ip -n $hosts.h route add blackhole 10.91.3.2/32
            try {
                $found = & $find @path @quick -DestinationAddress 10.91.3.2 -All
                $found.Rounds.Received | Should -Be 32, 0, 0
                $found.Segments | Should -HaveCount 1
                $found.Segments[0].From, $found.Segments[0].To, $found.Segments[0].LossRatio | Should -Be "$($hosts.h)/left", "$($hosts.r)/left", 1
            }
            finally {
                $null = Invoke-Native ip -n $hosts.h route delete blackhole 10.91.3.2/32
            }
        }

        It 'works through switches, by MAC address, and tolerates what it is told to' {
            $mac = (ip -n $hosts.h -json link show dev left | ConvertFrom-Json).address
            $found = & $find -Transmit "$($hosts.a)/eth0" -Point "$($hosts.h)/left" @quick -DestinationMac $mac -Length 1514
            $found.Lossy, $found.Rounds[0].Received | Should -Be $false, 32
            $null = New-XskSocket left -NetworkNamespace $hosts.r -Filter 'udp[19] & 31 = 1'
            $found = & $find -Transmit "$($hosts.a)/eth0" -Point "$($hosts.b)/eth0" @quick -DestinationAddress 10.91.3.2 -Tolerance 0.1
            $found.Lossy, $found.Rounds[0].Lost | Should -Be $false, 1
        }
    }

    Context 'Invoke-AlertCapture' {
        BeforeAll {
            $watch = "$runbooks/Invoke-AlertCapture.ps1"
            $quick = @{ IntervalSeconds = 0.15; DurationSeconds = 0.5; WatchSeconds = 5 }
            $mac = (ip -n $hosts.a -json link show dev eth0 | ConvertFrom-Json).address
            $folder = "$TestDrive/captures"
        }

        BeforeEach {
            $pipeline = $null
            $other = New-XskSocket left -NetworkNamespace $hosts.h -NoProgram -RxRingSize 0
            function Start-Traffic {
                param([int] $Rate)
                # The kernel has no use for this EtherType, and counts such packets as dropped.
                Start-Pipeline -ArgumentList $other, (New-XskFrame -EtherType 0x88b5 -InterfaceName left -NetworkNamespace $hosts.h -DestinationMac $mac -Length 200), $Rate -Script {
                    param($socket, $frame, $rate)
                    Send-XskFrame $socket $frame -DurationSeconds 20 -PacketsPerSecond $rate
                }
            }
        }

        AfterEach {
            Close-Pipeline $pipeline
            Remove-Item -Path "$folder*" -Recurse -ErrorAction Ignore
        }

        It 'captures into a ring of files when packets are more than a threshold' {
            $pipeline = Start-Traffic 2000
            # The interface has a default route: without a filter that needs -Force.
            { & $watch @at @quick -PacketsPerSecond 500 -Path $folder } | Should -Throw -ErrorId 'InterfaceInUse,*'
            $found = & $watch @at @quick -PacketsPerSecond 500 -Path $folder -RotateMegabytes 0.05 -KeepFiles 3 -SnapLength 100 -Force
            $found.Reason, $found.Threshold, $found.Lost | Should -Be 'PacketsPerSecond', 500, 0
            $found.Value | Should -BeGreaterThan 500
            $found.Files | Should -HaveCount 3
            @(Get-ChildItem -LiteralPath $folder).FullName | Should -Be $found.Files.FullName
            $packets = $found.Files | Import-XskCapture
            $packets.Count | Should -BeGreaterThan 100
            @($packets | Where-Object { $_.Protocol -ne '0x88b5' -or $_.Length -ne 200 -or $_.Data.Length -ne 100 }) | Should -HaveCount 0
            (ip -n $hosts.a -json -details link show dev eth0 | ConvertFrom-Json).PSObject.Properties['xdp'] | Should -BeNullOrEmpty
        }

        It 'does nothing when packets are fewer' {
            $pipeline = Start-Traffic 50
            & $watch @at -IntervalSeconds 0.15 -PacketsPerSecond 500 -WatchSeconds 0.6 -Path $folder | Should -BeNullOrEmpty
            Get-ChildItem -LiteralPath $folder | Should -BeNullOrEmpty
        }

        It 'captures when packets are dropped, and only what the filter matches' {
            $pipeline = Start-Traffic 200
            $found = & $watch @at @quick -DropsPerSecond 0 -Path $folder -Filter icmp -Verbose 4>&1
            $found[-1].Reason, $found[-1].Packets, $found[-1].Files.Count | Should -Be 'DropsPerSecond', 0, 1
        }

        It 'captures when a script block says so, as often as it is told to' {
            $looks = @{ Count = 0 }
            $found = @(& $watch @at -IntervalSeconds 0.1 -DurationSeconds 0.1 -MaximumAlerts 2 -Condition { ($looks.Count++) -ge 1 }.GetNewClosure() -Path $folder -Filter icmp)
            $found.Reason | Should -Be 'Condition', 'Condition'
            $looks.Count | Should -Be 3
            # Both within one second, and each has its file.
            $found.Files.FullName | Sort-Object -Unique | Should -HaveCount 2
        }

        It 'captures when a program fails, and not while it succeeds' {
            & $watch @at -IntervalSeconds 0.1 -WatchSeconds 0.3 -CheckCommand true -Path $folder | Should -BeNullOrEmpty
            $found = & $watch @at -IntervalSeconds 0.1 -DurationSeconds 0.1 -CheckCommand sh, -c, 'exit 7' -Path $folder -Filter icmp
            $found.Reason, $found.Value | Should -Be 'CheckCommand', 7
        }

        It 'captures when a program hangs, and refuses one that there is not' {
            $found = & $watch @at -IntervalSeconds 0.1 -DurationSeconds 0.1 -CheckCommand sleep, 100 -CheckTimeoutSeconds 0.2 -Path $folder -Filter icmp
            $found.Reason | Should -Be 'CheckCommand'
            # By timeout: with its TERM, or with the KILL a second later.
            $found.Value | Should -BeIn 124, 137
            { & $watch @at -CheckCommand xdpps-no-such-program -Path $folder } | Should -Throw '*xdpps-no-such-program*'
        }

        It 'wants to know when' {
            { & $watch @at -Path $folder } | Should -Throw '*-PacketsPerSecond, -DropsPerSecond*'
        }
    }

    Context 'Compare-DriverUpgrade' {
        BeforeAll {
            $compare = "$runbooks/Compare-DriverUpgrade.ps1"
            $cable = New-TestCable
            $folder = "$TestDrive/upgrade"
            $quick = @{ InterfaceName = $cable.Left; Peer = $cable.Right; FrameSize = 64; Repeat = 1; DurationSeconds = 0.1; PacketsPerSecond = 500 }
        }

        AfterAll {
            Remove-TestCable $cable
        }

        It 'wants to know what to compare with, and which interface' {
            { & $compare After -Path $folder } | Should -Throw '*no *before.clixml*'
            { & $compare Before -Path $folder } | Should -Throw '*-InterfaceName*'
            & $compare Before -Path $folder -InterfaceName $cable.Left -WhatIf | Should -BeNullOrEmpty
            Test-Path -LiteralPath $folder | Should -BeFalse
        }

        It 'finds the same where nothing changed' {
            (& $compare Before -Path $folder @quick).Name | Should -Be 'before.clixml'
            { & $compare Before -Path $folder @quick } | Should -Throw '*-Force*'
            { & $compare After -Path $folder -Peer lo } | Should -Throw '*leave it out*'
            $rows = & $compare After -Path $folder
            ($rows | Where-Object Kind -NE Measurement).Verdict | Sort-Object -Unique | Should -Be 'Same'
            ($rows | Where-Object Kind -EQ Fact).Name | Should -Contain 'Mtu'
            ($rows | Where-Object Kind -EQ Check).Count | Should -BeGreaterThan 8
            ($rows | Where-Object Kind -EQ Measurement).Name | Should -Be 'PacketsPerSecond at 64 bytes', 'LossRatio at 64 bytes', 'LatencyP50 at 64 bytes', 'LatencyP99 at 64 bytes'
            ($rows | Where-Object Kind -EQ Measurement).Before | Should -Not -Contain $null
            ($rows | Where-Object Kind -EQ Measurement).After | Should -Not -Contain $null
            Test-Path -LiteralPath "$folder/after.clixml" | Should -BeTrue
        }

        It 'finds what changed, and what got worse' {
            # What was saved becomes that of a better time.
            $saved = Import-Clixml -LiteralPath "$folder/before.clixml"
            $saved.Measurements[0].PacketsPerSecond *= 1000
            $saved.Measurements[0].LatencyP50 *= 1000
            $saved | Export-Clixml -LiteralPath "$folder/before.clixml" -Depth 5
            foreach ($end in $cable.Left, $cable.Right) { $null = Invoke-Native ip link set $end mtu 9000 }
            $rows = & $compare After -Path $folder -WarningAction SilentlyContinue
            $by = @{}
            $rows | ForEach-Object { $by["$($_.Kind) $($_.Name)"] = $_ }
            $by['Fact Mtu'].Before, $by['Fact Mtu'].After, $by['Fact Mtu'].Verdict | Should -Be 1500, 9000, 'Changed'
            $by['Check Mtu'].Verdict | Should -Be 'Worse'
            $by['Measurement PacketsPerSecond at 64 bytes'].Verdict | Should -Be 'Worse'
            $by['Measurement LatencyP50 at 64 bytes'].Verdict | Should -Be 'Better'
            (Import-Csv -LiteralPath "$folder/comparison.csv").Verdict | Should -Be $rows.Verdict
        }

        It 'says which checks there are on one side only' {
            $saved = Import-Clixml -LiteralPath "$folder/before.clixml"
            $saved.Plan.Peer = $null
            $saved.Checks = @($saved.Checks | Where-Object Name -NE Link) + @([XdpPS.XdpInterfaceCheck]@{ Interface = $cable.Left; Name = 'Bygone'; Status = 'Warn'; Detail = 'd' })
            $saved | Export-Clixml -LiteralPath "$folder/before.clixml" -Depth 5
            $rows = & $compare After -Path $folder -WarningAction SilentlyContinue | Where-Object Kind -EQ Check
            $rows | Where-Object Verdict -In Gone, New | ForEach-Object { "$($_.Name) '$($_.Before)' '$($_.After)' $($_.Verdict)" } | Sort-Object |
                Should -Be "Bygone 'Warn' '' Gone", "Link '' 'Pass' New"
        }
    }
}
