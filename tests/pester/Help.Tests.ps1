BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    Import-BuiltModule
    $common = [Management.Automation.Cmdlet]::CommonParameters + [Management.Automation.Cmdlet]::OptionalCommonParameters
    $commands = foreach ($command in Get-Command -Module XdpPS | Sort-Object -Property Name) {
        @{
            Name       = $command.Name
            Parameters = @($command.Parameters.Keys | Where-Object { $_ -notin $common } | Sort-Object | ForEach-Object { @{ Parameter = $_ } })
        }
    }
    $results = foreach ($command in Get-Command -Module XdpPS) {
        foreach ($output in $command.OutputType) {
            [pscustomobject]@{ Type = $output.Type.IsArray ? $output.Type.GetElementType() : $output.Type; Command = $command.Name }
        }
    }
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
}

Describe 'The help of <Name>' -Tag Unit -ForEach $commands {
    BeforeAll {
        $help = Get-Help -Name $Name -Full
    }

    It 'has a synopsis and a description that someone wrote' {
        # What PowerShell makes up of its own is the syntax: the name and the parameters.
        $help.Synopsis.Trim() | Should -Not -Match "^$Name\b"
        $help.Synopsis.Trim() | Should -Not -BeNullOrEmpty
        ($help.description | Out-String -Width 200).Trim().Length | Should -BeGreaterThan 40
    }

    It 'has three examples or more, each with a line of code that names a command of ours' {
        $examples = @($help.examples?.example)
        $examples.Count | Should -BeGreaterOrEqual 3
        foreach ($example in $examples) {
            $example | Out-String -Width 200 | Should -Match '\w+-X(sk|dp)\w+'
        }
    }

    It 'shows code and output on lines of their own' {
        $lines = ($help.examples | Out-String -Width 200) -split '\r?\n'
        $lines | Where-Object { $_ -match '\S.*(PS> |>> |\u200b)' } | Should -BeNullOrEmpty
        $lines | Where-Object { $_ -match '^\s*PS> ' } | Should -Not -BeNullOrEmpty
    }

    It 'describes -<Parameter>' -ForEach $Parameters {
        $described = @($help.parameters?.parameter | Where-Object name -EQ $Parameter | ForEach-Object { $_.PSObject.Properties['description']?.Value })
        ($described | Out-String).Trim() | Should -Not -BeNullOrEmpty
    }

    It 'describes no parameter that the command does not have' {
        foreach ($parameter in @($help.parameters?.parameter)) {
            (Get-Command -Name $Name).Parameters.Keys | Should -Contain $parameter.name
        }
    }

    It 'says what goes in and what comes out' {
        "$($help.inputTypes?.inputType.type.name)" | Should -Not -BeNullOrEmpty
        "$($help.returnValues?.returnValue.type.name)" | Should -Not -BeNullOrEmpty
    }

    It 'has no gap that was left to be filled in' {
        $help | Out-String -Width 200 | Should -Not -Match '\{\{'
    }
}

Describe 'The help of all commands' -Tag Unit {
    BeforeAll {
        function Get-HelpText {
            param([string] $Name, [string] $Part)
            (Get-Help -Name $Name -Full).$Part | Out-String -Width 400
        }
    }

    It 'names every property of <Type>, which <Commands> return' -ForEach @(
        # Those of .NET are described elsewhere.
        $results | Where-Object { "$($_.Type)" -like 'XdpPS.*' } | Group-Object Type | ForEach-Object { @{ Type = $_.Group[0].Type; Commands = @($_.Group.Command | Select-Object -Unique) } }
    ) {
        $text = $Commands | ForEach-Object { Get-HelpText $_ returnValues } | Out-String -Width 400
        foreach ($property in $Type.GetProperties().Name) { $text | Should -MatchExactly "\b$property\b" }
    }

    It 'explains every ErrorId somewhere' {
        $notes = Get-Command -Module XdpPS | ForEach-Object { Get-HelpText $_.Name alertSet } | Out-String -Width 400
        foreach ($id in [Enum]::GetNames([XdpPS.XskErrorId]) + 'ParametersContradict', 'FilterMissing', 'FilterInputMissing', 'SocketNotFound', 'SendIncomplete') {
            $notes | Should -MatchExactly "\b$id\b"
        }
    }

    It 'is named by the page about the module: <Name>' -ForEach $commands {
        $see = (Get-Help -Name about_XdpPS | Out-String -Width 200) -split '(?i)see also' | Select-Object -Last 1
        $see | Should -MatchExactly "\b$Name\b"
    }
}

Describe 'The topics' -Tag Unit {
    BeforeAll {
        $topics = 'about_XdpFilters', 'about_XdpPerformance', 'about_XdpPrivileges', 'about_XdpPS', 'about_XdpRings', 'about_XdpTroubleshooting'
        $folder = Split-Path -Path (Get-ModuleManifest)
    }

    It 'are listed by Get-Help about_Xdp*, each with what it is about' {
        $found = @(Get-Help -Name 'about_Xdp*')
        $found.Name | Sort-Object | Should -Be ($topics | Sort-Object)
        foreach ($topic in $found) { $topic.Synopsis.Trim() | Should -Match '^\S.{20,70}\.$' -Because $topic.Name }
    }

    It '<_> is shown, fits 80 columns and names topics and commands that exist' -ForEach 'about_XdpFilters', 'about_XdpPerformance', 'about_XdpPrivileges', 'about_XdpPS', 'about_XdpRings', 'about_XdpTroubleshooting' {
        $text = Get-Help -Name $_ | Out-String -Width 200
        $text | Should -Match 'SHORT DESCRIPTION'
        $text -split '\r?\n' | Where-Object { $_.Length -gt 80 } | Should -BeNullOrEmpty
        # Markdown's marks would show.
        $text | Should -Not -Match '```|\*\*'
        foreach ($name in [regex]::Matches($text, '\babout_\w+').Value) { "$folder/en-US/$name.help.txt" | Should -Exist }
        foreach ($name in [regex]::Matches($text, '\b[A-Z][a-z]+-X(sk|dp)[A-Z]\w+').Value | Sort-Object -Unique) { Get-Command -Name $name -Module XdpPS -ErrorAction Ignore | Should -Not -BeNullOrEmpty -Because $name }
    }

    It 'name parameters that exist' {
        $known = [Collections.Generic.HashSet[string]]::new([string[]](Get-Command -Module XdpPS).Parameters.Keys, [StringComparer]::OrdinalIgnoreCase)
        foreach ($topic in $topics) {
            $text = Get-Content -LiteralPath "$folder/en-US/$topic.help.txt" -Raw
            # As they are written: a hyphen and a capital, after a space, a quote or a bracket.
            foreach ($name in [regex]::Matches($text, '(?<=[\s''(])-([A-Z][A-Za-z]+)').ForEach({ $_.Groups[1].Value }) | Sort-Object -Unique) {
                if ($name -cin 'Task', 'Full', 'NoElement', 'L', 'K', 'S') { continue }
                $known.Contains($name) | Should -BeTrue -Because "-$name in $topic"
            }
        }
    }
}
