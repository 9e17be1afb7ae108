# What Invoke-VmTest.ps1 boots. Suite: the Debian suite whose newest kernel is taken. Device: a card of run-cell.sh, or
# 'none' for the whole test suite over veth. Bind: how the card's driver is to bind. Required: the modes that must bind;
# of others the table in docs/compatibility.md says what the kernel answered.
@{
    Cells = @(
        @{ Suite = 'bookworm'; Device = 'none' }
        @{ Suite = 'bookworm'; Device = 'virtio-net'; Bind = 'Copy', 'ZeroCopy'; Required = @('Copy') }
        @{ Suite = 'bookworm'; Device = 'igb'; Bind = 'Copy', 'ZeroCopy'; Required = @('Copy') }
        @{ Suite = 'trixie'; Device = 'none' }
        @{ Suite = 'trixie'; Device = 'virtio-net'; Bind = 'Copy', 'ZeroCopy'; Required = @('Copy') }
        @{ Suite = 'trixie'; Device = 'igb'; Bind = 'Copy', 'ZeroCopy'; Required = @('Copy') }
        @{ Suite = 'trixie-backports'; Device = 'none' }
        @{ Suite = 'trixie-backports'; Device = 'virtio-net'; Bind = 'Copy', 'ZeroCopy'; Required = 'Copy', 'ZeroCopy' }
        @{ Suite = 'trixie-backports'; Device = 'igb'; Bind = 'Copy', 'ZeroCopy'; Required = 'Copy', 'ZeroCopy' }
    )
}
