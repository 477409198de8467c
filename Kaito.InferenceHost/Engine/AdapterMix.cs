using System.Collections.Immutable;
using System.Globalization;
using Kaito.ModelBuilder.Adapters;

namespace Kaito.InferenceHost.Engine;

/// <param name="Weights">What is added.</param>
/// <param name="Strength">Factor on it; 1 is as trained.</param>
internal readonly record struct AdapterShare(AdapterWeights Weights, float Strength);

/// <summary>The adapters that work on one sequence, together.</summary>
/// <param name="Shares">At least one, each of other weights.</param>
internal sealed record AdapterMix(ImmutableArray<AdapterShare> Shares)
{
    // Two sequences with the same key have the same keys and values for the same tokens.
    private readonly string _key = string.Join(';', Shares.OrderBy(static share => share.Weights.Id).Select(static share => string.Create(
        CultureInfo.InvariantCulture, $"{share.Weights.Id}*{share.Strength:R}")));

    /// <summary>Tells mixes apart without keeping their weights in memory; empty for none.</summary>
    public static string KeyOf(AdapterMix? mix) => mix?._key ?? "";
}
