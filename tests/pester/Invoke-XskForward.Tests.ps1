BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program tcpdump
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.InvokeXskForwardCommand'
}

Describe 'Invoke-XskForward without a privilege' -Tag Unit {
    It 'has the parameter -<Name>' -ForEach @(
        @{ Name = 'From'; Type = 'XskSocket'; Position = '0'; Mandatory = $true }
        @{ Name = 'To'; Type = 'XskSocket'; Position = '1'; Mandatory = $true }
        @{ Name = 'Bidirectional'; Type = 'SwitchParameter'; Position = ''; Mandatory = $false }
        @{ Name = 'Count'; Type = 'Int64'; Position = ''; Mandatory = $false }
        @{ Name = 'DurationSeconds'; Type = 'Double'; Position = ''; Mandatory = $false }
        @{ Name = 'DropFilter'; Type = 'String'; Position = ''; Mandatory = $false }
        @{ Name = 'RewriteSource'; Type = 'PhysicalAddress'; Position = ''; Mandatory = $false }
        @{ Name = 'RewriteDestination'; Type = 'PhysicalAddress'; Position = ''; Mandatory = $false }
        @{ Name = 'SwapMac'; Type = 'SwitchParameter'; Position = ''; Mandatory = $false }
        @{ Name = 'Cpu'; Type = 'Int32'; Position = ''; Mandatory = $false }
    ) {
        $fact = Get-ParameterFact Invoke-XskForward $Name
        foreach ($key in 'Type', 'Position', 'Mandatory') { $fact.$key | Should -Be $_[$key] -Because "that is its $key" }
        $fact.ByValue, $fact.ByProperty | Should -Be $false, $false
    }
}

Describe "Invoke-XskForward between two cables$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $near = New-TestCable
        $far = New-TestCable
        $frames = foreach ($i in 1..30) { , (New-TestFrame -Length (60 + $i) -Seed $i) }
        $hex = $frames | ForEach-Object { ConvertTo-Hex $_ }
        # Sends on the outer end of the near cable.
        function Send-Outer { param([byte[][]] $Frame = $frames) $Frame | ForEach-Object { , $_ } | Send-XskFrame $outer }
    }

    BeforeEach {
        $outer = New-XskSocket $near.Left -NoProgram
        $from = New-XskSocket $near.Right
        $to = New-XskSocket $far.Left -ShareUmemWith $from
        $capture = $pipeline = $null
    }

    AfterEach {
        if ($capture) { $null = Stop-Capture $capture }
        Close-Pipeline $pipeline
        foreach ($socket in $from, $to | Where-Object State -EQ 'Open') { $socket.CountFrames().IsConserved | Should -BeTrue -Because "$($socket.CountFrames())" }
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        Remove-TestCable $near
        Remove-TestCable $far
    }

    It 'forwards what tcpdump then sees at the other end, and returns one result' {
        $capture = Start-Capture $far.Right -Filter 'ether proto 0x88b5'
        Send-Outer
        $result = Invoke-XskForward $from $to -Count 30
        $seen = Stop-Capture $capture -Count 30
        $capture = $null
        $seen | Should -Be $hex
        $result | Should -BeOfType XdpPS.XskForwardResult
        $result | Should -HaveCount 1
        $result.FromInterfaceName, $result.FromQueueId, $result.ToInterfaceName, $result.ToQueueId | Should -Be $near.Right, 0, $far.Left, 0
        $result.Received, $result.Forwarded, $result.Completed, $result.Filtered, $result.Dropped, $result.DriverDropped, $result.ReceiveLost | Should -Be 30, 30, 30, 0, 0, 0, 0
        $result.Bytes | Should -Be ($frames | Measure-Object -Property Length -Sum).Sum
        $result.SharedUmem | Should -BeTrue
    }

    It 'stops after -Count frames and leaves the rest to the next receive' {
        Send-Outer
        (Invoke-XskForward $from $to -Count 12).Forwarded | Should -Be 12
        @(Receive-XskPacket $from -Count 18 -TimeoutSeconds 5).ForEach({ ConvertTo-Hex $_.Data }) | Should -Be $hex[12..29]
    }

    It 'ends after -DurationSeconds, and returns a result for each direction' {
        Send-Outer
        $back = New-XskSocket $far.Right -NoProgram
        , $frames[0] | Send-XskFrame $back
        $watch = [Diagnostics.Stopwatch]::StartNew()
        $result = Invoke-XskForward -From $from -To $to -Bidirectional -DurationSeconds 0.5
        $watch.Elapsed.TotalSeconds | Should -BeGreaterOrEqual 0.5
        $result | Should -HaveCount 2
        $result.ToInterfaceName | Should -Be $far.Left, $near.Right
        $result.Forwarded | Should -Be 30, 1
        $result[0].ElapsedSeconds | Should -BeGreaterOrEqual 0.5
    }

    It 'drops what -DropFilter matches and counts it' {
        $capture = Start-Capture $far.Right -Filter 'ether proto 0x88b5'
        Send-Outer
        $result = Invoke-XskForward $from $to -DropFilter 'greater 71 and not greater 81' -DurationSeconds 0.3
        $seen = Stop-Capture $capture -Count 20
        $capture = $null
        $seen | Should -Be ($hex | Where-Object { $_.Length / 2 -lt 71 -or $_.Length / 2 -ge 81 })
        $result.Forwarded, $result.Filtered, $result.Received | Should -Be 20, 10, 30
    }

    It 'rewrites addresses given as text or as what an interface has' {
        $capture = Start-Capture $far.Right -Filter 'ether proto 0x88b5'
        Send-Outer $frames[0..1]
        $null = Invoke-XskForward $from $to -Count 2 -RewriteDestination 0a:00:00:00:00:aa -RewriteSource $to.MacAddress
        Send-Outer $frames[2..2]
        $null = Invoke-XskForward $from $to -Count 1 -SwapMac
        $seen = Stop-Capture $capture -Count 3
        $capture = $null
        $source = (Get-Link $far.Left).address.Replace(':', '')
        $seen | Should -Be @(
            $hex[0..1].ForEach({ '0a00000000aa' + $source + $_.Substring(24) })
            $hex[2].Substring(12, 12) + $hex[2].Substring(0, 12) + $hex[2].Substring(24)
        )
    }

    It 'warns where the sockets share no UMEM, and copies' {
        $to | Remove-XskSocket
        $to = New-XskSocket $far.Left
        $capture = Start-Capture $far.Right -Filter 'ether proto 0x88b5'
        Send-Outer
        $result = Invoke-XskForward $from $to -Count 30 -WarningVariable warnings -WarningAction SilentlyContinue
        $seen = Stop-Capture $capture -Count 30
        $capture = $null
        $seen | Should -Be $hex
        $warnings | Should -HaveCount 1
        $warnings[0] | Should -Match "$($near.Right) queue 0 and $($far.Left) queue 0 .*copied.*-ShareUmemWith"
        $result.SharedUmem | Should -BeFalse
    }

    It 'sends back on the same socket' {
        $capture = Start-Capture $near.Left -Filter 'ether proto 0x88b5'
        Send-Outer
        (Invoke-XskForward $from $from -Count 30).Forwarded | Should -Be 30
        $seen = Stop-Capture $capture -Count 30
        $capture = $null
        $seen | Should -Be $hex
    }

    It 'is stopped at once while it forwards and while it waits, and gives the sockets back' {
        $pipeline = Start-Pipeline { param($from, $to) Invoke-XskForward $from $to } $from, $to
        Wait-Until { Send-Outer; $to.GetStatistics().TxPackets -gt 0 } | Should -BeTrue
        Stop-Pipeline $pipeline
        $pipeline.Output | Should -HaveCount 0
        Close-Pipeline $pipeline
        $pipeline = Start-Pipeline { param($socket, $frame) Send-XskFrame $socket -Data $frame -DurationSeconds 30 -PacketsPerSecond 5000 } $outer, $frames[0]
        $other = Start-Pipeline { param($from, $to) Invoke-XskForward $from $to } $from, $to
        $before = $to.GetStatistics().TxPackets
        Wait-Until { $to.GetStatistics().TxPackets -gt $before + 1000 } | Should -BeTrue
        Stop-Pipeline $other
        Close-Pipeline $other
        Close-Pipeline $pipeline
        $pipeline = $null
        (Invoke-XskForward $from $to -DurationSeconds 0.2).Dropped | Should -Be 0
    }

    It 'forwards packets of several frames whole, and <What>' -ForEach @(
        @{ What = 'drops the long ones where the other socket takes none'; Open = { New-XskSocket $far.Left -WarningAction Ignore }; Kept = 1 }
        @{ What = 'copies them'; Open = { New-XskSocket $far.Left -MultiBuffer }; Kept = 3 }
        @{ What = 'hands them over'; Open = { New-XskSocket $far.Left -ShareUmemWith $from }; Kept = 3 }
    ) {
        $from, $to, $outer | Remove-XskSocket
        try {
            foreach ($cable in $near, $far) { foreach ($end in $cable.Left, $cable.Right) { Invoke-Native ip link set $end mtu 9000 } }
            $outer = New-XskSocket $near.Left -NoProgram -MultiBuffer
            $from = New-XskSocket $near.Right -MultiBuffer
            $to = & $Open
            $long = foreach ($i in 0..2) { , (New-TestFrame -Length (100, 9014, 5000)[$i] -Seed $i) }
            $capture = Start-Capture $far.Right -Filter 'ether proto 0x88b5'
            Send-Outer $long
            $result = Invoke-XskForward $from $to -DurationSeconds 0.3 -WarningAction Ignore
            $seen = Stop-Capture $capture -Count $Kept
            $capture = $null
            $seen | Should -Be ($long[0..($Kept - 1)] | ForEach-Object { ConvertTo-Hex $_ })
            $result.Received, $result.Forwarded, $result.Completed, $result.Dropped | Should -Be 3, $Kept, $Kept, (3 - $Kept)
            foreach ($socket in $from, $to) { $socket.CountFrames().IsConserved | Should -BeTrue -Because "$($socket.CountFrames())" }
        }
        finally {
            Get-XskSocket | Remove-XskSocket
            foreach ($cable in $near, $far) { foreach ($end in $cable.Left, $cable.Right) { Invoke-Native ip link set $end mtu 1500 } }
        }
    }

    It 'keeps the thread on -Cpu, and no longer than it lasts' {
        function Get-Place { param($Status) (Get-Content -LiteralPath $Status | Select-String '^Cpus_allowed_list:\s*(\S+)').Matches.Groups[1].Value }
        $pipeline = Start-Pipeline {
            param($from, $to)
            function Get-Place { (Get-Content -LiteralPath /proc/thread-self/status | Select-String '^Cpus_allowed_list:\s*(\S+)').Matches.Groups[1].Value }
            $allowed = Get-Place
            $cpu = [int]($allowed -split '[-,]')[-1]
            [pscustomobject]@{ Thread = (Get-Item /proc/thread-self).Target; Cpu = $cpu; Allowed = $allowed }
            $null = Invoke-XskForward $from $to -Count 30 -Cpu $cpu
            Get-Place
        } $from, $to
        Wait-Until { $pipeline.Output.Count -eq 1 } | Should -BeTrue
        $start = $pipeline.Output[0]
        Wait-Until { (Get-Place "/proc/$($start.Thread)/status") -eq "$($start.Cpu)" } | Should -BeTrue
        Send-Outer
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $pipeline.Output[1] | Should -Be $start.Allowed
    }

    It 'returns the result, then the error, where -To is closed meanwhile' {
        $pipeline = Start-Pipeline { param($from, $to) Invoke-XskForward $from $to } $from, $to
        Wait-Until { Send-Outer; $to.GetStatistics().TxPackets -gt 0 } | Should -BeTrue
        $sent = Start-Pipeline { param($socket, $frame) Send-XskFrame $socket -Data $frame -DurationSeconds 1 -PacketsPerSecond 2000 } $outer, $frames[0]
        $to | Remove-XskSocket
        $failure = Wait-Pipeline $pipeline
        $null = Wait-Pipeline $sent
        Close-Pipeline $sent
        $failure.FullyQualifiedErrorId | Should -Be "SocketClosed,$command"
        $failure.CategoryInfo.Category | Should -Be 'InvalidOperation'
        $failure.TargetObject | Should -Be $to
        $pipeline.Output | Should -HaveCount 1
        $pipeline.Output[0].Forwarded | Should -BeGreaterOrEqual 30
    }

    It 'refuses <What>' -ForEach @(
        @{ What = 'a filter that libpcap does not know'; Id = 'FilterSyntax'; Category = 'InvalidArgument'; Script = { Invoke-XskForward $from $to -DropFilter 'no such word' } }
        @{ What = 'a CPU that is not there'; Id = 'CpuNotAllowed'; Category = 'InvalidArgument'; Script = { Invoke-XskForward $from $to -Cpu 8000 } }
        @{ What = 'an address of two bytes'; Id = 'MacAddressInvalid'; Category = 'InvalidArgument'; Script = { Invoke-XskForward $from $to -RewriteSource 01-02 } }
        @{ What = 'a socket that cannot receive'; Id = 'DirectionDisabled'; Category = 'InvalidOperation'; Script = { $to | Remove-XskSocket; Invoke-XskForward (New-XskSocket $far.Left -RxRingSize 0) $from } }
        @{ What = 'a socket that cannot send'; Id = 'DirectionDisabled'; Category = 'InvalidOperation'; Script = { $to | Remove-XskSocket; Invoke-XskForward $from (New-XskSocket $far.Left -TxRingSize 0) } }
        @{ What = 'a closed socket'; Id = 'SocketClosed'; Category = 'InvalidOperation'; Script = { $to | Remove-XskSocket; Invoke-XskForward $from $to } }
    ) {
        $failure = { & $Script } | Should -Throw -ErrorId "$Id,$command" -PassThru
        $failure.CategoryInfo.Category | Should -Be $Category
        $failure.Exception.Message | Should -Not -Match "`n"
    }

    It 'says of several sockets that it takes one, and takes one in an array' {
        { Invoke-XskForward @($from, $to) $to } | Should -Throw '*these are 2 sockets; give one, such as*'
        { Invoke-XskForward $from @($from, $to) } | Should -Throw '*these are 2 sockets; give one, such as*'
        Send-Outer
        (Invoke-XskForward @($from) @($to) -Count 30).Forwarded | Should -Be 30
    }

    It 'forwards nothing with -WhatIf' {
        Send-Outer
        Invoke-XskForward $from $to -WhatIf | Should -BeNullOrEmpty
        $to.GetStatistics().TxPackets, $from.GetStatistics().RxPackets | Should -Be 0, 0
    }

    It 'shows progress, a few times a second at most' {
        $pipeline = Start-Pipeline { param($from, $to) Invoke-XskForward $from $to -DurationSeconds 1 } $from, $to
        Send-Outer
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $records = @($pipeline.Shell.Streams.Progress | Where-Object RecordType -EQ 'Processing')
        $records.Count | Should -BeGreaterThan 0
        $records.Count | Should -BeLessOrEqual 4
        $records[-1].StatusDescription | Should -Match '^30 frames, \d+ a second, 0 filtered, 0 dropped$'
    }

    It 'has a result that is one line at <_> columns, and the same after Clixml' -ForEach 80, 120 {
        Send-Outer
        $result = Invoke-XskForward $from $to -Count 30
        $lines = @(($result | Out-String -Width $_) -split '\r?\n' | Where-Object { $_ })
        $lines | Should -HaveCount 3
        $lines[0] | Should -Match '^From\s+To\s+Forwarded\s+Filtered\s+Dropped\s+Lost\s+Frames/s\s+Seconds'
        $lines[2] | Should -Match "^$($near.Right):0\s+$($far.Left):0\s+30\s+0\s+0\s+0\s+\d+\s+0\.\d{3}"
        "$result" | Should -Match "^$($near.Right) queue 0 to $($far.Left) queue 0: 30 frames forwarded in 0\.\d s, 0 filtered, 0 dropped$"
        $copy = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($result))
        $copy | Should -BeOfType XdpPS.XskForwardResult
        foreach ($property in [XdpPS.XskForwardResult].GetProperties().Name) { $copy.$property | Should -Be $result.$property -Because "that is its $property" }
    }
}
