#Requires -Version 7.6

<#
.SYNOPSIS
    Calls every cmdlet with random values for its parameters: nothing, too much, too little, of another type, of another alphabet.
.DESCRIPTION
    Runs itself again under 'unshare --net', where it makes a cable, a network namespace and sockets for the cmdlets to work on.

    What may come of a call: a result, an error of PowerShell's own parameter binding, or an error with an id that is in
    XskErrorId or on the cmdlet's page in docs/en-US, of a category that is not NotSpecified, in one line. A call that has not
    ended after a while is stopped, as by Ctrl-C, and has to end then. Whenever all sockets are closed, no descriptor, mapping
    or XDP program may be left.

    What is found is printed as a command line with its number; -Seed and -Only run it again. Returns one object with counts by
    outcome and by cmdlet; the exit code is 1 where something was found.
.PARAMETER Cases
    How many calls.
.PARAMETER Minutes
    How long, instead of a number of calls.
.PARAMETER CpuMinutes
    How long in CPU time, instead of either.
.PARAMETER Seed
    Which random choices.
.PARAMETER Only
    Runs one call, by its number, and prints what comes of it.
.PARAMETER ModulePath
    Folder that has XdpPS/<version> in it.
#>
[CmdletBinding()]
param(
    [int] $Cases = 400,
    [double] $Minutes = 0,
    [double] $CpuMinutes = 0,
    [int] $Seed = 20261121,
    [int] $Only = -1,
    [string] $ModulePath = (Join-Path $PSScriptRoot '../../output')
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$PSStyle.OutputRendering = 'PlainText'

if (-not $env:XDPPS_FUZZ_INSIDE) {
    $env:XDPPS_FUZZ_INSIDE = '1'
    $pwsh = (Test-Path -LiteralPath "$PSHOME/pwsh") ? "$PSHOME/pwsh" : 'pwsh'
    unshare --net -- $pwsh -NoProfile -NonInteractive -File $PSCommandPath -Cases $Cases -Minutes $Minutes -CpuMinutes $CpuMinutes -Seed $Seed -Only $Only -ModulePath $ModulePath
    $env:XDPPS_FUZZ_INSIDE = $null
    exit $LASTEXITCODE
}

$manifest = (Get-Item -Path (Join-Path $ModulePath 'XdpPS/*/XdpPS.psd1')).FullName
$module = Import-Module -Name $manifest -PassThru
$docs = Join-Path $PSScriptRoot '../../docs/en-US'
$folder = [IO.Directory]::CreateTempSubdirectory('xdpps-fuzz-').FullName
$namespace = "xdpps-fuzz-$PID"
$patience = 3.0
$common = [Management.Automation.PSCmdlet]::CommonParameters + [Management.Automation.PSCmdlet]::OptionalCommonParameters
$commands = @($module.ExportedCmdlets.Values | Sort-Object Name)
$known = @{}
foreach ($command in $commands) {
    $page = Get-Content -LiteralPath "$docs/$($command.Name).md" -Raw
    $known[$command.Name] = [Collections.Generic.HashSet[string]]::new([string[]]([enum]::GetNames([XdpPS.XskErrorId]) + ([regex]::Matches($page, '`([A-Z][A-Za-z]+)`') | ForEach-Object { $_.Groups[1].Value })))
}

# What the engine says of arguments before the cmdlet is asked.
$binding = '^(Parameter|CannotConvertArgument|MissingMandatoryParameter|AmbiguousParameterSet|NamedParameterNotFound|InputObjectNotBound|PositionalParameterNotFound|MissingArgument|InputObjectMissingMandatory|ScriptBlockArgument)'

function Invoke-Native {
    $program, $arguments = $args
    $output = & $program @arguments 2>&1 | ForEach-Object { "$_" }
    if ($LASTEXITCODE -ne 0) { throw "'$args' ended with $LASTEXITCODE`: $($output -join ' ')" }
    return $output
}

function Select-One { param([object[]] $From) , $From[$random.Next($From.Count)] }

# Values that somebody meant, by parameter or type. UMEMs stay small, since the kernel pins their pages.
$meant = @{
    InterfaceName = 'va', 'vb', 'nosuch0', 'lo', 'v?', '*', 'va,vb', 'V*a'
    NetworkNamespace = $namespace, 'nosuch', '/dev/null', "/run/netns/$namespace"
    Path = 'a.pcapng', 'b.pcap', 'seed.pcap', 'none/c', 'd[1].pcapng', '*.pcap', 'link', 'pipe', '/dev/full', '/dev/null', '.', 'nosuch:x', 'env:x'
    Filter = 'udp port 53', 'ip', 'port', '(', 'not tcp', 'vlan 5 and ip', "tcp`0udp", '', 'ether[0:4] = 1', '1 = 1', ('ip or ' * 300 + 'arp'), 'inbound'
    FrameCount = 64, 512, 1, 0, -1, [int]::MaxValue, [int]::MinValue, 100
    FrameSize = 2048, 4096, 3000, 0, -1, 16, 65536, [int]::MaxValue
    XskMapPath = '/sys/fs/bpf/nosuch', '/dev/null', ''
    Count = 1, 5, 0, -1, [long]::MaxValue
    TimeoutSeconds = 0, 0.05, 0.2, -1, [double]::NaN, 1e300
    DurationSeconds = 0.05, 0.2, 0, -1, [double]::PositiveInfinity, 1e300
    CompletionTimeoutSeconds = 0.1, 0, -1, 1e300
    Repeat = 1, 7, 0, -1, [long]::MaxValue
    Cpu = 0, 1, 2, -1, 4096
    Payload = (, [byte[]](1, 2, 3)), 'text', '0a0b', $null
    Vlan = 5, '1-10', 4096, 'x', @(5, 6), $null
}
$hostile = $null, '', ' ', '*', '[a', '-1', 0, -1, 1, 7, 255, 256, 65535, 65536, [int]::MaxValue, [long]::MinValue, [double]::NaN, [double]::MaxValue, 0.5, $true,
    'ü', "`u{1F980}", "a`0b", "`e[31m", "line`nbreak", ('x' * 5000), '0x10', '1e9', '10.0.0.1', '10.0.0.1-10.0.0.9', '10.0.0.0/8', '2001:db8::1', 'fe80::1%lo', '300.1.1.1',
    '02:00:00:00:00:01', '02-00-00-00-00-01', '02:00', 'UDP', 'Native', 'Generic', 'Copy', 'Random', '53', '1-65535', '9-3', '1..5', '{0}', '$(throw)', '../..', '/',
    @(), @(1, 2, 3), @($null), @('a', $null), @{}, @{ Data = [byte[]](1, 2) }, [datetime]::MinValue, [guid]::Empty, [ref] 1, { 1 }, [object]::new(), [byte[]]::new(0), [byte[]]::new(70000)

function New-Sockets {
    $script:sockets = @(
        New-XskSocket va -FrameCount 64 -RxRingSize 16 -FillRingSize 16 -TxRingSize 16 -CompletionRingSize 16 -WarningAction Ignore
        New-XskSocket vb -FrameCount 64 -RxRingSize 16 -FillRingSize 16 -TxRingSize 16 -CompletionRingSize 16 -WarningAction Ignore
        New-XskSocket lo -AttachMode Generic -FrameCount 64 -RxRingSize 16 -FillRingSize 16 -TxRingSize 0 -WarningAction Ignore
    )
    $closed = New-XskSocket va -QueueId 1 -FrameCount 64 -RxRingSize 16 -FillRingSize 16 -TxRingSize 16 -CompletionRingSize 16 -WarningAction Ignore
    $closed | Remove-XskSocket
    $script:sockets += $closed
}

function New-Value {
    param($Parameter)
    $type = $Parameter.ParameterType
    if ($type -eq [switch]) { return , (Select-One $true, $true, $false) }
    if ($random.Next(6) -eq 0) { return , (Select-One $hostile) }
    if ($type.Name -like 'XskSocket*') { return , ($type.IsArray -and $random.Next(3) -eq 0 ? $sockets[0..$random.Next(3)] : (Select-One $sockets)) }
    if ($meant.ContainsKey($Parameter.Name)) { return , (Select-One $meant[$Parameter.Name]) }
    if ($type -eq [psobject] -or $type -eq [psobject[]]) {
        $frame = [byte[]]::new($random.Next(0, 1600))
        $random.NextBytes($frame)
        return , (Select-One (, $frame), '020000000002020000000001080045', $packet, $template, @($packet, $packet), ([Convert]::ToHexString($frame)), (, $hostile), $null, 5)
    }
    if ($type.IsEnum) { return , (Select-One ([enum]::GetNames($type) + 'nonsense' + 99)) }
    if ($type -in [int], [long], [uint], [ushort], [byte]) { return , (Select-One 0, 1, 2, 16, 64, 100, 255, -1, 65536) }
    if ($type -eq [double]) { return , (Select-One 0, 0.1, 1, 100, 1e6, -1, ([double]::NaN)) }
    if ($type.Name -like 'FieldSequence*') { return , (Select-One 53, '1-10', '10.0.0.1', '10.0.0.1-10.0.0.5', '2001:db8::1', '02:00:00:00:00:01', '1,2,3', '*', '5-1') }
    return , (Select-One $hostile)
}

# One of a cmdlet's parameter sets, with what it must have and some of what it may.
function New-Arguments {
    param($Command)
    $with = [ordered]@{}
    $set = Select-One @($Command.ParameterSets)
    foreach ($parameter in $set.Parameters | Where-Object Name -NotIn $common) {
        if ($random.Next(100) -ge ($parameter.IsMandatory ? 95 : 22)) { continue }
        $with[$parameter.Name] = New-Value $parameter
    }

    # What would wait for a packet for ever mostly gets a limit.
    $limit = @($set.Parameters.Name -match '^(TimeoutSeconds|DurationSeconds)$' | Sort-Object -Descending)
    if ($limit -and $random.Next(8) -ne 0) { $with[$limit[0]] = 0.05 }
    if ('Repeat' -in $with.Keys -and $random.Next(8) -ne 0) { $with['DurationSeconds'] = 0.05 }
    if ($Command.Name -eq 'Get-XskRingStats' -and 'Continuous' -in $set.Parameters.Name -and $random.Next(3)) { $with.Remove('Continuous') }
    return $with
}

function Get-Text {
    param($Command, $With, $Piped)
    $text = "$($Command.Name)"
    foreach ($name in $With.Keys) { $text += " -$name $(Get-Short $With[$name])" }
    return $Piped.Count ? "$(Get-Short $Piped[0]) | $text" : $text
}

function Get-Short {
    param($Value)
    if ($null -eq $Value) { return '$null' }
    $text = $Value -is [array] ? "$($Value.GetType().Name)($($Value.Count))" : "$($Value.GetType().Name) '$Value'"
    $text = $text.Replace("`n", '\n').Replace("`0", '\0').Replace("`e", '\e')
    return $text.Length -gt 60 ? $text.Substring(0, 57) + '...' : $text
}

function New-Session {
    $state = [initialsessionstate]::CreateDefault2()
    $state.ImportPSModule(@($manifest))
    $session = [runspacefactory]::CreateRunspace($state)
    $session.Open()
    $null = $session.SessionStateProxy.Path.SetLocation($folder)
    $null = $session.SessionStateProxy.SetVariable('WarningPreference', 'Ignore')
    return $session
}

# Returns the outcome in a word, and adds what is wrong to $found.
function Invoke-Case {
    param([int] $Number, $Command, $With, $Piped)
    $shell = [powershell]::Create($session)
    $problem = $null
    $outcome = 'result'
    try {
        $null = $shell.AddCommand($Command.Name).AddParameters($With)
        $async = $Piped.Count ? $shell.BeginInvoke([Management.Automation.PSDataCollection[psobject]]::new([psobject[]]$Piped)) : $shell.BeginInvoke()
        if (-not $async.AsyncWaitHandle.WaitOne([timespan]::FromSeconds($patience))) {
            $outcome = 'stopped'
            $stop = $shell.BeginStop($null, $null)
            if (-not $stop.AsyncWaitHandle.WaitOne([timespan]::FromSeconds(10))) {
                $found.Add("case $Number does not end when it is stopped: $(Get-Text $Command $With $Piped)")
                return 'hung'
            }
        }

        $records = @()
        try { $null = $shell.EndInvoke($async) }
        catch {
            $exception = $_.Exception.InnerException ?? $_.Exception
            if ($exception -isnot [Management.Automation.PipelineStoppedException]) {
                if ($exception -is [Management.Automation.IContainsErrorRecord]) { $records += $exception.ErrorRecord }
                else { $problem = "$($exception.GetType().FullName): $($exception.Message)" }
            }
        }

        $records += @($shell.Streams.Error)
        foreach ($record in $records) {
            $outcome = $outcome -eq 'stopped' ? 'stopped' : 'error'
            $id = ($record.FullyQualifiedErrorId -split ',')[0]
            if ($id -match $binding) {
                $outcome = 'binding'
                continue
            }

            if (-not $known[$Command.Name].Contains($id)) { $problem = "id $($record.FullyQualifiedErrorId), $($record.Exception.GetType().Name): $($record.Exception.Message)" }
            elseif ($record.CategoryInfo.Category -eq 'NotSpecified') { $problem = "category NotSpecified: $id" }
            elseif ($record.Exception.Message.Contains("`n")) { $problem = "a message of several lines: $($record.Exception.Message)" }
            $ids[$id] = 1 + $ids[$id]
        }
    }
    finally { $shell.Dispose() }
    if ($problem) { $found.Add("case $Number, $(Get-Text $Command $With $Piped): $problem") }
    return $outcome
}

function Get-Left {
    [GC]::Collect()
    [GC]::WaitForPendingFinalizers()
    $descriptors = @(Get-ChildItem -LiteralPath '/proc/self/fd' -ErrorAction Ignore | Where-Object { $_.LinkTarget -match 'bpf|socket:|eventfd|net:\[|/netns/' -or $_.LinkTarget -like "$folder/*" }).Count
    $mappings = @(Get-Content -LiteralPath '/proc/self/maps' | Where-Object { $_ -match 'socket:' }).Count
    $attached = @((ip -details link show) -match 'prog/xdp').Count
    "$descriptors descriptors, $mappings mappings, $attached programs"
}

# Closes everything, in each runspace, and compares.
function Assert-NothingLeft {
    param([int] $Number)
    Get-XskSocket | Remove-XskSocket
    $shell = [powershell]::Create($session)
    $null = $shell.AddScript('Get-XskSocket | Remove-XskSocket').Invoke()
    $shell.Dispose()
    foreach ($try in 1..30) {
        $left = Get-Left
        if ($left -eq $clean) { return }
        Start-Sleep -Milliseconds 100
    }

    $found.Add("before case $Number`: $left are left, $clean at the beginning")
    $script:clean = $left
}

$found = [Collections.Generic.List[string]]::new()
$ids = @{}
$outcomes = @{}
$each = @{}
$session = $null
$number = 0
$watch = [Diagnostics.Stopwatch]::StartNew()
Push-Location -LiteralPath $folder
try {
    $null = Invoke-Native ip netns add $namespace
    $null = Invoke-Native ip link add va numrxqueues 2 numtxqueues 2 type veth peer name vb numrxqueues 2 numtxqueues 2
    foreach ($name in 'lo', 'va', 'vb') { $null = Invoke-Native ip link set $name up }
    $packet = New-XskFrame -Udp -SourceMac 02:00:00:00:00:01 -DestinationMac 02:00:00:00:00:02 -SourceAddress 10.0.0.1 -DestinationAddress 10.0.0.2 -SourcePort 1 -DestinationPort 53
    $template = New-XskFrame -Udp -SourceMac 02:00:00:00:00:01 -DestinationMac 02:00:00:00:00:02 -SourceAddress 10.0.0.1 -DestinationAddress 10.0.0.2 -SourcePort '1-100' -DestinationPort 53 -Count 100
    $packet | Export-XskCapture seed.pcap -Format Pcap
    $null = New-Item -ItemType SymbolicLink -Path link -Target seed.pcap
    mkfifo pipe
    $session = New-Session
    # What the runtime opens once and for all is there before it is counted.
    New-Sockets
    Get-XskSocket | Remove-XskSocket
    $clean = Get-Left
    while ($Only -lt 0 ? ($CpuMinutes -gt 0 ? [Environment]::CpuUsage.TotalTime.TotalMinutes -lt $CpuMinutes : $Minutes -gt 0 ? $watch.Elapsed.TotalMinutes -lt $Minutes : $number -lt $Cases) : $number -le $Only) {
        # A generator for each, so that each can be made alone. Those of seeds in a row would begin alike (Random is linear in its seed).
        $random = [Random]::new([BitConverter]::ToInt32([Security.Cryptography.SHA256]::HashData([Text.Encoding]::ASCII.GetBytes("$Seed $number")), 0))
        if ($number % 40 -eq 0) {
            Assert-NothingLeft $number
            New-Sockets
        }

        $command = Select-One $commands
        $with = New-Arguments $command
        $piped = @()
        $fromPipe = @($command.Parameters.Values | Where-Object { $with.Contains($_.Name) -and $_.Attributes.Where({ $_ -is [Parameter] -and $_.ValueFromPipeline }) })
        if ($fromPipe -and $random.Next(3) -eq 0) {
            $value = $with[$fromPipe[0].Name]
            $with.Remove($fromPipe[0].Name)
            $piped = @(, $value)
        }

        if ($Only -lt 0 -or $number -eq $Only) {
            $outcome = Invoke-Case $number $command $with $piped
            if ($number -eq $Only) { Write-Host "$(Get-Text $command $with $piped): $outcome" }
            $outcomes[$outcome] = 1 + $outcomes[$outcome]
            $each[$command.Name] = 1 + $each[$command.Name]
            if ($outcome -eq 'hung') { break }
        }

        $number++
        if ($number % 100 -eq 0) { Write-Host ('{0,6} calls, {1:mm\:ss}: {2}' -f $number, $watch.Elapsed, (($outcomes.Keys | Sort-Object | ForEach-Object { "$($outcomes[$_]) $_" }) -join ', ')) }
    }

    Assert-NothingLeft $number
}
finally {
    Get-XskSocket | Remove-XskSocket
    if ($session) { $session.Dispose() }
    Pop-Location
    ip netns delete $namespace
    Remove-Item -LiteralPath $folder -Recurse -Force
}

$found | ForEach-Object { Write-Host "FOUND: $_" }
[pscustomobject]@{
    Calls    = ($outcomes.Values | Measure-Object -Sum).Sum
    Minutes  = [math]::Round($watch.Elapsed.TotalMinutes, 1)
    CpuMinutes = [math]::Round([Environment]::CpuUsage.TotalTime.TotalMinutes, 1)
    Seed     = $Seed
    Outcomes = ($outcomes.Keys | Sort-Object | ForEach-Object { "$_ $($outcomes[$_])" }) -join ', '
    Cmdlets  = ($each.Keys | Sort-Object | ForEach-Object { "$_ $($each[$_])" }) -join ', '
    ErrorIds = ($ids.Keys | Sort-Object | ForEach-Object { "$_ $($ids[$_])" }) -join ', '
    Found    = $found.Count
}
exit ($found.Count -gt 0 ? 1 : 0)
