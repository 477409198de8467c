using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Serialization;

namespace Kaito.InferenceHost.Http;

/// <summary>The machine's figures as KAITO's first runtimes gave them: of its GPUs, or without one of its processor.</summary>
internal sealed class SystemReport(TimeProvider clock)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private (long Busy, long Total) _before;

    public async Task<SystemFigures> ReadAsync(CancellationToken cancellationToken) =>
        Gpus(await AskDriverAsync(cancellationToken)) is { IsEmpty: false } gpus
            ? new(gpus, null)
            : new(null, Processor(Text("/proc/stat"), Text("/proc/meminfo"), Text("/proc/cpuinfo")));

    /// <param name="listing">Lines of index, name, load in percent, degrees Celsius, MiB used and MiB in all.</param>
    internal static ImmutableArray<GpuFigures> Gpus(string listing) =>
    [
        .. listing.Split('\n').Select(static line => line.Split(',', StringSplitOptions.TrimEntries))
            .Where(static parts => parts.Length == 6)
            .Select(static parts => new GpuFigures(
                parts[0], parts[1], Percent(Number(parts[2])),
                string.Create(CultureInfo.InvariantCulture, $"{Number(parts[3]):0} C"),
                new(Gibibytes(Number(parts[4]) * 1024 * 1024), Gibibytes(Number(parts[5]) * 1024 * 1024)))),
    ];

    /// <summary>Load since the last call, or since the machine's start.</summary>
    /// <param name="stat">Linux's <c>/proc/stat</c>; empty elsewhere, like the others.</param>
    /// <param name="memory"><c>/proc/meminfo</c>.</param>
    /// <param name="processors"><c>/proc/cpuinfo</c>.</param>
    internal CpuFigures Processor(string stat, string memory, string processors)
    {
        var total = MemoryBytes(memory, "MemTotal:") ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var free = MemoryBytes(memory, "MemAvailable:") ?? total;
        return new(Load(stat), PhysicalCores(processors), Environment.ProcessorCount, new(Gibibytes(total - free), Gibibytes(total)));
    }

    private double Load(string stat)
    {
        var line = stat.Split('\n')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (line is not ["cpu", ..])
        {
            return 0;
        }

        // Idle time and time that waits for disks are the fourth and the fifth.
        var times = line.Skip(1).Take(8).Select(static text => (long)Number(text)).ToArray();
        var (busy, total) = (times.Sum() - times.Skip(3).Take(2).Sum(), times.Sum());
        lock (_lock)
        {
            var (worked, passed) = (busy - _before.Busy, total - _before.Total);
            _before = (busy, total);
            return passed > 0 ? Math.Round(100.0 * worked / passed, 1) : 0;
        }
    }

    private static int PhysicalCores(string processors)
    {
        var cores = processors.Split("\n\n").Select(static block => (Field(block, "physical id"), Field(block, "core id")))
            .Where(static core => core.Item2 is not null).Distinct().Count();
        return cores > 0 ? cores : Environment.ProcessorCount;
    }

    private static string? Field(string block, string name) => block.Split('\n')
        .FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':').Last().Trim();

    private static double? MemoryBytes(string memory, string name) => memory.Split('\n')
        .FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?
        .Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var kibibytes, ..]
            ? Number(kibibytes) * 1024
            : null;

    private async Task<string> AskDriverAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var patience = new CancellationTokenSource(s_patience, clock);
        await using var late = patience.Token.Register(limit.Cancel);
        try
        {
            using var driver = Process.Start(new ProcessStartInfo(
                "nvidia-smi",
                [
                    "--query-gpu=index,name,utilization.gpu,temperature.gpu,memory.used,memory.total",
                    "--format=csv,noheader,nounits",
                ])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            });
            if (driver is null)
            {
                return "";
            }

            await using var stop = limit.Token.Register(() => driver.Kill());
            return await driver.StandardOutput.ReadToEndAsync(limit.Token);
        }
        catch (Exception none) when (none is Win32Exception or OperationCanceledException)
        {
            return "";
        }
    }

    private static string Text(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception none) when (none is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    // The driver says [N/A] for what a part of a GPU has none of.
    private static double Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static string Percent(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0.00}%");

    private static string Gibibytes(double bytes) =>
        string.Create(CultureInfo.InvariantCulture, $"{bytes / (1L << 30):0.00} GB");
}

/// <param name="GpuInfo">One per GPU; null when there is none.</param>
/// <param name="CpuInfo">Null when there are GPUs.</param>
internal sealed record SystemFigures(ImmutableArray<GpuFigures>? GpuInfo, CpuFigures? CpuInfo);

/// <param name="Id">Index, as text.</param>
/// <param name="Name">The product's.</param>
/// <param name="Load">Percent, with its sign.</param>
/// <param name="Temperature">Degrees Celsius, with a C.</param>
/// <param name="Memory">The GPU's own.</param>
internal sealed record GpuFigures(string Id, string Name, string Load, string Temperature, MemoryFigures Memory);

/// <param name="LoadPercentage">0 to 100, of all cores.</param>
/// <param name="PhysicalCores">Cores.</param>
/// <param name="TotalCores">Threads of cores.</param>
/// <param name="Memory">The machine's.</param>
internal sealed record CpuFigures(double LoadPercentage, int PhysicalCores, int TotalCores, MemoryFigures Memory);

/// <summary>GiB with two decimals and the unit that the first runtimes wrote.</summary>
internal sealed record MemoryFigures(string Used, string Total);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(SystemFigures))]
internal sealed partial class SystemReportJson : JsonSerializerContext;
