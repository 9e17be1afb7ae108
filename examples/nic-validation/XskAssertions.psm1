# Operators of Should for what XdpPS returns, for Pester 5 and 6:
#   Get-XskRingStats $socket | Should -HaveNoXskDrops
#   Measure-XskPath $a $b -FrameSize 64 | Should -HaveXskThroughput 500000
#   Measure-XskPath $a $b -FrameSize 64 | Should -HaveXskLossAtMost 0.001
#   Measure-XskPath $a $b -FrameSize 64 | Should -HaveXskLatencyAtMost 200 -Percentile P99
#   Test-XdpInterface eth1 | Should -BeFitForXdp -AllowWarning
# Each takes one object or several, of which each has to meet it, and -Because.

Set-StrictMode -Version 3.0

# What an operator has to return (it sees the operator's own parameters, being called by it): whether all of the values are as expected, else the first that is not, in words.
function Get-Verdict {
    param([object[]] $Value, [switch] $Negate, [string] $Because, [string] $Expected, [scriptblock] $Test)
    $reason = $Because ? ", because $($Because -replace '^because ')," : ''
    $Value = @($Value | Where-Object { $null -ne $_ })
    if ($Value.Count -eq 0) { return [pscustomobject]@{ Succeeded = $false; FailureMessage = "Expected $Expected$reason but got nothing." } }
    foreach ($item in $Value) {
        # $null where the value is as expected.
        $fault = & $Test $item
        if ($Negate -eq ($null -ne $fault)) { continue }
        $message = $Negate ? "Expected not $Expected$reason but got it: $item." : "Expected $Expected$reason but $fault."
        return [pscustomobject]@{ Succeeded = $false; FailureMessage = $message }
    }

    [pscustomobject]@{ Succeeded = $true; FailureMessage = $null }
}

# A number as people say it: 500 kpps.
function Format-Rate {
    param([double] $PacketsPerSecond)
    $format = [cultureinfo]::InvariantCulture
    if ($PacketsPerSecond -ge 1e6) { return ($PacketsPerSecond / 1e6).ToString('0.###', $format) + ' Mpps' }
    if ($PacketsPerSecond -ge 1e3) { return ($PacketsPerSecond / 1e3).ToString('0.###', $format) + ' kpps' }
    return $PacketsPerSecond.ToString('0.###', $format) + ' pps'
}

# Counters of what was dropped, by the names that the objects of Get-XskRingStats, Send-XskFrame -PassThru and Measure-XskPath have.
$dropCounters = 'RxDropped', 'RxRingFull', 'RxInvalidDescriptors', 'TxInvalidDescriptors', 'DriverDropped', 'ReceiveDropped'

function Should-HaveNoXskDrops($ActualValue, [switch] $Negate, [string] $Because) {
    Get-Verdict @($ActualValue) -Negate:$Negate -Because $Because -Expected 'no drops' -Test {
        param($item)
        $known = @($dropCounters | Where-Object { $item.PSObject.Properties[$_] })
        if (-not $known) { return "a $($item.GetType().Name) has no counters of drops" }
        $dropped = @($known | Where-Object { $item.$_ -ne 0 } | ForEach-Object { "$_ is $($item.$_)" })
        if ($dropped) { $dropped -join ', ' }
    }
}

function Should-HaveXskThroughput($ActualValue, [double] $MinimumPacketsPerSecond, [switch] $Negate, [string] $Because) {
    Get-Verdict @($ActualValue) -Negate:$Negate -Because $Because -Expected "a throughput of at least $(Format-Rate $MinimumPacketsPerSecond)" -Test {
        param($item)
        # Measure-XskPath -Rfc2544 found the throughput; otherwise what arrived counts, whatever was sent.
        $rate = ($item.PSObject.Properties['Throughput'] ?? $item.PSObject.Properties['ReceivedPacketsPerSecond'])?.Value
        if ($null -eq $rate) { return "a $($item.GetType().Name) has no throughput" }
        if ($rate -lt $MinimumPacketsPerSecond) { "got $(Format-Rate $rate) of $($item.FrameSize)-byte frames" }
    }
}

function Should-HaveXskLossAtMost($ActualValue, [double] $MaximumRatio, [switch] $Negate, [string] $Because) {
    Get-Verdict @($ActualValue) -Negate:$Negate -Because $Because -Expected "a loss of at most $MaximumRatio of the frames" -Test {
        param($item)
        if ($item.Sent -eq 0) { return 'nothing was sent' }
        if ($item.LossRatio -gt $MaximumRatio) { "$($item.Lost) of $($item.Sent) frames were lost, which is $($item.LossRatio)" }
    }
}

function Should-HaveXskLatencyAtMost($ActualValue, [double] $MaximumMicroseconds, [ValidateSet('Min', 'P50', 'P90', 'P99', 'P999', 'Max')] [string] $Percentile = 'P99', [switch] $Negate, [string] $Because) {
    Get-Verdict @($ActualValue) -Negate:$Negate -Because $Because -Expected "a latency ($Percentile) of at most $MaximumMicroseconds us" -Test {
        param($item)
        $latency = $item."Latency$Percentile"
        if ($null -eq $latency) { return 'no frame arrived that tells a latency' }
        if ($latency -gt $MaximumMicroseconds) { "got $([math]::Round($latency, 1)) us" }
    }
}

function Should-BeFitForXdp($ActualValue, [switch] $AllowWarning, [switch] $Negate, [string] $Because) {
    Get-Verdict @($ActualValue) -Negate:$Negate -Because $Because -Expected "the verdict Pass$(if ($AllowWarning) { ' or Warn' })" -Test {
        param($item)
        # A number, where the object came over SSH.
        $status = [XdpPS.XdpCheckStatus]$item.Status
        if ($status -eq 'Pass' -or ($AllowWarning -and $status -in 'Warn', 'Unknown')) { return }
        "$($item.Name) of $($item.Interface) is $status`: $($item.Detail)$($item.Remedy ? "; try: $($item.Remedy)" : '')"
    }
}

# Pester refuses a name that is taken, also by this module imported before.
$taken = (Get-ShouldOperator).Name
foreach ($name in 'HaveNoXskDrops', 'HaveXskThroughput', 'HaveXskLossAtMost', 'HaveXskLatencyAtMost', 'BeFitForXdp') {
    if ($name -notin $taken) { Add-ShouldOperator -Name $name -InternalName "Should-$name" -Test (Get-Item -LiteralPath "function:Should-$name").ScriptBlock -SupportsArrayInput }
}

Export-ModuleMember -Function Format-Rate
