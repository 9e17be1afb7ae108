#Requires -Version 7.6

<#
.SYNOPSIS
    Runs the tests on other kernels and network cards, in virtual machines.
.DESCRIPTION
    Boots each cell of matrix.psd1 under QEMU's emulation with the host's file system as its read-only root (9p) and a
    layer in memory above it, runs the tests there, and prints a line for each run. With -Document, what was run goes
    into the table of docs/compatibility.md, in the place of what it had of the same cells. Needs root on an x86-64
    machine, QEMU, a static busybox, kmod, cpio, curl and gpgv; the card igb needs QEMU 8 or later. What cannot be run here is
    skipped, and the reason printed; a kernel or a QEMU that is not what the archive has signed is a failure. The kernels are kept in -Cache.
.PARAMETER Cell
    Names of cells, with wildcards.
.PARAMETER Cache
    Where the kernels are kept: without it XDPPS_VM_CACHE, else xdpps/vm in XDG_CACHE_HOME, else in ~/.cache.
.PARAMETER Minutes
    How long a cell may take.
.PARAMETER Document
    Writes the table in docs/compatibility.md.
.PARAMETER SummaryPath
    File for the counts as JSON: passed, failed, skipped.
.EXAMPLE
    pwsh -File tests/vm/Invoke-VmTest.ps1 -Cell zero-copy
#>
[CmdletBinding()]
param(
    [string[]] $Cell = '*',
    [string] $Cache,
    [double] $Minutes = 20,
    [switch] $Document,
    [string] $SummaryPath,
    [string] $PesterPath,
    [string] $Configuration = 'Release'
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$root = (Resolve-Path -LiteralPath "$PSScriptRoot/../..").Path
$matrix = Import-PowerShellDataFile -LiteralPath "$PSScriptRoot/matrix.psd1"
if (-not $Cache) { $Cache = $env:XDPPS_VM_CACHE ? $env:XDPPS_VM_CACHE : (Join-Path ($env:XDG_CACHE_HOME ? $env:XDG_CACHE_HOME : "$HOME/.cache") 'xdpps/vm') }

# Why nothing can be run here, or nothing at all.
function Get-Obstacle {
    if ([Runtime.InteropServices.RuntimeInformation]::OSArchitecture -ne 'X64') { return 'needs an x86-64 machine, whose programs the kernel in the virtual machine is to run' }
    if ((id -u) -ne '0') { return 'needs root' }
    $missing = @('qemu-system-x86_64', 'busybox', 'modprobe', 'cpio', 'curl', 'gpgv', 'flock', 'xz', 'dpkg-deb', 'ip', 'ethtool', 'tcpreplay', 'tcpdump' |
            Where-Object { -not (Get-Command -Name $_ -CommandType Application -ErrorAction Ignore) })
    if ($missing) { return "not installed: $($missing -join ', ')" }
    # Not in every container; with its network namespace the tap is gone again.
    $refusal = unshare --net ip tuntap add xdpps-probe mode tap 2>&1
    if ($LASTEXITCODE -ne 0) { return "no tap can be made here: $refusal" }
    # The command lines of QEMU and of the kernel have no quotes.
    if ("$root$Cache" -match '[\s,''"]') { return "needs a project and a cache whose paths have no spaces, commas or quotes: $root, $Cache" }
}

# What a script prints last, or an error with what it complained of: Lacking where it says that nothing is wrong (77).
function Invoke-Script {
    param([string] $Name, [string[]] $Arguments)
    $lines = & "$PSScriptRoot/$Name" @Arguments 2>&1
    if ($LASTEXITCODE -ne 0) { throw [Management.Automation.ErrorRecord]::new([InvalidOperationException]::new("$(($lines | Select-Object -Last 2) -join '; ')"), ($LASTEXITCODE -eq 77 ? 'Lacking' : 'Wrong'), 'InvalidResult', $Name) }
    "$($lines | Select-Object -Last 1)"
}

function Read-Trx {
    param([string] $Path)
    $xml = [xml](Get-Content -LiteralPath $Path -Raw)
    $results = @($xml.TestRun.Results.UnitTestResult)
    @{
        Passed  = @($results | Where-Object outcome -EQ 'Passed').Count
        Failed  = @($results | Where-Object outcome -EQ 'Failed').Count
        Skipped = @($results | Where-Object outcome -EQ 'NotExecuted').Count
        Words   = @(
            foreach ($result in $results) {
                $message = $result.SelectSingleNode("*[local-name()='Output']/*[local-name()='ErrorInfo']/*[local-name()='Message']")?.InnerText
                if ($result.outcome -eq 'Failed') { "FAILED $($result.testName): $message" }
                if ($result.outcome -eq 'NotExecuted') { "Skipped $($result.testName): $message" }
            }
        )
    }
}

function Read-Summary {
    param([string] $Path)
    $summary = Get-Content -LiteralPath $Path -Raw | ConvertFrom-Json
    @{
        Passed  = $summary.passed
        Failed  = $summary.failed
        Skipped = $summary.skipped
        Reason  = "$($summary.skipReasons | Select-Object -First 1 | ForEach-Object reason)"
        Words   = @(
            $summary.failures + $summary.failedFiles | ForEach-Object { "FAILED $_" }
            $summary.skipReasons | ForEach-Object { "Skipped $($_.count): $($_.reason)" }
        )
    }
}

# What guest-traffic.ps1 was given: from the shortest frame to the longest.
function Write-Frames {
    param([string] $Path)
    Import-Module "$root/tests/pester/Support.psm1"
    Write-Pcap -Path $Path -Frame @(foreach ($i in 0..299) { , (New-TestFrame -Length (60 + [int](1454 * $i / 299)) -Seed $i) })
}

# What came of it.
function Read-Traffic {
    param([string] $Out, [string] $Bind, [switch] $Optional)
    $facts = Get-Content -LiteralPath "$Out/facts-$Bind.json" -Raw | ConvertFrom-Json -AsHashtable
    if ($Optional -and $facts['refused']) { return @{ Passed = 0; Failed = 0; Skipped = 1; Reason = $facts.refused; Words = @("Skipped $Bind`: $($facts.error)") } }
    $frames = (Read-Pcap "$Out/frames.pcap") -join ' '
    $same = { param($Name) (Test-Path -LiteralPath "$Out/$Name-$Bind.pcap") -and ((Read-Pcap "$Out/$Name-$Bind.pcap") -join ' ') -eq $frames }
    # Not every kernel lists its sockets.
    $listed = $facts['kernel'] -match 'zc:(?<zc>[01])' ? ($Matches.zc -eq '1') -eq ($Bind -eq 'ZeroCopy') : $facts['lists'] -eq $false
    $tests = [ordered]@{
        'is bound so, says the kernel, too'                              = $facts['bindMode'] -eq $Bind -and $facts['attachMode'] -eq 'Native' -and $listed
        'receives what the host sent, byte for byte and in order'        = $facts['rxDropped'] -eq 0 -and (& $same received)
        'sends what the host sees, byte for byte and in order'           = $facts['completed'] -eq 300 -and (& $same sent)
        'forwards through one UMEM, byte for byte and in order'          = $facts['forwarded'] -eq 300 -and $facts['shared'] -and (& $same forwarded)
        'keeps every frame of the UMEM, and leaves no program behind'    = $facts['closed'] -and $facts['closedAgain'] -and @($facts.closed, $facts.closedAgain | Where-Object { $_.conserved -and -not $_.left }).Count -eq 2
    }
    $failed = @($tests.Keys | Where-Object { -not $tests[$_] })
    @{
        Passed  = $tests.Count - $failed.Count
        Failed  = $failed.Count
        Skipped = 0
        Words   = @(
            $failed | ForEach-Object { "FAILED: a card bound $Bind $_" }
            if ($failed) { "The guest said: $($facts | ConvertTo-Json -Compress -Depth 3)" }
        )
    }
}

function Invoke-Cell {
    param([hashtable] $Of)
    try {
        $null = New-Item -ItemType Directory -Path $Cache -Force
        $kernel = Invoke-Script prepare-kernel.sh $Of.Suite, $Cache
        $qemu = $Of.Device -eq 'igb' ? (Invoke-Script prepare-qemu.sh $Cache) : 'qemu-system-x86_64'
    }
    catch {
        $lacking = $_.FullyQualifiedErrorId -eq 'Lacking'
        return @{
            Cell = $Of.Name; Suite = $Of.Suite; Kernel = ''; Device = $Of.Device; Run = ''; Seconds = 0
            Passed = 0; Failed = [int](-not $lacking); Skipped = [int]$lacking
            Words = @("$($lacking ? 'Skipped' : 'FAILED:') the virtual machine's cell $($Of.Name): $_")
        }
    }

    $out = Join-Path $Cache "run-$($Of.Name)"
    # Of two runs of a cell with one cache the second waits.
    for ($turn = $null; -not $turn; ) {
        try { $turn = [IO.File]::Open("$out.lock", 'OpenOrCreate', 'ReadWrite', 'None') }
        catch [IO.IOException] { Start-Sleep -Milliseconds 500 }
    }

    if (Test-Path -LiteralPath $out) { Remove-Item -LiteralPath $out -Recurse -Force }
    $null = New-Item -ItemType Directory -Path $out
    if ($Of.Runs -like 'traffic:*') { Write-Frames "$out/frames.pcap" }
    $runs = @(
        foreach ($run in $Of.Runs) {
            switch ($run) {
                { $_ -in 'xunit', 'rare' } { "xunit:$(($matrix[$run] | ForEach-Object { "FullyQualifiedName~.$_." }) -join '|')" }
                'pester' { "pester:$($matrix.Pester -join ',')" }
                'check' { "pester:$($matrix.Check -join ',')" }
                'plan' { "plan:$($matrix.Plan)" }
                default { $run }
            }
        }
    )
    Set-Content -LiteralPath "$out/command" -Value @(
        "export XDPPS_VM_CONFIGURATION='$Configuration' XDPPS_VM_PESTER='$PesterPath'"
        "export PATH='$env:PATH'"
        if ($env:DOTNET_ROOT) { "export DOTNET_ROOT='$env:DOTNET_ROOT'" }
        (@("'$PSScriptRoot/guest-tests.sh'", "'$root'") + @($runs | ForEach-Object { "'$_'" })) -join ' '
    )
    $env:XDPPS_VM_SECONDS = [int](60 * $Minutes)
    $env:XDPPS_VM_QEMU = $qemu
    $watch = [Diagnostics.Stopwatch]::StartNew()
    $complaint = & "$PSScriptRoot/run-cell.sh" $kernel $Of.Device $out 2>&1
    $seconds = [int]$watch.Elapsed.TotalSeconds
    foreach ($run in $runs) {
        $kind, $what, $optional = $run -split ':'
        $file = switch ($kind) { 'traffic' { "$out/facts-$what.json" } 'card' { "$out/card-$what.json" } 'pester' { "$out/pester.json" } default { "$out/$kind.trx" } }
        $result = (Test-Path -LiteralPath $file) ? $(switch ($kind) { 'traffic' { Read-Traffic $out $what -Optional:($null -ne $optional) } { $_ -in 'card', 'pester' } { Read-Summary $file } default { Read-Trx $file } }) : @{
            Passed = 0; Failed = 1; Skipped = 0; Cut = $true
            Words  = @("FAILED: $run did not run to its end; the last lines of $out/log are:") + @($complaint) + @(Get-Content -LiteralPath "$out/log" -Tail 10 -ErrorAction Ignore)
        }
        $result.Cell, $result.Suite, $result.Seconds = $Of.Name, $Of.Suite, $seconds
        # Such as '#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-09-01)': the name has the version of the first of its kind.
        $result.Kernel = (Test-Path -LiteralPath "$out/kernel") -and (Get-Content -LiteralPath "$out/kernel" -Raw) -match 'Debian (?<version>[\d.]+)' ? $Matches.version : (Split-Path -Path $kernel -Leaf)
        $result.Device = (Test-Path -LiteralPath "$out/driver") ? (Get-Content -LiteralPath "$out/driver") : $Of.Device -eq 'none' ? 'veth' : $Of.Device
        $result.Run = $kind -in 'card', 'traffic' ? $what : $Of.Runs -contains 'check' ? 'check' : $Of.Runs -contains 'rare' ? 'rare' : $kind
        $result
    }

    $turn.Dispose()
}

function Write-Table {
    param([object[]] $Rows)
    $page = Join-Path $root 'docs/compatibility.md'
    $text = Get-Content -LiteralPath $page -Raw
    $pattern = '(?s)(?<=<!-- runs -->\n).*?(?=<!-- end of runs -->)'
    $lines = [ordered]@{}
    # Rows of cells that were not run now stay.
    [regex]::Match($text, $pattern).Value -split "`n" | Where-Object { $_ -match '^\| (?<cell>[a-z]+-[a-z-]+) \| .* \| (?<run>[^|]+) \|( [^|]*\|){2}$' } | ForEach-Object { $lines["$($Matches.cell)/$($Matches.run)"] = $_ }
    foreach ($row in $Rows | Where-Object { $_.Run -and -not $_['Cut'] }) {
        $name = @{ card = ''; xunit = 'xunit'; rare = 'xunit, rare'; pester = 'Pester'; plan = "the kernel's test plan"; check = 'Pester, card' }[$row.Run] ?? $row.Run
        $came = $row.Passed -eq 0 -and $row.Failed -eq 0 ? "refused: $($row.Reason)" : "$($row.Passed) passed, $($row.Failed) failed, $($row.Skipped) skipped"
        $lines["$($row.Cell)/$name"] = "| $($row.Cell) | $($row.Suite) | $($row.Kernel) | $($row.Device) | $name | $came | $([DateTime]::UtcNow.ToString('yyyy-MM-dd')) |"
    }

    $new = @('| cell | Debian suite | Linux | driver | run | result | date |', '|---|---|---|---|---|---|---|') + $lines.Values
    Set-Content -LiteralPath $page -NoNewline -Value ([regex]::Replace($text, $pattern, { ($new -join "`n") + "`n" }))
}

$cells = @($matrix.Cells | Where-Object { $name = $_.Name; $Cell -split ',' | Where-Object { $name -like $_ } })
if (-not $cells) { throw "No cell of the matrix is named so: $($matrix.Cells.Name -join ', ')." }
$obstacle = Get-Obstacle
if ($obstacle) {
    Write-Host "Skipped the virtual machine's cells $($cells.Name -join ', '): $obstacle"
    $rows = @(@{ Passed = 0; Failed = 0; Skipped = $cells.Count })
}
else {
    $rows = @(
        foreach ($one in $cells) {
            $found = @(Invoke-Cell $one)
            foreach ($row in $found) {
                if ($row.Run) { Write-Host "$($row.Cell), Linux $($row.Kernel), $($row.Device), $($row.Run): $($row.Passed) passed, $($row.Failed) failed, $($row.Skipped) skipped (cell: $($row.Seconds) s)" }
                $row.Words | ForEach-Object { Write-Host $_ }
                [pscustomobject]$row
            }

            # After each: what was run has been run, whatever becomes of the next.
            if ($Document) { Write-Table $found }
        }
    )
}

$passed, $failed, $skipped = foreach ($count in 'Passed', 'Failed', 'Skipped') { [int]($rows | ForEach-Object { $_.$count } | Measure-Object -Sum).Sum }
if ($SummaryPath) { @{ passed = $passed; failed = $failed; skipped = $skipped } | ConvertTo-Json | Set-Content -LiteralPath $SummaryPath }
Write-Host "$passed passed, $failed failed, $skipped skipped"
exit [math]::Min(255, $failed)
