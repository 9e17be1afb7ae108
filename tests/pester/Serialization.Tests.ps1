BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule

    function Copy-ByClixml {
        param($InputObject)
        $file = [IO.Path]::GetTempFileName()
        try {
            $InputObject | Export-Clixml -LiteralPath $file
            Import-Clixml -LiteralPath $file
        }
        finally {
            Remove-Item -LiteralPath $file
        }
    }
}

Describe 'A packet that was made by hand' -Tag Unit {
    It 'comes back from Clixml as a packet with the same bytes' {
        $bytes = New-TestFrame -Length 100
        $packet = [XdpPS.XskPacket]::new($bytes)
        $copy = Copy-ByClixml $packet
        $copy | Should -BeOfType XdpPS.XskPacket
        ConvertTo-Hex $copy.Data | Should -Be (ConvertTo-Hex $bytes)
        $copy.Length, $copy.Truncated, $copy.Source, $copy.Destination, $copy.Protocol, $copy.InterfaceName |
            Should -Be 100, $false, '02:00:00:00:00:01', '02:00:00:00:00:02', '0x88b5', ''
    }

    It 'comes back with its layers, which are read from its bytes' {
        $bytes = [Convert]::FromHexString('02000000000202000000000181000005080045000028000100004011000' + '00a0000010a000002' + '9c400035001400001a2b01000000000000000000')
        $copy = Copy-ByClixml ([XdpPS.XskPacket]::new($bytes))
        $copy.Vlan, $copy.SourcePort, $copy.DestinationPort, $copy.Protocol, $copy.Info | Should -Be 5, 40000, 53, 'DNS', 'Standard query 0x1a2b'
        $copy.IPv4 | Should -BeOfType XdpPS.IPv4Layer
        $copy.IPv4.SourceAddress | Should -Be ([ipaddress]'10.0.0.1')
        $copy.GetLayers().Name | Should -Be 'Ethernet', 'VLAN', 'IPv4', 'UDP', 'DNS'
        $copy.Tcp | Should -BeNullOrEmpty
    }

    It 'has its bytes in JSON as an array of numbers' {
        $json = [XdpPS.XskPacket]::new([byte[]](0..59)) | ConvertTo-Json | ConvertFrom-Json
        $json.Data | Should -Be (0..59)
        $json.Length | Should -Be 60
    }
}

Describe "Objects that crossed a border$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $sender = New-XskSocket $cable.Left
        $receiver = New-XskSocket $cable.Right
        $frames = foreach ($i in 1..3) { , (New-TestFrame -Length (60 + $i) -Seed $i) }
        $result = $frames | Send-XskFrame $sender -PassThru
        $packets = @(Receive-XskPacket $receiver -Count 3 -SnapLength 62 -TimeoutSeconds 5)
        $stats = Get-XskRingStats $receiver
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'are packets, with every property as it was' {
        $copies = Copy-ByClixml $packets
        $copies | Should -HaveCount 3
        foreach ($i in 0..2) {
            $copies[$i] | Should -BeOfType XdpPS.XskPacket
            foreach ($property in [XdpPS.XskPacket].GetProperties().Name) {
                $copies[$i].$property | Should -Be $packets[$i].$property -Because "that is its $property"
            }
        }
        $copies[2].Truncated | Should -BeTrue
    }

    It 'are packets that can be sent' {
        $before = Get-ReceivedCount $cable.Right
        Copy-ByClixml $packets[0, 1] | Send-XskFrame $sender
        $again = Receive-XskPacket $receiver -Count 2 -TimeoutSeconds 5
        $again | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be ($frames[0, 1] | ForEach-Object { ConvertTo-Hex $_ })
        Get-ReceivedCount $cable.Right | Should -Be ($before + 2)
    }

    It 'are sockets that say what they were, and are closed' {
        $copy = Copy-ByClixml $sender
        $copy | Should -BeOfType XdpPS.XskSocketInfo
        $copy | Should -Not -BeOfType XdpPS.XskSocket
        foreach ($property in [XdpPS.XskSocketInfo].GetProperties().Name | Where-Object { $_ -ne 'State' }) {
            $copy.$property | Should -Be $sender.$property -Because "that is its $property"
        }
        $copy.State | Should -Be 'Closed'
        "$copy" | Should -Be "$sender"
        $sender.State | Should -Be 'Open'
    }

    It 'are ring statistics with their rings' {
        $copy = Copy-ByClixml $stats
        $copy | Should -BeOfType XdpPS.XskRingStats
        foreach ($property in [XdpPS.XskRingStats].GetProperties()) {
            $name = $property.Name
            if ($property.PropertyType -ne [XdpPS.RingSnapshot]) { $copy.$name | Should -Be $stats.$name -Because "that is its $name"; continue }
            $copy.$name | Should -BeOfType XdpPS.RingSnapshot
            foreach ($inner in [XdpPS.RingSnapshot].GetProperties().Name) { $copy.$name.$inner | Should -Be $stats.$name.$inner -Because "that is $name.$inner" }
        }
    }

    It 'are results of Send-XskFrame' {
        $copy = Copy-ByClixml $result
        $copy | Should -BeOfType XdpPS.XskSendResult
        foreach ($property in [XdpPS.XskSendResult].GetProperties().Name) { $copy.$property | Should -Be $result.$property -Because "that is its $property" }
    }

    It 'are all of these when they came from a job' {
        $other = New-TestCable
        try {
            $job = Start-Job -ArgumentList (Get-ModuleManifest), $other.Left -ScriptBlock {
                param($manifest, $name)
                Import-Module $manifest
                $socket = New-XskSocket $name
                $socket
                , [byte[]]::new(60) | Send-XskFrame $socket -PassThru
                $socket | Get-XskRingStats
                [XdpPS.XskPacket]::new([byte[]]::new(60))
            }
            $null = $job | Wait-Job -Timeout 30
            $received = $job | Receive-Job
            $received.ForEach({ $_.GetType().Name }) | Should -Be 'XskSocketInfo', 'XskSendResult', 'XskRingStats', 'XskPacket'
            $received[2].TxPackets, $received[2].Tx.Size | Should -Be 1, 2048
            # The job's process is gone, and with it its program.
            $job | Remove-Job -Force
            Wait-Until { (Get-AttachedProgram $other.Left).Id -eq 0 } | Should -BeTrue
        }
        finally {
            Remove-TestCable $other
        }
    }

    It 'cannot be used as a socket: a socket from Clixml' {
        $copy = Copy-ByClixml $sender
        { Send-XskFrame $copy -Data $frames[0] } | Should -Throw -ErrorId 'CannotConvertArgumentNoMessage,XdpPS.Commands.SendXskFrameCommand'
    }
}
