#Requires -Version 7.6

<#
.SYNOPSIS
    Makes the package of a built module, as Publish-PSResource does: XdpPS.<version>.nupkg.
.DESCRIPTION
    The nuspec comes from the manifest, with the tags by which PSResourceGet finds a module and its cmdlets. NuGet packs
    it (dotnet pack), so that no PSResourceGet is needed. Fails where the folder does not have just the files of FileList.
#>
[CmdletBinding()]
param(
    # Folder of the built module.
    [Parameter(Mandatory)] [string] $Module,
    # Folder for the package.
    [Parameter(Mandatory)] [string] $Destination
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$Module = (Resolve-Path -LiteralPath $Module).ProviderPath.TrimEnd('/')
$manifest = Import-PowerShellDataFile -LiteralPath "$Module/XdpPS.psd1"
$data = $manifest.PrivateData.PSData
$files = @(Get-ChildItem -LiteralPath $Module -Recurse -File | ForEach-Object { [IO.Path]::GetRelativePath($Module, $_.FullName) } | Sort-Object)
$different = @(Compare-Object $files @($manifest.FileList | Sort-Object))
if ($different) {
    $different | ForEach-Object { Write-Host "$($_.InputObject) is $($_.SideIndicator -eq '=>' ? 'in FileList, and not in the folder' : 'in the folder, and not in FileList')." }
    Write-Host "The package was not made: $Module is not what its manifest says."
    exit 1
}

$tags = @('PSModule', 'PSIncludes_Cmdlet') + $data.Tags + @($manifest.CmdletsToExport | ForEach-Object { "PSCmdlet_$_"; "PSCommand_$_" })
$nuspec = [xml]@'
<package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd"><metadata /><files /></package>
'@
function Add-Element {
    param([Xml.XmlElement] $Parent, [string] $Name, [string] $Text = '', [Collections.IDictionary] $Attribute = @{})
    $element = $nuspec.CreateElement($Name, $nuspec.package.NamespaceURI)
    $element.InnerText = $Text
    foreach ($key in $Attribute.Keys) { $element.SetAttribute($key, $Attribute[$key]) }
    $null = $Parent.AppendChild($element)
}

$metadata, $list = $nuspec.DocumentElement.FirstChild, $nuspec.DocumentElement.LastChild
foreach ($entry in ([ordered]@{
            id = 'XdpPS'; version = $manifest.ModuleVersion; authors = $manifest.Author; owners = $manifest.CompanyName
            requireLicenseAcceptance = 'false'; description = $manifest.Description; releaseNotes = $data.ReleaseNotes
            copyright = $manifest.Copyright; tags = $tags -join ' '
        }).GetEnumerator()) { Add-Element $metadata $entry.Key $entry.Value }
Add-Element $metadata license LICENSE @{ type = 'file' }
foreach ($file in $files) { Add-Element $list file '' ([ordered]@{ src = $file; target = $file }) }

$scratch = Join-Path ([IO.Path]::GetTempPath()) "xdpps-package-$PID"
try {
    # A project builds beside itself: a copy leaves nothing in the source.
    $null = New-Item -ItemType Directory -Path $scratch
    Copy-Item -LiteralPath "$PSScriptRoot/package/package.csproj" -Destination $scratch
    $nuspec.Save("$scratch/XdpPS.nuspec")
    $arguments = @(
        'pack', "$scratch/package.csproj", '-nologo', '-verbosity:quiet', '-tl:off', '--output', $Destination
        "-p:NuspecFile=$scratch/XdpPS.nuspec", "-p:NuspecBasePath=$Module"
    )
    dotnet @arguments
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
    Write-Host "Packed $(Join-Path $Destination "XdpPS.$($manifest.ModuleVersion).nupkg")"
}
finally {
    Remove-Item -LiteralPath $scratch -Recurse -Force -ErrorAction Ignore
}
