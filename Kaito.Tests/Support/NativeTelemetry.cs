using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kaito.Tests.Support;

/// <summary>
/// Switches ONNX Runtime's telemetry off before any test can call it. Setting the variable through .NET would not reach
/// native code on Unix.
/// </summary>
internal static partial class NativeTelemetry
{
    /// <summary>Set in a child process that shows that the product itself turns telemetry off.</summary>
    public const string LeftToProduct = "KAITO_TEST_TELEMETRY_LEFT_TO_PRODUCT";

#pragma warning disable CA2255 // The one moment that is before every test.
    [ModuleInitializer]
    internal static void SwitchOff()
    {
        if (!OperatingSystem.IsWindows() && Environment.GetEnvironmentVariable(LeftToProduct) is null)
        {
            _ = SetEnvironment("ORT_DISABLE_TELEMETRY", "1", 1);
        }
    }
#pragma warning restore CA2255

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
