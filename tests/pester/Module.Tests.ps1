BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program setpriv
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $module = Get-Module -Name XdpPS
}

Describe 'The module' -Tag Unit {
    BeforeAll {
        $cmdlets = 'Edit-XskFrame', 'Export-XskCapture', 'Export-XskReport', 'Get-XdpInterface', 'Get-XdpProgram', 'Get-XskRingStats', 'Get-XskSocket', 'Import-XskCapture', 'Invoke-XskForward', 'Measure-XskPath', 'New-XskFrame', 'New-XskSocket', 'Receive-XskPacket', 'Remove-XskSocket', 'Send-XskFrame', 'Start-XskReflector', 'Stop-XskReflector', 'Test-XdpInterface', 'Test-XskFilter', 'Watch-XskRing'
    }

    It 'is found by its name in the folder of the build' {
        (Get-Module -Name XdpPS -ListAvailable | Select-Object -First 1).Path | Should -Be (Get-ModuleManifest)
        $module.ModuleBase | Should -Be (Split-Path -Path (Get-ModuleManifest) -Parent)
    }

    It 'exports exactly its cmdlets' {
        $module.ExportedCmdlets.Keys | Sort-Object | Should -Be $cmdlets
    }

    It 'exports no <Kind>' -ForEach @(
        @{ Kind = 'functions'; Property = 'ExportedFunctions' }
        @{ Kind = 'aliases'; Property = 'ExportedAliases' }
        @{ Kind = 'variables'; Property = 'ExportedVariables' }
    ) {
        $module.$Property.Count | Should -Be 0
    }

    It 'has a manifest that PowerShell accepts, in a folder of its version' {
        $manifest = Test-ModuleManifest -Path (Get-ModuleManifest) -ErrorAction Stop
        "$($manifest.Version)" | Should -Be (Split-Path -Path $module.ModuleBase -Leaf)
        $manifest.CompatiblePSEditions | Should -Be 'Core'
        $manifest.ProcessorArchitecture | Should -Be 'None'
    }

    It 'brings no assembly but its own two' {
        @(Get-ChildItem -LiteralPath $module.ModuleBase -Recurse -Filter *.dll).Name | Sort-Object | Should -Be 'XdpPS.Core.dll', 'XdpPS.dll'
    }

    It 'has a core that does not refer to PowerShell' {
        [XdpPS.XskPacket].Assembly.GetReferencedAssemblies().Name | Should -Not -Contain 'System.Management.Automation'
    }

    It 'uses approved verbs and nouns with its prefix' {
        foreach ($command in $module.ExportedCmdlets.Values) {
            (Get-Verb).Verb | Should -Contain $command.Verb
            $command.Noun | Should -Match '^(Xsk|Xdp)[A-Z]'
        }
    }

    It 'says what each cmdlet returns: <Name>' -ForEach @(
        @{ Name = 'Get-XdpInterface'; Type = 'XdpPS.XdpInterface' }
        @{ Name = 'New-XskSocket'; Type = 'XdpPS.XskSocket' }
        @{ Name = 'Get-XskSocket'; Type = 'XdpPS.XskSocket' }
        @{ Name = 'Receive-XskPacket'; Type = 'XdpPS.XskPacket', 'XdpPS.XskPacket[]', 'System.Byte[]' }
        @{ Name = 'Import-XskCapture'; Type = 'XdpPS.XskPacket', 'XdpPS.XskPacket[]' }
        @{ Name = 'Export-XskCapture'; Type = 'System.IO.FileInfo' }
        @{ Name = 'New-XskFrame'; Type = 'XdpPS.XskPacket', 'XdpPS.XskFrameTemplate' }
        @{ Name = 'Edit-XskFrame'; Type = 'XdpPS.XskPacket' }
        @{ Name = 'Send-XskFrame'; Type = 'XdpPS.XskSendResult' }
        @{ Name = 'Invoke-XskForward'; Type = 'XdpPS.XskForwardResult' }
        @{ Name = 'Measure-XskPath'; Type = 'XdpPS.XskPathMeasurement', 'XdpPS.XskThroughputResult' }
        @{ Name = 'Start-XskReflector'; Type = 'XdpPS.XskReflector' }
        @{ Name = 'Stop-XskReflector'; Type = 'XdpPS.XskReflectorResult' }
        @{ Name = 'Get-XskRingStats'; Type = 'XdpPS.XskRingStats' }
        @{ Name = 'Get-XdpProgram'; Type = 'XdpPS.XdpProgramInfo' }
        @{ Name = 'Test-XdpInterface'; Type = 'XdpPS.XdpInterfaceCheck', 'System.Boolean' }
        @{ Name = 'Test-XskFilter'; Type = 'XdpPS.XskFilterResult', 'XdpPS.XskFilterProgram' }
        @{ Name = 'Export-XskReport'; Type = 'System.IO.FileInfo' }
        @{ Name = 'Watch-XskRing'; Type = 'System.String' }
    ) {
        (Get-Command -Name $Name).OutputType.Name | Should -Be $Type
    }

    It 'supports -WhatIf and -Confirm where something changes: <Name>' -ForEach @(
        @{ Name = 'New-XskSocket'; Expected = $true }
        @{ Name = 'Send-XskFrame'; Expected = $true }
        @{ Name = 'Invoke-XskForward'; Expected = $true }
        @{ Name = 'Measure-XskPath'; Expected = $true }
        @{ Name = 'Start-XskReflector'; Expected = $true }
        @{ Name = 'Stop-XskReflector'; Expected = $true }
        @{ Name = 'Remove-XskSocket'; Expected = $true }
        @{ Name = 'Export-XskCapture'; Expected = $true }
        @{ Name = 'Import-XskCapture'; Expected = $false }
        @{ Name = 'New-XskFrame'; Expected = $false }
        @{ Name = 'Edit-XskFrame'; Expected = $false }
        @{ Name = 'Get-XdpInterface'; Expected = $false }
        @{ Name = 'Get-XskSocket'; Expected = $false }
        @{ Name = 'Get-XskRingStats'; Expected = $false }
        @{ Name = 'Get-XdpProgram'; Expected = $false }
        @{ Name = 'Receive-XskPacket'; Expected = $false }
        @{ Name = 'Test-XdpInterface'; Expected = $false }
        @{ Name = 'Test-XskFilter'; Expected = $false }
        @{ Name = 'Export-XskReport'; Expected = $true }
        @{ Name = 'Watch-XskRing'; Expected = $false }
    ) {
        foreach ($parameter in 'WhatIf', 'Confirm') {
            (Get-Command -Name $Name).Parameters.ContainsKey($parameter) | Should -Be $Expected
        }
    }

    It 'has no parameter of a plural name or of type bool' {
        foreach ($command in $module.ExportedCmdlets.Values) {
            foreach ($parameter in $command.Parameters.Values) {
                $parameter.ParameterType | Should -Not -Be ([bool])
                if ($parameter.ParameterType.IsArray) { $parameter.Name | Should -Not -Match '[^s]s$' }
            }
        }
    }

    It 'is imported and removed again without a word' {
        # Errors, warnings and all else that is printed would be here.
        Invoke-Pwsh "Remove-Module XdpPS; Import-Module '$(Get-ModuleManifest)' -Force; Remove-Module XdpPS" | Should -BeNullOrEmpty
    }

    It 'can be imported by name from PSModulePath' {
        Invoke-Pwsh "Remove-Module XdpPS; (Import-Module XdpPS -PassThru).ModuleBase" | Should -Be $module.ModuleBase
    }

    It 'can be removed and imported again in one session' {
        Invoke-Pwsh "Remove-Module XdpPS; Import-Module XdpPS; Remove-Module XdpPS; Import-Module XdpPS; (Get-Command -Module XdpPS).Count" | Should -Be $cmdlets.Count
    }
}

Describe "An unprivileged user$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        # The user must be able to read the module, wherever it was built.
        $copy = Join-Path ([IO.Path]::GetTempPath()) "xdpps-$PID"
        $null = New-Item -ItemType Directory -Path "$copy/XdpPS" -Force
        Copy-Item -LiteralPath $module.ModuleBase -Destination "$copy/XdpPS" -Recurse
        $null = Invoke-Native chmod -R a+rX $copy
        $null = New-Item -ItemType Directory -Path "$copy/home"
        $null = Invoke-Native chown 65534:65534 "$copy/home"
        $version = Split-Path -Path $module.ModuleBase -Leaf

        function Invoke-Unprivileged {
            param([string] $Script, [string[]] $Privilege = @('--reuid', '65534', '--regid', '65534', '--clear-groups', '--bounding-set=-all'))
            $path = $env:PSModulePath
            $userHome = $env:HOME
            try {
                $env:PSModulePath = $copy
                $env:HOME = "$copy/home"
                $whole = "`$PSStyle.OutputRendering = 'PlainText'; Import-Module '$copy/XdpPS/$version/XdpPS.psd1' -ErrorAction Stop; $Script"
                (setpriv @Privilege (Get-PwshPath) -NoProfile -NonInteractive -Command $whole 2>&1 | Out-String).Trim()
            }
            finally {
                $env:PSModulePath = $path
                $env:HOME = $userHome
            }
        }
    }

    AfterAll {
        Remove-TestCable $cable
        Remove-Item -LiteralPath $copy -Recurse -Force
    }

    It 'can import the module, list its commands and read their help' {
        $text = Invoke-Unprivileged "(id -u); (Get-Command -Module XdpPS).Name -join ','; (Get-Help New-XskSocket).Name; @(Get-XskSocket).Count"
        $text -split "`n" | Should -Be @('65534', ($module.ExportedCmdlets.Keys | Sort-Object | Join-String -Separator ','), 'New-XskSocket', '0')
    }

    It 'gets interface names and queues completed' {
        $line = "New-XskSocket $($cable.Left) -QueueId "
        $text = Invoke-Unprivileged "(TabExpansion2 'New-XskSocket $($cable.Left.Substring(0, 4))').CompletionMatches.CompletionText -join ','; (TabExpansion2 '$line').CompletionMatches.CompletionText"
        $text -split "`n" | Should -Be "$($cable.Left),$($cable.Right)", '0'
    }

    It 'gets every interface described, but for the name of the program' {
        $socket = New-XskSocket $cable.Left
        try {
            $text = Invoke-Unprivileged "(Get-XdpInterface).Count; `$n = Get-XdpInterface $($cable.Left); `$n.Driver; `$n.SpeedMbps; `$n.XdpFeatures; `$n.XdpMode; `$n.XdpProgramId; `$null -eq `$n.XdpProgramName"
            $count, $rest = $text -split "`n"
            $count | Should -Be (Invoke-Native ip -json link show | ConvertFrom-Json).Count
            $own = Get-XdpInterface $cable.Left
            $rest | Should -Be 'veth', "$($own.SpeedMbps)", "$($own.XdpFeatures)", 'Native', "$($socket.ProgramId)", 'True'
            $own.XdpProgramName | Should -Be 'xdpps_redirect'
        }
        finally {
            $socket | Remove-XskSocket
        }
    }

    It 'gets a PermissionDenied that names the capabilities when it opens a socket' {
        $text = Invoke-Unprivileged "New-XskSocket $($cable.Left) -ErrorAction SilentlyContinue -ErrorVariable e; `$e[0].FullyQualifiedErrorId; `$e[0].CategoryInfo.Category; `$e[0].TargetObject; `$e[0].Exception.Message; @(Get-XskSocket).Count"
        $id, $category, $target, $message, $sockets = $text -split "`n"
        $id | Should -Be 'PermissionDenied,XdpPS.Commands.NewXskSocketCommand'
        $category | Should -Be 'PermissionDenied'
        $target | Should -Be $cable.Left
        $message | Should -Match 'CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF'
        $message | Should -Match 'EPERM'
        $sockets | Should -Be '0'
        (Get-AttachedProgram $cable.Left).Id | Should -Be 0
    }

    It 'gets a PermissionDenied from Receive-XskPacket -InterfaceName, and no packet' {
        Invoke-Unprivileged "Receive-XskPacket -InterfaceName $($cable.Left) -ErrorAction SilentlyContinue -ErrorVariable e; `$e[0].FullyQualifiedErrorId" |
            Should -Be 'PermissionDenied,XdpPS.Commands.ReceiveXskPacketCommand'
    }

    It 'gets a PermissionDenied with CAP_NET_RAW alone, and leaves no program' {
        $only = @('--bounding-set=-all,+net_raw,+ipc_lock', '--inh-caps=-all,+net_raw,+ipc_lock')
        $text = Invoke-Unprivileged -Privilege $only "New-XskSocket $($cable.Left) -ErrorAction SilentlyContinue -ErrorVariable e; `$e[0].FullyQualifiedErrorId; `$e[0].Exception.Message"
        $text | Should -Match '^PermissionDenied,XdpPS.Commands.NewXskSocketCommand'
        $text | Should -Match 'CAP_(NET_ADMIN|BPF)'
        (Get-AttachedProgram $cable.Left).Id | Should -Be 0
    }

    It 'can open a socket with CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF, as the message says' {
        $three = @('--bounding-set=-all,+net_raw,+net_admin,+bpf,+ipc_lock', '--inh-caps=-all,+net_raw,+net_admin,+bpf,+ipc_lock')
        Invoke-Unprivileged -Privilege $three "(New-XskSocket $($cable.Left)).InterfaceName" | Should -Be $cable.Left
    }

    It 'is told of the limit when the packet memory may not be locked' {
        $script = "New-XskSocket $($cable.Left) -ErrorAction SilentlyContinue -ErrorVariable e; `$e[0].FullyQualifiedErrorId; `$e[0].CategoryInfo.Category; `$e[0].Exception.Message"
        $limited = Invoke-Native prlimit --memlock=65536 setpriv '--bounding-set=-ipc_lock' '--inh-caps=-ipc_lock' (Get-PwshPath) -NoProfile -NonInteractive -Command "Import-Module '$(Get-ModuleManifest)'; $script"
        $limited[0] | Should -Be 'MemoryLockLimit,XdpPS.Commands.NewXskSocketCommand'
        $limited[1] | Should -Be 'ResourceUnavailable'
        $limited[2] | Should -Match 'prlimit --pid \d+ --memlock='
        (Get-AttachedProgram $cable.Left).Id | Should -Be 0
    }
}
