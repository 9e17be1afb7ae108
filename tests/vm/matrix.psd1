# What Invoke-VmTest.ps1 boots. Suite: the Debian suite whose newest kernel is taken. Device: the model of both cards (see
# run-cell.sh). Runs: those of guest-tests.sh; 'optional' ones need not bind, and the table in docs/compatibility.md says
# what the kernel answered.
@{
    # Of the veth suites what depends on the kernel most: class names of XdpPS.Core.Tests, files of tests/pester.
    Xunit  = 'TrafficTests', 'SenderTests', 'SharedUmemTests', 'FallbackTests', 'ProgramTests', 'InterfaceDetailsTests', 'StructLayoutTests'
    # What needs something that few machines have: sock_diag for AF_XDP, a BPF JIT that can be switched off, a clock that
    # may be stepped, libxdp's dispatcher, VLAN interfaces.
    Rare   = 'QueueHolderTests', 'RemedyTests', 'ClockTests', 'ProgramsInTheWayTests', 'HostSafetyTests', 'InterfaceTests'
    # And memlock that can be raised.
    Pester = 'New-XskSocket.Filter', 'LeastPrivilege'
    # What Test-XdpInterface says of a card, and all of its queues.
    Check  = 'Test-XdpInterface.Card', 'New-XskSocket.Card'
    # Names of tests: what the veths have been through is not repeated.
    Plan   = 'FullyQualifiedName~KernelTestPlan&DisplayName~ZeroCopy'

    Cells  = @(
        # The one that 'build.ps1 -Task Test' runs.
        @{ Name = 'zero-copy'; Suite = 'trixie-backports'; Device = 'virtio-net'; Runs = @('traffic:ZeroCopy') }
        @{ Name = 'bookworm-virtio-net'; Suite = 'bookworm'; Device = 'virtio-net'; Runs = 'traffic:Copy', 'traffic:ZeroCopy:optional' }
        @{ Name = 'trixie-virtio-net'; Suite = 'trixie'; Device = 'virtio-net'; Runs = 'traffic:Copy', 'traffic:ZeroCopy:optional' }
        @{ Name = 'backports-virtio-net'; Suite = 'trixie-backports'; Device = 'virtio-net'; Runs = 'card:Copy', 'card:ZeroCopy' }
        @{ Name = 'bookworm-igb'; Suite = 'bookworm'; Device = 'igb'; Runs = 'traffic:Copy', 'traffic:ZeroCopy:optional' }
        @{ Name = 'trixie-igb'; Suite = 'trixie'; Device = 'igb'; Runs = 'traffic:Copy', 'traffic:ZeroCopy:optional' }
        @{ Name = 'backports-igb'; Suite = 'trixie-backports'; Device = 'igb'; Runs = 'traffic:Copy', 'traffic:ZeroCopy' }
        @{ Name = 'igb-check'; Suite = 'trixie-backports'; Device = 'igb'; Runs = @('check') }
        @{ Name = 'virtio-check'; Suite = 'trixie-backports'; Device = 'virtio-net-4'; Runs = @('check') }
        @{ Name = 'backports-plan'; Suite = 'trixie-backports'; Device = 'virtio-net'; Runs = @('plan') }
        @{ Name = 'bookworm-veth'; Suite = 'bookworm'; Device = 'none'; Runs = @('xunit') }
        @{ Name = 'bookworm-rare'; Suite = 'bookworm'; Device = 'none'; Runs = @('rare') }
        @{ Name = 'trixie-veth'; Suite = 'trixie'; Device = 'none'; Runs = @('xunit') }
        @{ Name = 'trixie-rare'; Suite = 'trixie'; Device = 'none'; Runs = @('rare') }
        @{ Name = 'backports-veth'; Suite = 'trixie-backports'; Device = 'none'; Runs = @('xunit') }
        @{ Name = 'backports-rare'; Suite = 'trixie-backports'; Device = 'none'; Runs = @('rare') }
        @{ Name = 'bookworm-cmdlets'; Suite = 'bookworm'; Device = 'none'; Runs = @('pester') }
        @{ Name = 'trixie-cmdlets'; Suite = 'trixie'; Device = 'none'; Runs = @('pester') }
        @{ Name = 'backports-cmdlets'; Suite = 'trixie-backports'; Device = 'none'; Runs = @('pester') }
    )
}
