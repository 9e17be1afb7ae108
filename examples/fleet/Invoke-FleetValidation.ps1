#Requires -Version 7.6

<#
.SYNOPSIS
    Looks at the network interfaces of many hosts at once, over SSH, and says which are fit.
.DESCRIPTION
    Runs Test-XdpInterface on every host, by PowerShell's own SSH remoting, on so many at a time as -ThrottleLimit says. What
    comes back is objects: an XdpInterfaceCheck for each check, with the host's name in PSComputerName.

    A host that does not do its part costs no more than its own result: one that cannot be reached, refuses the key, is not the
    host it was, has no PowerShell subsystem, no XdpPS or not that interface, fails in some other way, or hangs. For one
    whose SSH session fails, ssh itself is asked for the reason.

    Every host needs pwsh 7.6, the module, and in sshd_config the line
    Subsystem powershell /usr/bin/pwsh -sshs -NoLogo -NoProfile
    The user there has to be root, or to have what the checks look at. A password is never asked for: give a key, or use
    ssh-agent.
.PARAMETER HostName
    The hosts: name, user@name, user@name:port or an alias of ssh_config.
.PARAMETER InterfaceName
    The interfaces to check on each host, or wildcards for them.
.PARAMETER ScriptBlock
    Runs there instead of the checks, with the interface names as its argument. What it returns is collected; objects with
    Status Fail make the host failed, as checks do.
.PARAMETER UserName
    The user for hosts that are written without one.
.PARAMETER KeyFilePath
    The private key.
.PARAMETER SshOption
    Options for ssh, as in ssh_config, such as @{ UserKnownHostsFile = 'lab_hosts' }. Host keys are always checked.
.PARAMETER ModulePath
    What to import there: a name, or a path on those hosts.
.PARAMETER ThrottleLimit
    How many hosts to work on at a time.
.PARAMETER ConnectTimeoutSeconds
    How long to wait for a host to answer.
.PARAMETER TimeoutSeconds
    How long a host may take from there to its last object. After that it is given up.
.PARAMETER Path
    Folder for the results. It is made where it is missing. In its folder hosts each host has a file, which is written when
    that host is done, so that nothing is lost where the run is interrupted. At the end results.clixml has all,
    summary.csv a line a host, and, where XdpPS is on this host too, report.html the checks and measurements.
.OUTPUTS
    An object for each host, in the order given: HostName; Status (Passed, Warned, Failed, Unreachable, ModuleMissing,
    Error, TimedOut); Failed and Warned (how many checks); Reason (one line); Seconds; Results (what came back).
.EXAMPLE
    ./Invoke-FleetValidation.ps1 -HostName lab1, lab2, root@lab3:2222 -InterfaceName eth1
.EXAMPLE
    ./Invoke-FleetValidation.ps1 (Get-Content hosts.txt) eth* -ThrottleLimit 16 -Path today | Where-Object Status -NE Passed
.EXAMPLE
    ./Invoke-FleetValidation.ps1 lab1, lab2 eth1 -ScriptBlock { param($Name) Get-XdpInterface $Name } | ForEach-Object Results | Group-Object Driver, DriverVersion
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory, Position = 0)]
    [ValidatePattern('^([^@\s-][^@\s]*@)?(\[[^][@\s]+\](:\d+)?|[^][@:\s-][^][@:\s]*(:\d+)?|[^][@\s-]*:[^][@\s]*:[^][@\s]*)$', ErrorMessage = '{0} is not a host, user@host or user@host:port.')]
    [string[]] $HostName,

    [Parameter(Mandatory, Position = 1)]
    [ValidateNotNullOrEmpty()]
    [string[]] $InterfaceName,

    [ValidateNotNull()]
    [scriptblock] $ScriptBlock = { param($Name) Test-XdpInterface -InterfaceName $Name },

    [string] $UserName,

    [ValidateScript({ Test-Path -LiteralPath $_ -PathType Leaf }, ErrorMessage = 'There is no key {0}.')]
    [string] $KeyFilePath,

    [hashtable] $SshOption = @{},

    [ValidateNotNullOrEmpty()]
    [string] $ModulePath = 'XdpPS',

    [ValidateRange(1, 256)]
    [int] $ThrottleLimit = 8,

    [ValidateRange(1, 600)]
    [int] $ConnectTimeoutSeconds = 10,

    [ValidateRange(0.1, 86400)]
    [double] $TimeoutSeconds = 120,

    [string] $Path
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
if (-not $PSCmdlet.ShouldProcess("$($HostName -join ', ')", "Check $($InterfaceName -join ', ') over SSH")) { return }
# Asked once is enough.
$ConfirmPreference = 'None'
$hostFolder = $Path ? (New-Item -ItemType Directory -Path (Join-Path $Path hosts) -Force).FullName : $null

$options = @{ StrictHostKeyChecking = 'yes' } + $SshOption
$options.BatchMode = 'yes'
$options.ConnectTimeout = "$ConnectTimeoutSeconds"
if ($KeyFilePath) { $options.IdentitiesOnly = 'yes' }
# No command is run: its name is what each host's ssh is known by.
$options.PermitLocalCommand = 'no'

# What Invoke-Command needs for a host. An address of IPv6 with a port is in brackets.
function Get-Connection {
    param([string] $Text)
    $null = $Text -match '^((?<user>[^@]+)@)?(\[(?<host>[^]]+)\]|(?<host>[^:]+)|(?<host>.*:.*:.*))(:(?<port>\d+))?$'
    # ssh sees to its own connecting; PowerShell's limit counts the start of pwsh over there as well, which a busy host takes long for.
    $connection = @{ HostName = $Matches.host; Options = $options + @{ LocalCommand = "fleet-$(New-Guid)" }; ConnectingTimeout = [int](1000 * ($ConnectTimeoutSeconds + $TimeoutSeconds)) + 1000 }
    $user = $Matches['user'] ?? $UserName
    if ($user) { $connection.UserName = $user }
    if ($Matches['port']) { $connection.Port = [int]$Matches.port }
    if ($KeyFilePath) { $connection.KeyFilePath = (Resolve-Path -LiteralPath $KeyFilePath).Path }
    return $connection
}

# Why a session could not be had, in ssh's own words: PowerShell only says that ssh ended.
function Get-SshReason {
    param([hashtable] $Connection)
    $arguments = @($options.GetEnumerator() | ForEach-Object { '-o', "$($_.Key)=$($_.Value)" })
    if ($Connection['Port']) { $arguments += '-p', $Connection.Port }
    if ($Connection['UserName']) { $arguments += '-l', $Connection.UserName }
    if ($Connection['KeyFilePath']) { $arguments += '-i', $Connection.KeyFilePath }
    # With no input: a subsystem that is there ends at once. One that hangs must not hang the rest.
    $said = @($null | timeout --kill-after 1 ($ConnectTimeoutSeconds + 1) ssh @arguments -s -- $Connection.HostName powershell 2>&1 | ForEach-Object { "$_".Trim() } | Where-Object { $_ -and $_ -notlike '<*' })
    if ($LASTEXITCODE -in 124, 137) { return $said ? $said[-1] : 'The SSH session opens, and its powershell subsystem says nothing.' }
    return $said ? $said[-1] : 'The SSH session ended without a reason; see whether pwsh runs there.'
}

# The import fails by an id of its own, so that it is told from what the script does.
$task = {
    param($Module, $Script, $Name)
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    try { Import-Module -Name $Module }
    catch { throw [Management.Automation.ErrorRecord]::new($_.Exception, 'FleetModuleMissing', 'ObjectNotFound', $Module) }
    & ([scriptblock]::Create($Script)) $Name
}

function Start-Validation {
    param([string] $Name)
    $connection = Get-Connection $Name
    [pscustomobject]@{
        HostName   = $Name
        Connection = $connection
        Clock      = [Diagnostics.Stopwatch]::StartNew()
        Job        = Invoke-Command @connection -AsJob -ScriptBlock $task -ArgumentList $ModulePath, $ScriptBlock.ToString(), $InterfaceName
        TimedOut   = $false
    }
}

# Ends a host's ssh, and with it the job and the pwsh over there. Stop-Job would wait for an answer, which a host that hangs
# does not give; and a minute after a stop without one, PowerShell 7.6 writes to the ssh that is gone by then, and ends.
function Stop-Validation {
    param($Run)
    $mark = "*LocalCommand=$($Run.Connection.Options.LocalCommand)*"
    Get-Process -Name ssh -ErrorAction Ignore | Where-Object { $_.Parent.Id -eq $PID -and $_.CommandLine -like $mark } | Stop-Process -Force
}

# What became of a host whose job has ended, or was given up.
function Complete-Validation {
    param($Run)
    $child = $Run.Job.ChildJobs[0]
    $results = @($child.Output | Where-Object { $null -ne $_ })
    $failed = @($results | Where-Object { "$($_.PSObject.Properties['Status']?.Value)" -in 'Fail', '2' -and $_.PSObject.Properties['Name'] })
    $warned = @($results | Where-Object { "$($_.PSObject.Properties['Status']?.Value)" -in 'Warn', '1' -and $_.PSObject.Properties['Name'] })
    # What was thrown is the reason of the job's state; what was only written is among its errors.
    $thrown = $child.JobStateInfo.Reason
    $records = @(if ($thrown -is [Management.Automation.IContainsErrorRecord]) { $thrown.ErrorRecord }) + @($child.Error)
    $status, $reason = if ($Run.TimedOut) { 'TimedOut', "Given up after $TimeoutSeconds seconds." }
    elseif ($records | Where-Object FullyQualifiedErrorId -Like 'FleetModuleMissing*') { 'ModuleMissing', "$($records[0].Exception.Message)" }
    elseif ($thrown -is [Management.Automation.Remoting.PSRemotingTransportException]) { 'Unreachable', (Get-SshReason $Run.Connection) }
    elseif ($thrown) { 'Error', $thrown.Message }
    elseif ($records) { 'Error', "$($records[0])" }
    elseif ($failed) { 'Failed', ($failed | ForEach-Object { "$($_.Name): $($_.PSObject.Properties['Detail']?.Value)" } | Join-String -Separator '; ') }
    elseif (-not $results) { 'Error', 'Nothing came back.' }
    elseif ($warned) { 'Warned', ($warned | ForEach-Object { "$($_.Name): $($_.PSObject.Properties['Detail']?.Value)" } | Join-String -Separator '; ') }
    else { 'Passed', $null }
    $Run.Job | Remove-Job -Force
    [pscustomobject]@{
        HostName = $Run.HostName
        Status   = $status
        Failed   = $failed.Count
        Warned   = $warned.Count
        Reason   = $reason
        Seconds  = [math]::Round($Run.Clock.Elapsed.TotalSeconds, 1)
        Results  = $results
    }
}

# Keeps what became of a host. One that cannot be saved, as on a full disk, must not end the others.
function Save-Validation {
    param($Result)
    $done[$Result.HostName] = $Result
    if (-not $hostFolder) { return }
    $file = Join-Path $hostFolder "$([uri]::EscapeDataString($Result.HostName)).clixml"
    try {
        $Result | Export-Clixml -LiteralPath "$file.part" -Depth 5
        Move-Item -LiteralPath "$file.part" -Destination $file -Force
    }
    catch { Write-Error -ErrorRecord $_ -ErrorAction Continue }
}

$waiting = [Collections.Generic.Queue[string]]::new([string[]]@($HostName | Select-Object -Unique))
$running = [Collections.Generic.List[object]]::new()
$done = @{}
try {
    while ($waiting.Count -or $running.Count) {
        while ($waiting.Count -and $running.Count -lt $ThrottleLimit) {
            $name = $waiting.Dequeue()
            try { $running.Add((Start-Validation $name)) }
            catch { Save-Validation ([pscustomobject]@{ HostName = $name; Status = 'Error'; Failed = 0; Warned = 0; Reason = "$_"; Seconds = 0.0; Results = @() }) }
        }

        if (-not $running.Count) { continue }
        $null = Wait-Job -Job $running.Job -Any -Timeout 1
        foreach ($run in @($running)) {
            if ($run.Job.State -in 'NotStarted', 'Running', 'Stopping') {
                if ($run.Clock.Elapsed.TotalSeconds -ge $ConnectTimeoutSeconds + $TimeoutSeconds) {
                    $run.TimedOut = $true
                    Stop-Validation $run
                }

                continue
            }

            $null = $running.Remove($run)
            Save-Validation (Complete-Validation $run)
            Write-Progress -Activity 'Fleet' -Status "$($done.Count) of $($done.Count + $running.Count + $waiting.Count) hosts" -PercentComplete (100 * $done.Count / ($done.Count + $running.Count + $waiting.Count))
        }
    }
}
finally {
    # After Ctrl-C nothing goes on over there.
    $running | ForEach-Object { Stop-Validation $_ }
    if ($running.Count) { $null = Wait-Job -Job $running.Job -Timeout 3 }
    $running | ForEach-Object Job | Remove-Job -Force
    Write-Progress -Activity 'Fleet' -Completed
}

$summary = $HostName | Select-Object -Unique | ForEach-Object { $done[$_] }
if ($Path) {
    $summary | Export-Clixml -LiteralPath (Join-Path $Path results.clixml) -Depth 5
    $summary | Select-Object -ExcludeProperty Results | Export-Csv -LiteralPath (Join-Path $Path summary.csv)
    $reported = @($summary.Results | Where-Object { $_ -and $_.PSTypeNames -match '^Deserialized\.XdpPS\.(XdpInterfaceCheck|XdpInterface|XskPathMeasurement|XskThroughputResult)$' })
    if ($reported -and (Get-Command -Name Export-XskReport -ErrorAction Ignore)) {
        $reported | Export-XskReport -Path (Join-Path $Path report.html) -Title "Fleet: $($InterfaceName -join ', ')"
    }
}

$summary
