namespace XdpPS;

/// <summary>Reads options of IPv4 and TCP: a type and, but for 0 (end) and 1 (padding), a length that counts both.</summary>
internal ref struct OptionReader(ReadOnlySpan<byte> options)
{
    private ReadOnlySpan<byte> rest = options;

    /// <returns>Whether there was one more whole option.</returns>
    internal bool Read(out byte type, out ReadOnlySpan<byte> data)
    {
        type = 0;
        data = [];
        if (rest.IsEmpty) return false;
        type = rest[0];
        if (type <= 1)
        {
            rest = type == 0 ? [] : rest[1..];
            return true;
        }

        if (rest.Length < 2 || rest[1] < 2 || rest[1] > rest.Length) return false;
        data = rest[2..rest[1]];
        rest = rest[rest[1]..];
        return true;
    }
}
