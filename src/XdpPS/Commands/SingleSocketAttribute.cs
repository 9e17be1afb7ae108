using System.Collections;
using System.Management.Automation;

namespace XdpPS.Commands;

/// <summary>Says of several sockets where one is wanted what to do; PowerShell itself says that an array cannot be converted.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SingleSocketAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        if (value is not IList list) return inputData;
        return list.Count == 1
            ? list[0]
            : throw new ArgumentTransformationMetadataException($"{(list.Count == 0 ? "there is none" : $"these are {list.Count} sockets")}; give one, such as $s[0].");
    }
}
