# A NIC that has more receive queues while it runs an XDP program. Runs in a virtual machine of tests/vm (XDPPS_VM), whose
# card eth0 is there for tests alone.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = $env:XDPPS_VM -and (Test-Path -LiteralPath /sys/class/net/eth0/device) ? (Get-SkipNote -Program ethtool) : ' [skipped: needs the network card of a virtual machine of tests/vm]'
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
}

Describe "New-XskSocket on a card$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        Import-Module "$PSScriptRoot/../vm/HostSide.psm1"
        $card = 'eth0'
        $null = ethtool -L $card combined 1 2>&1
        $null = Invoke-Native ip link set $card promisc on up
        $null = Wait-Until { (Get-Link $card).operstate -eq 'UP' }
        function Measure-Queue { @(Get-ChildItem -LiteralPath "/sys/class/net/$card/queues" -Filter 'rx-*').Count }
        $before = Measure-Queue
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
    }

    It 'binds with -AllQueues those queues, too, that came with the program, and gets the packets of all' {
        $sockets = @(New-XskSocket $card -AllQueues -FrameSize 4096 -WarningVariable warnings -WarningAction SilentlyContinue)
        $queues = Measure-Queue
        $sockets.QueueId | Should -Be @(0..($queues - 1))
        $warnings -match 'no socket on' | Should -BeNullOrEmpty
        # A tap deals packets out by the flow, and does not fill frames up to 60 bytes as igb does.
        $frames = foreach ($port in 1000..1199) { , ([byte[]]((New-XskFrame -SourceMac 02:00:00:00:00:01 -DestinationMac 02:00:00:00:00:02 -SourceAddress 10.9.0.1 -DestinationAddress 10.9.0.2 -Udp -SourcePort $port -DestinationPort 9).Data + [byte[]]::new(18))) }
        Send-FromHost tap0 $frames
        $packets = @(Receive-XskPacket $sockets -Count 200 -TimeoutSeconds 20)
        $packets | ForEach-Object { [Convert]::ToHexStringLower($_.Data) } | Sort-Object | Should -Be ($frames | ForEach-Object { ConvertTo-Hex $_ } | Sort-Object)
        $sockets | Remove-XskSocket
        # The kernel is done with a socket a moment later.
        Start-Sleep -Milliseconds 500
        @(dmesg) -match 'Failed to disable zero-copy' | Should -BeNullOrEmpty
        Measure-Queue | Should -Be $before
        if ($queues -eq $before) { Set-ItResult -Skipped -Because 'needs a driver that adds queues for XDP'; return }
        @($packets.QueueId | Sort-Object -Unique).Count | Should -BeGreaterThan $before
    }

    It 'binds a queue that came with the program by copying, and not zero-copy' {
        $quiet = @{ FrameSize = 4096; WarningAction = 'SilentlyContinue' }
        $first = New-XskSocket $card @quiet
        $queues = Measure-Queue
        if ($queues -eq $before) { Set-ItResult -Skipped -Because 'needs a driver that adds queues for XDP'; return }
        $first.BindMode | Should -Be ZeroCopy
        foreach ($how in @{}, @{ NoProgram = $true }) {
            $last = New-XskSocket $card -QueueId ($queues - 1) @quiet @how
            $last.BindMode | Should -Be Copy
            $last | Remove-XskSocket
            { New-XskSocket $card -QueueId ($queues - 1) -BindMode ZeroCopy @quiet @how -ErrorAction Stop } | Should -Throw -ErrorId 'ZeroCopyNotSupported,*'
            { New-XskSocket $card -QueueId ($queues - 1) -ShareUmemWith $first @how -ErrorAction Stop } | Should -Throw -ErrorId 'ZeroCopyNotSupported,*'
        }

        $rest = @(New-XskSocket $card -AllQueues -ShareUmemWith $first -WarningAction SilentlyContinue)
        $rest.QueueId | Should -Be @(0..($before - 1))
        # A process that joins the program knows it, too.
        $other = Start-Program pwsh '-NoProfile', '-Command', "Import-Module '$(Get-ModuleManifest)'; `$s = New-XskSocket $card -QueueId $($queues - 1) -WarningAction SilentlyContinue; `"`$(`$s.JoinedProgram) `$(`$s.BindMode)`""
        $other.StandardOutput.ReadToEnd().Trim() | Should -Be 'True Copy'
        $other.WaitForExit(60000) | Should -BeTrue
        $rest | Remove-XskSocket
        $first | Remove-XskSocket
        $zeroCopy = @(New-XskSocket $card -AllQueues -BindMode ZeroCopy -FrameSize 4096 -WarningVariable warnings -WarningAction SilentlyContinue)
        $zeroCopy.QueueId | Should -Be @(0..($before - 1))
        $warnings -match 'Bind all of them with -AllQueues -BindMode Auto\.' | Should -Not -BeNullOrEmpty
        $zeroCopy | Remove-XskSocket
        $all = @(New-XskSocket $card -AllQueues @quiet)
        $all.BindMode | Should -Be (@('ZeroCopy') * $before + @('Copy') * ($queues - $before))
        (Test-XdpInterface $card -Name ZeroCopy).Status | Should -Be 'Pass'
        # Nor is it guessed while the card is down, when the kernel does not tell.
        $null = Invoke-Native ip link set $card down
        $all[-1] | Remove-XskSocket
        (New-XskSocket $card -QueueId ($queues - 1) @quiet).BindMode | Should -Be Copy
        { New-XskSocket $card -QueueId ($queues - 1) -BindMode ZeroCopy @quiet -ErrorAction Stop } | Should -Throw -ErrorId 'ZeroCopyNotSupported,*' -ExpectedMessage '*ip link set * up*'
        Get-XskSocket | Remove-XskSocket
        { New-XskSocket $card -AllQueues -BindMode ZeroCopy @quiet -ErrorAction Stop } | Should -Throw -ErrorId 'ZeroCopyNotSupported,*' -ExpectedMessage '*ip link set * up*'
        Get-XskSocket | Should -BeNullOrEmpty
        $null = Invoke-Native ip link set $card up
        Start-Sleep -Milliseconds 500
        @(dmesg) -match 'Failed to disable zero-copy' | Should -BeNullOrEmpty
    }
}
