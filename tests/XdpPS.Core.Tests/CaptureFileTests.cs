using System.Runtime.InteropServices;

namespace XdpPS.Tests;

/// <summary>Capture files in a directory where others may put files of their own at any moment.</summary>
public sealed partial class CaptureFileTests : IDisposable
{
    private const uint Other = 65_534;

    private readonly string folder = Directory.CreateTempSubdirectory("xdpps-files-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [KernelFact]
    public void A_file_that_is_exchanged_for_another_users_while_it_is_opened_gets_no_packet()
    {
        string mine = Path.Combine(folder, "mine"), theirs = Path.Combine(folder, "theirs"), path = Path.Combine(folder, "shared.pcapng");
        foreach (string file in new[] { mine, theirs })
        {
            using XskCaptureWriter writer = new(new XskCaptureOptions { Path = file });
            writer.Write(new XskPacket(Frames.Make(60)));
            writer.Complete();
        }

        byte[] planted = File.ReadAllBytes(theirs);
        Assert.Equal(0, Chown(theirs, Other, Other));
        Assert.Equal(0, Link(mine, path));
        bool done = false;
        Thread exchange = new(() =>
        {
            string next = Path.Combine(folder, "next");
            for (int i = 0; !Volatile.Read(ref done); i++)
            {
                _ = Link(i % 2 == 0 ? theirs : mine, next);
                _ = Rename(next, path);
            }
        });
        exchange.Start();
        int opened = 0, refused = 0;
        try
        {
            for (int i = 0; i < 4_000 && (i < 2_000 || opened == 0 || refused == 0); i++)
            {
                try
                {
                    using CaptureFile file = CaptureFile.OpenExisting(path, ofAnyone: false)!;
                    // What is behind it is cut off, in whatever file was opened.
                    file.ContinueAfter(_ => 4);
                    opened++;
                }
                catch (XskException e) when (e.ErrorId == XskErrorId.CaptureNotWritable)
                {
                    refused++;
                }

            }
        }
        finally
        {
            Volatile.Write(ref done, true);
            exchange.Join();
        }

        Assert.Equal(planted, File.ReadAllBytes(theirs));
        Assert.True(opened > 0 && refused > 0, $"{opened} opened, {refused} refused");
    }

    [LibraryImport("libc", EntryPoint = "chown", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Chown(string path, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string from, string to);

    [LibraryImport("libc", EntryPoint = "rename", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(string from, string to);
}
