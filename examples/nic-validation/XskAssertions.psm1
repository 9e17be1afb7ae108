# Operators of Should for what XdpPS returns, for Pester 5 and 6:
#   Get-XskRingStats $socket | Should -HaveNoXskDrops
#   Measure-XskPath $a $b -FrameSize 64 | Should -HaveXskThroughput 500000
#   Measure-XskPath $a $b -FrameSize 64 | Should -HaveXskLossAtMost 0.001
#   Measure-XskPath $a $b -FrameSize 64 | Should -HaveXskLatencyAtMost 200 -Percentile P99
#   Test-XdpInterface eth1 | Should -BeFitForXdp -AllowWarning
# Each takes one object or several, of which each has to meet it, and -Because.

Set-StrictMode -Version 3.0

# What an operator has to return (it sees the operator's own parameters, being called by it): whether all of the values are as expected, else the first that is not, in words.
# The test returns why a value is not as expected, and throws where the value does not tell: that is a failure of -Not too.
function Get-Verdict {
    param([object[]] $Value, [switch] $Negate, [string] $Because, [string] $Expected, [scriptblock] $Test)
    $reason = $Because ? ", because $($Because -replace '^because ')," : ''
    $Value = @($Value | Where-Object { $null -ne $_ })
    $fault = $Value.Count ? $null : 'got nothing'
    foreach ($item in $Value) {
        try {
            $fault = & $Test $item
            if ($Negate) { $fault = $null -eq $fault ? "got it: $item" : $null }
        }
        catch { $fault = "$_" }
        if ($fault) { break }
    }

    [pscustomobject]@{ Succeeded = -not $fault; FailureMessage = $fault ? "Expected $($Negate ? 'not ' : '')$Expected$reason but $fault." : $null }
}

# The first of some properties that an object has.
function Get-Value {
    param($Item, [string[]] $Name, [string] $What)
    $property = $Name | ForEach-Object { $Item.PSObject.Properties[$_] } | Select-Object -First 1
    if (-not $property) { throw "a $($Item.GetType().Name) has no $What" }
    return $property.Value
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
        if (-not $known) { throw "a $($item.GetType().Name) has no counters of drops" }
        $dropped = @($known | Where-Object { $item.$_ -ne 0 } | ForEach-Object { "$_ is $($item.$_)" })
        if ($dropped) { $dropped -join ', ' }
    }
}

function Should-HaveXskThroughput($ActualValue, [double] $MinimumPacketsPerSecond, [switch] $Negate, [string] $Because) {
    Get-Verdict @($ActualValue) -Negate:$Negate -Because $Because -Expected "a throughput of at least $(Format-Rate $MinimumPacketsPerSecond)" -Test {
        param($item)
        # Measure-XskPath -Rfc2544 found the throughput; otherwise what arrived counts, whatever was sent.
        $rate = Get-Value $item Throughput, ReceivedPacketsPerSecond 'throughput'
        if ($rate -ge $MinimumPacketsPerSecond) { return }
        $fault = "got $(Format-Rate $rate) of $($item.FrameSize)-byte frames"
        if ($item.PSObject.Properties['SenderLimited']?.Value) { throw "$fault, or more, for the sender was the limit" }
        $fault
    }
}

function Should-HaveXskLossAtMost($ActualValue, [double] $MaximumRatio, [switch] $Negate, [string] $Because) {
    Get-Verdict @($ActualValue) -Negate:$Negate -Because $Because -Expected "a loss of at most $MaximumRatio of the frames" -Test {
        param($item)
        $ratio = Get-Value $item LossRatio 'loss'
        if ($item.Sent -eq 0) { throw 'nothing was sent' }
        if ($ratio -gt $MaximumRatio) { "$($item.Lost) of $($item.Sent) frames were lost, which is $ratio" }
    }
}

function Should-HaveXskLatencyAtMost($ActualValue, [double] $MaximumMicroseconds, [ValidateSet('Min', 'P50', 'P90', 'P99', 'P999', 'Max')] [string] $Percentile = 'P99', [switch] $Negate, [string] $Because) {
    Get-Verdict @($ActualValue) -Negate:$Negate -Because $Because -Expected "a latency ($Percentile) of at most $MaximumMicroseconds us" -Test {
        param($item)
        $latency = Get-Value $item "Latency$Percentile" "latency ($Percentile)"
        if ($null -eq $latency) { throw 'no frame arrived that tells a latency' }
        if ($latency -gt $MaximumMicroseconds) { "got $([math]::Round($latency, 1)) us" }
    }
}

function Should-BeFitForXdp($ActualValue, [switch] $AllowWarning, [switch] $Negate, [string] $Because) {
    Get-Verdict @($ActualValue) -Negate:$Negate -Because $Because -Expected "the verdict Pass$(if ($AllowWarning) { ' or Warn' })" -Test {
        param($item)
        # A number, where the object came over SSH.
        $status = [XdpPS.XdpCheckStatus](Get-Value $item Status 'verdict')
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
