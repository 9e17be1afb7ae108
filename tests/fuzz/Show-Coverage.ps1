#Requires -Version 7.6

<#
.SYNOPSIS
    How many lines of each source file were reached, by all of the given coverage files together.
.PARAMETER Path
    Files in the format of Cobertura, as tests/fuzz/run.sh leaves them.
.PARAMETER Folder
    Folders of src/XdpPS.Core and src/XdpPS to show.
#>
[CmdletBinding()]
param(
    [string[]] $Path = 'output/fuzz/*.cobertura.xml',
    [string[]] $Folder = @('Packets', 'Frames', 'Capture', 'Filters')
)

Set-StrictMode -Version 3.0
$files = @{}
foreach ($report in Get-Item -Path $Path) {
    foreach ($class in ([xml](Get-Content -LiteralPath $report.FullName -Raw)).SelectNodes('//class')) {
        $name = $class.filename -replace '^.*XdpPS(\.Core)?/'
        if (-not $files.ContainsKey($name)) { $files[$name] = @{} }
        foreach ($line in $class.SelectNodes('lines/line')) { $files[$name][[int]$line.number] = [long]$line.hits + [long]$files[$name][[int]$line.number] }
    }
}

$files.Keys | Where-Object { $_.Split('/')[0] -in $Folder } | Sort-Object | ForEach-Object {
    $lines = $files[$_]
    $reached = @($lines.Values | Where-Object { $_ -gt 0 }).Count
    [pscustomobject]@{ File = $_; Lines = $lines.Count; Reached = $reached; Percent = [math]::Round(100.0 * $reached / $lines.Count, 1) }
}
