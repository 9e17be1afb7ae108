using System.Globalization;
using System.Text.RegularExpressions;

namespace XdpPS.Tests;

/// <summary>The running kernel's types, as bpftool prints them.</summary>
internal sealed partial class Btf
{
    internal const string Source = "/sys/kernel/btf/vmlinux";

    private static readonly Lazy<Btf> Shared = new(() => new Btf());
    private readonly Dictionary<int, Type> byId = [];
    private readonly Dictionary<string, Type> byName = [];
    private readonly Dictionary<string, HashSet<long>> constants = [];

    private Btf()
    {
        Type? current = null;
        foreach (string line in Command.Run("bpftool", "btf", "dump", "file", Source, "format", "raw").Split('\n'))
        {
            if (line.StartsWith('['))
            {
                current = null;
                if (Header().Match(line) is not { Success: true } header) continue;
                current = new Type(header.Groups["name"].Value, Number(header, "size"), []);
                byId[Number(header, "id")] = current;
                byName.TryAdd($"{header.Groups["kind"].Value} {current.Name}", current);
            }
            else if (Enumerator().Match(line) is { Success: true } enumerator)
            {
                string name = enumerator.Groups["name"].Value;
                if (!constants.TryGetValue(name, out HashSet<long>? values)) constants[name] = values = [];
                // Some are unsigned 64-bit masks; none that is asked for.
                if (long.TryParse(enumerator.Groups["value"].Value, CultureInfo.InvariantCulture, out long value)) values.Add(value);
            }
            else if (current is not null && Field().Match(line) is { Success: true } member)
            {
                current.Members.Add(new Member(member.Groups["name"].Value, Number(member, "type"), Number(member, "bits") / 8));
            }
        }
    }

    internal static Btf Kernel => Shared.Value;

    internal sealed record Member(string Name, int TypeId, int Offset);

    internal sealed record Type(string Name, int Size, List<Member> Members)
    {
        internal int OffsetOf(string member) =>
            Members.Find(candidate => candidate.Name == member)?.Offset ?? throw new KeyNotFoundException($"{Name} has no member {member}");
    }

    internal Type Struct(string name) => byName[$"STRUCT {name}"];

    /// <summary>The part of union bpf_attr that has these members.</summary>
    internal Type Attribute(params string[] members) => byName["UNION bpf_attr"].Members
        .Select(part => byId.GetValueOrDefault(part.TypeId))
        .First(type => type is not null && members.All(member => type.Members.Any(candidate => candidate.Name == member)))!;

    /// <summary>The part of union bpf_attr with this name.</summary>
    internal Type NamedAttribute(string name) => byId[byName["UNION bpf_attr"].Members.Find(part => part.Name == name)!.TypeId];

    /// <summary>Follows a member that is a struct or union.</summary>
    internal Type Follow(Type type, string member) => byId[type.Members.Find(candidate => candidate.Name == member)!.TypeId];

    internal bool Knows(string constant) => constants.ContainsKey(constant);

    internal long Constant(string name) => Assert.Single(constants[name]);

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\[(?<id>\d+)\] (?<kind>STRUCT|UNION) '(?<name>[^']*)' size=(?<size>\d+)")]
    private static partial Regex Header();

    [GeneratedRegex(@"^\t'(?<name>[^']*)' type_id=(?<type>\d+) bits_offset=(?<bits>\d+)")]
    private static partial Regex Field();

    [GeneratedRegex(@"^\t'(?<name>[^']*)' val=(?<value>-?\d+)")]
    private static partial Regex Enumerator();
}
