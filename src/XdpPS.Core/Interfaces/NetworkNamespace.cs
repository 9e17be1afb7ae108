using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>A network namespace, held open: interfaces, their indices and their names mean something only inside one.</summary>
/// <remarks>
/// A namespace belongs to a thread (setns(2)). Work in another one is done on a thread of its own, which ends with
/// it, so that no thread of the caller's can be left behind in the wrong place.
/// </remarks>
public sealed class NetworkNamespace : IDisposable
{
    /// <summary>Where ip(8) keeps the names.</summary>
    private const string Directory = "/run/netns";

    private const string OwnLink = "/proc/thread-self/ns/net";

    private readonly FileDescriptor? descriptor;

    private NetworkNamespace(string? name, FileDescriptor? descriptor, string id)
    {
        Name = name;
        this.descriptor = descriptor;
        Id = id;
    }

    /// <summary>The name or path it was opened by; null for the one that <see cref="Current"/> found.</summary>
    public string? Name { get; }

    /// <summary>The kernel's name for it, as <c>readlink /proc/PID/ns/net</c> prints it: "net:[4026531840]".</summary>
    public string Id { get; }

    /// <summary>Opens a namespace.</summary>
    /// <param name="nameOrPath">A name from <c>ip netns</c>, or the absolute path of a namespace file such as /proc/PID/ns/net.</param>
    /// <exception cref="XskException">
    /// There is none (<see cref="XskErrorId.NamespaceNotFound"/>), or this process may not enter it, for which
    /// setns(2) wants CAP_SYS_ADMIN (<see cref="XskErrorId.PermissionDenied"/>).
    /// </exception>
    public static NetworkNamespace Open(string nameOrPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrPath);
        // open(2) would read as far as the null character.
        if (nameOrPath.Contains('\0')) throw NotFound(nameOrPath.Replace('\0', '?'), null, 0);
        bool isPath = nameOrPath.StartsWith('/');
        if (!isPath && (nameOrPath.Contains('/') || nameOrPath is "." or "..")) throw NotFound(nameOrPath, null, 0);
        string path = isPath ? nameOrPath : $"{Directory}/{nameOrPath}";
        // Not to wait for a writer, should it be a pipe.
        FileDescriptor descriptor = Libc.open(path, Libc.O_RDONLY | Libc.O_NONBLOCK | Libc.O_CLOEXEC);
        try
        {
            if (descriptor.IsInvalid)
            {
                int errno = Marshal.GetLastPInvokeError();
                throw IsOfAnotherKind(path) ? NotOne(path) : OpenFailed(nameOrPath, path, errno);
            }

            if (TypeOf(descriptor) != Libc.CLONE_NEWNET) throw NotOne(path);
            return new NetworkNamespace(nameOrPath, descriptor, Enter(descriptor, nameOrPath, OwnId));
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    /// <summary>The calling thread's own.</summary>
    public static NetworkNamespace Current()
    {
        // Without /proc there is no way back to it, and no other namespace to come back from.
        FileDescriptor descriptor = Libc.open(OwnLink, Libc.O_RDONLY | Libc.O_CLOEXEC);
        if (!descriptor.IsInvalid) return new NetworkNamespace(null, descriptor, OwnId());
        descriptor.Dispose();
        return new NetworkNamespace(null, null, OwnId());
    }

    /// <summary>The names that <c>ip netns</c> lists. Needs no privilege.</summary>
    public static IReadOnlyList<string> GetNames()
    {
        try
        {
            return [.. new DirectoryInfo(Directory).EnumerateFiles().Select(file => file.Name).Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>A shell command as it has to be typed for it to work in a namespace: what messages propose.</summary>
    /// <param name="nameOrPath">As for <see cref="Open"/>; null or empty for where the shell is.</param>
    /// <param name="command">The command.</param>
    public static string Command(string? nameOrPath, string command) => nameOrPath switch
    {
        null or "" => command,
        ['/', ..] => $"nsenter --net={nameOrPath} {command}",
        _ => $"ip netns exec {nameOrPath} {command}",
    };

    /// <summary>Does something in the named namespace, or, without a name, where the calling thread is.</summary>
    /// <exception cref="XskException">As <see cref="Open"/>, and what <paramref name="body"/> throws.</exception>
    public static T RunIn<T>(string? nameOrPath, Func<T> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (string.IsNullOrEmpty(nameOrPath)) return body();
        using NetworkNamespace place = Open(nameOrPath);
        return place.Run(body);
    }

    /// <summary>Does something in this namespace: on the calling thread where that is in it, else on one of its own.</summary>
    /// <exception cref="XskException">This process may not enter it; and what <paramref name="body"/> throws.</exception>
    public T Run<T>(Func<T> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        return descriptor is null || OwnId() == Id ? body() : Enter(descriptor, Name ?? Id, body);
    }

    /// <summary>Closes the descriptor. Sockets opened inside keep the namespace alive on their own.</summary>
    public void Dispose() => descriptor?.Dispose();

    /// <returns>The name, or the kernel's.</returns>
    public override string ToString() => Name ?? Id;

    /// <returns>The number by which rtnetlink calls it in the calling thread's namespace (IFLA_LINK_NETNSID); -1 where it has none there.</returns>
    internal int NumberHere()
    {
        int number = -1;
        if (descriptor is null) return number;
        Span<byte> header = stackalloc byte[4];
        header.Clear();
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_ROUTE);
        netlink.Ask(new NetlinkRequest(NetlinkAbi.RTM_GETNSID, 0, header).Add(NetlinkAbi.NETNSA_FD, (uint)descriptor.Number), dump: false, (_, payload) =>
        {
            NetlinkAttributes attributes = new(payload[4..]);
            while (attributes.Next())
            {
                if (attributes.Type == NetlinkAbi.NETNSA_NSID) number = (int)attributes.UInt32;
            }
        });
        return number;
    }

    internal static string OwnId() => new FileInfo(OwnLink).LinkTarget ?? "";

    private static T Enter<T>(FileDescriptor descriptor, string name, Func<T> body)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                if (Libc.setns(descriptor, Libc.CLONE_NEWNET) != 0) throw EnterFailed(name, Marshal.GetLastPInvokeError());
                result = body();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        {
            IsBackground = true,
            Name = $"netns {name}",
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    private static XskException NotOne(string path) => XskException.FromCheck(
        XskErrorId.NamespaceNotFound, $"{path} is not a network namespace",
        "give a name that 'ip netns' lists, or a path such as /proc/PID/ns/net");

    /// <summary>By its last word, where it may not be opened: no privilege would make a network namespace of /proc/PID/ns/mnt.</summary>
    private static bool IsOfAnotherKind(string path) =>
        path.StartsWith("/proc/", StringComparison.Ordinal) && path.Split('/') is [.., "ns", not "net"];

    private static unsafe int TypeOf(FileDescriptor descriptor) => Libc.ioctl(descriptor, Libc.NS_GET_NSTYPE, null);

    private static XskException OpenFailed(string name, string path, int errno)
    {
        string call = $"open({path})";
        return errno switch
        {
            Errno.EACCES or Errno.EPERM => XskException.FromCall(
                XskErrorId.PermissionDenied, errno, call, $"This process may not look at network namespace '{name}'",
                $"{Capabilities.RunWith}CAP_SYS_ADMIN and, for another user's process, CAP_SYS_PTRACE"),
            Errno.EMFILE => XskException.FromCall(
                XskErrorId.OutOfDescriptors, errno, call, "No descriptor is left for a network namespace",
                ResourceLimit.MoreDescriptors),
            _ => NotFound(name, call, errno),
        };
    }

    private static XskException EnterFailed(string name, int errno) => XskException.FromCall(
        errno == Errno.EPERM ? XskErrorId.PermissionDenied : XskErrorId.SystemCallFailed, errno, "setns(CLONE_NEWNET)",
        $"This process may not enter network namespace '{name}'", $"{Capabilities.RunWith}CAP_SYS_ADMIN");

    private static XskException NotFound(string name, string? call, int errno)
    {
        IReadOnlyList<string> names = GetNames();
        const int Shown = 8;
        string known = names.Count == 0 ? "'ip netns' lists none" : $"'ip netns' lists {string.Join(", ", names.Take(Shown))}{(names.Count > Shown ? $" and {names.Count - Shown} more" : "")}";
        string cause = $"There is no network namespace '{name}'";
        string remedy = $"{known}; an absolute path such as /proc/PID/ns/net does too";
        return call is null
            ? XskException.FromCheck(XskErrorId.NamespaceNotFound, cause, remedy)
            : XskException.FromCall(XskErrorId.NamespaceNotFound, errno, call, cause, remedy);
    }
}
