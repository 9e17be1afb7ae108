# Runs examples/nic-validation against a cable of its own, in a process of its own for each version of Pester that is here,
# since a Pester cannot run in another.
BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
    $pesters = @(Get-Module -Name Pester) + @(Get-Module -Name Pester -ListAvailable | Where-Object Version -GE 5.7) |
        Sort-Object -Property Version -Descending | Group-Object { $_.Version.Major } | ForEach-Object { @{ Version = $_.Group[0].Version; Path = $_.Group[0].Path } }
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $kit = Resolve-Path -LiteralPath "$PSScriptRoot/../../examples/nic-validation"
}

Describe 'The expectations that the kit comes with' -Tag Unit {
    It 'are data, and name checks that there are' {
        $expected = Import-PowerShellDataFile -LiteralPath "$kit/nic.expectations.psd1"
        $known = (Test-XdpInterface lo -WarningAction SilentlyContinue).Name
        foreach ($interface in $expected.Hosts.Interfaces) {
            foreach ($name in @($interface.Pass) + @($interface.NoFail)) { $known | Should -Contain $name }
        }
    }
}

Describe "The validation of a NIC, with Pester <Version>$note" -Tag Netns -Skip:($note -ne '') -ForEach $pesters {
    BeforeAll {
        $cable = New-TestCable
        $good = @{
            Name       = $cable.Left
            Driver     = 'veth'
            Mtu        = 1500
            RxQueues   = 1
            Pass       = 'AfXdp', 'Privileges'
            NoFail     = 'LockedMemory', 'AttachedProgram', 'Queues', 'Mtu'
            Peer       = $cable.Right
            Vlans      = 100, 200
            Throughput = @(@{ FrameSize = 64; PacketsPerSecond = 2000; MinimumPacketsPerSecond = 1; Seconds = 0.2 })
            Loss       = @(@{ FrameSize = 512; PacketsPerSecond = 1000; MaximumLossRatio = 0; Seconds = 0.2 })
            Latency    = @(@{ FrameSize = 64; PacketsPerSecond = 1000; Percentile = 'P50'; MaximumMicroseconds = 1e7; Seconds = 0.2 })
        }
        $wide = $good.Clone()
        $wide.Mtu = 9000
        # The one that is meant to fail.
        $slow = $good.Clone()
        $slow.Throughput = @(@{ FrameSize = 64; PacketsPerSecond = 2000; MinimumPacketsPerSecond = 500000; Seconds = 0.2 })
        $slow.Remove('Vlans')
        $bare = @{ Name = $cable.Left; Driver = 'veth' }
        # What would be green, and test nothing of what it says.
        $misspelt = $bare.Clone()
        $misspelt.Vlan = 100
        $vague = $good.Clone()
        $vague.Throughput = @(@{ FrameSize = 64; MinimumPps = 500000; Seconds = 0.2 })
        $open = $bare.Clone()
        $open.Loss = $good.Loss
        $refused = 'nowhere', 'empty', 'misspelt', 'vague', 'open'

        function ConvertTo-DataText {
            param($Value)
            if ($Value -is [Collections.IDictionary]) { return '@{' + (@($Value.GetEnumerator() | ForEach-Object { "'$($_.Key)' = $(ConvertTo-DataText $_.Value)" }) -join '; ') + '}' }
            if ($Value -is [array]) { return '@(' + (@($Value | ForEach-Object { ConvertTo-DataText $_ }) -join ', ') + ')' }
            if ($Value -is [string]) { return "'$Value'" }
            return [string]::Format([cultureinfo]::InvariantCulture, '{0}', $Value)
        }

        $file = "$TestDrive/lab.psd1"
        $hosts = foreach ($pair in ('good', $good), ('wide', $wide), ('slow', $slow), ('bare', $bare), ('empty', $null), ('misspelt', $misspelt), ('vague', $vague), ('open', $open)) {
            @{ Name = $pair[0]; Interfaces = @($pair[1] | Where-Object { $_ }) }
        }

        ConvertTo-DataText @{ Hosts = @($hosts) } | Set-Content -LiteralPath $file

        $lines = Invoke-Pwsh -Script @"
Import-Module '$Path'
foreach (`$name in 'good', 'wide', 'slow', 'bare', '$($refused -join "', '")') {
    `$configuration = New-PesterConfiguration
    `$configuration.Run.Container = New-PesterContainer -Path '$kit/NicValidation.Tests.ps1' -Data @{ ExpectationPath = '$file'; HostName = `$name }
    `$configuration.Run.PassThru = `$true
    `$configuration.Output.Verbosity = 'None'
    `$result = Invoke-Pester -Configuration `$configuration
    `$tests = @(`$result.Tests | ForEach-Object { @{ Name = `$_.ExpandedName; Phase = "`$(`$_.Block.Tag)"; Result = "`$(`$_.Result)"; Message = "`$(`$_.ErrorRecord)" } })
    'RESULT ' + (@{ Host = `$name; Result = `$result.Result; Why = "`$(`$result.Containers.ErrorRecord)"; Failed = `$result.FailedCount + `$result.FailedBlocksCount + `$result.FailedContainersCount; Tests = `$tests } | ConvertTo-Json -Compress -Depth 4)
}
"@
        $results = @{}
        $lines | Where-Object { $_ -like 'RESULT *' } | ForEach-Object { $_.Substring(7) | ConvertFrom-Json } | ForEach-Object { $results[$_.Host] = $_ }
        if ($results.Count -ne 9) { throw "The validation did not run: $($lines -join ' | ')" }
    }

    AfterAll {
        Remove-TestCable $cable
    }

    It 'passes where all is as expected, with a test for each expectation' {
        $results.good.Failed | Should -Be 0 -Because "$($results.good.Tests | Where-Object Result -NE Passed | ForEach-Object Message)"
        $results.good.Tests.Result | Sort-Object -Unique | Should -Be 'Passed'
        $prefix = "[good] [$($cable.Left)]"
        $results.good.Tests.Name | Should -Be @(
            "$prefix is there, and up", "$prefix Driver is veth", "$prefix Mtu is 1500", "$prefix RxQueues is 1"
            "$prefix passes the check AfXdp", "$prefix passes the check Privileges"
            'LockedMemory', 'AttachedProgram', 'Queues', 'Mtu' | ForEach-Object { "$prefix does not fail the check $_" }
            "$prefix opens a socket on both ends", "$prefix carries frames of 60 bytes both ways", "$prefix carries frames of 1514 bytes both ways"
            "$prefix carries the tag of VLAN 100", "$prefix carries the tag of VLAN 200", "$prefix drops nothing of that"
            "$prefix throughput at 64 bytes is at least 1 pps", "$prefix loss at 512 bytes and 1 kpps is at most 0 %"
            "$prefix latency at 64 bytes and 1 kpps is at most 10000000 us (P50)"
        )
    }

    It 'goes on to the end of a phase that fails, and skips the later ones' {
        $failed = @($results.wide.Tests | Where-Object Result -EQ Failed)
        $failed.Name | Should -Be "[wide] [$($cable.Left)] Mtu is 9000"
        $failed[0].Message | Should -BeLike '*Expected 9000, but got 1500*'
        ($results.wide.Tests | Where-Object Phase -EQ Config).Result | Group-Object | ForEach-Object { "$($_.Name) $($_.Count)" } | Sort-Object | Should -Be 'Failed 1', 'Passed 9'
        ($results.wide.Tests | Where-Object Phase -NE Config).Result | Sort-Object -Unique | Should -Be 'Skipped'
        ($results.wide.Tests | Where-Object Phase -EQ Stress).Name | Should -Be ($results.good.Tests | Where-Object Phase -EQ Stress).Name.Replace('[good]', '[wide]')
        ($results.wide.Tests | Where-Object Phase -EQ Stress)[0].Message | Should -BeLike "*the phase Config failed on $($cable.Left) of wide*"
    }

    It 'fails for a throughput that is not there, and says what it is' {
        $failed = @($results.slow.Tests | Where-Object Result -EQ Failed)
        $failed.Name | Should -Be "[slow] [$($cable.Left)] throughput at 64 bytes is at least 500 kpps"
        $failed[0].Message | Should -BeLike '*Expected a throughput of at least 500 kpps but got * of 64-byte frames*'
        ($results.slow.Tests | Where-Object Result -NE Failed).Result | Sort-Object -Unique | Should -Be 'Passed'
    }

    It 'has the phase Config alone for an interface without a peer' {
        $results.bare.Failed | Should -Be 0
        $results.bare.Tests.Name | Should -Be "[bare] [$($cable.Left)] is there, and up", "[bare] [$($cable.Left)] Driver is veth"
    }

    It 'is no green run where nothing would be tested: <HostName>' -ForEach @(
        @{ HostName = 'nowhere'; Why = "*has 0 hosts of the name 'nowhere'*" }
        @{ HostName = 'empty'; Why = "*no interface of the host 'empty'*" }
        @{ HostName = 'misspelt'; Why = "*has 'Vlan', which is nothing that can be expected*" }
        @{ HostName = 'vague'; Why = "*Throughput has 'MinimumPps', which is nothing*" }
        @{ HostName = 'open'; Why = "*has 'Loss', and no Peer*" }
    ) {
        $results.$HostName.Result, $results.$HostName.Failed | Should -Be 'Failed', 1
        $results.$HostName.Tests | Should -BeNullOrEmpty
        $results.$HostName.Why | Should -BeLike $Why
    }
}

Describe 'The operators of Should' -Tag Unit {
    BeforeAll {
        Import-Module "$kit/XskAssertions.psm1"
        $clean = [pscustomobject]@{ RxDropped = 0; RxRingFull = 0 }
        $leaky = [pscustomobject]@{ RxDropped = 0; RxRingFull = 3 }
        $measured = [pscustomobject]@{ FrameSize = 64; Sent = 1000; Lost = 10; LossRatio = 0.01; ReceivedPacketsPerSecond = 495000.0; LatencyP50 = 20.0; LatencyP99 = 250.0; LatencyMax = $null }
        $limited = [pscustomobject]@{ FrameSize = 64; Throughput = 400000.0; SenderLimited = $true }
        $mute = [pscustomobject]@{ FrameSize = 64; Sent = 0; Lost = 0; LossRatio = 0.0; LatencyP99 = $null }
        $warned = [XdpPS.XdpInterfaceCheck]@{ Interface = 'eth1'; Name = 'NicRings'; Status = 'Warn'; Detail = 'few'; Remedy = 'ethtool -G eth1 rx 4096' }
    }

    It 'agree with what is so, and with what is not' {
        $clean | Should -HaveNoXskDrops
        $leaky | Should -Not -HaveNoXskDrops
        $measured | Should -HaveXskThroughput 495000
        $measured | Should -Not -HaveXskThroughput 500000
        $measured | Should -HaveXskLossAtMost 0.01
        $measured | Should -Not -HaveXskLossAtMost 0.001
        $measured | Should -HaveXskLatencyAtMost 20 -Percentile P50
        $measured | Should -Not -HaveXskLatencyAtMost 249.9
        $warned | Should -BeFitForXdp -AllowWarning
        $warned | Should -Not -BeFitForXdp
    }

    It 'say what is wrong: <Message>' -ForEach @(
        @{ Test = { $clean, $leaky | Should -HaveNoXskDrops }; Message = 'Expected no drops but RxRingFull is 3.' }
        @{ Test = { $null | Should -HaveNoXskDrops }; Message = 'Expected no drops but got nothing.' }
        @{ Test = { $measured | Should -HaveNoXskDrops }; Message = 'Expected no drops but a PSCustomObject has no counters of drops.' }
        @{ Test = { $measured | Should -HaveXskThroughput 5e5 -Because 'the link is paid for' }; Message = 'Expected a throughput of at least 500 kpps, because the link is paid for, but got 495 kpps of 64-byte frames.' }
        @{ Test = { $measured | Should -HaveXskLossAtMost 0 }; Message = 'Expected a loss of at most 0 of the frames but 10 of 1000 frames were lost, which is 0.01.' }
        @{ Test = { $measured | Should -HaveXskLatencyAtMost 200 }; Message = 'Expected a latency (P99) of at most 200 us but got 250 us.' }
        @{ Test = { $measured | Should -HaveXskLatencyAtMost 200 -Percentile Max }; Message = 'Expected a latency (Max) of at most 200 us but no frame arrived that tells a latency.' }
        @{ Test = { $warned | Should -BeFitForXdp }; Message = 'Expected the verdict Pass but NicRings of eth1 is Warn: few; try: ethtool -G eth1 rx 4096.' }
        @{ Test = { $limited | Should -HaveXskThroughput 500000 }; Message = 'Expected a throughput of at least 500 kpps but got 400 kpps of 64-byte frames, or more, for the sender was the limit.' }
        @{ Test = { $leaky, $clean | Should -Not -HaveNoXskDrops }; Message = 'Expected not no drops but got it: *' }
    ) {
        $Test | Should -Throw -ExpectedMessage $Message
    }

    It 'fail with -Not, too, for what does not tell: <Message>' -ForEach @(
        @{ Test = { $measured | Should -Not -HaveNoXskDrops }; Message = 'Expected not no drops but a PSCustomObject has no counters of drops.' }
        @{ Test = { $clean | Should -Not -HaveXskThroughput 1 }; Message = 'Expected not a throughput of at least 1 pps but a PSCustomObject has no throughput.' }
        @{ Test = { $limited | Should -Not -HaveXskThroughput 5e5 }; Message = 'Expected not a throughput of at least 500 kpps but got 400 kpps of 64-byte frames, or more, *' }
        @{ Test = { $clean | Should -Not -HaveXskLossAtMost 0 }; Message = 'Expected not a loss of at most 0 of the frames but a PSCustomObject has no loss.' }
        @{ Test = { $mute | Should -Not -HaveXskLossAtMost 0 }; Message = 'Expected not a loss of at most 0 of the frames but nothing was sent.' }
        @{ Test = { $clean | Should -Not -HaveXskLatencyAtMost 1 }; Message = 'Expected not a latency (P99) of at most 1 us but a PSCustomObject has no latency (P99).' }
        @{ Test = { $mute | Should -Not -HaveXskLatencyAtMost 1 }; Message = 'Expected not a latency (P99) of at most 1 us but no frame arrived that tells a latency.' }
        @{ Test = { $clean | Should -Not -BeFitForXdp }; Message = 'Expected not the verdict Pass but a PSCustomObject has no verdict.' }
        @{ Test = { $null | Should -Not -BeFitForXdp }; Message = 'Expected not the verdict Pass but got nothing.' }
    ) {
        $Test | Should -Throw -ExpectedMessage $Message
    }
}
