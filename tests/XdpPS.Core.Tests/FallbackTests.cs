using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>Where native XDP is not possible, and what is warned about.</summary>
public sealed class FallbackTests
{
    /// <summary>Without a variant of the program for fragments, as before Linux 5.18.</summary>
    [KernelFact]
    public void An_mtu_too_large_for_native_falls_back_to_generic_with_the_reason()
    {
        using TestNetwork network = new();
        network.Ip("link", "set", TestNetwork.Far, "mtu", "9000");
        network.Run(() =>
        {
            using XdpProgram program = XdpProgram.Load("pass", new BpfAssembler().Move(BpfRegister.R0, 2).Exit().Assemble());
            XdpInterface nic = XdpInterface.Get(TestNetwork.Near);
            XskException failure = Sockets.Fails(
                XskErrorId.NativeModeNotSupported, () => XdpLink.Attach(program, nic, XdpAttachMode.Native, []).Dispose());
            List<XskWarning> warnings = [];
            using XdpLink link = XdpLink.Attach(program, nic, XdpAttachMode.Auto, warnings);
            Assert.Equal(XdpMode.Generic, link.Mode);
            foreach (string text in new[] { failure.Message, Assert.Single(warnings).Message })
            {
                Assert.Contains("ERANGE", text, StringComparison.Ordinal);
                Assert.Contains("MTU", text, StringComparison.Ordinal);
            }
        });
    }

    [KernelFact]
    public void Fewer_queues_than_the_peer_sends_on_falls_back_to_generic_with_the_reason()
    {
        using TestNetwork network = new(queues: 1, farQueues: 2);
        FallsBack(network, "ENOSPC", "fewer receive queues");
    }

    [KernelFact]
    public void A_driver_without_native_xdp_falls_back_to_generic_with_the_reason()
    {
        using TestNetwork network = new();
        network.Batch("link add xbridge type bridge", "link set xbridge up");
        FallsBack(network, "EOPNOTSUPP", "driver (bridge)", "xbridge");
    }

    [KernelFact]
    public void Without_the_cause_native_is_used_and_nothing_is_warned_about()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket socket = Sockets.Open();
            Assert.Equal(XdpMode.Native, socket.AttachMode);
            Assert.Empty(socket.Warnings);
        });
    }

    [KernelFact]
    public void Loopback_works_in_generic_mode()
    {
        using TestNetwork network = new();
        network.Ip("link", "set", "lo", "up");
        network.Run(() =>
        {
            using XskSocket socket = Sockets.Open("lo");
            Assert.Equal((XdpMode.Generic, null), (socket.AttachMode, socket.Driver));
            Assert.DoesNotContain(socket.Warnings, warning => warning.Id == "MtuExceedsFrame");
            byte[] frame = Frames.Make(300);
            socket.Send(frame);
            Assert.Equal(frame, Assert.Single(socket.Take(1)));
            Sockets.AssertConserved(socket);
        });
    }

    [KernelFact]
    public void An_interface_that_is_down_is_warned_about_and_works_once_it_is_up()
    {
        using TestNetwork network = new(up: false);
        network.Run(() =>
        {
            using XskSocket near = Sockets.Open();
            XskWarning warning = Assert.Single(near.Warnings, warning => warning.Id == "InterfaceDown");
            Assert.Contains($"ip link set {TestNetwork.Near} up", warning.Message, StringComparison.Ordinal);
            Assert.Equal(warning.Message, warning.ToString());
            using XskSocket far = Sockets.Open(TestNetwork.Far);
            network.Batch($"link set {TestNetwork.Near} up", $"link set {TestNetwork.Far} up");
            near.Send(Frames.Series(5));
            Assert.Equal(Frames.Series(5), far.Take(5));
            near.CheckHealth();
        });
    }

    [KernelTheory]
    [InlineData(1778, 2048, 0, false)]
    [InlineData(1779, 2048, 0, true)]
    [InlineData(1500, 2048, 278, false)]
    [InlineData(1500, 2048, 279, true)]
    [InlineData(3000, 4096, 0, false)]
    public void An_mtu_that_no_frame_can_hold_is_warned_about(int mtu, int frameSize, int headroom, bool warned)
    {
        using TestNetwork network = new();
        network.Batch($"link set {TestNetwork.Near} mtu {mtu}", $"link set {TestNetwork.Far} mtu {mtu}");
        network.Run(() =>
        {
            XskSocketOptions options = new() { InterfaceName = TestNetwork.Near, FrameCount = 16, FrameSize = frameSize, Headroom = headroom };
            using XskSocket socket = XskSocket.Open(options);
            Assert.Equal(warned, socket.Warnings.Any(warning => warning.Id == "MtuExceedsFrame"));
            if (!warned) return;
            string text = Assert.Single(socket.Warnings).Message;
            foreach (string word in new[] { $"MTU of {mtu}", $"{frameSize}-byte", $"{options.MaximumReceiveLength} bytes", $"mtu {options.MaximumReceiveLength - 14}" })
                Assert.Contains(word, text, StringComparison.Ordinal);
        });
    }

    [KernelFact]
    public void A_socket_that_only_sends_is_not_warned_about_the_mtu()
    {
        using TestNetwork network = new();
        network.Ip("link", "set", TestNetwork.Near, "mtu", "2000");
        network.Run(() =>
        {
            using XskSocket socket = XskSocket.Open(Sockets.Options(rx: 0));
            Assert.Empty(socket.Warnings);
        });
    }

    private static void FallsBack(TestNetwork network, string errno, string reason, string interfaceName = TestNetwork.Near)
    {
        network.Run(() =>
        {
            XskException failure = Sockets.Fails(
                XskErrorId.NativeModeNotSupported, () => XskSocket.Open(Sockets.Options(interfaceName, attach: XdpAttachMode.Native)).Dispose());
            Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
            Assert.Contains(errno, failure.Message, StringComparison.Ordinal);
            Assert.False(network.HasProgram(interfaceName));

            using XskSocket socket = Sockets.Open(interfaceName);
            Assert.Equal(XdpMode.Generic, socket.AttachMode);
            Assert.Contains("xdpgeneric", network.Ip("-d", "link", "show", "dev", interfaceName), StringComparison.Ordinal);
            XskWarning warning = Assert.Single(socket.Warnings, warning => warning.Id == "GenericFallback");
            Assert.Contains(errno, warning.Message, StringComparison.Ordinal);
            Assert.Contains(reason, warning.Message, StringComparison.Ordinal);
            // A bridge without ports has its packets from nobody who could merge them.
            Assert.Equal(interfaceName == TestNetwork.Near, socket.Warnings.Any(warning => warning.Id == XskWarning.GenericDropsAggregates));
            if (interfaceName != TestNetwork.Near) return;
            Kernel.SendRaw(TestNetwork.Far, Frames.Series(5));
            Assert.Equal(Frames.Series(5), socket.Take(5));
        });
    }
}
