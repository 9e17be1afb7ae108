#Requires -Version 7.6
# Runs in the guest: one cell's tests, with the counts and what was found out in /out/result.json.
param([string] $Root, [string] $Device, [string] $Bind, [string] $Required, [string] $Path = '*', [string] $Filter)

Set-StrictMode -Version 3.0
$env:XDPPS_TEST_OUTER_NAMESPACE = 'that of the virtual machine''s host'
Set-Location -LiteralPath $Root
$module = Join-Path $Root 'output'

function Invoke-PesterRun {
    param([string] $Files, [string] $Name)
    $summary = "/out/$Name.json"
    $process = Start-Process pwsh -PassThru -Wait -ArgumentList '-NoProfile', '-NonInteractive', '-File', 'tests/pester/Invoke-Tests.ps1', '-ModulePath', $module, '-Path', $Files, '-SummaryPath', $summary
    if (-not (Test-Path -LiteralPath $summary)) { return @{ passed = 0; failed = 1; skipped = 0; failures = @("the run ended with exit code $($process.ExitCode)"); skipReasons = @() } }
    Get-Content -LiteralPath $summary -Raw | ConvertFrom-Json -AsHashtable
}

$result = [ordered]@{ kernel = (uname -r); machine = (uname -m); runs = @() }
if ($Device -eq 'none') {
    # Each in a network namespace of its own would find only loopback; the tests make what they need.
    $arguments = @('Release', '/out/xunit', 'tests/XdpPS.Core.Tests') + @($Filter | Where-Object { $_ })
    & tools/run-xunit.sh @arguments | Out-Host
    $passed, $failed, $skipped = -split (Get-Content -LiteralPath /out/xunit/XdpPS.Core.Tests.counts -Raw)
    $result.runs += [ordered]@{ name = 'xunit'; passed = [int]$passed; failed = [int]$failed; skipped = [int]$skipped }
    $pester = Invoke-PesterRun -Files $Path -Name pester
    $result.runs += [ordered]@{ name = 'pester'; passed = $pester.passed; failed = $pester.failed; skipped = $pester.skipped; failures = $pester.failures }
}
else {
    Import-Module -Name $module/XdpPS
    foreach ($mode in $Bind -split ',') {
        # The failures of opening that mean: not this driver, not this kernel.
        $refused = ''
        foreach ($card in 'eth0', 'eth1') {
            ethtool -L $card combined 1 2>$null
            ip link set $card up
        }
        try { New-XskSocket eth0 -BindMode $mode -AttachMode Native -WarningAction SilentlyContinue -ErrorAction Stop | Remove-XskSocket }
        catch {
            if ($mode -in ($Required -split ',') -or $_.FullyQualifiedErrorId -notmatch '^(ZeroCopyNotSupported|NativeModeNotSupported),') { $refused = "FAILED: $_" }
            else { $refused = ($_.FullyQualifiedErrorId -split ',')[0] }
        }

        $run = [ordered]@{ name = $mode; driver = (Get-XdpInterface eth0).Driver; refused = $refused }
        if (-not $refused) {
            $env:XDPPS_VM_BIND = $mode
            $pester = Invoke-PesterRun -Files '../vm/NetworkCard' -Name "card-$mode"
            $run.passed, $run.failed, $run.skipped, $run.failures = $pester.passed, $pester.failed, $pester.skipped, $pester.failures
        }

        $result.runs += $run
    }
}

$result | ConvertTo-Json -Depth 5 | Set-Content -LiteralPath /out/result.json
