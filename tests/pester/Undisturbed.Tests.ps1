BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program tcpdump, tcpreplay, ping, bash
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
}

# A filtered socket on the interface of a host that goes on living: pings and a TCP transfer from the other end of the
# cable, and among them a replayed mixture. The witness is tcpdump with the same expression at that other end.
Describe "A filtered socket and the host's own traffic$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        # To the kernel's own stack it is a datagram with a bad checksum, which it ignores. Each length is a flow of its own,
        # so that many of them are on all queues.
        function New-UdpFrame {
            param([int] $Port, [int] $Length)
            $hex = '{0} 020000000001 0800 4500{1:x4}00010000 40110000 0a4d0002 0a4d0001 c0{5:x2} {2:x4} {3:x4} 0000 {4}' -f
                $cable.LeftMac.Replace(':', ''), (28 + $Length), $Port, (8 + $Length), ('5a' * $Length), $Length
            return , [Convert]::FromHexString($hex.Replace(' ', ''))
        }

        function Get-Sum {
            param($Stream)
            $buffer = [byte[]]::new(65536)
            $sum = 0L
            while (($read = $Stream.Read($buffer, 0, $buffer.Length)) -gt 0) { $sum += $read }
            return $sum
        }
    }

    BeforeEach {
        $cable = New-TestCable -Queues $Queues
        $lab = "xdpps-host-$PID-$($cable.Left)"
        $null = Invoke-Native ip netns add $lab
        $null = Invoke-Native ip link set $cable.Right netns $lab
        $null = Invoke-Native ip address add 10.77.0.1/24 dev $cable.Left
        $null = Invoke-Native ip -n $lab address add 10.77.0.2/24 dev $cable.Right
        $null = Invoke-Native ip -n $lab link set $cable.Right addrgenmode none up
        $path = [IO.Path]::GetTempFileName()
        $mixture = [IO.Path]::GetTempFileName()
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
        Stop-Program $tcpdump -Signal KILL
        Remove-TestNamespace $lab
        Remove-TestCable $cable
        Remove-Item -LiteralPath $path, $mixture -ErrorAction Ignore
    }

    It 'goes on undisturbed with -<With.Keys>, <Queues> queue(s), and we see exactly what tcpdump sees with ''<Filter>''' -ForEach @(
        @{ Queues = 1; Filter = 'udp port 53 or (icmp and src net 10.88.0.0/16)'; With = @{ Filter = 'udp port 53 or (icmp and src net 10.88.0.0/16)' } }
        @{ Queues = 4; Filter = 'udp and not port 67'; With = @{ Filter = 'udp and not port 67' } }
        @{ Queues = 1; Filter = 'udp and (udp[8] == 0x5a) and len > 100'; With = @{ Filter = 'udp and (udp[8] == 0x5a) and len > 100' } }
        @{ Queues = 1; Filter = 'udp and (port 53 or portrange 4000-6000) and net 10.77.0.0/24'; With = @{ IPProtocol = 'UDP'; Port = 53, '4000-6000'; Address = '10.77.0.0/24' } }
        @{ Queues = 4; Filter = 'not (tcp or icmp or arp or port 67)'; With = @{ Filter = 'tcp or icmp or arp or port 67'; NotMatch = $true } }
    ) {
        $s = New-XskSocket $cable.Left -AllQueues @With
        $tcpdump = Start-Program ip 'netns', 'exec', $lab, 'tcpdump', '-i', $cable.Right, '-w', $path, '-U', '--immediate-mode', '-Q', 'out', '-Z', 'root', $Filter -WaitFor 'listening on' -Stream Error
        Write-Pcap $mixture (1..120 | ForEach-Object { , (New-UdpFrame (53, 67, 5000)[$_ % 3] -Length (18 + $_)) })

        $listener = [Net.Sockets.TcpListener]::new([ipaddress]'10.77.0.1', 0)
        $listener.Start()
        try {
            $port = $listener.LocalEndpoint.Port
            $transfer = Start-Program ip 'netns', 'exec', $lab, 'bash', '-c', "head -c 30000000 /dev/zero >/dev/tcp/10.77.0.1/$port"
            $client = $listener.AcceptTcpClient()
            $pings = Start-Program ip 'netns', 'exec', $lab, 'ping', '-c', '20', '-i', '0.02', '-W', '2', '10.77.0.1'
            $replay = Start-Program ip 'netns', 'exec', $lab, 'tcpreplay', '-q', '-i', $cable.Right, '--pps', '400', $mixture
            Get-Sum $client.GetStream() | Should -Be 30000000
            $client.Dispose()
        }
        finally {
            $listener.Dispose()
        }

        # Of two that send at once tcpdump may see one first, and the other end the other.
        $replay.WaitForExit(10000) | Should -BeTrue
        $null = Invoke-Native ip netns exec $lab bash -c 'for i in 1 2 3 4 5; do echo query-$i >/dev/udp/10.77.0.1/53; done'
        $pings.WaitForExit(10000) | Should -BeTrue
        $pings.StandardOutput.ReadToEnd() | Should -Match '20 packets transmitted, 20 received, 0% packet loss'
        $transfer.WaitForExit(10000) | Should -BeTrue

        $packets = @($s | Receive-XskPacket -TimeoutSeconds 0.5)
        Stop-Program $tcpdump -Signal INT
        $expected = @(Read-Pcap $path)
        $expected.Count | Should -BeGreaterThan 20
        # The order between queues is nobody's.
        $found = @($packets | ForEach-Object { ConvertTo-Hex $_.Data })
        if ($Queues -eq 1) { $found | Should -Be $expected } else { $found | Sort-Object | Should -Be ($expected | Sort-Object) }
        @($packets.QueueId | Select-Object -Unique).Count | Should -Be $Queues
    }
}
