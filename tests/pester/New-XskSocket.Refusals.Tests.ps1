BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
}

Describe "New-XskSocket on an interface that needs care$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable -Queues 2
        $name = $cable.Left
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    Context 'with a default route' {
        BeforeEach {
            $null = Invoke-Native ip address add 192.0.2.1/24 dev $name
            $null = Invoke-Native ip route add default via 192.0.2.2 dev $name
        }

        It 'refuses to take its packets' {
            New-XskSocket $name -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
            $failures.FullyQualifiedErrorId | Should -Be 'InterfaceInUse,XdpPS.Commands.NewXskSocketCommand'
            $failures.CategoryInfo.Category | Should -Be 'SecurityError'
            $failures.TargetObject | Should -Be $name
            $failures.Exception.Message | Should -Match "default route.*-KeepKernelTraffic.*'not \(tcp port \d+ or arp or icmp6\)'.*-Force"
            (Get-AttachedProgram $name).Id | Should -Be 0
        }

        It 'warns of a filter that takes ARP as well, and of none that it proposes' {
            $null = New-XskSocket $name -QueueId 0, 1 -Filter 'not tcp port 22' -WarningVariable warnings -WarningAction SilentlyContinue
            $warnings | Should -HaveCount 1
            "$warnings" | Should -Match "takes ARP.* of this host on $name.*-KeepKernelTraffic"
            (Get-XskSocket).Warnings.Id | Select-Object -Unique | Should -Be 'AddressResolutionTaken'
            Get-XskSocket | Remove-XskSocket
            New-XskSocket $name -QueueId 0, 1 -Filter 'not (tcp port 22 or arp or icmp6)' -WarningVariable warnings | Remove-XskSocket
            New-XskSocket $name -QueueId 0, 1 -Filter 'not tcp port 22' -KeepKernelTraffic -WarningVariable +warnings | Remove-XskSocket
            $warnings | Should -BeNullOrEmpty
        }

        It 'takes them with -Force' {
            New-XskSocket $name -QueueId 0, 1 -Force | Should -HaveCount 2
            (Get-AttachedProgram $name).Id | Should -BeGreaterThan 0
        }

        It 'needs no -Force <Why>' -ForEach @(
            @{ Why = 'with -NoProgram'; Parameters = @{ NoProgram = $true } }
            @{ Why = 'to transmit only'; Parameters = @{ RxRingSize = 0 } }
        ) {
            New-XskSocket $name @Parameters | Should -HaveCount 1
            ping -c 1 -W 1 -I $name 192.0.2.2 >$null
            # The address resolution of the host still goes out and would come back.
            (Get-Link $cable.Right).stats64.rx.packets | Should -BeGreaterThan 0
        }

        It 'leaves the other end of the cable, which has no route, free' {
            New-XskSocket $cable.Right -QueueId 0, 1 | Should -HaveCount 2
        }
    }

    It 'refuses the interface that carries this SSH session' {
        $null = Invoke-Native ip address add 198.51.100.7/24 dev $name
        $before = $env:SSH_CONNECTION
        try {
            $env:SSH_CONNECTION = '198.51.100.9 50000 198.51.100.7 22'
            { New-XskSocket $name -ErrorAction Stop } |
                Should -Throw -ErrorId 'InterfaceInUse,XdpPS.Commands.NewXskSocketCommand' -ExpectedMessage '*198.51.100.7*-Force*'
        }
        finally {
            $env:SSH_CONNECTION = $before
        }
    }

    It 'warns of an MTU that does not fit the frames, and says what does' {
        Remove-TestCable $cable
        $cable = New-TestCable -Queues 2 -Mtu 2000
        $null = New-XskSocket $cable.Left -QueueId 0, 1 -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -HaveCount 1
        "$warnings" | Should -Match 'MTU of 2000.*-FrameSize 4096.*mtu 1778'
    }

    It 'says nothing of that MTU when the frames are large enough' {
        Remove-TestCable $cable
        $cable = New-TestCable -Queues 2 -Mtu 2000
        $null = New-XskSocket $cable.Left -QueueId 0, 1 -FrameSize 4096 -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
    }

    It 'warns of an interface that is down, and says how to bring it up' {
        $null = Invoke-Native ip link set $name down
        $null = New-XskSocket $name -QueueId 0, 1 -WarningVariable warnings -WarningAction SilentlyContinue
        "$warnings" | Should -Match "$name is down.*ip link set $name up"
    }

    It 'warns of queues that nobody listens to, naming ethtool -L' {
        $null = New-XskSocket $name -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -HaveCount 1
        "$warnings" | Should -Match "2 receive queues.*queue 1.*-AllQueues.*ethtool -L $name \w+ 1"
    }

    It 'does not warn once all queues are bound, in one call or in two' {
        $null = New-XskSocket $name -WarningAction SilentlyContinue
        $null = New-XskSocket $name -QueueId 1 -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
    }

    It 'can do what the warning says' {
        $null = Invoke-Native ethtool -L $name rx 1 tx 1
        $null = Invoke-Native ethtool -L $cable.Right rx 1 tx 1
        $null = New-XskSocket $name -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
    }
}
