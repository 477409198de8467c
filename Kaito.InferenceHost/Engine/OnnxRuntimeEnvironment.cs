using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kaito.InferenceHost.Engine;

/// <summary>Process-wide settings that the native libraries read when they are first loaded.</summary>
internal static partial class OnnxRuntimeEnvironment
{
    private const string TelemetrySwitch = "ORT_DISABLE_TELEMETRY";

    /// <summary>
    /// Turns the telemetry of ONNX Runtime and GenAI off: both upload usage events and keep them under the user's cache
    /// folder unless this variable is set before their first call. Runs before any other code of this assembly.
    /// </summary>
    [ModuleInitializer]
    internal static void DisableTelemetry()
    {
        Environment.SetEnvironmentVariable(TelemetrySwitch, "1");
        if (!OperatingSystem.IsWindows())
        {
            // On Unix the runtime keeps its own copy of the environment, which native getenv does not see.
            _ = SetNativeVariable(TelemetrySwitch, "1", overwrite: 1);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNativeVariable(string name, string value, int overwrite);
}
