# What the test files share: whether they may run, a cable (veth pair) in the private network namespace, frames,
# captures by tcpdump, other processes, and pipelines in a second runspace.

Set-StrictMode -Version 3.0

if (-not $env:XDPPS_TEST_MODULE_PATH) {
    $env:XDPPS_TEST_MODULE_PATH = (Join-Path $PSScriptRoot '../../output')
    $env:PSModulePath = $env:XDPPS_TEST_MODULE_PATH, $env:PSModulePath -join ':'
}

# The dotnet tool has no pwsh beside its assemblies, but one on PATH.
$script:pwsh = (Test-Path -LiteralPath "$PSHOME/pwsh") ? "$PSHOME/pwsh" : 'pwsh'
$script:cables = 0

# For BeforeDiscovery: $null where tests with the tag Netns can run, else the reason why not.
function Get-NetnsObstacle {
    if ((id -u) -ne '0') { return 'needs root' }
    $outer = $env:XDPPS_TEST_OUTER_NAMESPACE
    if (-not $outer -or [IO.FileInfo]::new('/proc/self/ns/net').LinkTarget -eq $outer) { return 'needs a network namespace of its own, which Invoke-Tests.ps1 makes with unshare --net' }
    return $null
}

# The suffix of a Describe's name that tells the reader, and Invoke-Tests.ps1, why its tests were skipped.
function Get-SkipNote {
    param([string[]] $Program = @())
    $reason = Get-NetnsObstacle
    foreach ($name in $Program) {
        if (-not $reason -and -not (Get-Command -Name $name -CommandType Application -ErrorAction Ignore)) { $reason = "needs $name" }
    }
    return $reason ? " [skipped: $reason]" : ''
}

function Get-PwshPath {
    return $script:pwsh
}

function Import-BuiltModule {
    Import-Module -Name (Get-ModuleManifest) -Global
}

function Get-ModuleManifest {
    $found = @(Get-Item -Path (Join-Path $env:XDPPS_TEST_MODULE_PATH 'XdpPS/*/XdpPS.psd1'))
    if ($found.Count -ne 1) { throw "$env:XDPPS_TEST_MODULE_PATH has $($found.Count) versions of XdpPS; build it first." }
    return $found[0].FullName
}

# Runs a program that must succeed. Without param, since it would take the program's options for its own.
function Invoke-Native {
    $program, $arguments = $args
    $output = & $program @arguments 2>&1 | ForEach-Object { "$_" }
    if ($LASTEXITCODE -ne 0) { throw "'$args' ended with $LASTEXITCODE`: $($output -join ' ')" }
    return $output
}

function Wait-Until {
    param([scriptblock] $Condition, [double] $Seconds = 15)
    $watch = [Diagnostics.Stopwatch]::StartNew()
    while ($watch.Elapsed.TotalSeconds -lt $Seconds) {
        if (& $Condition) { return $true }
        Start-Sleep -Milliseconds 20
    }
    return [bool](& $Condition)
}

# An object as it is printed, without empty lines, which must fit the width.
function Get-View {
    param($InputObject, [int] $Width, [switch] $List)
    $text = $List ? ($InputObject | Format-List | Out-String -Width $Width) : ($InputObject | Out-String -Width $Width)
    $lines = @($text -split "`r?`n" | ForEach-Object TrimEnd | Where-Object { $_ })
    foreach ($line in $lines) { if ($line.Length -gt $Width) { throw "A line is longer than $Width columns: $line" } }
    return $lines
}

# The machine's huge pages to oneself, until what this returns is disposed: the xunit suite, which may run at the same time, takes the same lock.
function Enter-HugePages {
    foreach ($attempt in 1..3000) {
        try { return [IO.File]::Open('/run/xdpps-tests-huge-pages.lock', 'OpenOrCreate', 'ReadWrite', 'None') }
        catch [IO.IOException] { Start-Sleep -Milliseconds 20 }
    }
    throw 'Another test kept the huge pages for a minute.'
}

#region Network

# Two interfaces that are the two ends of one cable, without addresses and up.
function New-TestCable {
    param([int] $Queues = 1, [int] $Mtu = 1500)
    $left = 'xp{0:x}l{1}' -f $PID, $script:cables
    $right = 'xp{0:x}r{1}' -f $PID, $script:cables
    $script:cables++
    $null = Invoke-Native ip link add $left numrxqueues $Queues numtxqueues $Queues type veth peer name $right numrxqueues $Queues numtxqueues $Queues
    foreach ($end in $left, $right) {
        $null = Invoke-Native ip link set $end mtu $Mtu addrgenmode none up
    }

    [pscustomobject]@{
        Left     = $left
        Right    = $right
        LeftMac  = (Get-Link $left).address
        RightMac = (Get-Link $right).address
    }
}

function Remove-TestCable {
    param($Cable)
    if ($Cable) { ip link delete $Cable.Left 2>$null }
}

# A network namespace with the two ends of a cable in it, both up.
function New-TestNamespace {
    param([int] $Queues = 1)
    $name = "xdpps-pester-$PID-$script:cables"
    $script:cables++
    $null = Invoke-Native ip netns add $name
    $null = Invoke-Native ip -n $name link add va numrxqueues $Queues numtxqueues $Queues type veth peer name vb numrxqueues $Queues numtxqueues $Queues
    foreach ($end in 'va', 'vb') { $null = Invoke-Native ip -n $name link set $end addrgenmode none up }
    return $name
}

function Remove-TestNamespace {
    param([string] $Name)
    if ($Name) { ip netns delete $Name 2>$null }
}

# What iproute2 says of an interface.
function Get-Link {
    param([string] $Name)
    Invoke-Native ip -json -details -statistics link show dev $Name | ConvertFrom-Json
}

# Id and mode of the XDP program that iproute2 sees, or 0 and $null.
function Get-AttachedProgram {
    param([string] $Name)
    $link = Get-Link $Name
    # 1 native, 2 generic, 3 offload (IFLA_XDP_ATTACHED).
    $xdp = $link.PSObject.Properties['xdp']?.Value
    [pscustomobject]@{
        Id   = $xdp ? [int]$xdp.prog.id : 0
        Mode = $xdp ? @('none', 'native', 'generic', 'offload', 'multiple')[$xdp.mode] : 'none'
    }
}

# The bpf_link on an interface, as bpftool lists it.
function Get-XdpLinkId {
    param([string] $Name)
    $program = (Get-AttachedProgram $Name).Id
    bpftool --json link list | ConvertFrom-Json | Where-Object { $_.type -eq 'xdp' -and $_.prog_id -eq $program } | ForEach-Object id
}

# An object file with the smallest XDP program there is, 'return XDP_PASS', for 'ip link set ... xdp object'.
function New-XdpObjectFile {
    $names = "`0xdp`0.symtab`0.strtab`0pass`0"
    $strings = [Text.Encoding]::ASCII.GetBytes($names)
    # r0 = 2; exit. Then the symbols: none, and the function 'pass' in section 1.
    $code = [Convert]::FromHexString('b700000002000000' + '9500000000000000')
    $symbols = [byte[]]::new(24) + [BitConverter]::GetBytes([uint32]$names.IndexOf('pass')) + [byte[]](0x12, 0, 1, 0) + [byte[]]::new(8) + [BitConverter]::GetBytes([long]16)
    $offset = @{ Code = 64; Symbols = 80; Strings = 128; Sections = 128 + ($strings.Length + 7 -band -8) }
    $path = [IO.Path]::GetTempFileName()
    $writer = [IO.BinaryWriter]::new([IO.File]::Create($path))
    try {
        # ELF, 64 bits, little endian, relocatable, EM_BPF; five sections of 64 bytes, names in the fourth.
        $writer.Write([Convert]::FromHexString('7f454c4602010100' + '00' * 8 + '0100' + 'f700' + '01000000' + '00' * 16))
        $writer.Write([long]$offset.Sections)
        $writer.Write([Convert]::FromHexString('00000000' + '4000' + '0000' + '0000' + '4000' + '0400' + '0300'))
        foreach ($part in $code, $symbols, $strings) { $writer.Write([byte[]]$part) }
        $writer.BaseStream.Position = $offset.Sections
        # Each: name, type, flags, address, offset, size, link, info, alignment, size of an entry.
        foreach ($section in @(
                , (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
                , ($names.IndexOf('xdp'), 1, 6, 0, $offset.Code, 16, 0, 0, 8, 0)
                , ($names.IndexOf('.symtab'), 2, 0, 0, $offset.Symbols, 48, 3, 1, 8, 24)
                , ($names.IndexOf('.strtab'), 3, 0, 0, $offset.Strings, $strings.Length, 0, 0, 1, 0)
            )) {
            foreach ($i in 0..9) {
                if ($i -in 0, 1, 6, 7) { $writer.Write([uint32]$section[$i]) } else { $writer.Write([long]$section[$i]) }
            }
        }
    }
    finally {
        $writer.Dispose()
    }

    return $path
}

function Get-ReceivedCount {
    param([string] $Name)
    (Get-Link $Name).stats64.rx.packets
}

# Descriptors of this process that AF_XDP sockets, programs, maps and links would add to, and mapped rings.
function Get-Residue {
    $descriptors = @(Get-ChildItem -LiteralPath '/proc/self/fd' -ErrorAction Ignore | Where-Object { $_.LinkTarget -match 'bpf|socket:|eventfd|net:\[|/netns/' }).Count
    $mappings = @(Get-Content -LiteralPath "/proc/$PID/maps" | Where-Object { $_ -match 'socket:' }).Count
    "$descriptors descriptors, $mappings mappings"
}

#endregion
#region Frames

# A frame of the experimental EtherType 88b5 whose payload is pseudo-random, and the same for the same seed.
function New-TestFrame {
    param([int] $Length = 64, [int] $Seed = 1, [string] $Destination = '02:00:00:00:00:02', [string] $Type = '88b5')
    $header = [Convert]::FromHexString(($Destination + '02:00:00:00:00:01').Replace(':', '') + $Type)
    $frame = [byte[]]::new($Length)
    [Random]::new($Seed).NextBytes($frame)
    [Array]::Copy($header, $frame, [Math]::Min($Length, $header.Length))
    return , $frame
}

function ConvertTo-Hex {
    param([byte[]] $Bytes)
    [Convert]::ToHexString($Bytes).ToLowerInvariant()
}

# Classic pcap, little endian, Ethernet.
function Write-Pcap {
    param([string] $Path, [byte[][]] $Frame)
    $writer = [IO.BinaryWriter]::new([IO.File]::Create($Path))
    try {
        $writer.Write([uint32]0xa1b2c3d4L)
        foreach ($word in 2, 4) { $writer.Write([uint16]$word) }
        foreach ($word in 0, 0, 65535, 1) { $writer.Write([uint32]$word) }
        $microseconds = 0
        foreach ($bytes in $Frame) {
            foreach ($word in 0, $microseconds, $bytes.Length, $bytes.Length) { $writer.Write([uint32]$word) }
            $writer.Write($bytes)
            $microseconds += 10
        }
    }
    finally {
        $writer.Dispose()
    }
}

# The frames of a pcap file as hexadecimal text; a file that is being written ends at its last whole frame.
function Read-Pcap {
    param([string] $Path)
    $bytes = [IO.File]::ReadAllBytes($Path)
    for ($offset = 24; $offset + 16 -le $bytes.Length; $offset += 16 + $length) {
        $length = [BitConverter]::ToInt32($bytes, $offset + 8)
        if ($offset + 16 + $length -gt $bytes.Length) { return }
        [Convert]::ToHexString($bytes, $offset + 16, $length).ToLowerInvariant()
    }
}

# tcpdump on an interface, listening once this returns.
function Start-Capture {
    param([string] $Name, [string[]] $Filter = @(), [ValidateSet('in', 'out', 'inout')] [string] $Direction = 'in')
    $path = [IO.Path]::GetTempFileName()
    # In immediate mode a packet takes all of the longest's room: of 65,535 bytes 128 MiB hold 2,000, while tcpdump waits for a CPU.
    $arguments = @('-i', $Name, '-w', $path, '-U', '--immediate-mode', '-s', '65535', '-B', '131072', '-Q', $Direction, '-Z', 'root') + $Filter
    $process = Start-Program -Program tcpdump -Arguments $arguments -WaitFor 'listening on' -Stream Error
    [pscustomobject]@{ Process = $process; Path = $path }
}

# Ends a capture once it has so many frames, or none came for a while, and returns them as hexadecimal text.
function Stop-Capture {
    param($Capture, [int] $Count = 0)
    $null = Wait-Until { @(Read-Pcap $Capture.Path).Count -ge $Count } -Seconds 3
    # The kernel hands frames over in order: one more that ought not to be there has had its time by now.
    Start-Sleep -Milliseconds 50
    Stop-Program $Capture.Process -Signal INT
    Read-Pcap $Capture.Path
    Remove-Item -LiteralPath $Capture.Path
}

#endregion
#region Processes

# Starts a program and waits until a line that it prints matches.
function Start-Program {
    param([string] $Program, [string[]] $Arguments, [string] $WaitFor, [ValidateSet('Output', 'Error')] [string] $Stream = 'Output')
    $start = [Diagnostics.ProcessStartInfo]::new($Program)
    foreach ($argument in $Arguments) { $start.ArgumentList.Add($argument) }
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $process = [Diagnostics.Process]::Start($start)
    if (-not $WaitFor) { return $process }
    $reader = $Stream -eq 'Output' ? $process.StandardOutput : $process.StandardError
    $seen = [Collections.Generic.List[string]]::new()
    while ($true) {
        $line = $reader.ReadLineAsync()
        # Under emulation PowerShell is half a minute in starting.
        if (-not $line.Wait(90000) -or $null -eq $line.Result) { break }
        $seen.Add($line.Result)
        if ($line.Result -match $WaitFor) { return $process }
    }

    Stop-Program $process -Signal KILL
    throw "$Program did not print '$WaitFor' but: $($seen -join ' | ') $($Stream -eq 'Output' ? $process.StandardError.ReadToEnd() : '')"
}

function Stop-Program {
    param([Diagnostics.Process] $Process, [string] $Signal = 'TERM')
    if (-not $Process) { return }
    if (-not $Process.HasExited) { /bin/kill "-$Signal" $Process.Id }
    if (-not $Process.WaitForExit(10000)) { $Process.Kill() }
}

# Starts a pwsh that has the module, runs the script until it prints READY, and then waits for a line on its input.
function Start-Pwsh {
    param([string] $Script, [string[]] $Prefix = @())
    $whole = "`$ErrorActionPreference = 'Stop'; Import-Module '$(Get-ModuleManifest)'; $Script; 'READY'; `$null = [Console]::In.ReadLine()"
    $command = $Prefix + @($script:pwsh, '-NoProfile', '-NonInteractive', '-Command', $whole)
    Start-Program -Program $command[0] -Arguments $command[1..($command.Count - 1)] -WaitFor '^READY$'
}

# Runs a script in a pwsh that has the module, and returns what it prints.
function Invoke-Pwsh {
    param([string] $Script, [string[]] $Prefix = @(), [string[]] $InputLine = @())
    $command = $Prefix + @($script:pwsh, '-NoProfile', '-Command', "`$PSStyle.OutputRendering = 'PlainText'; Import-Module '$(Get-ModuleManifest)'; $Script")
    $program, $arguments = $command
    $InputLine | & $program @arguments 2>&1 | ForEach-Object { "$_" }
}

#endregion
#region Second runspace

# Begins a script in a runspace of its own, in this process, so that sockets can be handed to it.
function Start-Pipeline {
    param([scriptblock] $Script, [object[]] $ArgumentList = @(), [runspace] $Runspace)
    if (-not $Runspace) { $Runspace = New-TestRunspace }
    $shell = [powershell]::Create($Runspace)
    $null = $shell.AddScript($Script.ToString())
    foreach ($argument in $ArgumentList) { $null = $shell.AddArgument($argument) }
    $output = [Management.Automation.PSDataCollection[psobject]]::new()
    $async = $shell.BeginInvoke([Management.Automation.PSDataCollection[psobject]]::new(), $output)
    [pscustomobject]@{ Shell = $shell; Runspace = $Runspace; Async = $async; Output = $output }
}

function New-TestRunspace {
    $state = [initialsessionstate]::CreateDefault2()
    $state.ImportPSModule(@(Get-ModuleManifest))
    $runspace = [runspacefactory]::CreateRunspace($state)
    $runspace.Open()
    return $runspace
}

# Waits for the end of a pipeline, and returns its first error.
function Wait-Pipeline {
    param($Pipeline, [double] $Seconds = 20)
    if (-not $Pipeline.Async.AsyncWaitHandle.WaitOne([timespan]::FromSeconds($Seconds))) { throw "The pipeline had not ended after $Seconds s." }
    try {
        $null = $Pipeline.Shell.EndInvoke($Pipeline.Async)
    }
    catch {
        return $_.Exception.InnerException.ErrorRecord
    }

    return $Pipeline.Shell.Streams.Error | Select-Object -First 1
}

# Stops a pipeline, as Ctrl-C does.
function Stop-Pipeline {
    param($Pipeline, [double] $Seconds = 20)
    $stopping = $Pipeline.Shell.BeginStop($null, $null)
    if (-not $stopping.AsyncWaitHandle.WaitOne([timespan]::FromSeconds($Seconds))) { throw "The pipeline had not stopped after $Seconds s." }
    $Pipeline.Shell.EndStop($stopping)
}

function Close-Pipeline {
    param($Pipeline)
    if (-not $Pipeline) { return }
    $Pipeline.Shell.Stop()
    $Pipeline.Shell.Dispose()
    $Pipeline.Runspace.Dispose()
}

#endregion

# One row of a table of parameters, as Get-Command shows it, for comparison with what was agreed.
function Get-ParameterFact {
    param([string] $Command, [string] $Name)
    $parameter = (Get-Command -Name $Command).Parameters[$Name]
    if (-not $parameter) { return }
    $attributes = @($parameter.Attributes | Where-Object { $_ -is [Parameter] })
    [pscustomobject]@{
        Type       = $parameter.ParameterType.Name
        Aliases    = ($parameter.Aliases | Sort-Object) -join ','
        Position   = ($attributes.Position | Where-Object { $_ -ge 0 } | Select-Object -Unique) -join ','
        ByValue    = $true -in $attributes.ValueFromPipeline
        ByProperty = $true -in $attributes.ValueFromPipelineByPropertyName
        Mandatory  = $true -in $attributes.Mandatory
    }
}

Export-ModuleMember -Function *
