using System.Management.Automation;

namespace XdpPS.Errors;

/// <summary>Turns what the core throws into error records: a stable id, a fitting category, what to do.</summary>
internal static class XskErrorRecord
{
    internal static ErrorRecord From(XskException exception, object? target) =>
        new(exception, exception.ErrorId.ToString(), CategoryOf(exception.ErrorId), target);

    /// <summary>For mistakes that only a cmdlet can see. The message is one line: the cause, then what to do.</summary>
    internal static ErrorRecord Create(string errorId, ErrorCategory category, string cause, string remedy, object? target) =>
        new(new InvalidOperationException(OneLine($"{cause}; {remedy}.")), errorId, category, target);

    /// <summary>As in <see cref="XskException"/>: what is quoted may have line feeds or escape sequences in it.</summary>
    private static string OneLine(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) : text;

    internal static ErrorRecord BytesUnrolled(string command, string parameter, object? target) => Create(
        "FrameBytesUnrolled", ErrorCategory.InvalidArgument,
        "The pipeline takes an array of bytes apart and hands over one byte at a time",
        $"write ,$bytes | {command} (with the comma), or use {parameter} $bytes",
        target);

    private static ErrorCategory CategoryOf(XskErrorId errorId) => errorId switch
    {
        XskErrorId.InterfaceNotFound or XskErrorId.InterfaceGone or XskErrorId.NamespaceNotFound or XskErrorId.MapNotFound
            or XskErrorId.CaptureNotFound => ErrorCategory.ObjectNotFound,
        XskErrorId.QueueBusy or XskErrorId.SocketBusy or XskErrorId.ProgramAttached => ErrorCategory.ResourceBusy,
        XskErrorId.PermissionDenied => ErrorCategory.PermissionDenied,
        XskErrorId.InterfaceInUse => ErrorCategory.SecurityError,
        XskErrorId.NotSupported or XskErrorId.ZeroCopyNotSupported or XskErrorId.NativeModeNotSupported => ErrorCategory.NotImplemented,
        XskErrorId.InterfaceDown or XskErrorId.MemoryLockLimit or XskErrorId.OutOfMemory or XskErrorId.HugePagesMissing or XskErrorId.OutOfDescriptors => ErrorCategory.ResourceUnavailable,
        XskErrorId.QueueOutOfRange or XskErrorId.FrameSizeInvalid or XskErrorId.FrameCountInvalid or XskErrorId.HeadroomInvalid
            or XskErrorId.RingSizeInvalid or XskErrorId.UmemTooLarge or XskErrorId.UmemNotShareable
            or XskErrorId.TxBudgetInvalid or XskErrorId.BusyPollInvalid or XskErrorId.CpuNotAllowed => ErrorCategory.InvalidArgument,
        XskErrorId.FrameFieldInvalid or XskErrorId.DestinationMissing => ErrorCategory.InvalidArgument,
        XskErrorId.FrameTooShort or XskErrorId.FrameTooLong or XskErrorId.FrameNotEditable or XskErrorId.RingCorrupted
            or XskErrorId.CaptureUnreadable or XskErrorId.CaptureNotEthernet or XskErrorId.CaptureDamaged => ErrorCategory.InvalidData,
        XskErrorId.CaptureExists or XskErrorId.ReportExists => ErrorCategory.ResourceExists,
        XskErrorId.CaptureNotWritable or XskErrorId.ReportNotWritable => ErrorCategory.OpenError,
        XskErrorId.CaptureWriteFailed or XskErrorId.ReportWriteFailed => ErrorCategory.WriteError,
        XskErrorId.CaptureNotAppendable or XskErrorId.SocketClosed or XskErrorId.DirectionDisabled or XskErrorId.ProgramDetached => ErrorCategory.InvalidOperation,
        XskErrorId.SendStalled => ErrorCategory.OperationTimeout,
        XskErrorId.FilterSyntax or XskErrorId.FilterConflict or XskErrorId.FilterTooLarge or XskErrorId.MapNotUsable => ErrorCategory.InvalidArgument,
        XskErrorId.LibpcapMissing => ErrorCategory.NotInstalled,
        XskErrorId.ProgramRejected => ErrorCategory.InvalidResult,
        XskErrorId.TransmitProbeFailed => ErrorCategory.DeviceError,
        _ => ErrorCategory.OperationStopped,
    };
}
