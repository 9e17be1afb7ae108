namespace XdpPS;

/// <summary>What went wrong, as a stable name: the cmdlets' ErrorId is this name.</summary>
public enum XskErrorId
{
    /// <summary>No interface of that name in this network namespace.</summary>
    InterfaceNotFound,

    /// <summary>The interface was deleted or moved away while the socket was open.</summary>
    InterfaceGone,

    /// <summary>The interface is down, so that nothing can be sent.</summary>
    InterfaceDown,

    /// <summary>No network namespace of that name or path.</summary>
    NamespaceNotFound,

    /// <summary>The kernel could not be asked about its interfaces.</summary>
    InterfaceQueryFailed,

    /// <summary>The interface has no such queue.</summary>
    QueueOutOfRange,

    /// <summary>Another socket holds the queue.</summary>
    QueueBusy,

    /// <summary>The frame size is not a power of two between 2,048 and the page size.</summary>
    FrameSizeInvalid,

    /// <summary>The frame count is too small for one frame each way, or not positive.</summary>
    FrameCountInvalid,

    /// <summary>The headroom leaves no room for a packet.</summary>
    HeadroomInvalid,

    /// <summary>A ring size is not a power of two in the kernel's range, or both directions are switched off.</summary>
    RingSizeInvalid,

    /// <summary>The frames a send call takes are fewer than 32 or more than the TX ring has.</summary>
    TxBudgetInvalid,

    /// <summary>The busy-polling time or budget is out of the kernel's range.</summary>
    BusyPollInvalid,

    /// <summary>There is no such CPU, or the thread may not run there.</summary>
    CpuNotAllowed,

    /// <summary>The UMEM would be larger than can be addressed.</summary>
    UmemTooLarge,

    /// <summary>The other socket's UMEM cannot be shared in this way.</summary>
    UmemNotShareable,

    /// <summary>The UMEM exceeds RLIMIT_MEMLOCK.</summary>
    MemoryLockLimit,

    /// <summary>Memory could not be mapped or pinned.</summary>
    OutOfMemory,

    /// <summary>Not enough huge pages are reserved for the UMEM.</summary>
    HugePagesMissing,

    /// <summary>No descriptor is left.</summary>
    OutOfDescriptors,

    /// <summary>A capability is missing.</summary>
    PermissionDenied,

    /// <summary>The kernel has no AF_XDP, or not the part that was asked for.</summary>
    NotSupported,

    /// <summary>The driver cannot do zero-copy.</summary>
    ZeroCopyNotSupported,

    /// <summary>Native XDP was asked for and the driver cannot do it here.</summary>
    NativeModeNotSupported,

    /// <summary>Another XDP program is on the interface.</summary>
    ProgramAttached,

    /// <summary>The XDP program was removed or replaced while the socket was open.</summary>
    ProgramDetached,

    /// <summary>Nothing is pinned at the path that was given for an XSKMAP.</summary>
    MapNotFound,

    /// <summary>What is pinned at the path is not an XSKMAP, or this process may not open it.</summary>
    MapNotUsable,

    /// <summary>libpcap, which compiles filter expressions, is not installed.</summary>
    LibpcapMissing,

    /// <summary>libpcap does not accept the filter expression, or no packet can have all the fields that were given.</summary>
    FilterSyntax,

    /// <summary>The filter makes a program that is larger than jumps can span, or than the verifier follows.</summary>
    FilterTooLarge,

    /// <summary>The interface's program has another filter.</summary>
    FilterConflict,

    /// <summary>There is no such capture file.</summary>
    CaptureNotFound,

    /// <summary>The file is neither pcap nor pcapng, or may not be read.</summary>
    CaptureUnreadable,

    /// <summary>The capture's packets are not Ethernet frames.</summary>
    CaptureNotEthernet,

    /// <summary>The capture file cannot be read to its end.</summary>
    CaptureDamaged,

    /// <summary>There is a file of that name, and it was not to be overwritten.</summary>
    CaptureExists,

    /// <summary>The capture file cannot be made or opened for writing there.</summary>
    CaptureNotWritable,

    /// <summary>The capture file cannot be continued in this format.</summary>
    CaptureNotAppendable,

    /// <summary>Writing to the capture file failed: most often the disk is full.</summary>
    CaptureWriteFailed,

    /// <summary>There is a file of that name, and the report was not to overwrite it.</summary>
    ReportExists,

    /// <summary>The report cannot be made there.</summary>
    ReportNotWritable,

    /// <summary>Writing the report failed: most often the disk is full.</summary>
    ReportWriteFailed,

    /// <summary>The kernel's verifier refused the XDP program.</summary>
    ProgramRejected,

    /// <summary>The socket's slot in the XSKMAP could not be set.</summary>
    MapUpdateFailed,

    /// <summary>The host itself lives on this interface; taking every packet would cut it off.</summary>
    InterfaceInUse,

    /// <summary>The driver does not serve the transmit ring.</summary>
    TransmitProbeFailed,

    /// <summary>The kernel has stopped taking frames from the TX ring.</summary>
    SendStalled,

    /// <summary>A system call failed in a way that has no better name.</summary>
    SystemCallFailed,

    /// <summary>The socket was closed.</summary>
    SocketClosed,

    /// <summary>Another thread is receiving or sending on the same socket.</summary>
    SocketBusy,

    /// <summary>The socket was opened without a ring for this direction.</summary>
    DirectionDisabled,

    /// <summary>The frame is shorter than an Ethernet header.</summary>
    FrameTooShort,

    /// <summary>The frame is longer than the UMEM frame or the interface's MTU allows.</summary>
    FrameTooLong,

    /// <summary>A field of a frame to build is missing, out of range, or contradicts another.</summary>
    FrameFieldInvalid,

    /// <summary>The packet has no such field, or not enough of it was kept to change it.</summary>
    FrameNotEditable,

    /// <summary>Frames that are to come back have no destination.</summary>
    DestinationMissing,

    /// <summary>A ring's indices or descriptors make no sense: another process or a driver wrote to it.</summary>
    RingCorrupted,
}
