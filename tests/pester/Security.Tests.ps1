BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program setpriv, capinfos
    $pins = Get-SkipNote -Program bpftool
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.ExportXskCaptureCommand'
    $stranger = '--reuid', '65534', '--regid', '65534', '--clear-groups'
    $frame = , (New-TestFrame)
}

# Whoever may write to a directory may put a link there under a name that can be guessed. The kernel's fs.protected_symlinks
# helps only in sticky directories, and only where it is on.
Describe "Capture files in a <Kind> directory that everybody may write to$note" -Tag Netns -Skip:($note -ne '') -ForEach @(
    @{ Kind = 'sticky'; Mode = '1777' }
    @{ Kind = 'common'; Mode = '0777' }
) {
    BeforeEach {
        $place = [IO.Directory]::CreateTempSubdirectory('xdpps-shared-').FullName
        $null = Invoke-Native chmod $Mode $place
        $victim = [IO.Path]::GetTempFileName()
        $frame | Export-XskCapture $victim
        $before = (Get-FileHash -LiteralPath $victim).Hash
        # As somebody else.
        function Invoke-Stranger {
            param([string] $Script)
            $null = Invoke-Native setpriv @stranger sh -c "umask 0; $Script"
        }
    }

    AfterEach {
        (Get-FileHash -LiteralPath $victim).Hash | Should -Be $before -Because 'nothing is written to what a link leads to'
        Remove-Item -LiteralPath $place -Recurse -Force
        Remove-Item -LiteralPath $victim
    }

    It 'are not written through a planted link, with -<With.Keys>' -ForEach @(
        @{ With = @{ PassThru = $true } }, @{ With = @{ Force = $true } }, @{ With = @{ Append = $true } }, @{ With = @{ Append = $true; Force = $true } }, @{ With = @{ NoClobber = $true } }
    ) {
        Invoke-Stranger "ln -s $victim $place/a; ln -s $place/made $place/b"
        foreach ($name in 'a', 'b') {
            { $frame | Export-XskCapture "$place/$name" @With } | Should -Throw -ErrorId "CaptureNotWritable,$command" -ExpectedMessage '*symbolic link*'
        }

        Test-Path -LiteralPath "$place/made" | Should -BeFalse
        [IO.FileInfo]::new("$place/a").LinkTarget | Should -Be $victim
    }

    It 'are not written through a link that waits for the next file of a rotation' {
        $now = [datetime]::Now
        $times = 0..20 | ForEach-Object { $now.AddSeconds($_).ToString('yyyyMMddHHmmss') }
        Invoke-Stranger (($times | ForEach-Object { "ln -s $victim $place/r_00002_$_.pcapng" }) -join '; ')
        { 1..200 | ForEach-Object { $frame } | Export-XskCapture "$place/r.pcapng" -RotateMegabytes 0.01 } | Should -Throw -ErrorId "CaptureNotWritable,$command" -ExpectedMessage '*symbolic link*'
        # What was recorded until then can be read.
        $first = Get-Item -Path "$place/r_00001_*"
        @(Import-XskCapture $first.FullName -ErrorAction Stop).Count | Should -BeGreaterThan 50
    }

    It 'take the place of a planted file, and whoever holds that open sees nothing' {
        Invoke-Stranger "echo bait > $place/c; chmod 666 $place/c"
        $held = [IO.File]::Open("$place/c", 'Open', 'Read', 'ReadWrite, Delete')
        try {
            $frame | Export-XskCapture "$place/c"
            [IO.StreamReader]::new($held).ReadToEnd() | Should -Be "bait`n"
        }
        finally { $held.Dispose() }
        stat -c %u "$place/c" | Should -Be (id -u)
        @(Import-XskCapture "$place/c" -ErrorAction Stop).Count | Should -Be 1
        # And what is planted to be continued is not.
        Invoke-Stranger "cp $place/c $place/d"
        { $frame | Export-XskCapture "$place/d" -Append } | Should -Throw -ErrorId "CaptureNotWritable,$command" -ExpectedMessage '*65534*'
    }
}

Describe 'A path with a null character' -Tag Unit {
    It 'is not taken for the file that its beginning names' {
        $place = [IO.Directory]::CreateTempSubdirectory('xdpps-null-').FullName
        try {
            foreach ($how in @{}, @{ Append = $true }) { { $frame | Export-XskCapture "$place/a`0b" @how } | Should -Throw -ErrorId "CaptureNotWritable,$command" }
            Test-Path -LiteralPath "$place/a" | Should -BeFalse
            { Import-XskCapture -LiteralPath "$place/a`0b" -ErrorAction Stop } | Should -Throw -ErrorId 'CaptureNotFound,XdpPS.Commands.ImportXskCaptureCommand'
        }
        finally { Remove-Item -LiteralPath $place -Recurse -Force }
    }
}

Describe "What others can reach$pins" -Tag Netns -Skip:($pins -ne '') {
    It 'has no pin: program, map and link belong to the process alone' {
        $cable = New-TestCable
        try {
            $socket = New-XskSocket $cable.Left
            $maps = (bpftool --json prog show id $socket.ProgramId | ConvertFrom-Json).map_ids
            $maps | Should -HaveCount 1
            $shown = @(
                bpftool --json --bpffs prog show id $socket.ProgramId | ConvertFrom-Json
                bpftool --json --bpffs map show id $maps[0] | ConvertFrom-Json
                bpftool --json --bpffs link show id (Get-XdpLinkId $cable.Left) | ConvertFrom-Json
            )
            $shown.id | Should -HaveCount 3
            foreach ($one in $shown) { $one.PSObject.Properties['pinned']?.Value | Should -BeNullOrEmpty }
            # It can tell: one that is pinned, in a file system that goes away with its mount namespace.
            $place = [IO.Directory]::CreateTempSubdirectory('xdpps-bpf-').FullName
            $pinned = unshare --mount sh -c 'mount -t bpf bpf $0 && bpftool map pin id $1 $0/pin && bpftool --json --bpffs map show id $1' $place $maps[0]
            Remove-Item -LiteralPath $place
            ($pinned | ConvertFrom-Json).pinned | Should -Be "$place/pin"
        }
        finally {
            Get-XskSocket | Remove-XskSocket
            Remove-TestCable $cable
        }
    }

    It 'is not in the memory of a child process' {
        $cable = New-TestCable
        try {
            $socket = New-XskSocket $cable.Left
            $socket.State | Should -Be 'Open'
            $inherited = sh -c 'ls -l /proc/self/fd'
            $inherited -match 'bpf|socket:' | Should -BeNullOrEmpty
            # What a child has before it runs another program: the packet memory is not copied ("dc", MADV_DONTFORK).
            $kilobytes = $socket.FrameCount * $socket.FrameSize / 1024
            $maps = [IO.File]::ReadAllText('/proc/self/smaps') -split '(?m)^(?=[0-9a-f]+-[0-9a-f]+ )'
            $packets = @($maps | Where-Object { $_ -match '(?m)^Size:\s+(?<size>\d+) kB' -and [long]$Matches.size -ge $kilobytes -and $_ -match '(?m)^VmFlags:.* dc\b' })
            $packets | Should -HaveCount 1
        }
        finally {
            Get-XskSocket | Remove-XskSocket
            Remove-TestCable $cable
        }
    }
}

Describe 'libpcap' -Tag Unit {
    It 'is not taken from the current directory' {
        $place = [IO.Directory]::CreateTempSubdirectory('xdpps-libpcap-').FullName
        try {
            # A library that can be loaded: this machine's own.
            $show = "(Test-XskFilter 'udp' -InputObject '00').Match; @((Get-Content /proc/self/maps) -match 'libpcap' -replace '.* ')[0]"
            $match, $library = Invoke-Pwsh $show
            if (-not $library) { Set-ItResult -Skipped -Because 'libpcap is not installed' }
            foreach ($name in 'libpcap.so.1', 'libpcap.so.0.8', 'libpcap.so') { Copy-Item -LiteralPath $library -Destination "$place/$name" }
            Invoke-Pwsh "Set-Location '$place'; [Environment]::CurrentDirectory = '$place'; $show" | Should -Be 'False', $library
            # It could have been: so it is where the loader is told to look there.
            (Invoke-Pwsh $show -Prefix 'env', "LD_LIBRARY_PATH=$place")[1] | Should -BeLike "$place/*"
        }
        finally { Remove-Item -LiteralPath $place -Recurse -Force }
    }
}
