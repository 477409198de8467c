using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Kaito.Core;
using Kaito.Core.Contracts;

namespace Kaito.InferenceHost.Adapters;

/// <summary>Which adapters are served beside the model.</summary>
internal sealed record AdapterOptions
{
    /// <summary>The server takes adapters at all.</summary>
    public bool Enabled { get; init; }

    /// <summary>Served from the start.</summary>
    public ImmutableArray<AdapterSettings> Modules { get; init; } = [];

    /// <summary>Each of its folders is an adapter of that name; <see langword="null"/> to look for none.</summary>
    public string? Folder { get; init; }

    /// <summary>Text of the strength of an adapter in <see cref="Folder"/>; <see langword="null"/> for 1.</summary>
    public Func<string, string?> StrengthOf { get; init; } = static _ => null;

    /// <summary>Adapters of a higher rank are refused.</summary>
    public int MostRank { get; init; } = 64;

    /// <summary>Adapters that are served at a time.</summary>
    public int MostLoaded { get; init; } = 32;

    /// <summary>Clients may load and unload them.</summary>
    public bool RuntimeUpdates { get; init; }
}

/// <summary>Reads the options about adapters in vLLM's spellings and upstream's layout of folders.</summary>
internal static class AdapterArguments
{
    private const string Modules = "lora-modules";
    private const string UpstreamFolder = "/mnt/adapter";

    public static AdapterOptions Parse(
        HostArguments named,
        Func<string, string?> environment,
        InferenceHostSettings? settings,
        ImmutableArray<FieldError>.Builder found)
    {
        var modules = named[Modules] is { } text ? ModulesFrom(text, found) : [.. settings?.Adapters ?? []];
        var folder = named["kaito-adapters-dir"];
        var enabled = named["enable-lora"] is not null || !modules.IsEmpty || folder is not null;
        return new()
        {
            Enabled = enabled,
            Modules = modules,
            Folder = enabled && named[Modules] is null && settings?.Adapters is null ? folder ?? UpstreamFolder : null,
            StrengthOf = environment,
            MostRank = Whole(named, "max-lora-rank", 64, 1024, found),
            MostLoaded = Whole(named, "max-cpu-loras", 32, 256, found),
            RuntimeUpdates = environment("VLLM_ALLOW_RUNTIME_LORA_UPDATING") is "1" or "true" or "True",
        };
    }

    private static ImmutableArray<AdapterSettings> ModulesFrom(string text, ImmutableArray<FieldError>.Builder found)
    {
        var modules = ImmutableArray.CreateBuilder<AdapterSettings>();
        foreach (var module in text.Split(
            [HostArguments.Separator, ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (ModuleFrom(module) is { } read)
            {
                modules.Add(read);
                continue;
            }

            found.Add(new(
                $"--{Modules}", "malformed",
                $"{Modules} holds '{module}'; give name=path or {{\"name\":\"…\",\"path\":\"…\"}} without spaces."));
        }

        return modules.ToImmutable();
    }

    private static AdapterSettings? ModuleFrom(string text)
    {
        if (!text.StartsWith('{'))
        {
            return text.Split('=', 2) is [{ Length: > 0 } name, { Length: > 0 } path] ? new(name, path, 1) : null;
        }

        try
        {
            using var module = JsonDocument.Parse(text);
            return module.RootElement.TryGetProperty("name", out var name) && name.GetString() is { Length: > 0 } named
                && module.RootElement.TryGetProperty("path", out var path) && path.GetString() is { Length: > 0 } at
                ? new(named, at, 1)
                : null;
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static int Whole(
        HostArguments named, string key, int otherwise, int most, ImmutableArray<FieldError>.Builder found)
    {
        if (named[key] is not { } text)
        {
            return otherwise;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= 1 && value <= most)
        {
            return value;
        }

        found.Add(new($"--{key}", "out-of-range", $"{key} is {text}; give a whole number from 1 to {most}."));
        return otherwise;
    }
}
