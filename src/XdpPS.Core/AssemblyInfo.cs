using System.Runtime.CompilerServices;

// All interop is through LibraryImport with blittable types: no runtime marshalling stub is ever needed.
[assembly: DisableRuntimeMarshalling]
