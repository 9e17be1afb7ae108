using System.Runtime.InteropServices;
using System.Text;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>Opens an XSKMAP by the path under which someone pinned it to a BPF file system.</summary>
internal static unsafe class PinnedXskMap
{
    private const string MapTarget = "anon_inode:bpf-map";

    // BPF_FS_MAGIC of include/uapi/linux/magic.h; struct statfs begins with it and has 120 bytes on 64-bit machines.
    private const uint BPF_FS_MAGIC = 0xcafe4a11;
    private const int StatfsSize = 120;

    /// <exception cref="XskException">Nothing is there, or something else, or it may not be opened.</exception>
    internal static XskMap Open(string path)
    {
        if (path.Contains('\0', StringComparison.Ordinal))
        {
            throw XskException.FromCheck(
                XskErrorId.MapNotFound, $"Nothing is pinned at '{path.Replace('\0', '?')}': the path has a null character in it, at which the kernel would stop reading", "leave it out");
        }

        string call = $"bpf(BPF_OBJ_GET, {path})";
        int result = Get(path);
        if (result < 0) throw Failed(path, -result, call);
        FileDescriptor descriptor = new(result);
        try
        {
            string target = new FileInfo($"/proc/self/fd/{result}").LinkTarget ?? "";
            if (target != MapTarget) throw NotUsable(path, $"is a BPF {Kind(target)}, not a map");
            int errno = BpfCall.GetInfo(descriptor, out BpfMapInfo info);
            if (errno < 0) throw XdpProgram.BpfFailed(-errno, "bpf(BPF_OBJ_GET_INFO_BY_FD, map)", $"The map {path} could not be asked for its type");
            if (info.Type != BpfAbi.BPF_MAP_TYPE_XSKMAP) throw NotUsable(path, $"is the map '{info.Name}' (id {info.Id}) of type {info.Type}, not an XSKMAP (BPF_MAP_TYPE_XSKMAP, {BpfAbi.BPF_MAP_TYPE_XSKMAP})");
            return new XskMap(descriptor, (int)info.MaxEntries, path);
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    private static int Get(string path)
    {
        fixed (byte* bytes = Encoding.UTF8.GetBytes(path + '\0'))
        {
            BpfObjectGetAttr attributes = new() { Path = (ulong)bytes };
            return BpfCall.Invoke(BpfAbi.BPF_OBJ_GET, ref attributes);
        }
    }

    private static XskException Failed(string path, int errno, string call)
    {
        if (errno is Errno.ENOENT or Errno.ENOTDIR)
        {
            string folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
            bool onBpf = IsOnBpfFileSystem(folder);
            return XskException.FromCall(
                XskErrorId.MapNotFound, errno, call,
                $"Nothing is pinned at {path}{(onBpf ? "" : $", and {folder} is not on a BPF file system")}",
                onBpf
                    ? "see what is there with 'bpftool map show' and 'ls', or pin the map with 'bpftool map pin'"
                    : "give the path of a pinned map; where no BPF file system is mounted, 'mount -t bpf bpf /sys/fs/bpf' makes one, and maps are pinned to it with 'bpftool map pin'"
                        + (path.StartsWith("/sys/", StringComparison.Ordinal) ? "; 'ip netns exec' gives a program a /sys of its own, without the pins: start pwsh outside of it, and use -NetworkNamespace" : ""));
        }

        // EACCES is what BPF_OBJ_GET says of a file that is no BPF object, too (bpf_inode_type).
        if (errno == Errno.EACCES && !IsOnBpfFileSystem(path)) return NotUsable(path, "is not a pinned BPF object: it is not on a BPF file system", errno, call);
        if (errno == Errno.EACCES && Directory.Exists(path)) return NotUsable(path, "is a folder, not a pinned BPF object", errno, call);
        if (errno is Errno.EPERM or Errno.EACCES)
        {
            return XskException.FromCall(
                XskErrorId.PermissionDenied, errno, call, $"This process may not open the pinned map {path}",
                "run as root, or have its owner allow it to this user for reading and writing");
        }

        return XskException.FromCall(
            XskErrorId.MapNotUsable, errno, call, $"The pinned map {path} could not be opened: {Errno.Text(errno)}",
            "give the path of an XSKMAP that was pinned with 'bpftool map pin'");
    }

    private static XskException NotUsable(string path, string why, int errno = 0, string? call = null)
    {
        string cause = $"{path} {why}";
        const string remedy = "give the path of a pinned XSKMAP; 'bpftool -f map show' lists maps with their types and pins";
        return call is null
            ? XskException.FromCheck(XskErrorId.MapNotUsable, cause, remedy)
            : XskException.FromCall(XskErrorId.MapNotUsable, errno, call, cause, remedy);
    }

    private static string Kind(string target) => target.Contains("link", StringComparison.Ordinal) ? "link" : "program";

    private static bool IsOnBpfFileSystem(string path)
    {
        byte* buffer = stackalloc byte[StatfsSize * 2];
        return Libc.statfs(path, buffer) == 0 && *(uint*)buffer == BPF_FS_MAGIC;
    }
}
