BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program ethtool
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $PSStyle.OutputRendering = 'PlainText'
}

Describe 'Get-XdpInterface on any machine' -Tag Unit {
    It 'has the parameter -InterfaceName, which takes wildcards' {
        $fact = Get-ParameterFact Get-XdpInterface InterfaceName
        $fact.Type | Should -Be 'String[]'
        $fact.Aliases | Should -Be 'ifAlias,ifName,Interface,InterfaceAlias,Name'
        $fact.Position | Should -Be '0'
        $fact.ByValue, $fact.ByProperty, $fact.Mandatory | Should -Be $true, $true, $false
        (Get-Command Get-XdpInterface).Parameters['InterfaceName'].Attributes.TypeId.Name | Should -Contain 'SupportsWildcardsAttribute'
    }

    It 'knows the loopback interface' {
        $lo = Get-XdpInterface lo
        $lo | Should -BeOfType XdpPS.XdpInterface
        $lo.Name, $lo.Index, $lo.IsLoopback, $lo.SpeedMbps, $lo.BusAddress | Should -Be 'lo', 1, $true, $null, $null
    }

    It 'returns nothing for a pattern that no interface matches' {
        Get-XdpInterface nosuch*, '[nN]osuch?' -ErrorVariable failures | Should -BeNullOrEmpty
        $failures | Should -BeNullOrEmpty
    }

    It 'reports a name that no interface has, and goes on with the next' {
        (Get-XdpInterface nosuch0, lo -ErrorAction SilentlyContinue -ErrorVariable failures).Name | Should -Be 'lo'
        $failures.FullyQualifiedErrorId | Should -Be 'InterfaceNotFound,XdpPS.Commands.GetXdpInterfaceCommand'
        $failures.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failures.TargetObject | Should -Be 'nosuch0'
        $failures.Exception.Message | Should -Match "no interface named 'nosuch0'.*\blo\b"
    }

    It 'takes what is no valid pattern for a name, as <Command> does' -ForEach @(
        @{ Command = 'Get-XdpInterface'; Id = 'InterfaceNotFound' }
        @{ Command = 'Get-XdpProgram'; Id = 'InterfaceNotFound' }
        @{ Command = 'Test-XdpInterface'; Id = 'InterfaceNotFound' }
        @{ Command = 'Get-XskSocket'; Id = 'SocketNotFound' }
        @{ Command = 'Watch-XskRing'; Id = 'SocketNotFound' }
    ) {
        foreach ($name in '[a', 'eth[9-0]', 'x[]') {
            { & $Command $name -ErrorAction Stop } | Should -Throw -ErrorId "$Id,*" -ExpectedMessage "*'$([WildcardPattern]::Escape($name))'*"
        }
    }

    It 'shows what the kernel cannot tell as unknown' {
        $old = [XdpPS.XdpInterface] (Get-XdpInterface lo)
        $property = [XdpPS.XdpInterface].GetProperty('XdpFeatures')
        $property.SetValue($old, $null)
        (Get-View $old -Width 80)[2] | Should -Match 'none\s+unknown'
        (Get-View $old -Width 80 -List) | Should -Contain 'SupportsZeroCopy    : unknown'
        $property.SetValue($old, [Enum]::ToObject([XdpPS.XdpFeatures], 0x40b))
        (Get-View $old -Width 80)[2] | Should -Match 'none\s+yes'
        (Get-View $old -Width 80 -List) | Should -Contain 'XdpFeatures         : Basic, Redirect, XskZeroCopy, 0x400'
    }
}

Describe "Get-XdpInterface$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable -Queues 4
        $bridge = "xpb$PID"
        $null = Invoke-Native ip link add $bridge type bridge
        $sockets = New-XskSocket $cable.Left -QueueId 3, 0, 1 -Filter 'udp port 53' -WarningAction SilentlyContinue
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
        ip link delete $bridge
    }

    It 'finds an interface whose name is no valid pattern, and others find it' {
        $odd = "[x$PID"
        $null = Invoke-Native ip link add $odd up type veth peer name "]x$PID"
        try {
            $socket = New-XskSocket $odd -WarningAction SilentlyContinue
            (Get-XdpInterface $odd).Name | Should -BeExactly $odd
            (Get-XdpProgram $odd).Id | Should -Be $socket.ProgramId
            (Get-XskSocket $odd).ProgramId | Should -Be $socket.ProgramId
            (Test-XdpInterface $odd -Name Mtu).Interface | Should -BeExactly $odd
            Remove-XskSocket $socket
        }
        finally { ip link delete $odd }
    }

    It 'lists every interface that ip lists' {
        $shown = Invoke-Native ip -json link show | ConvertFrom-Json
        $found = Get-XdpInterface
        $found.Name | Should -Be $shown.ifname
        $found.Index | Should -Be $shown.ifindex
        $found.Mtu | Should -Be $shown.mtu
    }

    It 'says what ip and ethtool say' {
        $nic = Get-XdpInterface $cable.Left
        $link = Get-Link $cable.Left
        $nic.MacAddress.ToString() | Should -Be $link.address.Replace(':', '')
        $nic.State | Should -Be $link.operstate
        $nic.Driver | Should -Be 'veth'
        $text = (ethtool $cable.Left) -join "`n"
        "$($nic.SpeedMbps)Mb/s" | Should -Be ([regex]::Match($text, 'Speed: (\S+)').Groups[1].Value)
        $nic.RxQueues, $nic.TxQueues, $nic.CombinedQueues, $nic.MaxRxQueues, $nic.MaxTxQueues | Should -Be 4, 4, 0, 4, 4
        $nic.XdpMode, $nic.XdpProgramId | Should -Be 'Native', (Get-AttachedProgram $cable.Left).Id
    }

    It 'names the attached program as bpftool does' -Skip:(-not (Get-Command bpftool -ErrorAction Ignore)) {
        $nic = Get-XdpInterface $cable.Left
        $nic.XdpProgramName | Should -Be (Invoke-Native bpftool --json prog show id $nic.XdpProgramId | ConvertFrom-Json).name
    }

    It 'lists our sockets by queue, as they were at that moment' {
        $nic = Get-XdpInterface $cable.Left
        $nic.Sockets.QueueId | Should -Be 0, 1, 3
        $nic.Sockets[2].BindMode, $nic.Sockets[2].Filter | Should -Be 'Copy', 'udp port 53'
        "$($nic.Sockets[2])" | Should -Be "$($sockets[0])"
        (Get-XdpInterface $cable.Right).Sockets | Should -BeNullOrEmpty
        $short = New-XskSocket $cable.Right -WarningAction SilentlyContinue
        $held = Get-XdpInterface $cable.Right
        $short | Remove-XskSocket
        $held.Sockets.QueueId | Should -Be 0
        (Get-XdpInterface $cable.Right).Sockets | Should -BeNullOrEmpty
    }

    It 'selects by wildcard and by several names' {
        (Get-XdpInterface ($cable.Left -replace 'l(\d+)$', '?$1')).Name | Sort-Object | Should -Be (@($cable.Left, $cable.Right) | Sort-Object)
        (Get-XdpInterface $bridge, $cable.Right).Name | Should -Be $bridge, $cable.Right
    }

    It 'takes an existing name for itself before it takes it for a pattern' {
        $odd = "xp[lo]$($PID % 10000)"
        $null = Invoke-Native ip link add $odd type bridge
        try {
            (Get-XdpInterface $odd).Name | Should -Be $odd
            (Get-XdpInterface 'xp[[]lo*').Name | Should -Be $odd
        }
        finally {
            ip link delete $odd
        }
    }

    It 'takes names, and objects with the property <_>, from the pipeline' -ForEach 'InterfaceName', 'Interface', 'ifAlias', 'InterfaceAlias', 'ifName', 'Name' {
        ($cable.Right, $cable.Left | Get-XdpInterface).Name | Should -Be $cable.Right, $cable.Left
        ([pscustomobject]@{ $_ = $cable.Left } | Get-XdpInterface).Name | Should -Be $cable.Left
    }

    It 'goes into the other cmdlets by the pipeline' {
        $opened = Get-XdpInterface $cable.Right | New-XskSocket -QueueId 2 -WarningAction SilentlyContinue
        try {
            $opened.InterfaceName, $opened.QueueId | Should -Be $cable.Right, 2
            Get-XdpInterface $cable.Right | Get-XskSocket | Should -Be $opened
            ($opened | Get-XdpInterface).Sockets.QueueId | Should -Be 2
        }
        finally {
            $opened | Remove-XskSocket
        }
    }

    It 'has one line an interface in the 79 columns that a terminal of 80 leaves, with what matters for XDP' {
        $lines = Get-View (Get-XdpInterface $cable.Left, $bridge, lo) -Width 79
        $lines | Should -HaveCount 5
        $lines[0] -split '\s+' | Should -Be 'Name', 'State', 'Driver', 'Queues', 'XDP', 'ZeroCopy', 'MTU', 'Mb/s'
        $lines[2] | Should -Match "^$($cable.Left)\s+up\s+veth\s+4 native $($sockets[0].ProgramId)\s+no\s+1500\s+$((Get-XdpInterface $cable.Left).SpeedMbps)$"
        $lines[3] | Should -Match "^$bridge\s+down\s+bridge\s+1 none\s+no\s+1500$"
        $lines[4] | Should -Match '^lo\s.+ 65536$'
    }

    It 'has speed, hardware address and index too at 120' {
        $lines = Get-View (Get-XdpInterface $cable.Left, $bridge) -Width 120
        $lines | Should -HaveCount 4
        $lines[0] | Should -Match 'MTU\s+Mb/s Sockets MacAddress\s+Index$'
        $nic = Get-XdpInterface $cable.Left
        $lines[2] | Should -Match "1500\s+$($nic.SpeedMbps) 0-1,3\s+$($cable.LeftMac)\s+$($nic.Index)$"
    }

    It 'shows every property in a list' {
        $lines = Get-View (Get-XdpInterface $cable.Left) -Width 80 -List
        $names = $lines | Where-Object { $_ -match '^\w' } | ForEach-Object { ($_ -split '\s*:')[0] }
        foreach ($name in [XdpPS.XdpInterface].GetProperties().Name | Where-Object { $_ -notin 'QueueCount', 'IsLoopback' }) { $names | Should -Contain $name }
        $lines | Should -Contain "MacAddress          : $($cable.LeftMac)"
        $lines | Should -Contain 'XdpProgramName      : xdpps_redirect'
        $lines -match ' queue [013]: native XDP' | Should -HaveCount 3
    }

    It 'shows a missing link in the table, and different counts of queues' {
        $other = New-TestCable -Queues 3
        try {
            $null = Invoke-Native ethtool -L $other.Left tx 2
            $null = Invoke-Native ip link set $other.Right down
            (Get-View (Get-XdpInterface $other.Left) -Width 80)[2] | Should -Match "^$($other.Left)\s+no link\s+veth\s+3/2 none"
            (Get-XdpInterface $other.Left).State | Should -Be 'lowerlayerdown'
        }
        finally {
            Remove-TestCable $other
        }
    }

    It 'survives Clixml and a job with every property as it was' {
        $nic = Get-XdpInterface $cable.Left
        $file = [IO.Path]::GetTempFileName()
        try {
            $nic | Export-Clixml -LiteralPath $file
            $copy = Import-Clixml -LiteralPath $file
        }
        finally {
            Remove-Item -LiteralPath $file
        }

        $job = Start-Job -ArgumentList (Get-ModuleManifest), $cable.Left -ScriptBlock {
            param($manifest, $name)
            Import-Module $manifest
            Get-XdpInterface $name
        }
        $null = $job | Wait-Job -Timeout 30
        $far = $job | Receive-Job
        $job | Remove-Job -Force

        foreach ($property in [XdpPS.XdpInterface].GetProperties().Name) {
            "$($copy.$property)" | Should -Be "$($nic.$property)" -Because "that is its $property"
            # The job's process has no sockets of its own.
            if ($property -ne 'Sockets') { "$($far.$property)" | Should -Be "$($nic.$property)" -Because "that is its $property" }
        }
        $copy, $far | Should -BeOfType XdpPS.XdpInterface
        $copy.Sockets | Should -BeOfType XdpPS.XdpInterfaceSocket
        $copy.Sockets.QueueId | Should -Be 0, 1, 3
        $copy.Sockets[2].Filter | Should -Be 'udp port 53'
        $copy.XdpFeatures | Should -BeOfType XdpPS.XdpFeatures
        $far.Sockets | Should -BeNullOrEmpty
    }

    It 'keeps features that have no name here when it crosses a border' {
        $nic = Get-XdpInterface $cable.Left
        $bits = [Enum]::ToObject([XdpPS.XdpFeatures], 0x40b)
        [XdpPS.XdpInterface].GetProperty('XdpFeatures').SetValue($nic, $bits)
        $copy = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($nic))
        $copy | Should -BeOfType XdpPS.XdpInterface
        $copy.XdpFeatures | Should -Be $bits
        $copy.SupportsZeroCopy | Should -BeTrue
    }
}
