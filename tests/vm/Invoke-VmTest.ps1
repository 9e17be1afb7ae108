#Requires -Version 7.6

<#
.SYNOPSIS
    Runs the tests on other kernels and network cards, in virtual machines.
.DESCRIPTION
    Boots each cell of matrix.psd1 under QEMU's emulation with the host's file system as its read-only root (9p) and a
    layer in memory above it, runs the tests there, and prints a line a cell. With every cell asked for, the table in
    docs/compatibility.md is written anew from the runs. Needs root, qemu-system-x86, busybox-static, kmod, cpio and curl;
    the card igb needs QEMU 8 or later. The kernels' packages are kept in -Cache.
.PARAMETER Suite
    Debian suites, with wildcards.
.PARAMETER Device
    Cards, with wildcards; 'none' is the whole suite over veth.
.PARAMETER Path
    With the device none: files of the Pester suite, with wildcards.
.PARAMETER Filter
    With the device none: a filter of 'dotnet test' for the xunit suite.
.PARAMETER Cache
    Where the kernels are kept.
.PARAMETER Minutes
    How long a cell may take.
.EXAMPLE
    pwsh -File tests/vm/Invoke-VmTest.ps1 -Suite trixie-backports -Device virtio-net
#>
[CmdletBinding()]
param(
    [string[]] $Suite = '*',
    [string[]] $Device = '*',
    [string] $Path = '*',
    [string] $Filter,
    [string] $Cache = (Join-Path $PSScriptRoot '../../output/vm'),
    [double] $Minutes = 60
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$root = (Resolve-Path -LiteralPath "$PSScriptRoot/../..").Path
$null = New-Item -ItemType Directory -Path $Cache -Force
$Cache = (Resolve-Path -LiteralPath $Cache).Path

function Test-Wanted {
    param([string] $Name, [string[]] $Pattern)
    [bool]($Pattern -split ',' | Where-Object { $Name -like $_ })
}

function Get-QemuVersion {
    $program = $env:XDPPS_VM_QEMU ?? 'qemu-system-x86_64'
    if (-not (Get-Command -Name $program -ErrorAction Ignore)) { throw "$program is missing: install qemu-system-x86." }
    if ("$(& $program --version | Select-Object -First 1)" -match 'version (\d+)\.') { [int]$Matches[1] }
}

function Invoke-Cell {
    param([hashtable] $Cell, [string] $Kernel)
    $out = Join-Path $Cache "run-$($Cell.Suite)-$($Cell.Device)"
    if (Test-Path -LiteralPath $out) { Remove-Item -LiteralPath $out -Recurse -Force }
    $null = New-Item -ItemType Directory -Path $out
    $words = @(
        'pwsh', '-NoProfile', '-NonInteractive', '-File', "$root/tests/vm/guest-tests.ps1", '-Root', $root, '-Device', $Cell.Device
        if ($Cell.Contains('Bind')) { '-Bind', ($Cell.Bind -join ','), '-Required', ($Cell.Required -join ',') }
        '-Path', $Path
        if ($Filter) { '-Filter', $Filter }
    )
    Set-Content -LiteralPath "$out/command" -Value (($words | ForEach-Object { "'$_'" }) -join ' ')
    $env:XDPPS_VM_SECONDS = [int](60 * $Minutes)
    & "$PSScriptRoot/run-cell.sh" $Kernel $Cell.Device $out | Out-Host
    if (-not (Test-Path -LiteralPath "$out/result.json")) {
        return @{ kernel = Split-Path -Path $Kernel -Leaf; runs = @(@{ name = 'boot'; failed = 1; passed = 0; skipped = 0; failures = @("no result; see $out/log") }) }
    }

    Get-Content -LiteralPath "$out/result.json" -Raw | ConvertFrom-Json -AsHashtable
}

function Write-Table {
    param([object[]] $Rows)
    $page = Join-Path $root 'docs/compatibility.md'
    $text = Get-Content -LiteralPath $page -Raw
    $lines = @(
        '| Debian suite | kernel | interface | bound | passed | failed | skipped |'
        '|---|---|---|---|---:|---:|---:|'
        $Rows | ForEach-Object { "| $($_.Suite) | $($_.Kernel) | $($_.Device) | $($_.Bound) | $($_.Passed) | $($_.Failed) | $($_.Skipped) |" }
    )
    $replaced = $text -replace '(?s)(<!-- runs -->\n).*?(<!-- end of runs -->)', ('$1' + ($lines -join "`n") + "`n" + '$2')
    Set-Content -LiteralPath $page -Value $replaced -NoNewline
}

$cells = @((Import-PowerShellDataFile -LiteralPath "$PSScriptRoot/matrix.psd1").Cells | Where-Object { (Test-Wanted $_.Suite $Suite) -and (Test-Wanted $_.Device $Device) })
if (-not $cells) { throw 'No cell of the matrix is asked for.' }
$qemu = Get-QemuVersion
$rows = foreach ($cell in $cells) {
    if ($cell.Device -eq 'igb' -and $qemu -lt 8) {
        Write-Host "$($cell.Suite) igb: not run, QEMU $qemu has no such card."
        [pscustomobject]@{ Suite = $cell.Suite; Kernel = ''; Device = 'igb'; Bound = "not run: QEMU $qemu has no igb"; Passed = 0; Failed = 0; Skipped = 0 }
        continue
    }

    $kernel = & "$PSScriptRoot/prepare-kernel.sh" $cell.Suite $Cache
    if ($LASTEXITCODE -ne 0) { throw "The kernel of $($cell.Suite) could not be had." }
    $watch = [Diagnostics.Stopwatch]::StartNew()
    $result = Invoke-Cell -Cell $cell -Kernel $kernel
    foreach ($run in $result.runs) {
        $refused = "$($run['refused'])"
        $row = [pscustomobject]@{
            Suite   = $cell.Suite
            Kernel  = $result.kernel
            Device  = $cell.Device -eq 'none' ? "veth ($($run.name))" : "$($run['driver'])"
            Bound   = $cell.Device -eq 'none' ? '' : $refused -like 'FAILED*' ? $refused : $refused ? "$($run.name): refused, $refused" : $run.name
            Passed  = [int]$run['passed']
            Failed  = [int]$run['failed'] + [int]($refused -like 'FAILED*')
            Skipped = [int]$run['skipped']
        }
        Write-Host ('{0} {1} {2} {3}: {4} passed, {5} failed, {6} skipped ({7:N0} s)' -f $row.Suite, $row.Kernel, $row.Device, $row.Bound, $row.Passed, $row.Failed, $row.Skipped, $watch.Elapsed.TotalSeconds)
        $run['failures'] | Where-Object { $_ } | ForEach-Object { Write-Host "  $_" }
        $row
    }
}

if ($cells.Count -eq (Import-PowerShellDataFile -LiteralPath "$PSScriptRoot/matrix.psd1").Cells.Count -and $Path -eq '*' -and -not $Filter) { Write-Table $rows }
$failed = ($rows | Measure-Object -Property Failed -Sum).Sum
Write-Host ('{0} passed, {1} failed, {2} skipped' -f ($rows | Measure-Object -Property Passed -Sum).Sum, $failed, ($rows | Measure-Object -Property Skipped -Sum).Sum)
exit [math]::Min(255, $failed)
