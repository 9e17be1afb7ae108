// For Add-Type: a host that keeps the lines a command writes to it, and that stops a pipeline amid its first warning.
using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Threading;

public sealed class StoppingHost : PSHost
{
    private readonly Screen screen = new();

    public List<string> Lines => screen.Lines;
    public override CultureInfo CurrentCulture => CultureInfo.InvariantCulture;
    public override CultureInfo CurrentUICulture => CultureInfo.InvariantCulture;
    public override Guid InstanceId { get; } = Guid.NewGuid();
    public override string Name => "StoppingHost";
    public override PSHostUserInterface UI => screen;
    public override Version Version => new(1, 0);

    public static void StopAtWarning(PowerShell shell) => shell.Streams.Warning.DataAdded += (_, _) =>
    {
        shell.BeginStop(null, null);
        SpinWait.SpinUntil(() => shell.InvocationStateInfo.State == PSInvocationState.Stopping, 5000);
        // From there to the command's own Stopping is a moment more.
        Thread.Sleep(200);
    };

    public override void EnterNestedPrompt() => throw new NotSupportedException();
    public override void ExitNestedPrompt() => throw new NotSupportedException();
    public override void NotifyBeginApplication() { }
    public override void NotifyEndApplication() { }
    public override void SetShouldExit(int exitCode) { }

    private sealed class Screen : PSHostUserInterface
    {
        internal List<string> Lines { get; } = new();

        public override PSHostRawUserInterface RawUI => null;
        public override void WriteLine(string value) => Lines.Add(value);
        public override void Write(string value) { }
        public override void Write(ConsoleColor foreground, ConsoleColor background, string value) { }
        public override void WriteDebugLine(string message) { }
        public override void WriteErrorLine(string value) { }
        public override void WriteProgress(long sourceId, ProgressRecord record) { }
        public override void WriteVerboseLine(string message) { }
        public override void WriteWarningLine(string message) { }
        public override string ReadLine() => throw new NotSupportedException();
        public override SecureString ReadLineAsSecureString() => throw new NotSupportedException();
        public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) => throw new NotSupportedException();
        public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice) => throw new NotSupportedException();
        public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) => throw new NotSupportedException();
        public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName, PSCredentialTypes types, PSCredentialUIOptions options) => throw new NotSupportedException();
    }
}
