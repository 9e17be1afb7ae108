using System.Net.NetworkInformation;

namespace XdpPS.Tests;

/// <summary>A test that opens a socket on the interface that tools/with-cable.sh makes; elsewhere it is skipped.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NeedsCableFactAttribute : FactAttribute
{
    internal const string InterfaceName = "left";

    public NeedsCableFactAttribute()
    {
        bool there = NetworkInterface.GetAllNetworkInterfaces().Any(nic => nic.Name == InterfaceName);
        if (!there) Skip = "needs the network namespace of tools/with-cable.sh";
    }
}
