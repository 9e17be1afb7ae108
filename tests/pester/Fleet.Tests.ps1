# Runs examples/fleet over SSH against hosts of its own: an sshd in each of several network namespaces, with a key, a host
# key and a port that exist for as long as this file runs.
BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program sshd, ssh, ssh-keygen
    # Without PAM, sshd lets nobody in whose password is locked by a '!'.
    if (-not $note -and (Get-Content -LiteralPath /etc/shadow | Where-Object { $_ -like 'root:!*' })) { $note = ' [skipped: needs a root account that is not locked]' }
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $script = "$PSScriptRoot/../../examples/fleet/Invoke-FleetValidation.ps1"
}

Describe 'The script of the fleet' -Tag Unit {
    It 'has help of itself and of every parameter' {
        $help = Get-Help -Name $script
        $help.Synopsis | Should -Not -Match '\.ps1 '
        $own = (Get-Command -Name $script).Parameters.Keys | Where-Object { $_ -notin [Management.Automation.PSCmdlet]::CommonParameters + [Management.Automation.PSCmdlet]::OptionalCommonParameters }
        foreach ($name in $own) { ($help.parameters.parameter | Where-Object Name -EQ $name).description.Text | Should -Not -BeNullOrEmpty -Because "-$name needs a description" }
    }

    It 'refuses what is no host: <_>' -ForEach '-oProxyCommand=x', 'a b', '@lab', 'a@b@c', 'lab:', 'lab:ssh', '[fe80::1' {
        { & $script -HostName $_ -InterfaceName eth1 } | Should -Throw '*is not a host*'
    }

    It 'asks nobody with -WhatIf' {
        & $script -HostName 192.0.2.1 -InterfaceName eth1 -WhatIf | Should -BeNullOrEmpty
    }
}

Describe "A fleet$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $madeFolder = -not (Test-Path -LiteralPath /run/sshd)
        $null = New-Item -ItemType Directory -Path /run/sshd -Force
        $pwsh = (Get-Command -Name (Get-PwshPath) -CommandType Application)[0].Source
        $sshd = (Get-Command -Name sshd -CommandType Application)[0].Source
        $namespaces = @()
        $daemons = @()
        $keys = "$TestDrive/root.keys"
        $key = "$TestDrive/key"
        $null = Invoke-Native ssh-keygen -q -t ed25519 -N '' -f $key
        Copy-Item -LiteralPath "$key.pub" -Destination $keys

        function Start-Sshd {
            param([int] $Number, [int] $Port, [string] $Modules, [switch] $NoSubsystem, [string] $Subsystem = "$pwsh -sshs -NoLogo -NoProfile")
            $hostKey = "$TestDrive/host$Port"
            $null = Invoke-Native ssh-keygen -q -t ed25519 -N '' -f $hostKey
            @(
                "ListenAddress 10.93.$Number.2"
                "Port $Port"
                "HostKey $hostKey"
                # Only root has a file of keys.
                "AuthorizedKeysFile $TestDrive/%u.keys"
                'PermitRootLogin prohibit-password'
                'PasswordAuthentication no', 'KbdInteractiveAuthentication no'
                'StrictModes no', 'UsePAM no', 'UseDNS no', 'PrintMotd no', 'PrintLastLog no', 'PidFile none'
                "SetEnv PATH=$env:PATH PSModulePath=$Modules NO_COLOR=1 $($env:DOTNET_ROOT ? "DOTNET_ROOT=$env:DOTNET_ROOT" : '')"
                if (-not $NoSubsystem) { "Subsystem powershell $Subsystem" }
            ) | Set-Content -LiteralPath "$hostKey.config"
            Start-Program ip 'netns', 'exec', $namespaces[$Number - 1], $sshd, '-D', '-e', '-f', "$hostKey.config" -WaitFor 'Server listening' -Stream Error
            Add-Content -LiteralPath "$TestDrive/known_hosts" -Value "[10.93.$Number.2]:$Port $((Get-Content -LiteralPath "$hostKey.pub") -replace ' \S+$')"
        }

        foreach ($number in 1, 2) {
            $namespace = "xdpps-fleet-$PID-$number"
            $null = Invoke-Native ip netns add $namespace
            $namespaces += $namespace
            $near = 'xp{0:x}f{1}' -f $PID, $number
            $null = Invoke-Native ip link add $near type veth peer name eth0 netns $namespace
            $null = Invoke-Native ip address add "10.93.$number.1/24" dev $near
            $null = Invoke-Native ip link set $near up
            $null = Invoke-Native ip -n $namespace address add "10.93.$number.2/24" dev eth0
            $null = Invoke-Native ip -n $namespace link set eth0 up mtu (1500 - 100 * ($number - 1))
            # An interface to check that is not the session's own.
            $null = Invoke-Native ip -n $namespace link add va type veth peer name vb
            foreach ($end in 'va', 'vb') { $null = Invoke-Native ip -n $namespace link set $end up mtu (1500 - 100 * ($number - 1)) }
        }

        $modules = Split-Path -Path (Split-Path -Path (Split-Path -Path (Get-ModuleManifest)))
        $daemons += Start-Sshd 1 2201 $modules
        $daemons += Start-Sshd 2 2202 $modules
        $daemons += Start-Sshd 2 2203 "$TestDrive/none"
        $daemons += Start-Sshd 2 2204 $modules -NoSubsystem
        $daemons += Start-Sshd 2 2206 $modules -Subsystem "$((Get-Command -Name sleep -CommandType Application)[0].Source) 60"
        $daemons += Start-Sshd 2 2205 $modules
        # Of this one another key is known.
        (Get-Content -LiteralPath "$TestDrive/known_hosts") -replace '^(\[10\.93\.2\.2\]:2205) .*', "`$1 $((Get-Content -LiteralPath "$key.pub") -replace ' \S+$')" | Set-Content -LiteralPath "$TestDrive/known_hosts"
        $common = @{ UserName = 'root'; KeyFilePath = $key; SshOption = @{ UserKnownHostsFile = "$TestDrive/known_hosts"; GlobalKnownHostsFile = '/dev/null' } }

        $hosts = 'root@10.93.1.2:2201', '10.93.2.2:2202', '10.93.2.2:2203', '10.93.2.2:2204', '10.93.2.2:2205', 'nobody@10.93.1.2:2201', '10.93.1.2:1', '10.93.1.77'
        $found = @(& $script -HostName $hosts -InterfaceName va @common -ConnectTimeoutSeconds 30 -Path "$TestDrive/results")
        $by = @{}
        foreach ($item in $found) { $by[$item.HostName] = $item }
    }

    AfterAll {
        foreach ($daemon in $daemons) { Stop-Program $daemon }
        foreach ($namespace in $namespaces) {
            ip netns pids $namespace | ForEach-Object { /bin/kill -KILL $_ }
            ip netns delete $namespace
        }
        if ($madeFolder) { Remove-Item -LiteralPath /run/sshd }
    }

    It 'answers for every host, in their order' {
        $found.HostName | Should -Be $hosts
    }

    It 'has the checks of the hosts that could be asked' {
        foreach ($name in $hosts[0, 1]) {
            $by[$name].Status | Should -BeIn 'Passed', 'Warned' -Because $by[$name].Reason
            $by[$name].Failed | Should -Be 0
            $by[$name].Results.Count | Should -BeGreaterThan 8
            $by[$name].Results[0].PSTypeNames | Should -Contain 'Deserialized.XdpPS.XdpInterfaceCheck'
            ($by[$name].Results.Interface | Sort-Object -Unique) | Should -Be va
            # What the module calls by the name is there, and no number.
            $by[$name].Results | Format-Table | Out-String | Should -Match '(?m)^AfXdp +Pass '
        }

        @($found.Results | Group-Object PSComputerName).Name | Should -Be '10.93.1.2', '10.93.2.2'
    }

    It 'says why the others could not: <HostName>' -ForEach @(
        @{ HostName = '10.93.2.2:2203'; Status = 'ModuleMissing'; Reason = '*XdpPS*' }
        @{ HostName = '10.93.2.2:2204'; Status = 'Unreachable'; Reason = '*subsystem*' }
        @{ HostName = '10.93.2.2:2205'; Status = 'Unreachable'; Reason = '*Host key verification failed*' }
        @{ HostName = 'nobody@10.93.1.2:2201'; Status = 'Unreachable'; Reason = '*Permission denied*' }
        @{ HostName = '10.93.1.2:1'; Status = 'Unreachable'; Reason = '*refused*' }
        @{ HostName = '10.93.1.77'; Status = 'Unreachable'; Reason = '*No route to host*' }
    ) {
        $by[$HostName].Status | Should -Be $Status
        $by[$HostName].Reason | Should -BeLike $Reason
    }

    It 'leaves files that say the same' {
        $rows = Import-Csv -LiteralPath "$TestDrive/results/summary.csv"
        $rows.HostName | Should -Be $hosts
        $rows.Status | Should -Be $found.Status
        # Of each host that could be asked, the report has every check.
        $report = ([xml](Get-Content -LiteralPath "$TestDrive/results/report.html" -Raw)).DocumentElement
        foreach ($address in '10.93.1.2', '10.93.2.2') { $report.InnerText | Should -Match ([regex]::Escape($address)) }
        foreach ($name in $found[0].Results.Name) { $report.InnerText | Should -Match $name }
        $again = Import-Clixml -LiteralPath "$TestDrive/results/results.clixml"
        $single = @(Get-ChildItem -LiteralPath "$TestDrive/results/hosts" | Import-Clixml)
        $single | Sort-Object HostName | ForEach-Object { "$($_.HostName) $($_.Status) $(@($_.Results).Count)" } |
            Should -Be ($found | Sort-Object HostName | ForEach-Object { "$($_.HostName) $($_.Status) $(@($_.Results).Count)" })
        @($again[0].Results).Count | Should -Be $found[0].Results.Count
        [XdpPS.XdpInterfaceCheck]$again[0].Results[0] | Out-String | Should -Be ([XdpPS.XdpInterfaceCheck]$found[0].Results[0] | Out-String)
    }

    It 'runs a script of ones own, on one host after the other where that is asked for, and knows failures' {
        $found = & $script -HostName $hosts[0, 1] -InterfaceName eth0 @common -ThrottleLimit 1 -ScriptBlock {
            param($Name)
            $null
            [datetime]::UtcNow
            $interface = Get-XdpInterface $Name
            $interface
            [pscustomobject]@{ Name = 'Mtu'; Status = $interface.Mtu -eq 1500 ? 'Pass' : 'Fail'; Detail = "MTU $($interface.Mtu)" }
            [datetime]::UtcNow
        }
        $found.Status | Should -Be 'Passed', 'Failed'
        $found[1].Reason | Should -Be 'Mtu: MTU 1400'
        $found[1].Results[0] | Should -BeGreaterOrEqual $found[0].Results[-1]
        # Aggregated here, and printed by the module's views.
        $interfaces = @($found.Results | Where-Object { $_.PSObject.TypeNames -contains 'Deserialized.XdpPS.XdpInterface' })
        ($interfaces | Measure-Object Mtu -Minimum).Minimum | Should -Be 1400
        $live = Invoke-Native ip -n $namespaces[0] -json link show dev eth0 | ConvertFrom-Json
        $interfaces[0] | Format-Table | Out-String -Width 120 | Should -Match "(?m)^eth0 +up +veth .* $($live.address) "
        ([XdpPS.XdpInterface]$interfaces[0]).MacAddress | Should -Be ([Net.NetworkInformation.PhysicalAddress]::Parse($live.address))
    }

    It 'has saved the host that is done when it is stopped while another one hangs' {
        $mute = [Net.Sockets.TcpListener]::new([ipaddress]::Loopback, 0)
        $mute.Start()
        $arguments = $common + @{ HostName = '10.93.1.2:1', "127.0.0.1:$($mute.LocalEndpoint.Port)"; InterfaceName = 'va'; ConnectTimeoutSeconds = 60; Path = "$TestDrive/stopped" }
        $pipeline = Start-Pipeline { param($script, $arguments) & $script @arguments } $script, $arguments
        try {
            Wait-Until { Test-Path -Path "$TestDrive/stopped/hosts/*.clixml" } -Seconds 20 | Should -BeTrue
            Stop-Pipeline $pipeline
        }
        finally {
            Close-Pipeline $pipeline
            $mute.Stop()
        }

        $saved = Import-Clixml -Path "$TestDrive/stopped/hosts/*.clixml"
        $saved.HostName, $saved.Status | Should -Be '10.93.1.2:1', 'Unreachable'
        $saved.Reason | Should -BeLike '*refused*'
    }

    It 'gives up hosts that hang, at any stage, and goes on with the others, and ends what runs there' {
        $mute = [Net.Sockets.TcpListener]::new([ipaddress]::Loopback, 0)
        $mute.Start()
        try {
            # Of the second, pwsh is stopped, so that it does not answer that it ends; the subsystem of the fourth is mute.
            $names = $hosts[0], $hosts[1], "127.0.0.1:$($mute.LocalEndpoint.Port)", '10.93.2.2:2206', '10.93.1.2:99999'
            $found = & $script -HostName $names -InterfaceName va @common -ConnectTimeoutSeconds 3 -TimeoutSeconds 4 -ScriptBlock {
                param($Name)
                'begun'
                if ((Get-XdpInterface $Name).Mtu -eq 1400) { /bin/kill -STOP $PID }
                Start-Sleep -Seconds 600
            }
        }
        finally {
            $mute.Stop()
        }

        $found.Status | Should -Be 'TimedOut', 'TimedOut', 'Unreachable', 'TimedOut', 'Error'
        $found[0].Results | Should -Be 'begun'
        $found[2].Reason | Should -BeLike '*timed out*'
        $found[4].Reason | Should -BeLike '*99999*'
        Get-Job | Should -BeNullOrEmpty
        # The daemon itself is left.
        Wait-Until { @(ip netns pids $namespaces[0]).Count -eq 1 } -Seconds 15 | Should -BeTrue
    }
}
