# The manifest and the package: what the PowerShell Gallery and PSResourceGet read of them.
BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $resourceGet = (Get-Module -Name Microsoft.PowerShell.PSResourceGet -ListAvailable) ? '' : ' [skipped: needs Microsoft.PowerShell.PSResourceGet]'
    $sdk = (Get-Command -Name dotnet -CommandType Application -ErrorAction Ignore) ? '' : ' [skipped: needs the .NET SDK]'
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    $manifest = Get-ModuleManifest
    $folder = Split-Path -Path $manifest
    $data = Import-PowerShellDataFile -LiteralPath $manifest
}

Describe 'The manifest' -Tag Unit {
    It 'is one that PowerShell finds nothing wrong with' {
        Test-ModuleManifest -Path $manifest -ErrorVariable failures -WarningVariable warnings -WarningAction SilentlyContinue | Should -Not -BeNullOrEmpty
        @($failures) + @($warnings) | Should -BeNullOrEmpty
    }

    It 'has every field that a package needs' {
        foreach ($field in 'RootModule', 'ModuleVersion', 'GUID', 'Author', 'CompanyName', 'Copyright', 'Description', 'PowerShellVersion', 'CompatiblePSEditions') {
            $data[$field] | Should -Not -BeNullOrEmpty -Because $field
        }

        $data.PrivateData.PSData.Tags | Should -Contain 'Linux'
        $data.PrivateData.PSData.Tags -match '\s' | Should -BeNullOrEmpty -Because 'a tag is one word'
        # Nothing is exported by a wildcard, which would have PowerShell load the module to know what it has.
        foreach ($field in 'FunctionsToExport', 'AliasesToExport', 'VariablesToExport') { $data[$field] | Should -HaveCount 0 -Because $field }
        $data.CmdletsToExport | Should -Not -Contain '*'
    }

    It 'has the release notes of its version' {
        $notes = $data.PrivateData.PSData.ReleaseNotes
        $changes = (Get-Content -LiteralPath "$PSScriptRoot/../../CHANGELOG.md" -Raw) -split '(?m)^## ' -match "^$([regex]::Escape($data.ModuleVersion))\b"
        $changes | Should -HaveCount 1
        $notes | Should -BeExactly ($changes[0] -replace '^[^\n]*\n').Trim()
        # The gallery takes 35,000 characters.
        $notes.Length | Should -BeLessThan 35000
    }

    It 'lists the files of the module, and no others' {
        $files = Get-ChildItem -LiteralPath $folder -Recurse -File | ForEach-Object { [IO.Path]::GetRelativePath($folder, $_.FullName) } | Sort-Object
        $data.FileList | Sort-Object | Should -Be $files
    }
}

Describe "The package$sdk" -Tag Unit -Skip:($sdk -ne '') {
    BeforeAll {
        $said = & "$PSScriptRoot/../../tools/Build-Package.ps1" -Module $folder -Destination $TestDrive *>&1
        $package = "$TestDrive/XdpPS.$($data.ModuleVersion).nupkg"
    }

    It 'has the files of the module, byte for byte' {
        $package | Should -Exist -Because "$said"
        Expand-Archive -LiteralPath $package -DestinationPath "$TestDrive/content"
        foreach ($file in $data.FileList) {
            (Get-FileHash -LiteralPath "$TestDrive/content/$file").Hash | Should -Be (Get-FileHash -LiteralPath "$folder/$file").Hash -Because $file
        }

        # What else NuGet puts there: the nuspec, and the parts of every such package.
        Get-ChildItem -LiteralPath "$TestDrive/content" -Recurse -File | ForEach-Object { [IO.Path]::GetRelativePath("$TestDrive/content", $_.FullName) } |
            Where-Object { $_ -notin $data.FileList -and $_ -notmatch '^(_rels/\.rels|\[Content_Types\]\.xml|package/.+\.psmdcp)$' } | Should -Be 'XdpPS.nuspec'
    }

    It 'says who it is, by the names that a search goes by' {
        $metadata = ([xml](Get-Content -LiteralPath "$TestDrive/content/XdpPS.nuspec" -Raw)).package.metadata
        $metadata.id, $metadata.version, $metadata.authors, $metadata.description | Should -Be 'XdpPS', $data.ModuleVersion, $data.Author, $data.Description
        $metadata.license.type, $metadata.license.InnerText | Should -Be 'file', 'LICENSE'
        $tags = $metadata.tags -split ' '
        $tags | Should -Contain 'PSModule'
        foreach ($name in $data.CmdletsToExport) { $tags | Should -Contain "PSCmdlet_$name" }
        $metadata.releaseNotes.Trim() -replace '\r' | Should -Be $data.PrivateData.PSData.ReleaseNotes
    }

    It "is refused where the folder has something else" {
        Copy-Item -LiteralPath $folder -Destination "$TestDrive/other" -Recurse
        Set-Content -LiteralPath "$TestDrive/other/notes.txt" -Value 'mine'
        $said = & "$PSScriptRoot/../../tools/Build-Package.ps1" -Module "$TestDrive/other" -Destination "$TestDrive/none" *>&1
        $LASTEXITCODE | Should -Be 1
        "$said" | Should -Match 'notes.txt is in the folder, and not in FileList'
        "$TestDrive/none" | Should -Not -Exist
    }

    It "is installed by Install-PSResource from a folder$resourceGet" -Skip:($resourceGet -ne '') {
        # With a home of its own, so that nothing of the user's is touched.
        $script = @"
`$ErrorActionPreference = 'Stop'
Register-PSResourceRepository -Name here -Uri '$TestDrive' -Trusted
Install-PSResource -Name XdpPS -Repository here -Scope CurrentUser
(Get-InstalledPSResource -Name XdpPS).Version.ToString()
Import-Module XdpPS
(Get-Module XdpPS).Path
@(Get-Command -Module XdpPS).Count
"@
        $found = @(& env "HOME=$TestDrive/home" XDG_DATA_HOME= (Get-PwshPath) -NoProfile -NonInteractive -Command $script)
        $found[0] | Should -Be $data.ModuleVersion
        $found[1] | Should -BeLike "$TestDrive/home/*"
        $found[2] | Should -Be $data.CmdletsToExport.Count
    }
}
