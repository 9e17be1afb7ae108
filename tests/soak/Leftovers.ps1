# What is left of a round, and how the memory grows. Invoke-Soak.ps1 runs this in its own scope.

function Get-Left {
    [GC]::Collect()
    [GC]::WaitForPendingFinalizers()
    $own = [IO.FileInfo]::new('/proc/self/ns/net').LinkTarget
    $descriptors = @(Get-ChildItem -LiteralPath '/proc/self/fd' -ErrorAction Ignore | Where-Object { $_.LinkTarget -match 'bpf|socket:|eventfd|net:\[|/netns/|inotify' })
    $tasks = @(Get-ChildItem -LiteralPath '/proc/self/task' -Directory -ErrorAction Ignore)
    [pscustomobject]@{
        Descriptors = $descriptors.Count
        Mappings    = @(Get-Content -LiteralPath '/proc/self/maps' | Where-Object { $_ -match 'socket:' }).Count
        Strays      = @($tasks | Where-Object { ([IO.FileInfo]::new("$($_.FullName)/ns/net")).LinkTarget -notin $own, $null }).Count
        Threads     = $tasks.Count
    }
}

function Get-BpfLeft {
    $left = 0
    foreach ($kind in 'prog', 'map', 'link') {
        # One of another process that goes while it is listed is an error, behind which others may be missing: it is asked again.
        foreach ($try in 1..20) {
            $listed = @(bpftool --json $kind list | ConvertFrom-Json)
            if (-not ($listed | Where-Object { -not $_.PSObject.Properties['id'] })) { break }
            if ($try -eq 20) { throw "bpftool cannot list every $kind`: $($listed | Where-Object { -not $_.PSObject.Properties['id'] })" }
        }

        $there = @($listed | ForEach-Object { $_.id })
        $left += @($ours[$kind] | Where-Object { $_ -in $there }).Count
    }

    return $left
}

# What the kernel frees in the background gets a moment.
function Assert-NothingLeft {
    param($Allowed)
    foreach ($try in 1..40) {
        $bpf = Get-BpfLeft
        $left = Get-Left
        if ($bpf -eq 0 -and $left.Strays -eq 0 -and $left.Mappings -eq 0 -and $left.Descriptors -le $Allowed.Descriptors) { break }
        Start-Sleep -Milliseconds 100
    }

    if ($bpf) { $faults.Add("$bpf programs, maps or links are left") }
    if ($left.Strays) { $faults.Add("$($left.Strays) threads are left in another network namespace") }
    if ($left.Mappings) { $faults.Add("$($left.Mappings) rings are still mapped") }
    if ($left.Descriptors -gt $Allowed.Descriptors) { $faults.Add("$($left.Descriptors) descriptors, $($Allowed.Descriptors) at the beginning") }
    foreach ($kind in $ours.Keys) { $ours[$kind].Clear() }
    return $left
}

# Kilobytes a minute, by least squares over the epochs after the first third: of resident memory (1), or of the managed heap (2).
function Get-Slope {
    param([int] $Of)
    $points = @($memory | Select-Object -Skip ([int]($memory.Count / 3)))
    if ($points.Count -lt 3) { return $null }
    $x = ($points | ForEach-Object { $_[0] } | Measure-Object -Average).Average
    $y = ($points | ForEach-Object { $_[$Of] } | Measure-Object -Average).Average
    $numerator = $denominator = 0.0
    foreach ($point in $points) {
        $numerator += ($point[0] - $x) * ($point[$Of] - $y)
        $denominator += ($point[0] - $x) * ($point[0] - $x)
    }

    [math]::Round($numerator / $denominator, 1)
}

function Get-ResidentKilobyte {
    [long](((Get-Content -LiteralPath '/proc/self/status') -match '^VmRSS')[0] -replace '\D')
}
