using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <content>Socket options that trade one cost for another: busy polling, and how much one send call does.</content>
internal sealed partial class XskSetup
{
    private unsafe void SetBusyPoll()
    {
        if (options.BusyPollMicroseconds is not { } microseconds) return;
        // Preferred comes first: it is the one that needs the privilege, whatever the others' values.
        Set(Libc.SO_PREFER_BUSY_POLL, "SO_PREFER_BUSY_POLL", 1);
        Set(Libc.SO_BUSY_POLL, "SO_BUSY_POLL", microseconds);
        Set(Libc.SO_BUSY_POLL_BUDGET, "SO_BUSY_POLL_BUDGET", options.BusyPollBudget);
        resources.BusyPollMicroseconds = Get(Libc.SO_PREFER_BUSY_POLL, "SO_PREFER_BUSY_POLL") == 0 ? 0 : Get(Libc.SO_BUSY_POLL, "SO_BUSY_POLL");
        // The kernel has no way to read this one (sk_getsockopt): it took the value, or there would have been an error.
        resources.BusyPollBudget = resources.BusyPollMicroseconds == 0 ? 0 : options.BusyPollBudget;

        void Set(int option, string name, int value)
        {
            if (Libc.setsockopt(resources.Descriptor!, Libc.SOL_SOCKET, option, &value, sizeof(int)) != 0)
                throw BusyPollFailed(Marshal.GetLastPInvokeError(), $"setsockopt(xsk, {name}, {value})");
        }

        int Get(int option, string name)
        {
            int value = 0;
            int length = sizeof(int);
            if (Libc.getsockopt(resources.Descriptor!, Libc.SOL_SOCKET, option, &value, &length) != 0)
                throw BusyPollFailed(Marshal.GetLastPInvokeError(), $"getsockopt(xsk, {name})");
            return value;
        }
    }

    private unsafe void SetTxBudget()
    {
        if (options.TxBudget is not { } budget) return;
        if (Libc.setsockopt(resources.Descriptor!, IfXdp.SOL_XDP, IfXdp.XDP_MAX_TX_SKB_BUDGET, &budget, sizeof(int)) == 0) return;
        int errno = Marshal.GetLastPInvokeError();
        string call = $"setsockopt(xsk, XDP_MAX_TX_SKB_BUDGET, {budget})";
        throw errno switch
        {
            Errno.ENOPROTOOPT => XskException.FromCall(
                XskErrorId.NotSupported, errno, call,
                $"This kernel takes {XskSocketOptions.DefaultTxBudget} frames a send call and cannot be told otherwise",
                "leave out -TxBudget, or use Linux 6.17 or newer"),
            Errno.EACCES => XskException.FromCall(
                XskErrorId.TxBudgetInvalid, errno, call,
                $"The kernel refused to take {budget} frames a send call from a TX ring of {options.TxRingSize}",
                $"use -TxBudget from {XskSocketOptions.DefaultTxBudget} to {options.TxRingSize}"),
            _ => OptionFailed(errno, call, "The frames a send call takes could not be set"),
        };
    }

    private static XskException BusyPollFailed(int errno, string call) => errno switch
    {
        Errno.EPERM => XskException.FromCall(
            XskErrorId.PermissionDenied, errno, call,
            "This process may not make a socket prefer busy polling: CAP_NET_ADMIN is missing",
            $"{Capabilities.RunWith}CAP_NET_ADMIN, or leave out -BusyPoll"),
        Errno.ENOPROTOOPT => XskException.FromCall(
            XskErrorId.NotSupported, errno, call,
            "This kernel has no preferred busy polling",
            "leave out -BusyPoll, or use Linux 5.11 or newer with CONFIG_NET_RX_BUSY_POLL"),
        _ => OptionFailed(errno, call, "Busy polling could not be switched on"),
    };
}
