BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $browser = @('chromium', 'chromium-browser', 'google-chrome' | Where-Object { Get-Command -Name $_ -CommandType Application -ErrorAction Ignore })
    $browserNote = $browser ? '' : ' [skipped: needs chromium]'
    $rootNote = (id -u) -eq '0' ? '' : ' [skipped: needs root]'
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.ExportXskReportCommand'
    $folder = (New-Item -ItemType Directory -Path "$TestDrive/report").FullName

    # Its numbers are unlike any other's: what stands in the page was taken from the right place.
    function New-Measurement {
        param([int] $Size = 64, [int] $Seed = 1, [string] $From = 'eth1:0', [object] $Rate = 1000.5 * $Seed)
        [XdpPS.XskLatencyBucket[]]$histogram = foreach ($i in 1..20) { [XdpPS.XskLatencyBucket]@{ Microseconds = $i * 1.5 + $Seed; Count = 1000 - 49 * $i } }
        [XdpPS.XskRingSample[]]$samples = foreach ($i in 0..9) { [XdpPS.XskRingSample]@{ Elapsed = [timespan]::FromMilliseconds(100 * $i); TxFill = 0.01 * $i; CompletionFill = 0.125; RxFill = 0.05 * $i; FillFill = 1 - 0.05 * $i } }
        [XdpPS.XskPathMeasurement]@{
            Transmit = $From; Receive = 'eth2:0'; FrameSize = $Size; FrameLength = $Size - 4; OfferedPacketsPerSecond = $Rate
            Duration = [timespan]::FromSeconds(2.5); Sent = 10000 + $Seed; Received = 9000 + 2 * $Seed; Duplicates = 30 + $Seed; Reordered = 50 + $Seed
            SentPacketsPerSecond = 4001.25 + $Seed; ReceivedPacketsPerSecond = 3601.75 + $Seed; RoundTrip = $false
            LatencyMin = 1.125 + $Seed; LatencyP50 = 2.125 + $Seed; LatencyP90 = 3.125 + $Seed; LatencyP99 = 4.125 + $Seed; LatencyP999 = 5.125 + $Seed; LatencyMax = 6.125 + $Seed
            Jitter = 0.375 + $Seed; Histogram = $histogram; RingSamples = $samples; MeasuringError = 0.625 + $Seed; Start = [datetimeoffset]'2026-11-21T20:00:00Z'
        }
    }

    function New-Throughput {
        param([int] $Size = 64, [int] $Seed = 1)
        [XdpPS.XskThroughputResult]@{
            Transmit = 'eth3:0'; Receive = 'eth2:0'; FrameSize = $Size; FrameLength = $Size - 4; Throughput = 7001.5 + $Seed; LossTolerance = 0; TrialSeconds = 2.25; BackToBackFrames = 4321 + $Seed
            Trials = [XdpPS.XskPathMeasurement[]]@((New-Measurement $Size (10 + $Seed) 'eth3:0'), (New-Measurement $Size (20 + $Seed) 'eth3:0')); AtThroughput = New-Measurement $Size (30 + $Seed) 'eth3:0'; Deviations = [string[]]@('Trials of 2.25 s')
        }
    }

    function New-Check {
        param([string] $Name, [string] $Status, [string] $Detail = 'as it should be', [string] $Remedy)
        [XdpPS.XdpInterfaceCheck]@{ Interface = 'eth1'; Name = $Name; Status = $Status; Detail = $Detail; Remedy = $Remedy ? $Remedy : $null }
    }

    # PowerShell's own reader of XML says whether it is well-formed.
    function Read-Page {
        param([string] $Path)
        [xml](Get-Content -LiteralPath $Path -Raw)
    }

    # The rows of the tables whose caption matches, with the columns' heads as names.
    function Get-TableRow {
        param([xml] $Page, [string] $Caption)
        foreach ($table in $Page.GetElementsByTagName('table') | Where-Object { $_.caption -match $Caption }) {
            $heads = @($table.thead.tr.th | ForEach-Object { $_ -is [string] ? $_ : $_.InnerText })
            foreach ($row in $table.tbody.ChildNodes) {
                $cells = [ordered]@{}
                foreach ($i in 0..($heads.Count - 1)) {
                    $cell = $row.ChildNodes[$i]
                    $data = $cell.GetElementsByTagName('data')
                    $cells[$heads[$i]] = $data.Count ? [double]$data[0].value : $cell.InnerText
                }

                [pscustomobject]$cells
            }
        }
    }
}

Describe 'Export-XskReport' -Tag Unit {
    It 'has the parameter -<Name>' -ForEach @(
        @{ Name = 'Path'; Type = 'String'; Aliases = 'LiteralPath,LP'; Position = '0'; ByValue = $false; Mandatory = $true }
        @{ Name = 'InputObject'; Type = 'PSObject[]'; Aliases = ''; Position = '1'; ByValue = $true; Mandatory = $true }
        @{ Name = 'Title'; Type = 'String'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'NoClobber'; Type = 'SwitchParameter'; Aliases = 'NoOverwrite'; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'Force'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'PassThru'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
    ) {
        $fact = Get-ParameterFact Export-XskReport $Name
        foreach ($property in 'Type', 'Aliases', 'Position', 'ByValue', 'Mandatory') { $fact.$property | Should -Be (Get-Variable -Name $property -ValueOnly) }
    }

    It 'has the numbers of the measurements in its tables' {
        $sizes = 64, 512, 1518
        $measurements = foreach ($i in 0..2) { New-Measurement $sizes[$i] ($i + 1) }
        $measurements | Export-XskReport "$folder/numbers.html"
        $page = Read-Page "$folder/numbers.html"
        $all = @(Get-TableRow $page '^Every measurement')
        $all.'Frame size' | Should -Be $sizes
        $latency = @(Get-TableRow $page '^Latency in microseconds by frame size')
        $received = @(Get-TableRow $page '^Frames received by frame size')
        foreach ($i in 0..2) {
            $one = $measurements[$i]
            $all[$i].'Offered, frames/s' | Should -Be $one.OfferedPacketsPerSecond
            $all[$i].'Sent, frames/s', $all[$i].'Received, frames/s', $all[$i].Seconds | Should -Be $one.SentPacketsPerSecond, $one.ReceivedPacketsPerSecond, 2.5
            $all[$i].Sent, $all[$i].Received, $all[$i].Lost, $all[$i].Duplicates, $all[$i].Reordered | Should -Be $one.Sent, $one.Received, $one.Lost, $one.Duplicates, $one.Reordered
            $all[$i].'Lost, %' | Should -Be ($one.LossRatio * 100)
            $latency[$i].Minimum, $latency[$i].Median, $latency[$i].'90 %', $latency[$i].'99 %', $latency[$i].'99.9 %', $latency[$i].Maximum, $latency[$i].Jitter, $latency[$i].'Measuring error' |
                Should -Be $one.LatencyMin, $one.LatencyP50, $one.LatencyP90, $one.LatencyP99, $one.LatencyP999, $one.LatencyMax, $one.Jitter, $one.MeasuringError
            $received[$i].'Received, Mbit/s' | Should -Be ($one.ReceivedBitsPerSecond / 1e6)
            # The histogram, counted here by sorting every single frame.
            $frames = $one.Histogram | ForEach-Object { , $_.Microseconds * $_.Count }
            $percentiles = @(Get-TableRow $page '^Latency in microseconds that so many')
            $percentiles.Where({ $_.Percentile -eq 50 })."$($one.FrameSize) bytes" | Should -Be $frames[[math]::Ceiling($frames.Count / 2) - 1]
            $percentiles.Where({ $_.Percentile -eq 99 })."$($one.FrameSize) bytes" | Should -Be $frames[[math]::Ceiling($frames.Count * 0.99) - 1]
            $percentiles.Where({ $_.Percentile -eq 100 })."$($one.FrameSize) bytes" | Should -Be $frames[-1]
        }

        $samples = @(Get-TableRow $page '^Occupancy of the rings in percent over time, 64 bytes')
        $samples | Should -HaveCount 10
        $samples[9].Seconds, $samples[9].RX, $samples[9].FILL, $samples[9].TX, $samples[9].COMPLETION | ForEach-Object { [math]::Round($_, 9) } | Should -Be 0.9, 45, 55, 9, 12.5
    }

    It 'has the throughputs, their trials and the line rate of the interface that sends' {
        $nic = [XdpPS.XdpInterface]@{
            Name = 'eth3'; Index = 3; MacAddress = [Net.NetworkInformation.PhysicalAddress]::Parse('020000000003'); Mtu = 1500; Driver = 'ice'; State = 'up'; IsUp = $true; HasCarrier = $true
            IsLoopback = $false; RxQueues = 4; TxQueues = 4; CombinedQueues = 4; MaxRxQueues = 4; MaxTxQueues = 4; MaxCombinedQueues = 4; SpeedMbps = 1000
        }
        (New-Throughput 64 1), $nic, (New-Throughput 1518 2) | Export-XskReport "$folder/rfc.html"
        $page = Read-Page "$folder/rfc.html"
        $rows = @(Get-TableRow $page '^Throughput by frame size')
        $rows.'Frame size' | Should -Be 64, 1518
        $rows.'Throughput, frames/s' | Should -Be 7002.5, 7003.5
        $rows.'Back-to-back frames' | Should -Be 4322, 4323
        @($rows.'Trial, s') + $rows.Trials | Should -Be 2.25, 2.25, 2, 2
        # RFC 2544's table of the frame rates of Ethernet: 1,488,095 at 1 Gbit/s (1.48 million), 81,274.
        $rows.'Line rate, frames/s' | ForEach-Object { [math]::Floor($_) } | Should -Be 1488095, 81274
        (Get-TableRow $page '^Latency in microseconds by frame size').Median | Should -Be 33.125, 34.125
        @(Get-TableRow $page '^Every measurement').Sent | Should -Be 10011, 10021, 10012, 10022
        $page.InnerXml | Should -Match 'Trials of 2.25 s'
        $page.InnerXml | Should -Not -Match '≥|at least|or more'
    }

    It 'says in the table, the plot and what is read aloud which throughputs are a lower bound: <What>' -ForEach @(
        @{ What = 'as measured'; Copy = { $_ } }
        @{ What = 'through Clixml'; Copy = { [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($_, 5)) } }
    ) {
        $limited = New-Throughput 64 1
        $limited = [XdpPS.XskThroughputResult]@{ Transmit = 'eth3:0'; Receive = 'eth2:0'; FrameSize = 64; FrameLength = 60; Throughput = 7002.5; SenderLimited = $true; LossTolerance = 0; TrialSeconds = 2.25; BackToBackFrames = 4322; AtThroughput = $limited.AtThroughput }
        $limited, (New-Throughput 1518 2) | ForEach-Object $Copy | Export-XskReport "$folder/limited.html"
        $page = Read-Page "$folder/limited.html"
        @(Get-TableRow $page '^Throughput by frame size.*; ≥: or more').'Throughput, frames/s' | Should -Be 7002.5, 7003.5
        $table = $page.GetElementsByTagName('table') | Where-Object { $_.caption -match '^Throughput' }
        @($table.tbody.tr)[0].InnerText | Should -Match '≥ 7,002.*≥ 3\.5'
        @($table.tbody.tr)[1].InnerText | Should -Not -Match '≥'
        $plot = @($page.GetElementsByTagName('svg'))[0]
        $plot.desc.InnerText | Should -Match 'at least 7,002 frames a second at 64 bytes, 7,004 frames a second at 1,518 bytes'
        $plot.InnerText | Should -Match 'throughput \(RFC 2544\); arrow: or more'
        @($plot.GetElementsByTagName('path') | Where-Object { $_.d -match 'v-10' }) | Should -HaveCount 1
    }

    It 'has the checks, their verdicts in words, and the worst of them at the top: <Worst>' -ForEach @(
        @{ Worst = 'Pass'; Statuses = @('Pass', 'Pass') }, @{ Worst = 'Unknown'; Statuses = @('Pass', 'Unknown') }
        @{ Worst = 'Warn'; Statuses = @('Unknown', 'Warn', 'Pass') }, @{ Worst = 'Fail'; Statuses = @('Warn', 'Fail', 'Unknown') }
    ) {
        $Statuses | ForEach-Object { New-Check "Check$_" $_ -Remedy "do $_" } | Export-XskReport "$folder/checks.html"
        $page = Read-Page "$folder/checks.html"
        $page.DocumentElement.body.main.header.dl.InnerText | Should -Match "Checks. $Worst`: "
        $rows = @(Get-TableRow $page '^Checks')
        $rows.Verdict -replace '\W' | Should -Be $Statuses
        $rows.'What to do' | Should -Be $Statuses.ForEach({ "do $_" })
    }

    It 'is text wherever it says what others have named, and well-formed' {
        $nasty = "<script>alert(1)</script> & `"quotes`" ]]> `e[31m $([char]0) $([char]0xd800) $([char]::ConvertFromUtf32(0x1F680))"
        $check = [XdpPS.XdpInterfaceCheck]@{ Interface = "a<b>&'`e"; Name = $nasty; Status = 'Fail'; Detail = $nasty; Remedy = $nasty }
        $check, (New-Measurement -From "<i>`a`"&:0") | Export-XskReport "$folder/nasty.html" -Title $nasty
        $page = Read-Page "$folder/nasty.html"
        $page.GetElementsByTagName('script').Count | Should -Be 0
        $page.GetElementsByTagName('i').Count | Should -Be 0
        (Get-TableRow $page '^Checks').Found | Should -BeLike '<script>alert(1)</script> & "quotes" ]]> ?[[]31m ? ? *'
        $page.DocumentElement.body.main.header.h1 | Should -Match ([char]::ConvertFromUtf32(0x1F680))
    }

    It 'needs nothing from elsewhere' {
        (New-Measurement), (New-Check A Pass) | Export-XskReport "$folder/alone.html"
        $page = Read-Page "$folder/alone.html"
        foreach ($name in 'script', 'link', 'img', 'iframe', 'object', 'embed') { $page.GetElementsByTagName($name).Count | Should -Be 0 }
        $page.SelectNodes('//@href').Value | Should -Match '^#'
        $page.SelectNodes('//@src').Count | Should -Be 0
        $page.DocumentElement.head.style | Should -Not -Match 'url\(|@import'
    }

    It 'has a title and a description for each plot, and a caption and heads for each table' {
        (New-Throughput), (New-Measurement), (New-Check A Pass) | Export-XskReport "$folder/access.html"
        $page = Read-Page "$folder/access.html"
        $page.DocumentElement.lang | Should -Be 'en'
        $plots = @($page.GetElementsByTagName('svg'))
        $plots.Count | Should -BeGreaterThan 7
        foreach ($plot in $plots) {
            $plot.role | Should -Be 'img'
            $named = $plot.'aria-labelledby' -split ' ' | ForEach-Object { $page.SelectNodes("//*[@id='$_']") }
            $named | Should -HaveCount 2
            $named.InnerText | Should -Not -BeNullOrEmpty
        }

        foreach ($table in $page.GetElementsByTagName('table')) {
            $table.caption | Should -Not -BeNullOrEmpty
            $table.thead.tr.th.scope | Should -Not -Contain $null
        }
    }

    It 'is the same from objects that came through Clixml, and names the host that remoting names' {
        $objects = (New-Throughput 64 1), (New-Measurement 128 2), (New-Check A Warn 'found' 'do')
        $objects | Export-XskReport "$folder/live.html" -Title 'same'
        $objects | Export-Clixml -LiteralPath "$folder/objects.xml" -Depth 6
        $copies = Import-Clixml -LiteralPath "$folder/objects.xml"
        $copies | Export-XskReport "$folder/copies.html" -Title 'same'
        $live, $copied = "$folder/live.html", "$folder/copies.html" | ForEach-Object { (Read-Page $_).DocumentElement.body.main.section.InnerXml -join "`n" }
        $copied | Should -BeExactly $live
        # Where the module's types are not known, nothing but properties is left; remoting adds the host.
        $bare = foreach ($one in $copies) {
            $bag = $one | Select-Object *
            $bag.PSTypeNames.Insert(0, "Deserialized.$($one.GetType().FullName)")
            $bag | Add-Member -NotePropertyName PSComputerName -NotePropertyValue lab7 -PassThru
        }

        $bare | Export-XskReport "$folder/fleet.html"
        $page = Read-Page "$folder/fleet.html"
        foreach ($caption in '^Checks', '^Throughput', '^Frames received') { @(Get-TableRow $page $caption).Host | Should -Be 'lab7' }
        (Get-TableRow $page '^Throughput').'Throughput, frames/s' | Should -Be 7002.5
        $page.DocumentElement.body.main.header.InnerText | Should -Match 'Hostslab7.*2026-11-21 20:00:00 \+00:00'
        @($page.GetElementsByTagName('svg')).Count | Should -Be @((Read-Page "$folder/live.html").GetElementsByTagName('svg')).Count
    }

    It 'leaves out what does not belong in it, and says so' {
        (New-Check A Pass), (Get-Date), 'text' | Export-XskReport "$folder/part.html" -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -Be "ReportInputInvalid,$command", "ReportInputInvalid,$command"
        $failures[1].TargetObject | Should -Be 'text'
        @(Get-TableRow (Read-Page "$folder/part.html") '^Checks') | Should -HaveCount 1
    }

    It 'is not written where there is nothing to say: ReportEmpty' {
        { @() | Export-XskReport "$folder/empty.html" } | Should -Throw -ErrorId "ReportEmpty,$command"
        { $null | Export-XskReport "$folder/empty.html" } | Should -Throw -ErrorId "ReportEmpty,$command"
        Test-Path -LiteralPath "$folder/empty.html" | Should -BeFalse
    }

    It 'is not written with -WhatIf, over a file with -NoClobber, or over a read-only one without -Force' {
        $path = "$folder/kept.html"
        New-Check A Pass | Export-XskReport $path -WhatIf
        Test-Path -LiteralPath $path | Should -BeFalse
        Set-Content -LiteralPath $path -Value 'mine'
        { New-Check A Pass | Export-XskReport $path -NoClobber } | Should -Throw -ErrorId "ReportExists,$command"
        chmod 444 $path
        { New-Check A Pass | Export-XskReport $path } | Should -Throw -ErrorId "ReportNotWritable,$command" -ExpectedMessage '*-Force*'
        Get-Content -LiteralPath $path | Should -Be 'mine'
        (New-Check A Pass | Export-XskReport $path -Force -PassThru).FullName | Should -Be $path
        (Read-Page $path).DocumentElement.lang | Should -Be 'en'
        New-Check A Pass | Export-XskReport "$folder/new.html" -NoClobber
        (Read-Page "$folder/new.html").DocumentElement.lang | Should -Be 'en'
    }

    It 'is never written through a symbolic link, to a pipe or a folder' {
        Set-Content -LiteralPath "$folder/target" -Value 'mine'
        $null = New-Item -ItemType SymbolicLink -Path "$folder/link" -Target "$folder/target"
        $null = New-Item -ItemType SymbolicLink -Path "$folder/dangling" -Target "$folder/made-by-link"
        mkfifo "$folder/pipe"
        foreach ($place in 'link', 'dangling', 'pipe', '.', 'none/file') {
            foreach ($how in @{}, @{ Force = $true }) {
                { New-Check A Pass | Export-XskReport "$folder/$place" @how } | Should -Throw -ErrorId "ReportNotWritable,$command"
            }
        }

        { New-Check A Pass | Export-XskReport 'env:/report' } | Should -Throw -ErrorId "ReportNotWritable,$command"
        Get-Content -LiteralPath "$folder/target" | Should -Be 'mine'
        Test-Path -LiteralPath "$folder/made-by-link" | Should -BeFalse
        Get-ChildItem -LiteralPath $folder -Force -Filter '.xdpps*' | Should -BeNullOrEmpty
    }

    It 'has the permissions that the umask leaves' {
        $null = Invoke-Pwsh "[XdpPS.XdpInterfaceCheck]@{ Interface = 'a'; Name = 'b'; Status = 'Pass'; Detail = 'c' } | Export-XskReport '$folder/mask'" -Prefix 'sh', '-c', 'umask 027; exec "$@"', 'sh'
        stat -c %a "$folder/mask" | Should -Be '640'
    }
}

Describe "Export-XskReport on a full disk$rootNote" -Tag Unit -Skip:($rootNote -ne '') {
    It 'leaves what was there before, and nothing else' {
        $disk = (New-Item -ItemType Directory -Path "$folder/disk").FullName
        $script = "Set-Content $disk/report.html before; `$c = [XdpPS.XdpInterfaceCheck]@{ Interface = 'a'; Name = 'b'; Status = 'Pass'; Detail = 'c' * 30000 }; " +
            "`$c | Export-XskReport $disk/report.html; Get-Content $disk/report.html; @(Get-ChildItem $disk -Force).Count; `$Error[-1].FullyQualifiedErrorId; mount -o remount,size=4m $disk; `$c | Export-XskReport $disk/report.html; (Get-Content $disk/report.html -Raw).Length -gt 30000"
        $lines = Invoke-Pwsh $script -Prefix 'unshare', '--mount', 'sh', '-c', 'mount -t tmpfs -o size=16k tmpfs "$0" && exec "$@"', $disk
        $lines[-2] | Should -Be "ReportWriteFailed,$command" -Because ($lines -join '|')
        $lines[-4, -3] | Should -Be 'before', '1'
        $lines[-1] | Should -Be 'True' -Because 'with room made, as the message says, it is written'
        $lines -join ' ' | Should -Match 'disk of .* is full: nothing was written'
    }
}

Describe "A report in a browser$browserNote" -Tag Unit -Skip:($browserNote -ne '') {
    BeforeAll {
        $browser = @('chromium', 'chromium-browser', 'google-chrome' | Where-Object { Get-Command -Name $_ -CommandType Application -ErrorAction Ignore })[0]
        (New-Throughput 64 1), (New-Throughput 512 2), (New-Measurement 64 1), (New-Check A Pass), (New-Check B Fail 'found' 'do') | Export-XskReport "$folder/browser.html"

        function Invoke-Browser {
            $options = '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--hide-scrollbars', "--user-data-dir=$folder/profile"
            timeout 60 $browser @options @args 2> "$folder/browser.log"
        }
    }

    It 'is drawn, with plots that have a size, and asks for nothing' {
        # The page itself has no script; this copy has one that says what the browser made of it.
        $probe = 'const all = Array.from(document.querySelectorAll("svg"), s => s.getBoundingClientRect()); ' +
            'document.documentElement.setAttribute("data-probe", [all.length, all.filter(r => r.width > 300 && r.height > 150).length, ' +
            'performance.getEntriesByType("resource").length, document.documentElement.scrollWidth - innerWidth, document.querySelectorAll("td").length].join(" "));'
        $copy = (Get-Content -LiteralPath "$folder/browser.html" -Raw) -replace '<meta http-equiv[^>]*>' -replace '</body>', "<script>$probe</script></body>"
        Set-Content -LiteralPath "$folder/probe.html" -Value $copy
        $dom = (Invoke-Browser '--window-size=1000,800' --dump-dom "file://$folder/probe.html") -join "`n"
        $dom -match 'data-probe="(?<probe>[\d -]+)"' | Should -BeTrue -Because (Get-Content -LiteralPath "$folder/browser.log" -Raw)
        $plots, $sized, $requests, $tooWide, $cells = [int[]]($Matches.probe -split ' ')
        $page = Read-Page "$folder/browser.html"
        $plots | Should -Be @($page.GetElementsByTagName('svg')).Count
        $sized | Should -Be $plots
        $requests | Should -Be 0
        $tooWide | Should -BeLessOrEqual 0
        $cells | Should -Be @($page.GetElementsByTagName('td')).Count
    }

    It 'gives a picture, and no complaint in the console' {
        Invoke-Browser --enable-logging=stderr '--window-size=800,1000' "--screenshot=$folder/browser.png" "file://$folder/browser.html"
        Get-Content -LiteralPath "$folder/browser.log" | Where-Object { $_ -match 'CONSOLE' } | Should -BeNullOrEmpty
        $bytes = [IO.File]::ReadAllBytes("$folder/browser.png")
        # Width and height as the header of a PNG has them; a picture of nothing would be some kB.
        [BitConverter]::ToInt32([byte[]]$bytes[19..16], 0), [BitConverter]::ToInt32([byte[]]$bytes[23..20], 0) | Should -Be 800, 1000
        $bytes.Length | Should -BeGreaterThan 20kB
    }
}
