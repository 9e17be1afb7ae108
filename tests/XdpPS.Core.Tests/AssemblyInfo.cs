using System.Runtime.CompilerServices;

[assembly: DisableRuntimeMarshalling]

// The core keeps one registry of XDP programs by interface index, and two namespaces may number alike.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
