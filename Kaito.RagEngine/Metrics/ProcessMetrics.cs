using System.Diagnostics;
using System.Text;

namespace Kaito.RagEngine.Metrics;

/// <summary>The usual families about the process, by their usual names.</summary>
internal sealed class ProcessMetrics(TimeProvider clock)
{
    private readonly double _started = clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;

    public void Write(StringBuilder text)
    {
        using var process = Process.GetCurrentProcess();
        Gauge(text, "process_virtual_memory_bytes", "Virtual memory size in bytes.", process.VirtualMemorySize64);
        Gauge(text, "process_resident_memory_bytes", "Resident memory size in bytes.", process.WorkingSet64);
        Gauge(text, "process_start_time_seconds", "Start time of the process since unix epoch in seconds.", _started);
        Line(
            text, "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.",
            process.TotalProcessorTime.TotalSeconds);
    }

    private static void Gauge(StringBuilder text, string name, string help, double value) =>
        Line(text, name, "gauge", help, value);

    private static void Line(StringBuilder text, string name, string kind, string help, double value) =>
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append("\n# TYPE ").Append(name).Append(' ')
            .Append(kind).Append('\n').Append(name).Append(' ').Append(PythonText.Float(value)).Append('\n');
}
