BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program bpftool, setpriv
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.GetXdpProgramCommand'
}

Describe 'Get-XdpProgram without a program' -Tag Unit {
    It 'has the parameter -InterfaceName, which takes wildcards' {
        $fact = Get-ParameterFact Get-XdpProgram InterfaceName
        $fact.Type | Should -Be 'String[]'
        $fact.Aliases | Should -Be 'ifAlias,ifName,Interface,InterfaceAlias,Name'
        $fact.Position | Should -Be '0'
        $fact.ByValue, $fact.ByProperty, $fact.Mandatory | Should -Be $true, $true, $false
        (Get-Command Get-XdpProgram).Parameters['InterfaceName'].Attributes.TypeId.Name | Should -Contain 'SupportsWildcardsAttribute'
    }

    It 'returns nothing for <_>, and no error' -ForEach 'lo', 'nosuch*', '[x-z]?' {
        Get-XdpProgram $_ -ErrorVariable failures | Should -BeNullOrEmpty
        $failures | Should -BeNullOrEmpty
    }

    It 'reports an interface that does not exist, and goes on with the next' {
        Get-XdpProgram nosuch0, lo -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
        $failures.FullyQualifiedErrorId | Should -Be "InterfaceNotFound,$command"
        $failures.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failures.TargetObject | Should -Be 'nosuch0'
    }
}

Describe "Get-XdpProgram$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $object = New-XdpObjectFile
        # One by netlink, in generic mode; one by bpf_link, with a map to join.
        $null = Invoke-Native ip link set dev $cable.Left xdpgeneric object $object section xdp
        $socket = New-XskSocket $cable.Right
        $programs = @(Get-XdpProgram)
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
        Remove-Item -LiteralPath $object
    }

    It 'lists what "bpftool net" lists' {
        $expected = (bpftool --json net | ConvertFrom-Json).xdp | Sort-Object ifindex | ForEach-Object { "$($_.devname) $($_.ifindex) $($_.id) $($_.mode)" }
        $modes = @{ Native = 'driver'; Generic = 'generic' }
        $programs | Sort-Object InterfaceIndex | ForEach-Object { "$($_.InterfaceName) $($_.InterfaceIndex) $($_.Id) $($modes["$($_.Mode)"])" } | Should -Be $expected
        $expected | Should -HaveCount 2
    }

    It 'says of each what bpftool and "ip -d link" say: <_>' -ForEach 'Left', 'Right' {
        $program = Get-XdpProgram $cable.$_
        $witness = bpftool --json prog show id $program.Id | ConvertFrom-Json
        $ofLink = (Get-Link $cable.$_).xdp.prog
        $program.Id | Should -Be $ofLink.id
        $program.Name | Should -Be $witness.name
        $program.Tag | Should -Be $witness.tag
        $program.Tag | Should -Be $ofLink.tag
        $program.UserId | Should -Be $witness.uid
        [Math]::Abs(([DateTimeOffset]$program.LoadTime).ToUnixTimeSeconds() - $witness.loaded_at) | Should -BeLessOrEqual 1
        # None for the program that only passes.
        $maps = @($witness.PSObject.Properties['map_ids']?.Value)
        @($program.Maps | ForEach-Object Id | Sort-Object) | Should -Be @($maps | Sort-Object)
    }

    It 'tells a program of netlink from one of a bpf_link, and who holds it' {
        $left = Get-XdpProgram $cable.Left
        $left.AttachedBy, $left.LinkId, $left.CanJoin | Should -Be 'Netlink', $null, $false
        $left.Holders | Should -HaveCount 0
        $right = Get-XdpProgram $cable.Right
        $right.AttachedBy, $right.LinkId, $right.CanJoin | Should -Be 'BpfLink', (Get-XdpLinkId $cable.Right), $true
        $right.Holders.ProcessId | Should -Be $PID
        $right.Holders.Command | Should -Be (Get-Content "/proc/$PID/comm")
        $right.Maps.Name | Should -Be 'xsks_map'
    }

    It 'takes wildcards, and names and sockets from the pipeline' {
        (Get-XdpProgram ($cable.Left -replace 'l(\d+)$', '?$1')).Id | Should -Be $programs.Id
        ($cable.Right, $cable.Left | Get-XdpProgram).Id | Should -Be $socket.ProgramId, (Get-XdpProgram $cable.Left).Id
        ($socket | Get-XdpProgram).Id | Should -Be $socket.ProgramId
        # Name is the interface's in other objects, and the program's here.
        ($programs | Get-XdpProgram).Id | Should -Be $programs.Id
    }

    It 'takes an existing name for itself before it takes it for a pattern, also where it has no program' {
        $odd = $cable.Left.Insert($cable.Left.Length - 1, '[') + ']'
        # As a pattern it is the other one, which has a program.
        $cable.Left -like $odd | Should -BeTrue
        $null = Invoke-Native ip link add $odd type bridge
        try {
            Get-XdpProgram $odd | Should -BeNullOrEmpty
        }
        finally {
            ip link delete $odd
        }
        (Get-XdpProgram $odd).InterfaceName | Should -Be $cable.Left
    }

    It 'lists ids and modes without privilege, and leaves empty what is not to be seen' {
        $whole = "Import-Module '$(Get-ModuleManifest)'; Get-XdpProgram | ConvertTo-Json -Depth 3 -EnumsAsStrings"
        $start = @('--reuid', '65534', '--regid', '65534', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all')
        $copy = Join-Path ([IO.Path]::GetTempPath()) "xdpps-program-$PID"
        try {
            # The user must be able to read the module, wherever it was built.
            $null = New-Item -ItemType Directory -Path "$copy/home" -Force
            Copy-Item -LiteralPath (Split-Path (Get-ModuleManifest)) -Destination "$copy/XdpPS" -Recurse
            $null = Invoke-Native chmod -R a+rwX $copy
            $whole = $whole.Replace((Split-Path (Get-ModuleManifest)), "$copy/XdpPS")
            $text = setpriv @start env HOME=$copy/home (Get-PwshPath) -NoProfile -NonInteractive -Command $whole
        }
        finally {
            Remove-Item -LiteralPath $copy -Recurse -Force
        }

        $seen = @($text | ConvertFrom-Json)
        $seen | ForEach-Object { "$($_.InterfaceName) $($_.Id) $($_.Mode)" } | Should -Be ($programs | ForEach-Object { "$($_.InterfaceName) $($_.Id) $($_.Mode)" })
        foreach ($property in 'Name', 'Tag', 'LinkId', 'LoadTime', 'UserId', 'Maps', 'Extensions', 'CanJoin', 'Holders') {
            $seen.$property | Where-Object { $null -ne $_ } | Should -BeNullOrEmpty
        }

        $seen.AttachedBy | Should -Be 'Unknown', 'Unknown'
    }

    It 'shows one line a program at <_>' -ForEach 80, 120 {
        $lines = ($programs | Out-String -Width $_).Trim() -split '\r?\n'
        $lines | Should -HaveCount 4
        $lines[0] -split '\s+' | Should -Be 'Interface', 'Id', 'Name', 'Tag', 'Mode', 'Attached', 'Holder'
        "$($lines[2..3])" | Should -Match "$($cable.Left)\s+\d+ pass\s+[0-9a-f]{16} generic netlink\s+-"
        "$($lines[2..3])" | Should -Match "$($cable.Right)\s+\d+ xdpps_redirect [0-9a-f]{16} native\s+bpf_link \w"
    }

    It 'comes back from Clixml, and from a job, as what it was' {
        $file = [IO.Path]::GetTempFileName()
        $programs | Export-Clixml -LiteralPath $file
        $copies = @(Import-Clixml -LiteralPath $file)
        Remove-Item -LiteralPath $file
        $copies | ForEach-Object { $_ | Should -BeOfType XdpPS.XdpProgramInfo }
        foreach ($i in 0, 1) {
            foreach ($property in [XdpPS.XdpProgramInfo].GetProperties().Name) {
                "$($copies[$i].$property)" | Should -Be "$($programs[$i].$property)" -Because "that was its $property"
            }
        }

        $mine = $copies | Where-Object InterfaceName -EQ $cable.Right
        $mine.Maps[0].Id | Should -Be (Get-XdpProgram $cable.Right).Maps[0].Id
        $mine.Holders[0].ProcessId | Should -Be $PID
        $mine.LoadTime | Should -BeOfType DateTime
    }
}
