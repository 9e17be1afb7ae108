using System.Management.Automation;
using System.Net;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Filters;

namespace XdpPS.Commands;

/// <summary>What the cmdlets with a filter share: the parameters that say what matches.</summary>
public abstract class XskFilterCommand : XskCommand
{
    /// <summary>A tcpdump expression.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(FilterCompleter))]
    public virtual string? Filter { get; set; }

    /// <summary>EtherTypes, any of them.</summary>
    [Parameter]
    [EtherTypeValues]
    [ArgumentCompleter(typeof(FieldCompleter))]
    public virtual ushort[] EtherType { get; set; } = [];

    /// <summary>IP protocols, any of them.</summary>
    [Parameter]
    [IPProtocolValues]
    [ArgumentCompleter(typeof(FieldCompleter))]
    public virtual byte[] IPProtocol { get; set; } = [];

    /// <summary>Source or destination ports, any of them.</summary>
    [Parameter]
    [PortValues]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public virtual PortRange[] Port { get; set; } = [];

    /// <summary>Source or destination addresses, any of them.</summary>
    [Parameter]
    [AddressValues]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public virtual IPNetwork[] Address { get; set; } = [];

    /// <summary>VLAN ids, any of them; empty for every tag.</summary>
    [Parameter]
    [VlanValues]
    [ArgumentCompleter(typeof(FieldCompleter))]
    public virtual ushort[]? Vlan { get; set; }

    /// <summary>Match what the rest does not.</summary>
    [Parameter]
    public virtual SwitchParameter NotMatch { get; set; }

    /// <summary>The filter that the parameters make, or null for everything. A mistake in it concerns every input: it ends the command.</summary>
    private protected PacketFilter? MakeFilter()
    {
        // The usual thing, and no reason to load what filters are made with.
        if (Filter is null && Vlan is null && !NotMatch && EtherType.Length + IPProtocol.Length + Port.Length + Address.Length == 0) return null;
        // To libpcap nothing is every packet: of an empty variable that would be the opposite of what was meant.
        if (Filter is not null && (string.IsNullOrWhiteSpace(Filter) || Filter.Contains('\0')))
        {
            ThrowTerminatingError(XskErrorRecord.Create(
                nameof(XskErrorId.FilterSyntax), ErrorCategory.InvalidArgument,
                "-Filter is blank, or has a null character in it",
                "give an expression such as 'udp port 53', or leave -Filter out", Filter));
        }

        PacketFields fields = new() { EtherTypes = EtherType, IPProtocols = IPProtocol, Ports = Port, Addresses = Address, Vlans = Vlan };
        try
        {
            PacketFilter? filter = (Filter, fields.IsEmpty) switch
            {
                (null, true) => null,
                (null, false) => PacketFilter.FromFields(fields),
                (_, true) => PacketFilter.Compile(Filter),
                _ => PacketFilter.Compile(Filter, fields),
            };
            if (filter is null && NotMatch)
            {
                ThrowTerminatingError(XskErrorRecord.Create(
                    nameof(XskErrorId.FilterSyntax), ErrorCategory.InvalidArgument,
                    "-NotMatch inverts a filter, and there is none",
                    "give -Filter, -EtherType, -IPProtocol, -Port, -Address or -Vlan as well, or leave it out", null));
            }

            return NotMatch ? filter?.Not() : filter;
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, Filter ?? fields.Expression);
            throw;
        }
    }
}
