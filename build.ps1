#Requires -Version 7.6

<#
.SYNOPSIS
    Builds, tests, shows and documents XdpPS.
.DESCRIPTION
    The module goes to output/XdpPS/<version>, so that with output in PSModulePath 'Import-Module XdpPS' works.
    ./build.sh sets a fresh machine up and then calls this. Test, VmTest and Demo need root.
.PARAMETER Task
    Build: the module and its help. Test: both suites, and a network card's driver in a virtual machine. Demo:
    samples/demo.ps1. Docs: the help alone. Clean: removes all that was made.
    Package: output/XdpPS.<version>.nupkg, for Publish-PSResource -NupkgPath or a folder registered as a repository; it runs on any architecture.
    VmTest: the tests on other kernels and network cards, in virtual machines (docs/compatibility.md).
    Bench: measures XdpPS beside C and the usual tools (docs/benchmarks.md); needs root, gcc and libxdp-dev.
.PARAMETER Portable
    Leaves the native code for this machine's architecture out of the assemblies, so that they load on any.
.PARAMETER EngineTests
    With Test: also tests/XdpPS.Engine.Tests, which needs the package Microsoft.PowerShell.SDK.
.PARAMETER Cell
    With VmTest: names of cells of tests/vm/matrix.psd1, with wildcards.
.PARAMETER Row
    With Bench: names of rows, with wildcards; docs/benchmarks.md is then left as it is.
.PARAMETER Pairs
    With Bench: how often each is measured.
.PARAMETER Seconds
    With Bench: how long each is measured.
.PARAMETER Micro
    With Bench: single operations of the core by BenchmarkDotNet, and nothing else.
#>
[CmdletBinding()]
param(
    [Parameter(Position = 0)]
    [ValidateSet('Build', 'Test', 'VmTest', 'Demo', 'Docs', 'Package', 'Bench', 'Clean')]
    [string] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release',

    [switch] $Portable,

    [switch] $EngineTests,

    [string[]] $Cell = '*',

    [string[]] $Row = '*',
    [int] $Pairs = 5,
    [double] $Seconds = 1.5,
    [switch] $Micro
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$env:DOTNET_NOLOGO = '1'
$env:DOTNET_CLI_TELEMETRY_OPTOUT = '1'

$output = Join-Path $PSScriptRoot 'output'
$results = Join-Path $output 'TestResults'
$version = (Import-PowerShellDataFile -LiteralPath "$PSScriptRoot/module/XdpPS.psd1").ModuleVersion
$module = Join-Path $output 'XdpPS' $version
# The dotnet tool has no pwsh beside its assemblies; build.sh puts one on PATH.
$pwsh = (Test-Path -LiteralPath "$PSHOME/pwsh") ? "$PSHOME/pwsh" : 'pwsh'

function Invoke-Program {
    param([string] $Program, [string[]] $Arguments)
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) {
        Write-Host "FAILED: $Program $($Arguments | Where-Object { $_ -notlike '-*' } | Select-Object -First 2) (exit code $LASTEXITCODE)."
        exit $LASTEXITCODE
    }
}

function Invoke-Compiler {
    param([string] $Path, [string[]] $Property = @())
    $arguments = @('msbuild', $Path, '-restore', '-nologo', '-verbosity:quiet', '-tl:off', "-p:Configuration=$Configuration", "-p:Version=$version")
    Invoke-Program dotnet ($arguments + $Property)
}

# The manifest of a module in tools/requirements.psd1: the pinned version, else one that does, else the pinned one
# brought from the gallery into output/modules. Null, and one line that says why, where it cannot be had.
function Find-RequiredModule {
    param([string] $Name)
    $wanted = (Import-PowerShellDataFile -LiteralPath 'tools/requirements.psd1')[$Name]
    $saved = Join-Path $output 'modules' $Name $wanted.Version "$Name.psd1"
    if (Test-Path -LiteralPath $saved) { return $saved }
    $found = Get-Module -Name $Name -ListAvailable |
        Where-Object Version -GE $wanted.Minimum |
        Sort-Object -Property { $_.Version -eq $wanted.Version }, Version -Descending |
        Select-Object -First 1
    if ($found) { return $found.Path }

    try {
        if (-not (Get-Command -Name Save-PSResource -ErrorAction Ignore)) { throw 'this PowerShell has no Save-PSResource' }
        Write-Host "Bringing $Name $($wanted.Version) from the PowerShell Gallery ..."
        $null = New-Item -ItemType Directory -Path "$output/modules" -Force
        Save-PSResource -Name $Name -Version $wanted.Version -Repository PSGallery -Path "$output/modules" -TrustRepository -Quiet
        return $saved
    }
    catch {
        Write-Host "$Name $($wanted.Version) is not installed and could not be brought from the PowerShell Gallery: $_"
    }
}

# Compiles both assemblies ahead of time as well: with the native code for this machine's architecture beside the IL, the
# first New-XskSocket takes half the time. Such a file does not load on another architecture. Returns the folder; null,
# and one line that says why, where the compiler (the package Microsoft.NETCore.App.Crossgen2) cannot be had.
function Build-ReadyToRun {
    $folder = Join-Path $output "readytorun-$PID/"
    $architecture = "$([Runtime.InteropServices.RuntimeInformation]::OSArchitecture)".ToLowerInvariant()
    $arguments = @(
        'msbuild', 'src/XdpPS', '-restore', '-t:Publish', '-nologo', '-verbosity:quiet', '-tl:off', "-p:Configuration=$Configuration"
        "-p:Version=$version", "-p:RuntimeIdentifier=linux-$architecture", '-p:AppendRuntimeIdentifierToOutputPath=false'
        '-p:SelfContained=false', '-p:PublishReadyToRun=true', "-p:PublishDir=$folder"
        # What derives from PSCmdlet can be compiled only where the real class is known; another PowerShell's is noticed when the code loads.
        "-p:PublishReadyToRunCrossgen2ExtraArgs=-r:$PSHOME/System.Management.Automation.dll"
    )
    $log = & dotnet @arguments 2>&1
    if ($LASTEXITCODE -eq 0) { return $folder }
    $why = $log | Select-String -Pattern 'error (\w+: .*?)( \[|$)' | Select-Object -First 1
    Write-Host "The module was not compiled ahead of time, so that it loads more slowly: $($why.Matches.Groups[1])"
    if (Test-Path -LiteralPath $folder) { Remove-Item -LiteralPath $folder -Recurse -Force }
}

# What CHANGELOG.md says of this version, without its heading.
function Set-ReleaseNote {
    param([string] $Manifest)
    $changes = Get-Content -LiteralPath 'CHANGELOG.md' -Raw
    if ($changes -notmatch "(?ms)^## $([regex]::Escape($version))\b[^\n]*\n(?<Notes>.*?)(?=^## |\z)") { throw "CHANGELOG.md has no part about $version." }
    $notes = $Matches.Notes.Trim().Replace("'", "''")
    $text = Get-Content -LiteralPath $Manifest -Raw
    Set-Content -LiteralPath $Manifest -Value $text.Replace("= 'CHANGELOG.md'", "= '$notes'") -NoNewline
}

# A new folder takes the old one's place: a session that has the old assemblies mapped keeps them whole.
function Publish-Module {
    param([string] $ReadyToRun)
    $staging = Join-Path $output "staging-$PID"
    $target = Join-Path $staging $version
    $null = New-Item -ItemType Directory -Path $target -Force
    try {
        Copy-Item -Path 'module/*', 'LICENSE' -Destination $target -Recurse
        Set-ReleaseNote "$target/XdpPS.psd1"
        foreach ($assembly in 'XdpPS', 'XdpPS.Core') {
            Copy-Item -Path "src/XdpPS/bin/$Configuration/net10.0/$assembly.dll", "src/XdpPS/bin/$Configuration/net10.0/$assembly.pdb" -Destination $target
            if ($ReadyToRun) { Copy-Item -LiteralPath (Join-Path $ReadyToRun "$assembly.dll") -Destination $target }
        }

        if (Test-Path -LiteralPath "$output/XdpPS") { Move-Item -LiteralPath "$output/XdpPS" -Destination "$staging/old" }
        Move-Item -LiteralPath $target -Destination (New-Item -ItemType Directory -Path "$output/XdpPS")
    }
    finally {
        $staging, $ReadyToRun | Where-Object { $_ } | Remove-Item -Recurse -Force
    }
}

function Build-Help {
    param([switch] $Required)
    $platyPS = Find-RequiredModule 'Microsoft.PowerShell.PlatyPS'
    if ($platyPS) {
        $arguments = @('-NoProfile', '-NonInteractive', '-File', 'tools/Build-Help.ps1', '-Module', $module, '-Docs', 'docs/en-US', '-PlatyPS', $platyPS)
        Invoke-Program $pwsh $arguments
    }
    elseif ($Required) {
        Write-Host 'FAILED: the help was not built.'
        exit 1
    }
    else { Write-Host 'The help was not built, for want of Microsoft.PowerShell.PlatyPS.' }
}

function Invoke-BuildTask {
    Invoke-Compiler 'src/XdpPS'
    Publish-Module -ReadyToRun ($Portable ? '' : (Build-ReadyToRun))
    if (Test-Path -Path 'docs/en-US/*-*.md') { Build-Help }
    else { Write-Host 'The help was not built: docs/en-US has no page of a cmdlet.' }
    Write-Host "Built output/XdpPS/$version"
}

function Invoke-DocsTask {
    if (-not (Test-Path -LiteralPath $module)) {
        Invoke-Compiler 'src/XdpPS'
        Publish-Module
    }

    Build-Help -Required
}

# Native code is for one architecture, a package for all.
function Invoke-PackageTask {
    $script:Portable = $true
    Invoke-BuildTask
    Invoke-Program $pwsh @('-NoProfile', '-NonInteractive', '-File', 'tools/Build-Package.ps1', '-Module', $module, '-Destination', $output)
}

# A runner that left no counts has failed.
function Read-XunitCount {
    param([string] $Project)
    $name = Split-Path -Path $Project -Leaf
    $failures = (Test-Path -LiteralPath "$results/$name.trx") ? @(Select-Xml -LiteralPath "$results/$name.trx" -XPath "//*[local-name()='UnitTestResult'][@outcome='Failed']" | ForEach-Object {
            "$($_.Node.testName): $($_.Node.SelectSingleNode(".//*[local-name()='Message']")?.InnerText)"
        }) : @()
    $path = Join-Path $results "$name.counts"
    if (Test-Path -LiteralPath $path) {
        $passed, $failed, $skipped = -split (Get-Content -LiteralPath $path -Raw)
        return @{ Passed = [int]$passed; Failed = [int]$failed; Skipped = [int]$skipped; Failures = $failures }
    }

    @{ Passed = 0; Failed = 1; Skipped = 0; Failures = @("$name did not run to its end.") + $failures }
}

# Starts the suite beside what follows: it waits for the kernel more than it computes, and makes its own namespaces.
function Start-XunitSuite {
    param([string] $Project)
    $null = New-Item -ItemType Directory -Path $results -Force
    $log = Join-Path $results "$(Split-Path -Path $Project -Leaf).log"
    $process = Start-Process -FilePath tools/run-xunit.sh -ArgumentList $Configuration, $results, $Project -RedirectStandardOutput $log -RedirectStandardError "$log.errors" -PassThru
    @{ Project = $Project; Log = $log; Process = $process }
}

function Wait-XunitSuite {
    param([hashtable] $Suite)
    $Suite.Process.WaitForExit()
    Get-Content -LiteralPath $Suite.Log, "$($Suite.Log).errors" | Out-Host
    Read-XunitCount $Suite.Project
}

# Hosts the engine in the test's process, so that process gets the network namespace.
function Invoke-EngineSuite {
    param([string] $Project)
    Invoke-Compiler $Project '-p:EngineTests=true' | Out-Host
    & tools/with-cable.sh tools/run-xunit.sh $Configuration $results $Project | Out-Host
    Read-XunitCount $Project
}

# In a new process, since an assembly stays loaded for ever. Failures are also: a skip without a reason, and a run
# without a test tagged Netns, for then no packet went through a cmdlet.
function Invoke-PesterSuite {
    $summaryPath = Join-Path $results 'Pester.json'
    $pester = Find-RequiredModule 'Pester'
    if ($pester) {
        $arguments = @(
            '-ModulePath', $output, '-PesterPath', $pester
            '-SummaryPath', $summaryPath, '-ResultPath', (Join-Path $results 'Pester.xml')
        )
        & $pwsh -NoProfile -NonInteractive -File tests/pester/Invoke-Tests.ps1 @arguments | Out-Host
    }

    if (-not (Test-Path -LiteralPath $summaryPath)) {
        return @{ Passed = 0; Failed = 1; Skipped = 0; Failures = @('the Pester suite did not run to its end.') }
    }

    $summary = Get-Content -LiteralPath $summaryPath -Raw | ConvertFrom-Json
    $faults = @(
        foreach ($skip in $summary.skipReasons) {
            Write-Host "Skipped $($skip.count) Pester tests: $($skip.reason)"
            if ($skip.reason -eq 'no reason given') { 'a skipped Pester test has to say why' }
        }
        if ($summary.netnsRun -eq 0) { 'not one Pester test tagged Netns ran' }
    )
    @{ Passed = $summary.passed; Failed = $summary.failed + $faults.Count; Skipped = $summary.skipped; Failures = $faults + $summary.failures + $summary.failedFiles }
}

# The matrix of virtual machines, or one cell of it.
function Invoke-VmSuite {
    param([string[]] $Cell, [double] $Minutes = 20, [switch] $Document)
    $summaryPath = Join-Path $results 'vm.json'
    $pester = Find-RequiredModule 'Pester'
    if (-not $pester) {
        Write-Host 'Skipped the tests in virtual machines: needs Pester'
        return @{ Passed = 0; Failed = 0; Skipped = 1; Failures = @() }
    }

    $arguments = @('-Cell', ($Cell -join ','), '-Minutes', $Minutes, '-Configuration', $Configuration, '-SummaryPath', $summaryPath, '-PesterPath', $pester)
    if ($Document) { $arguments += '-Document' }
    & $pwsh -NoProfile -NonInteractive -File tests/vm/Invoke-VmTest.ps1 @arguments | Out-Host
    if (-not (Test-Path -LiteralPath $summaryPath)) {
        return @{ Passed = 0; Failed = 1; Skipped = 0; Failures = @('the tests in virtual machines did not run to their end.') }
    }

    $summary = Get-Content -LiteralPath $summaryPath -Raw | ConvertFrom-Json
    # Those are the last lines that were printed.
    @{ Passed = $summary.passed; Failed = $summary.failed; Skipped = $summary.skipped; Failures = @() }
}

function Invoke-VmTestTask {
    if (Test-Path -LiteralPath "$results/vm.json") { Remove-Item -LiteralPath "$results/vm.json" }
    $null = New-Item -ItemType Directory -Path $results -Force
    Invoke-BuildTask
    Invoke-Compiler 'XdpPS.sln'
    $suite = Invoke-VmSuite -Cell $Cell -Document
    $suite.Failures | ForEach-Object { Write-Host "FAILED: $_" }
    if ($suite.Failed -gt 0) { exit 1 }
}

function Invoke-TestTask {
    if (Test-Path -LiteralPath $results) { Remove-Item -LiteralPath $results -Recurse -Force }
    Invoke-BuildTask
    Invoke-Compiler 'XdpPS.sln'
    $core = Start-XunitSuite 'tests/XdpPS.Core.Tests'
    $suites = @(
        try {
            Invoke-PesterSuite
            Wait-XunitSuite $core
        }
        finally { if (-not $core.Process.HasExited) { $core.Process.Kill($true) } }
        if ($EngineTests) { Invoke-EngineSuite 'tests/XdpPS.Engine.Tests' }
        # After the others, since an emulated machine takes all the time it gets.
        Invoke-VmSuite -Cell zero-copy -Minutes 5
    )

    $passed, $failed, $skipped = foreach ($count in 'Passed', 'Failed', 'Skipped') { ($suites.$count | Measure-Object -Sum).Sum }
    # Once more, since of a long log the end is what is seen.
    $suites | ForEach-Object { $_.Failures } | ForEach-Object { Write-Host "FAILED: $_" }
    [Console]::WriteLine("$passed passed, $failed failed, $skipped skipped")
    if ($failed -gt 0) { exit 1 }
}

function Invoke-DemoTask {
    Invoke-BuildTask
    & tools/with-cable.sh $pwsh -NoProfile -File samples/demo.ps1 -Module "$output/XdpPS"
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}

# The C programs of bench/, into output/bench.
function Build-Peer {
    $programs = Join-Path $output 'bench'
    $missing = @(
        if (-not (Get-Command -Name gcc -CommandType Application -ErrorAction Ignore)) { 'gcc' }
        if (-not (Test-Path -LiteralPath '/usr/include/xdp/xsk.h')) { 'libxdp-dev' }
        if (-not (Test-Path -LiteralPath '/usr/include/bpf/bpf.h')) { 'libbpf-dev' }
    )
    if ($missing) {
        Write-Host "FAILED: the benchmark compares with C programs, and cannot build them without $($missing -join ', '): apt-get install $missing (Debian's names)."
        exit 1
    }

    $null = New-Item -ItemType Directory -Path $programs -Force
    $flags = '-std=gnu11', '-O3', '-Wall', '-Wextra', '-Werror'
    Invoke-Program gcc ($flags + '-o', "$programs/xsk_peer", 'bench/peer/xsk_peer.c', '-lxdp', '-lbpf')
    Invoke-Program gcc ($flags + '-o', "$programs/live_frames", 'bench/source/live_frames.c', '-lbpf')
}

function Invoke-BenchTask {
    if ($Micro) {
        Invoke-Compiler 'bench/XdpPS.MicroBenchmarks'
        Invoke-Program dotnet @("bench/XdpPS.MicroBenchmarks/bin/$Configuration/net10.0/XdpPS.MicroBenchmarks.dll", '--artifacts', "$output/bench/micro")
        return
    }

    Build-Peer
    Invoke-BuildTask
    Invoke-Compiler 'bench/XdpPS.Benchmarks'
    $arguments = @(
        '-NoProfile', '-NonInteractive', '-File', 'bench/Invoke-Benchmark.ps1', '-Pairs', $Pairs, '-Seconds', $Seconds
        '-Programs', "$output/bench", '-Module', "$output/XdpPS"
        '-Core', "bench/XdpPS.Benchmarks/bin/$Configuration/net10.0/XdpPS.Benchmarks.dll"
        # PowerShell would make file names of an asterisk.
        if ($Row -join ',' -eq '*') { '-OutputPath', 'docs/benchmarks.md' }
        else { '-Row', ($Row -join ',') }
    )
    & tools/with-cable.sh $pwsh @arguments
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}

function Invoke-CleanTask {
    $made = @(Get-Item -Path 'output' -ErrorAction Ignore) + @(
        Get-ChildItem -Path 'src', 'tests', 'samples', 'bench' -Directory -Recurse -Depth 1 | Where-Object Name -In 'bin', 'obj', 'TestResults')
    $made | Remove-Item -Recurse -Force
}

Push-Location -LiteralPath $PSScriptRoot
try { & "Invoke-${Task}Task" }
finally { Pop-Location }
