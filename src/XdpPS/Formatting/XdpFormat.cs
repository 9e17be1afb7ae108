using System.Globalization;
using System.Text;

namespace XdpPS.Formatting;

/// <summary>Text for the cells about interfaces in XdpPS.Format.ps1xml.</summary>
public static class XdpFormat
{
    /// <summary>The state in at most seven characters.</summary>
    public static string State(XdpInterface nic)
    {
        ArgumentNullException.ThrowIfNull(nic);
        return nic.State switch
        {
            "lowerlayerdown" => "no link",
            "notpresent" => "absent",
            string state => state,
        };
    }

    /// <summary>One number where there are as many receive as transmit queues, else RX/TX.</summary>
    public static string Queues(XdpInterface nic)
    {
        ArgumentNullException.ThrowIfNull(nic);
        return nic.RxQueues == nic.TxQueues ? Number(nic.RxQueues) : $"{nic.RxQueues}/{nic.TxQueues}";
    }

    /// <summary>Mode and id of the attached program.</summary>
    public static string Program(XdpInterface nic)
    {
        ArgumentNullException.ThrowIfNull(nic);
        string mode = nic.XdpMode.ToString().ToLowerInvariant();
        return nic.XdpProgramId == 0 ? mode : $"{mode} {nic.XdpProgramId}";
    }

    /// <summary>The queues on which we have sockets, ranges joined: 0-3,7.</summary>
    public static string SocketQueues(XdpInterface nic)
    {
        ArgumentNullException.ThrowIfNull(nic);
        List<string> ranges = [];
        int[] queues = [.. nic.Sockets.Select(socket => socket.QueueId).Distinct().Order()];
        for (int first = 0, next; first < queues.Length; first = next)
        {
            next = first + 1;
            while (next < queues.Length && queues[next] == queues[next - 1] + 1) next++;
            ranges.Add(next - first == 1 ? Number(queues[first]) : $"{queues[first]}-{queues[next - 1]}");
        }

        return string.Join(',', ranges);
    }

    /// <summary>The sockets, a line each.</summary>
    public static string Sockets(XdpInterface nic)
    {
        ArgumentNullException.ThrowIfNull(nic);
        return string.Join('\n', nic.Sockets);
    }

    /// <summary>A value that the kernel may not have told.</summary>
    public static string OrUnknown(object? value) => value switch
    {
        null => "unknown",
        bool answer => answer ? "yes" : "no",
        Enum features => Features(features),
        _ => string.Format(CultureInfo.InvariantCulture, "{0}", value),
    };

    /// <summary>The interface that a check is about, with its network namespace where it was named.</summary>
    public static string Place(XdpInterfaceCheck check)
    {
        ArgumentNullException.ThrowIfNull(check);
        return check.NetworkNamespace is null ? check.Interface : $"{check.Interface} in {check.NetworkNamespace}";
    }

    /// <summary>Text in lines that end between words: a table's cell would break them anywhere.</summary>
    /// <param name="text">The text.</param>
    /// <param name="width">Characters of a line; a longer word has one of its own.</param>
    public static string Wrapped(string text, int width)
    {
        ArgumentNullException.ThrowIfNull(text);
        StringBuilder lines = new(text.Length);
        int column = 0;
        foreach (string word in text.Split(' '))
        {
            bool first = lines.Length == 0;
            bool fits = column + 1 + word.Length <= width;
            if (!first) lines.Append(fits ? ' ' : '\n');
            lines.Append(word);
            column = first || !fits ? word.Length : column + 1 + word.Length;
        }

        return lines.ToString();
    }

    /// <summary>The names of the bits, and bits that have none in hexadecimal.</summary>
    private static string Features(Enum features)
    {
        long rest = Convert.ToInt64(features, CultureInfo.InvariantCulture);
        if (rest == 0) return "none";
        List<string> names = [];
        foreach (Enum named in Enum.GetValues(features.GetType()))
        {
            long bit = Convert.ToInt64(named, CultureInfo.InvariantCulture);
            if (bit == 0 || (rest & bit) == 0) continue;
            names.Add(named.ToString());
            rest &= ~bit;
        }

        if (rest != 0) names.Add($"0x{rest:x}");
        return string.Join(", ", names);
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
