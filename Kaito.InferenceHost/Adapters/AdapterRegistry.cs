using System.Collections.Immutable;
using System.Globalization;
using Kaito.Core.Contracts;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Models;
using Kaito.ModelBuilder;
using Kaito.ModelBuilder.Adapters;

namespace Kaito.InferenceHost.Adapters;

/// <summary>An adapter that clients may name.</summary>
/// <param name="Name">What they send as <c>model</c>.</param>
/// <param name="Path">Where it was read from.</param>
/// <param name="Share">Its weights and its own strength.</param>
/// <param name="Created">Unix seconds when it was loaded.</param>
internal sealed record ServedAdapter(string Name, string Path, AdapterShare Share, long Created);

/// <summary>Adapters that a request has chosen.</summary>
/// <param name="Name">As the client spelled them.</param>
/// <param name="Mix">What the engine runs.</param>
internal sealed record ChosenAdapters(string Name, AdapterMix Mix);

/// <summary>Why an adapter was not loaded or unloaded.</summary>
internal sealed record AdapterRefusal(AdapterFault Fault, string Message);

internal enum AdapterFault
{
    /// <summary>What was asked for contradicts itself or what is loaded.</summary>
    Input,

    NotFound,

    /// <summary>The adapter or the server is not made for it.</summary>
    Unsuitable,
}

/// <summary>
/// The adapters that are served now: bounded in number, changed while requests run. A request keeps the weights that it
/// began with, whatever becomes of the name. Safe from any thread; looking up takes no lock.
/// </summary>
/// <param name="targets">The model's layers that take adapters; empty when it takes none.</param>
/// <param name="options">Limits, and what is loaded from the start.</param>
/// <param name="model">Name of the model itself.</param>
/// <param name="clock">Stamps what is loaded.</param>
internal sealed class AdapterRegistry(
    ImmutableArray<AdapterTarget> targets, AdapterOptions options, string model, TimeProvider clock)
{
    private const int LongestName = 256;

    private readonly Lock _loading = new();
    private ImmutableArray<ServedAdapter> _served = [];

    /// <summary>In the order of their loading.</summary>
    public ImmutableArray<ServedAdapter> Served => _served;

    public int MostLoaded => options.MostLoaded;

    /// <summary>Loads what the options name; a folder that is not there holds no adapters.</summary>
    /// <exception cref="ModelLoadException">One of them cannot be served; the message says why.</exception>
    public void LoadConfigured()
    {
        foreach (var module in options.Modules.Concat(InFolder()))
        {
            if (Load(module.Name, module.Path, (float)module.Strength, replace: false) is { } refusal)
            {
                throw new ModelLoadException($"Adapter {module.Name}: {refusal.Message}");
            }
        }
    }

    /// <param name="name">A served name, or several with strengths, such as <c>one*0.8+two*0.5</c>.</param>
    public ChosenAdapters? Find(string name)
    {
        var served = _served;
        if (One(served, name) is { } whole)
        {
            return new(name, new([whole.Share]));
        }

        if (served.IsEmpty || name.AsSpan().IndexOfAny('*', '+') < 0)
        {
            return null;
        }

        var shares = name.Split('+', StringSplitOptions.TrimEntries).Select(part => Share(served, part)).ToArray();
        return shares.Contains(null) || shares.DistinctBy(static share => share!.Value.Weights).Count() < shares.Length
            ? null
            : new(name, new([.. shares.Select(static share => share!.Value)]));
    }

    /// <returns>Why not; <see langword="null"/> when it is served now.</returns>
    public AdapterRefusal? Load(string name, string path, float strength, bool replace)
    {
        lock (_loading)
        {
            if (Refusal(name, path, strength, replace) is { } refusal)
            {
                return refusal;
            }

            try
            {
                var weights = PeftAdapter.Read(path, targets, options.MostRank);
                _served =
                [
                    .. _served.Where(adapter => adapter.Name != name),
                    new(name, path, new(weights, strength), clock.GetUtcNow().ToUnixTimeSeconds()),
                ];
                return null;
            }
            catch (ModelBuildException unusable)
            {
                return new(AdapterFault.Unsuitable, unusable.Message);
            }
        }
    }

    /// <returns>Why not; <see langword="null"/> when it is gone for later requests.</returns>
    public AdapterRefusal? Unload(string name)
    {
        lock (_loading)
        {
            if (One(_served, name) is not { } gone)
            {
                return new(AdapterFault.NotFound, $"The lora adapter '{name}' cannot be found.");
            }

            _served = _served.Remove(gone);
            return null;
        }
    }

    private AdapterRefusal? Refusal(string name, string path, float strength, bool replace)
    {
        if (!options.Enabled || targets.IsEmpty)
        {
            return new(AdapterFault.Unsuitable, options.Enabled
                ? "The model takes no adapters. Build its folder with the model builder's --lora."
                : "This server takes no adapters. Start it with --enable-lora.");
        }

        if (Malformed(name, strength) is { } message)
        {
            return new(AdapterFault.Input, message);
        }

        var known = One(_served, name) is not null;
        if (known && !replace)
        {
            return new(
                AdapterFault.Input,
                $"The lora adapter '{name}' has already been loaded. If you want to load the adapter in place, set "
                + "'load_inplace' to True.");
        }

        if (!known && _served.Length >= options.MostLoaded)
        {
            return new(
                AdapterFault.Unsuitable,
                $"{_served.Length} adapters are loaded, which is the most. Unload one or start the server with a higher "
                + "--max-cpu-loras.");
        }

        return File.Exists(Path.Combine(path, PeftConfig.FileName)) ? null : new(
            AdapterFault.NotFound, $"Loading lora {name} failed: No adapter found for {path}");
    }

    private string? Malformed(string name, float strength)
    {
        if (name == model)
        {
            return $"'{name}' is the model itself; choose another lora_name.";
        }

        if (name.Length > LongestName || name.Any(char.IsControl))
        {
            return $"lora_name has {name.Length} characters; give at most {LongestName}, none of them control characters.";
        }

        return strength is >= 0 and <= 1 ? null : string.Create(
            CultureInfo.InvariantCulture, $"Its strength is {strength}; give a number from 0 to 1.");
    }

    private IEnumerable<AdapterSettings> InFolder()
    {
        if (options.Folder is not { } folder || !Directory.Exists(folder))
        {
            yield break;
        }

        foreach (var path in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(path);
            var text = options.StrengthOf(name);
            if (string.IsNullOrEmpty(text))
            {
                yield return new(name, path, 1);
            }
            else if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var strength))
            {
                yield return new(name, path, strength);
            }
            else
            {
                throw new ModelLoadException(
                    $"Adapter {name}: the environment variable {name} is '{text}'; give its strength from 0 to 1.");
            }
        }
    }

    private static AdapterShare? Share(ImmutableArray<ServedAdapter> served, string part)
    {
        if (part.Split('*', StringSplitOptions.TrimEntries) is not [var name, .. var rest] || rest.Length > 1
            || One(served, name) is not { } adapter)
        {
            return null;
        }

        if (rest is not [var text])
        {
            return adapter.Share;
        }

        return float.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var strength)
            && strength <= 1
            ? adapter.Share with { Strength = strength }
            : null;
    }

    private static ServedAdapter? One(ImmutableArray<ServedAdapter> served, string name) =>
        served.FirstOrDefault(adapter => adapter.Name == name);
}
