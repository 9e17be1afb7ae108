BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program tshark, capinfos, tcpdump
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.ExportXskCaptureCommand'
    $captures = (Resolve-Path -LiteralPath "$PSScriptRoot/../captures").Path
    $folder = (New-Item -ItemType Directory -Path "$TestDrive/export").FullName

    function Get-CountOf {
        param([string] $Path)
        [int]((Invoke-Native capinfos -c -M -T -r $Path) -split "`t")[-1]
    }

    function New-Packet {
        param([int] $Count, [int] $Length = 64)
        foreach ($i in 1..$Count) { , (New-TestFrame -Seed $i -Length $Length) }
    }
}

Describe 'The parameters of Export-XskCapture' -Tag Unit {
    It 'has -<Name>' -ForEach @(
        @{ Name = 'Path'; Type = 'String'; Aliases = 'LiteralPath,LP'; Position = '0'; ByValue = $false; Mandatory = $true; Sets = '__AllParameterSets' }
        @{ Name = 'InputObject'; Type = 'PSObject'; Aliases = 'Packet'; Position = '1'; ByValue = $true; Mandatory = $true; Sets = 'Packet' }
        @{ Name = 'Socket'; Type = 'XskSocket[]'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $true; Sets = 'Socket' }
        @{ Name = 'Count'; Type = 'Int64'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = 'Socket' }
        @{ Name = 'TimeoutSeconds'; Type = 'Double'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = 'Socket' }
        @{ Name = 'DurationSeconds'; Type = 'Double'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = 'Socket' }
        @{ Name = 'Cpu'; Type = 'Int32'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = 'Socket' }
        @{ Name = 'Format'; Type = 'XskCaptureFormat'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
        @{ Name = 'SnapLength'; Type = 'Int32'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
        @{ Name = 'Comment'; Type = 'String'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
        @{ Name = 'RotateMegabytes'; Type = 'Double'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
        @{ Name = 'RotateSeconds'; Type = 'Double'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
        @{ Name = 'KeepFiles'; Type = 'Int32'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
        @{ Name = 'Append'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
        @{ Name = 'NoClobber'; Type = 'SwitchParameter'; Aliases = 'NoOverwrite'; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
        @{ Name = 'Force'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
        @{ Name = 'PassThru'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
    ) {
        $fact = Get-ParameterFact Export-XskCapture $Name
        foreach ($property in 'Type', 'Aliases', 'Position', 'ByValue', 'Mandatory') { $fact.$property | Should -Be (Get-Variable -Name $property -ValueOnly) }
        (Get-Command Export-XskCapture).Parameters[$Name].ParameterSets.Keys | Should -Be $Sets
    }

    It 'refuses <What>' -ForEach @(
        @{ What = '-Append with a rotation'; Arguments = @{ Append = $true; RotateSeconds = 5 } }
        @{ What = '-Append with -NoClobber'; Arguments = @{ Append = $true; NoClobber = $true } }
        @{ What = '-KeepFiles without a rotation'; Arguments = @{ KeepFiles = 2 } }
        @{ What = '-Comment in a pcap file'; Arguments = @{ Comment = 'a'; Format = 'Pcap' } }
    ) {
        { Export-XskCapture "$folder/wrong" -InputObject '01' @Arguments } | Should -Throw -ErrorId "ParametersContradict,$command"
        Test-Path -LiteralPath "$folder/wrong" | Should -BeFalse
    }
}

Describe "Capture files that Export-XskCapture writes$note" -Tag Netns -Skip:($note -ne '') {
    It 'are the same to tcpdump and tshark as what was imported: <Format>' -ForEach @{ Format = 'Pcapng' }, @{ Format = 'Pcap' } {
        $compared = 0
        foreach ($file in Get-ChildItem -Path "$captures/*.pcap") {
            $copy = "$folder/$($file.BaseName).$Format"
            $file | Import-XskCapture | Export-XskCapture $copy -Format $Format
            foreach ($reader in 'tcpdump -tt --nano -nn -xx', 'tshark -T fields -e frame.time_epoch -e frame.len -e frame.cap_len') {
                $program = -split $reader
                $from = @(Invoke-Native @program -r $file.FullName) -notmatch '^(reading from|Running as)'
                $to = @(Invoke-Native @program -r $copy) -notmatch '^(reading from|Running as)'
                $to -join "`n" | Should -BeExactly ($from -join "`n")
                $to.Count | Should -BeGreaterThan 3
            }

            $compared += Get-CountOf $copy
            # And once more through both, byte for byte.
            Import-XskCapture $copy -ReadCount 50 | Export-XskCapture "$copy.2" -Format $Format
            if ($Format -eq 'Pcap') { (Get-FileHash -LiteralPath "$copy.2").Hash | Should -Be (Get-FileHash -LiteralPath $copy).Hash }
        }

        $compared | Should -BeGreaterThan 900
    }

    It 'keep the interface, the queue and the whole length of what was cut' {
        $packet = [XdpPS.XskPacket]::new((New-TestFrame -Length 100))
        New-Packet 1 -Length 100 | Export-XskCapture "$folder/cut.pcapng" -SnapLength 40 -Comment 'übung'
        $read = Import-XskCapture "$folder/cut.pcapng"
        $read.Length, $read.Data.Length, $read.Truncated | Should -Be 100, 40, $true
        (Invoke-Native capinfos -M "$folder/cut.pcapng") -match 'comment' | Should -Match 'übung'
        Invoke-Native tshark -r "$folder/cut.pcapng" -T fields -e frame.len -e frame.cap_len | Select-Object -Last 1 | Should -Be "100`t40"
    }

    It 'can take the place of the file that the packets come from' {
        Copy-Item -LiteralPath "$captures/lan.pcap" -Destination "$folder/own.pcap"
        $arp = @(Invoke-Native tcpdump -nn -xx -r "$captures/lan.pcap" arp) -notmatch '^reading'
        Import-XskCapture "$folder/own.pcap" | Where-Object Protocol -EQ 'ARP' | Export-XskCapture "$folder/own.pcap" -Format Pcap
        $kept = @(Invoke-Native tcpdump -nn -xx -r "$folder/own.pcap") -notmatch '^reading'
        $arp.Count | Should -BeGreaterThan 10
        $kept -replace '^\S+ ' | Should -Be ($arp -replace '^\S+ ')
    }

    It 'are read by all also when there is nothing in them' {
        @() | Export-XskCapture "$folder/empty.pcapng"
        Get-CountOf "$folder/empty.pcapng" | Should -Be 0
        $null = Invoke-Native tcpdump -r "$folder/empty.pcapng"
        Import-XskCapture "$folder/empty.pcapng" | Should -BeNullOrEmpty
    }

    It 'are continued with -Append, also behind a packet that was cut off: <Format>' -ForEach @{ Format = 'Pcapng' }, @{ Format = 'Pcap' } {
        $path = "$folder/append-$Format"
        New-Packet 3 | Export-XskCapture $path -Format $Format -Append
        New-Packet 2 | Export-XskCapture $path -Format $Format -Append
        Get-CountOf $path | Should -Be 5
        # In the middle of the last packet: behind it in pcapng are statistics of 80 bytes.
        $bytes = [IO.File]::ReadAllBytes($path)
        [IO.File]::WriteAllBytes($path, $bytes[0..($bytes.Length - ($Format -eq 'Pcap' ? 10 : 90))])
        New-Packet 2 | Export-XskCapture $path -Format $Format -Append
        @(Import-XskCapture $path -ErrorAction Stop).Count | Should -Be 6
        Get-CountOf $path | Should -Be 6
        @(Invoke-Native tcpdump -nn -t -q -r $path | Where-Object { $_ -match '88b5' }).Count | Should -Be 6
    }

    It 'are not continued by what does not fit: <What>' -ForEach @(
        @{ What = 'another format'; Content = { New-Packet 1 | Export-XskCapture $path -Format Pcap }; Words = '-Format Pcap' }
        @{ What = 'a smaller limit'; Content = { New-Packet 1 | Export-XskCapture $path -SnapLength 60 }; Words = '-SnapLength 60' }
        @{ What = 'no capture'; Content = { Set-Content -LiteralPath $path -Value 'hello world' }; Words = 'unknown file format' }
    ) {
        $path = "$folder/fits-not"
        . $Content
        $before = (Get-FileHash -LiteralPath $path).Hash
        { New-Packet 1 | Export-XskCapture $path -Append } | Should -Throw -ErrorId "CaptureNotAppendable,$command" -ExpectedMessage "*$Words*"
        (Get-FileHash -LiteralPath $path).Hash | Should -Be $before
    }

    It 'are left alone with -NoClobber and -WhatIf, and where they are read-only' {
        $path = "$folder/kept.pcapng"
        New-Packet 1 | Export-XskCapture $path
        $before = (Get-FileHash -LiteralPath $path).Hash
        { New-Packet 2 | Export-XskCapture $path -NoClobber } | Should -Throw -ErrorId "CaptureExists,$command"
        New-Packet 2 | Export-XskCapture $path -WhatIf
        chmod 444 $path
        { New-Packet 2 | Export-XskCapture $path } | Should -Throw -ErrorId "CaptureNotWritable,$command"
        (Get-FileHash -LiteralPath $path).Hash | Should -Be $before
        New-Packet 2 | Export-XskCapture $path -Force
        Get-CountOf $path | Should -Be 2
    }

    It 'are never written through a symbolic link, to a pipe or a folder' {
        Set-Content -LiteralPath "$folder/target" -Value 'mine'
        $null = New-Item -ItemType SymbolicLink -Path "$folder/link" -Target "$folder/target"
        $null = New-Item -ItemType SymbolicLink -Path "$folder/dangling" -Target "$folder/made-by-link"
        mkfifo "$folder/pipe"
        foreach ($place in 'link', 'dangling', 'pipe', '.', 'none/file') {
            foreach ($how in @{}, @{ Force = $true }, @{ Append = $true }) {
                { New-Packet 1 | Export-XskCapture "$folder/$place" @how } | Should -Throw -ErrorId "CaptureNotWritable,$command"
            }
        }

        Get-Content -LiteralPath "$folder/target" | Should -Be 'mine'
        Test-Path -LiteralPath "$folder/made-by-link" | Should -BeFalse
    }

    It 'of another user are not appended to' {
        $path = "$folder/planted"
        New-Packet 1 | Export-XskCapture $path
        chown 12345 $path
        { New-Packet 1 | Export-XskCapture $path -Append } | Should -Throw -ErrorId "CaptureNotWritable,$command" -ExpectedMessage '*12345*'
        New-Packet 1 | Export-XskCapture $path -Append -Force
        Get-CountOf $path | Should -Be 2
    }

    It 'have the permissions that the umask leaves' {
        foreach ($umask in '077', '027') {
            $null = Invoke-Pwsh "Export-XskCapture '$folder/mask$umask' -InputObject '0102'" -Prefix 'sh', '-c', "umask $umask; exec `"`$@`"", 'sh'
        }

        stat -c %a "$folder/mask077" "$folder/mask027" | Should -Be '600', '640'
    }

    It 'rotate by size, keep the last, and lose nothing between' {
        $files = @(New-Packet 500 | Export-XskCapture "$folder/size.pcapng" -RotateMegabytes 0.01 -PassThru)
        $files.Count | Should -BeGreaterThan 4
        $files.Name | Should -Match '^size_0000\d_\d{14}\.pcapng$'
        $files.ForEach({ $_.Length }) | ForEach-Object { $_ | Should -BeLessThan (0.01MB + 200) }
        ($files | ForEach-Object { Get-CountOf $_.FullName } | Measure-Object -Sum).Sum | Should -Be 500
        $kept = @(New-Packet 500 | Export-XskCapture "$folder/kept2.pcapng" -RotateMegabytes 0.01 -KeepFiles 2 -PassThru)
        $kept.Name | Should -Be (Get-Item -Path "$folder/kept2_*").Name
        $kept.Count | Should -Be 2
    }

    It 'rotate by time' {
        $files = @(& { New-Packet 2; Start-Sleep -Milliseconds 300; New-Packet 3 } | Export-XskCapture "$folder/time.pcapng" -RotateSeconds 0.25 -PassThru)
        $files | ForEach-Object { Get-CountOf $_.FullName } | Should -Be 2, 3
    }

    It 'are not left without a byte on a disk that was full before' {
        $disk = (New-Item -ItemType Directory -Path "$folder/disk").FullName
        $script = "'02' * 100 | Export-XskCapture $disk/none; Test-Path $disk/none; `$Error[-1].FullyQualifiedErrorId"
        $lines = Invoke-Pwsh $script -Prefix 'unshare', '--mount', 'sh', '-c', 'mount -t tmpfs -o size=16k tmpfs "$0" && ! dd if=/dev/zero of="$0/fill" bs=1k count=64 status=none && exec "$@"', $disk
        $lines[-1] | Should -Be "CaptureWriteFailed,$command" -Because ($lines -join '|')
        $lines[-2] | Should -Be 'False'
    }

    It 'end with the last packet that fits a full disk: <Format>' -ForEach @{ Format = 'Pcapng' }, @{ Format = 'Pcap' } {
        $disk = (New-Item -ItemType Directory -Path "$folder/disk$Format").FullName
        $script = "1..4000 | ForEach-Object { '02' * 100 } | Export-XskCapture $disk/full -Format $Format; capinfos -T -r -c $disk/full; @(Import-XskCapture $disk/full -ErrorAction Stop).Count; `$Error[-1].FullyQualifiedErrorId"
        $lines = Invoke-Pwsh $script -Prefix 'unshare', '--mount', 'sh', '-c', 'mount -t tmpfs -o size=200k tmpfs "$0" && exec "$@"', $disk
        $lines[-1] | Should -Be "CaptureWriteFailed,$command" -Because ($lines -join '|')
        $lines -join ' ' | Should -Match 'disk of .* is full'
        [int]$lines[-2] | Should -BeGreaterThan 1000
        $lines[-3] | Should -Match "\t$($lines[-2])$"
    }
}

Describe "Recording from sockets$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable
        $sender = New-XskSocket $cable.Left
        $socket = New-XskSocket $cable.Right
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'writes what arrived, with interface and statistics' {
        $frames = New-Packet 300
        $frames | Send-XskFrame $sender
        Export-XskCapture "$folder/live.pcapng" -Socket $socket -Count 300 -TimeoutSeconds 5
        $hex = Import-XskCapture "$folder/live.pcapng" | ForEach-Object { ConvertTo-Hex $_.Data }
        $hex | Should -Be $frames.ForEach({ ConvertTo-Hex $_ })
        $report = (Invoke-Native capinfos -M "$folder/live.pcapng") -join "`n"
        $report | Should -Match "Name = $($cable.Right)"
        $report | Should -Match 'Number of packets = 300'
        $report | Should -Match 'Number of stat entries = 1'
        Invoke-Native tshark -r "$folder/live.pcapng" -c 1 -T fields -e frame.interface_queue -e frame.interface_name | Select-Object -Last 1 | Should -Be "0`t$($cable.Right)"
        $socket.State | Should -Be 'Open'
    }

    It 'ends with -TimeoutSeconds, -DurationSeconds and Ctrl-C with a whole file' {
        New-Packet 3 | Send-XskFrame $sender
        Export-XskCapture "$folder/t.pcapng" -Socket $socket -TimeoutSeconds 0.1
        Get-CountOf "$folder/t.pcapng" | Should -Be 3
        Export-XskCapture "$folder/d.pcapng" -Socket $socket -DurationSeconds 0.1
        Get-CountOf "$folder/d.pcapng" | Should -Be 0
        $pipeline = Start-Pipeline { param($s, $p) Export-XskCapture $p -Socket $s } -ArgumentList $socket, "$folder/stopped.pcapng"
        try {
            $null = Wait-Until { Test-Path -LiteralPath "$folder/stopped.pcapng" }
            New-Packet 4 | Send-XskFrame $sender
            $grown = Wait-Until { @(Import-XskCapture "$folder/stopped.pcapng" -ErrorAction Ignore).Count -eq 4 }
            $grown | Should -BeTrue
            Stop-Pipeline $pipeline
            (Invoke-Native capinfos -M "$folder/stopped.pcapng") -join "`n" | Should -Match 'Number of packets = 4'
            (Invoke-Native capinfos -M "$folder/stopped.pcapng") -match 'stat entries' | Should -Match '= 1$'
        }
        finally {
            Close-Pipeline $pipeline
        }
    }

    It 'says what it recorded also where Ctrl-C comes while it warns' {
        Add-Type -Path "$PSScriptRoot/StoppingHost.cs" -IgnoreWarnings
        # Both have lost packets, and of two warnings the first stops the pipeline.
        foreach ($one in $sender, $socket) { Send-XskFrame $one -Data (New-TestFrame) -Repeat 5000 -WarningAction Ignore }
        $screen = [StoppingHost]::new()
        $state = [initialsessionstate]::CreateDefault2()
        $state.ImportPSModule(@(Get-ModuleManifest))
        $runspace = [runspacefactory]::CreateRunspace($screen, $state)
        $runspace.Open()
        $shell = [powershell]::Create($runspace)
        try {
            [StoppingHost]::StopAtWarning($shell)
            $null = $shell.AddCommand('Export-XskCapture').AddParameter('Path', "$folder/warned.pcapng").AddParameter('Socket', @($sender, $socket))
            $async = $shell.BeginInvoke()
            $async.AsyncWaitHandle.WaitOne(10000) | Should -BeTrue
            $shell.InvocationStateInfo.State | Should -Be 'Stopped'
            $shell.Streams.Warning | Should -HaveCount 1
            $screen.Lines | Should -Be "0 packets, 0 bytes of them kept, written to $folder/warned.pcapng"
        }
        finally {
            $shell.Dispose()
            $runspace.Dispose()
        }
    }

    It 'leaves a file that can be read when the process is killed' {
        $socket | Remove-XskSocket
        $path = "$folder/killed.pcapng"
        $script = "Import-Module '$(Get-ModuleManifest)'; `$s = New-XskSocket $($cable.Right); 'RECORDING'; Export-XskCapture $path -Socket `$s"
        $process = Start-Program -Program (Get-PwshPath) -Arguments '-NoProfile', '-NonInteractive', '-Command', $script -WaitFor '^RECORDING$'
        try {
            $frame = , (New-TestFrame)
            $grown = Wait-Until { $frame | Send-XskFrame $sender -Repeat 500; (Test-Path -LiteralPath $path) -and (Get-Item -LiteralPath $path).Length -gt 20KB } -Seconds 15
            $grown | Should -BeTrue
        }
        finally {
            Stop-Program $process -Signal KILL
        }

        Get-CountOf $path | Should -BeGreaterThan 100
        @(Import-XskCapture $path -ErrorAction Stop).Count | Should -Be (Get-CountOf $path)
    }

    It 'streams pcapng to a program with Receive-XskPacket -AsPcapStream' {
        $frames = New-Packet 20
        $frames | Send-XskFrame $sender
        $lines = $socket | Receive-XskPacket -Count 20 -TimeoutSeconds 5 -AsPcapStream | tshark -r - -T fields -e data.data -e frame.interface_name 2>$null
        $lines | Should -Be $frames.ForEach({ "$((ConvertTo-Hex $_).Substring(28))`t$($cable.Right)" })
    }
}
