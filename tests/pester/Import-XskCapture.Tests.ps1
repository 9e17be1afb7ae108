BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $witness = (Get-Command -Name tcpdump -CommandType Application -ErrorAction Ignore) ? '' : ' [skipped: needs tcpdump]'
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.ImportXskCaptureCommand'
    $captures = (Resolve-Path -LiteralPath "$PSScriptRoot/../captures").Path
}

Describe 'Import-XskCapture' -Tag Unit {
    BeforeAll {
        $folder = (New-Item -ItemType Directory -Path "$TestDrive/import").FullName
        Write-Pcap -Path "$folder/two.pcap" -Frame (New-TestFrame -Seed 1), (New-TestFrame -Seed 2 -Length 99)
        Copy-Item -LiteralPath "$folder/two.pcap" -Destination "$folder/[odd].pcap"
    }

    It 'has the parameter -<Name>' -ForEach @(
        @{ Name = 'Path'; Type = 'String[]'; Aliases = ''; Position = '0'; ByValue = $true; ByProperty = $false; Mandatory = $true; Sets = 'Path' }
        @{ Name = 'LiteralPath'; Type = 'String[]'; Aliases = 'LP,PSPath'; Position = ''; ByValue = $false; ByProperty = $true; Mandatory = $true; Sets = 'LiteralPath' }
        @{ Name = 'ReadCount'; Type = 'Int32'; Aliases = ''; Position = ''; ByValue = $false; ByProperty = $false; Mandatory = $false; Sets = '__AllParameterSets' }
    ) {
        $fact = Get-ParameterFact Import-XskCapture $Name
        foreach ($property in 'Type', 'Aliases', 'Position', 'ByValue', 'ByProperty', 'Mandatory') { $fact.$property | Should -Be (Get-Variable -Name $property -ValueOnly) }
        (Get-Command Import-XskCapture).Parameters[$Name].ParameterSets.Keys | Should -Be $Sets
    }

    It 'gives packets with the bytes in the file and the times that tcpdump reads' -Skip:($witness -ne '') {
        $compared = 0
        foreach ($file in Get-ChildItem -Path "$captures/*.pcap") {
            $lines = Invoke-Native tcpdump -tt --nano -nn -q -r $file.FullName
            $expected = @(($lines -match '^\d+\.') -replace ' .*')
            $packets = @($file | Import-XskCapture)
            $packets.ForEach({ $rest = $_.Timestamp % 1000000000; '{0}.{1:d9}' -f (($_.Timestamp - $rest) / 1000000000), $rest }) | Should -Be $expected
            $packets.ForEach({ ConvertTo-Hex $_.Data }) | Should -Be @(Read-Pcap $file.FullName)
            $compared += $packets.Count
        }

        $compared | Should -BeGreaterThan 900
    }

    It 'takes paths with wildcards, from the pipeline, and files' {
        Push-Location -LiteralPath $folder
        try {
            @(Import-XskCapture t*.pcap).Count | Should -Be 2
            @('two.pcap', './two.pcap' | Import-XskCapture).Number | Should -Be 1, 2, 1, 2
            @(Get-ChildItem | Import-XskCapture).Count | Should -Be 4
            @(Import-XskCapture -LiteralPath '[odd].pcap').Length | Should -Be 2
        }
        finally {
            Pop-Location
        }
    }

    It 'gives arrays with -ReadCount' {
        $arrays = @(Import-XskCapture "$captures/lan.pcap" -ReadCount 100)
        $arrays.Count | Should -Be 2
        $arrays.ForEach({ $_.Count }) | Should -Be 100, 91
        , $arrays[0] | Should -BeOfType XdpPS.XskPacket[]
    }

    It 'writes the packets before the damage, says where it is, and reads the next file' {
        $bytes = [IO.File]::ReadAllBytes("$folder/two.pcap")
        [IO.File]::WriteAllBytes("$folder/cut", $bytes[0..($bytes.Length - 5)])
        foreach ($size in 1, 10) {
            $packets = @(Import-XskCapture "$folder/cut", "$folder/two.pcap" -ReadCount $size -ErrorAction SilentlyContinue -ErrorVariable failures | ForEach-Object { $_ })
            $packets.Number | Should -Be 1, 1, 2
            $failures.FullyQualifiedErrorId | Should -Be "CaptureDamaged,$command"
            $failures.CategoryInfo.Category | Should -Be 'InvalidData'
            $failures.TargetObject | Should -Be "$folder/cut"
            $failures.Exception.Message | Should -Match 'damaged at byte 104: the file ends after 111 of the 115 bytes of a packet'
        }
    }

    It 'refuses <What>' -ForEach @(
        @{ What = 'what does not exist'; Id = 'CaptureNotFound'; Path = 'none'; Words = 'no file' }
        @{ What = 'a name of two lines'; Id = 'CaptureNotFound'; Path = "two`n`elines"; Words = "two\?\?lines'" }
        @{ What = 'a pattern without a file'; Id = 'CaptureNotFound'; Path = '[odd'; Words = '-LiteralPath' }
        @{ What = 'a folder'; Id = 'CaptureUnreadable'; Path = '.'; Words = 'directory' }
        @{ What = 'what is compressed'; Id = 'CaptureUnreadable'; Path = 'gz'; Words = 'gunzip' }
        @{ What = 'a device'; Id = 'CaptureUnreadable'; Path = 'device'; Words = 'device or a socket' }
    ) {
        [IO.File]::WriteAllBytes("$folder/gz", [byte[]](0x1f, 0x8b, 8, 0, 0, 0))
        if (-not (Test-Path -LiteralPath "$folder/device")) { $null = New-Item -ItemType SymbolicLink -Path "$folder/device" -Target /dev/null }
        Import-XskCapture "$folder/$Path" -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
        $failures.FullyQualifiedErrorId | Should -Be "$Id,$command"
        $failures.Exception.Message | Should -Match $Words
        $failures.Exception.Message | Should -Not -Match '[\x00-\x1f]'
    }

    Context 'from a pipe' {
        BeforeEach {
            $pipeline = $writer = $null
            $pipe = "$folder/pipe"
            mkfifo $pipe
        }

        AfterEach {
            Close-Pipeline $pipeline
            if ($writer) { $writer.Dispose() }
            Remove-Item -LiteralPath $pipe
        }

        BeforeAll {
            function Test-Open { @(Get-ChildItem -LiteralPath /proc/self/fd | Where-Object LinkTarget -EQ $pipe).Count -gt 0 }
        }

        It 'waits for a program that writes to it, and reads until that ends' -Skip:($witness -ne '') {
            $pipeline = Start-Pipeline { param($path) Import-XskCapture $path | ForEach-Object { [Convert]::ToHexString($_.Data).ToLowerInvariant() } } $pipe
            Wait-Until { Test-Open } | Should -BeTrue
            $null = Invoke-Native tcpdump -Z root -r "$captures/lan.pcap" -w $pipe
            Wait-Pipeline $pipeline | Should -BeNullOrEmpty
            @($pipeline.Output) | Should -Be @(Read-Pcap "$captures/lan.pcap")
            Test-Open | Should -BeFalse
        }

        It 'gives a packet as soon as it is written, and an error where the pipe ends within the next' {
            $bytes = [IO.File]::ReadAllBytes("$folder/two.pcap")
            $pipeline = Start-Pipeline { param($path) Import-XskCapture $path | ForEach-Object Length } $pipe
            $writer = [IO.File]::OpenWrite($pipe)
            $writer.Write($bytes, 0, 24 + 16 + 64 + 3)
            $writer.Flush()
            Wait-Until { $pipeline.Output.Count -eq 1 } | Should -BeTrue
            $pipeline.Async.IsCompleted | Should -BeFalse
            $writer.Dispose()
            (Wait-Pipeline $pipeline).FullyQualifiedErrorId | Should -Be "CaptureDamaged,$command"
            @($pipeline.Output) | Should -Be 64
        }

        It 'can be stopped, as by Ctrl-C, <When>: <Command>' -ForEach @(
            @{ When = 'while nobody writes'; Command = 'Import-XskCapture'; Script = { param($path) Import-XskCapture $path }; Bytes = 0 }
            @{ When = 'while a writer is silent'; Command = 'Import-XskCapture'; Script = { param($path) Import-XskCapture $path }; Bytes = 24 + 16 + 64 }
            @{ When = 'while nobody writes'; Command = 'Test-XskFilter'; Script = { param($path) Test-XskFilter -Port 53 -Path $path }; Bytes = 0 }
        ) {
            $pipeline = Start-Pipeline $Script $pipe
            Wait-Until { Test-Open } | Should -BeTrue
            if ($Bytes) {
                $writer = [IO.File]::OpenWrite($pipe)
                $writer.Write([IO.File]::ReadAllBytes("$folder/two.pcap"), 0, $Bytes)
                $writer.Flush()
                Wait-Until { $pipeline.Output.Count -eq 1 } | Should -BeTrue
            }

            Stop-Pipeline $pipeline
            if ($writer) { $writer.Dispose() }
            Test-Open | Should -BeFalse
            $pipeline.Shell.Streams.Error | Should -BeNullOrEmpty
        }
    }

    It 'stops reading where the pipeline ends' {
        (Import-XskCapture "$folder/two.pcap", "$folder/none" | Select-Object -First 1).Number | Should -Be 1
    }
}
