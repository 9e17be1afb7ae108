using System.Diagnostics;
using System.Globalization;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>Sockets in another network namespace than that of the threads which use them.</summary>
public sealed class NamespaceTests : IDisposable
{
    private readonly TestNetwork network = new(queues: 2);

    public void Dispose() => network.Dispose();

    private static string Here => File.ResolveLinkTarget("/proc/thread-self/ns/net", returnFinalTarget: false)!.Name;

    private string There()
    {
        string id = "";
        network.Run(() => id = Here);
        return id;
    }

    private static XskSocketOptions In(string place, string interfaceName = TestNetwork.Near) => Sockets.Options(interfaceName, networkNamespace: place);

    [KernelFact]
    public void A_socket_in_another_namespace_receives_sends_and_closes_while_the_threads_stay_where_they_are()
    {
        string before = Here;
        Residue residue = Residue.Now();
        using (XskSocket near = XskSocket.Open(In(network.Name)))
        using (XskSocket far = XskSocket.Open(In(network.Name, TestNetwork.Far)))
        {
            Assert.Equal(before, Here);
            Assert.NotEqual(before, There());
            Assert.Equal(There(), near.NetworkNamespaceId);
            Assert.Equal(network.Name, near.NetworkNamespace);
            Assert.Contains($" in {network.Name}", near.ToString(), StringComparison.Ordinal);
            Assert.True(network.HasProgram());
            network.Run(() => Kernel.SendRaw(TestNetwork.Far, Frames.Series(5)));
            Assert.Equal(Frames.Series(5), near.Take(5));
            near.Send(Frames.Series(4));
            Assert.Equal(Frames.Series(4), far.Take(4));
            near.CheckHealth();
            Sockets.AssertConserved(near, far);
        }

        Assert.False(network.HasProgram());
        Assert.Equal(before, Here);
        Residue.AssertNoMoreThan(residue);
    }

    [KernelFact]
    public void A_namespace_without_a_name_is_found_by_the_path_of_a_process_in_it()
    {
        using Process inside = network.Start("sleep", "30");
        try
        {
            string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{inside.Id}/ns/net");
            // "ip netns exec" starts outside and enters on the way.
            Assert.True(SpinWait.SpinUntil(() => new FileInfo(path).LinkTarget == There(), TimeSpan.FromSeconds(5)));
            using XskSocket socket = XskSocket.Open(In(path));
            Assert.Equal(There(), socket.NetworkNamespaceId);
            Assert.True(network.HasProgram());
        }
        finally
        {
            inside.Kill();
        }
    }

    [KernelFact]
    public void Interfaces_of_the_same_index_in_two_namespaces_have_a_program_each()
    {
        using TestNetwork other = new(queues: 2);
        using XskSocket first = XskSocket.Open(In(network.Name));
        using XskSocket second = XskSocket.Open(In(other.Name));
        Assert.Equal(first.InterfaceIndex, second.InterfaceIndex);
        Assert.NotEqual(first.ProgramId, second.ProgramId);
        Assert.True(network.HasProgram() && other.HasProgram());
        first.Close();
        Assert.False(network.HasProgram());
        Assert.True(other.HasProgram());
    }

    [KernelFact]
    public void A_socket_of_the_sessions_own_namespace_stays_there_when_another_thread_asks_for_its_health()
    {
        XskSocket? socket = null;
        network.Run(() => socket = Sockets.Open());
        using (socket)
        {
            socket!.CheckHealth();
            network.Ip("link", "set", TestNetwork.Near, "mtu", "1600");
            // This asks the kernel for the MTU anew.
            Assert.True(socket.TrySend(Frames.Make(1614)));
            Sockets.Fails(XskErrorId.FrameTooLong, () => socket.TrySend(Frames.Make(1615)));
            network.Ip("link", "delete", TestNetwork.Near);
            Sockets.Fails(XskErrorId.InterfaceGone, socket.CheckHealth);
        }
    }

    [KernelFact("bpftool")]
    public void A_message_proposes_commands_that_work_from_outside()
    {
        network.Ip("link", "set", TestNetwork.Near, "down");
        using XskSocket socket = XskSocket.Open(In(network.Name));
        string message = Assert.Single(socket.Warnings, warning => warning.Id == "InterfaceDown").Message;
        string command = message.Split('\'')[1];
        Assert.Equal($"ip netns exec {network.Name} ip link set {TestNetwork.Near} up", command);
        Command.Run("sh", "-c", command);
        Assert.True(XdpInterface.Get(TestNetwork.Near, network.Name).IsUp);
    }

    [KernelFact]
    public void The_interfaces_of_another_namespace_are_listed_and_say_where_they_are()
    {
        string[] expected = network.Ip("-br", "link").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0].Split('@')[0]).ToArray();
        IReadOnlyList<XdpInterface> found = XdpInterface.GetAll(network.Name);
        Assert.Equal(expected.Order(), found.Select(nic => nic.Name).Order());
        Assert.All(found, nic => Assert.Equal(network.Name, nic.NetworkNamespace));
        Assert.Null(XdpInterface.Get("lo").NetworkNamespace);
        XskException failure = Sockets.Fails(XskErrorId.InterfaceNotFound, () => XdpInterface.Get("nosuch0", network.Name));
        Assert.Contains($"'{network.Name}'", failure.Message, StringComparison.Ordinal);
        Assert.Contains(network.Name, NetworkNamespace.GetNames());
    }

    [KernelTheory]
    [InlineData("nosuch-namespace")]
    [InlineData("/proc/1/ns/nosuch")]
    [InlineData("/etc/passwd")]
    [InlineData("/proc/self/ns/uts")]
    [InlineData("../netns")]
    [InlineData("/tmp")]
    public void What_is_no_network_namespace_is_not_found(string place)
    {
        Residue before = Residue.Now();
        XskException failure = Sockets.Fails(XskErrorId.NamespaceNotFound, () => XskSocket.Open(In(place)));
        Assert.Contains(place, failure.Message, StringComparison.Ordinal);
        Residue.AssertNoMoreThan(before);
    }

    [KernelFact]
    public void A_name_is_not_read_as_far_as_a_null_character_only()
    {
        XskException failure = Sockets.Fails(XskErrorId.NamespaceNotFound, () => XskSocket.Open(In($"{network.Name}\0.d")));
        Assert.Contains($"'{network.Name}?.d'", failure.Message, StringComparison.Ordinal);
        failure = Sockets.Fails(XskErrorId.InterfaceNotFound, () => XskSocket.Open(In(network.Name, $"{TestNetwork.Near}\0.5")));
        Assert.Contains($"'{TestNetwork.Near}?.5'", failure.Message, StringComparison.Ordinal);
    }

    [KernelFact]
    public void A_pipe_in_place_of_a_namespace_is_not_waited_for()
    {
        string pipe = Path.Combine(Path.GetTempPath(), $"xdpps-test-{Environment.ProcessId}-pipe");
        Command.Run("mkfifo", pipe);
        try
        {
            Task<XskException> opening = Task.Run(() => Sockets.Fails(XskErrorId.NamespaceNotFound, () => XskSocket.Open(In(pipe))));
            Assert.True(opening.Wait(TimeSpan.FromSeconds(10)), "it waits for a writer");
        }
        finally
        {
            File.Delete(pipe);
        }
    }

    [KernelFact]
    public void Who_may_not_enter_a_namespace_is_told_which_capability_is_missing()
    {
        XskException? failure = null;
        Thread thread = new(() =>
        {
            SystemCallFilter.Fail("setns", Errno.EPERM);
            failure = Sockets.Fails(XskErrorId.PermissionDenied, () => XskSocket.Open(In(network.Name)));
        });
        thread.Start();
        thread.Join();
        Assert.Contains("CAP_SYS_ADMIN", failure!.Message, StringComparison.Ordinal);
    }
}
