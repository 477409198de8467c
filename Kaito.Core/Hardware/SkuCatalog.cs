using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.Core.Hardware;

/// <summary>The instance types of one cloud, upper and lower case being the same.</summary>
public sealed class SkuCatalog
{
    private readonly ImmutableSortedDictionary<string, GpuSku> _skus;

    private SkuCatalog(string cloud, IEnumerable<GpuSku> skus)
    {
        Cloud = cloud;
        _skus = skus.ToImmutableSortedDictionary(static s => s.Name, static s => s, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>Names of the clouds that have a table.</summary>
    public static ImmutableArray<string> Clouds { get; } = ["azure", "aws", "arc"];

    /// <summary>Microsoft Azure.</summary>
    public static SkuCatalog Azure => s_azure.Value;

    /// <summary>Amazon Web Services.</summary>
    public static SkuCatalog Aws => s_aws.Value;

    /// <summary>Azure Local.</summary>
    public static SkuCatalog Arc => s_arc.Value;

    /// <summary>The table's cloud, one of <see cref="Clouds"/>.</summary>
    public string Cloud { get; }

    /// <summary>Every instance type, by name.</summary>
    public IEnumerable<GpuSku> Skus => _skus.Values;

    private static readonly Lazy<SkuCatalog> s_azure = new(static () => ReadEmbedded("azure"));
    private static readonly Lazy<SkuCatalog> s_aws = new(static () => ReadEmbedded("aws"));
    private static readonly Lazy<SkuCatalog> s_arc = new(static () => ReadEmbedded("arc"));

    /// <summary>The table of a cloud, as the environment variable CLOUD_PROVIDER names it.</summary>
    public static bool TryForCloud(string cloud, [NotNullWhen(true)] out SkuCatalog? skus)
    {
        skus = cloud switch { "azure" => Azure, "aws" => Aws, "arc" => Arc, _ => null };
        return skus is not null;
    }

    /// <summary>Looks an instance type up.</summary>
    public bool TryFind(string instanceType, [NotNullWhen(true)] out GpuSku? sku) =>
        _skus.TryGetValue(instanceType, out sku);

    /// <summary>At most three instance types that a user may have meant, the best first.</summary>
    public ImmutableArray<string> Nearest(string instanceType) => NearestNames.Of(instanceType, _skus.Keys);

    private static SkuCatalog ReadEmbedded(string cloud)
    {
        using var stream = typeof(SkuCatalog).Assembly.GetManifestResourceStream($"skus.{cloud}.json")
            ?? throw new InvalidOperationException($"The assembly lacks skus.{cloud}.json.");
        var entries = JsonSerializer.Deserialize(stream, SkuJson.Default.ImmutableArraySkuEntry);
        return new(cloud, entries.Select(static entry => entry.ToSku()));
    }
}

/// <summary>One row of skus.*.json; memory is a Kubernetes quantity in Gi.</summary>
internal sealed record SkuEntry(
    string Name,
    int Gpus,
    string GpuMemory,
    string GpuModel,
    bool Nvme,
    string? ComputeCapability = null,
    bool Legacy = false)
{
    public GpuSku ToSku() => new()
    {
        Name = Name,
        Gpus = Gpus,
        GpuMemory = ByteSize.ParseGi(GpuMemory),
        GpuModel = GpuModel,
        Nvme = Nvme,
        ComputeCapability = ComputeCapability is null ? null : Version.Parse(ComputeCapability),
        Legacy = Legacy,
    };
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ImmutableArray<SkuEntry>))]
internal sealed partial class SkuJson : JsonSerializerContext;
