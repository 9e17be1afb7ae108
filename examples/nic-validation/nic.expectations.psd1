# What is expected of the network interfaces of each host. Copy this file, and change it to what your hosts shall be.
@{
    Hosts = @(
        @{
            # As [Environment]::MachineName has it: each host tests what is expected of itself.
            Name       = 'lab1'
            Interfaces = @(
                @{
                    Name             = 'eth1'
                    # The network namespace that it is in; without this line, the session's own.
                    # NetworkNamespace = 'lab'

                    Driver           = 'ice'
                    Mtu              = 1500
                    RxQueues         = 8
                    # Verdicts of Test-XdpInterface that have to be Pass, or at least no Fail.
                    Pass             = 'KernelVersion', 'AfXdp', 'Privileges', 'Jit', 'NativeXdp'
                    NoFail           = 'LockedMemory', 'AttachedProgram', 'Queues', 'Mtu', 'VlanOffload'

                    # The interface of this host at the other end of the cable. Without it there is only the phase Config.
                    Peer             = 'eth2'
                    # PeerNamespace  = 'lab'
                    # Tags that have to get through.
                    Vlans            = 100, 200

                    # FrameSize is that of RFC 2544, with FCS: 64 is a frame of 60 bytes here. Without PacketsPerSecond, at top speed.
                    Throughput       = @(
                        @{ FrameSize = 64; MinimumPacketsPerSecond = 500000; Seconds = 5 }
                        @{ FrameSize = 1518; MinimumPacketsPerSecond = 80000; Seconds = 5 }
                    )
                    Loss             = @(
                        @{ FrameSize = 512; PacketsPerSecond = 100000; MaximumLossRatio = 0; Seconds = 5 }
                    )
                    Latency          = @(
                        @{ FrameSize = 64; PacketsPerSecond = 10000; Percentile = 'P99'; MaximumMicroseconds = 200; Seconds = 5 }
                    )
                }
            )
        }
    )
}
