# What Invoke-VmTest.ps1 boots. Suite: the Debian suite whose newest kernel is taken. Device: the model of both cards (see
# run-cell.sh). Runs: those of guest-tests.sh; 'optional' ones need not bind, and the table in docs/compatibility.md says
# what the kernel answered.
@{
    # The veth tests that depend on the kernel, and those that need what few machines have.
    Xunit  = 'FullyQualifiedName~TrafficTests'
    Pester = 'New-XskSocket.Tests'

    Cells  = @(
        # The one that 'build.ps1 -Task Test' runs.
        @{ Name = 'zero-copy'; Suite = 'trixie-backports'; Device = 'virtio-net'; Runs = @('card:ZeroCopy') }
        @{ Name = 'bookworm-virtio-net'; Suite = 'bookworm'; Device = 'virtio-net'; Runs = 'card:Copy', 'card:ZeroCopy:optional' }
        @{ Name = 'trixie-virtio-net'; Suite = 'trixie'; Device = 'virtio-net'; Runs = 'card:Copy', 'card:ZeroCopy:optional' }
        @{ Name = 'backports-virtio-net'; Suite = 'trixie-backports'; Device = 'virtio-net'; Runs = 'card:Copy', 'card:ZeroCopy' }
        @{ Name = 'bookworm-igb'; Suite = 'bookworm'; Device = 'igb'; Runs = 'card:Copy', 'card:ZeroCopy:optional' }
        @{ Name = 'trixie-igb'; Suite = 'trixie'; Device = 'igb'; Runs = 'card:Copy', 'card:ZeroCopy:optional' }
        @{ Name = 'backports-igb'; Suite = 'trixie-backports'; Device = 'igb'; Runs = 'card:Copy', 'card:ZeroCopy' }
        @{ Name = 'backports-plan'; Suite = 'trixie-backports'; Device = 'virtio-net'; Runs = @('plan') }
        @{ Name = 'bookworm-veth'; Suite = 'bookworm'; Device = 'none'; Runs = 'xunit', 'pester' }
        @{ Name = 'trixie-veth'; Suite = 'trixie'; Device = 'none'; Runs = 'xunit', 'pester' }
        @{ Name = 'backports-veth'; Suite = 'trixie-backports'; Device = 'none'; Runs = 'xunit', 'pester' }
    )
}
