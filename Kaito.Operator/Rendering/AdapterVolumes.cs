using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Preset = Kaito.Core.Workspaces.InferenceWorkload.Preset;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: how the adapters of a model come into its pods, each into the folder of its name.</summary>
internal sealed record AdapterVolumes
{
    private const string Folder = "/mnt/adapter";
    private const string Shared = "adapter-volume";
    private const int LongestPart = 31;

    /// <summary>Containers that unpack images before the model starts.</summary>
    public ImmutableArray<Container> Pullers { get; private init; } = [];

    public ImmutableArray<Volume> Volumes { get; private init; } = [];

    /// <summary>Mounts of the container that serves the model.</summary>
    public ImmutableArray<VolumeMount> Mounts { get; private init; } = [];

    public ImmutableArray<LocalReference> PullSecrets { get; private init; } = [];

    /// <summary>Where the files of an adapter are, in the container that serves the model.</summary>
    public static string Path(Adapter adapter) => $"{Folder}/{adapter.Name}";

    public static AdapterVolumes Of(Preset preset)
    {
        var images = preset.Adapters.Where(static a => IsImage(a)).ToImmutableArray();
        var folders = preset.Adapters.Where(static a => !IsImage(a)).ToImmutableArray();
        var shared = new VolumeMount { Name = Shared, MountPath = Folder };
        return new()
        {
            Pullers =
            [
                .. images.Select(a => ImagePuller.Render(
                    $"puller-{Part(a)}", a.Source.Image!, Path(a), shared, Credentials(a)?.Name)),
            ],
            Volumes =
            [
                .. images.IsEmpty ? [] : (ImmutableArray<Volume>)[Volume.FromEmptyDir(Shared)],
                .. images.Select(static a => Credentials(a)).OfType<Volume>(),
                .. folders.Select(static a => Volume.From(FolderName(a), (a.Source.VolumeSource ?? a.Source.Volume)!.Value)),
            ],
            Mounts =
            [
                .. images.IsEmpty ? [] : (ImmutableArray<VolumeMount>)[shared],
                .. folders.Select(static a => new VolumeMount { Name = FolderName(a), MountPath = Path(a) }),
            ],
            PullSecrets =
            [
                .. preset.Adapters.SelectMany(static a => Secrets(a)).Distinct()
                    .Select(static s => new LocalReference { Name = s }),
            ],
        };
    }

    private static bool IsImage(Adapter adapter) => adapter.Source.Image is { Length: > 0 };

    private static ImmutableArray<string> Secrets(Adapter adapter) => adapter.Source.ImagePullSecrets ?? [];

    private static string FolderName(Adapter adapter) => $"adapter-volume-{Part(adapter)}";

    private static Volume? Credentials(Adapter adapter) => IsImage(adapter) && !Secrets(adapter).IsEmpty
        ? ImagePuller.Credentials($"docker-config-{Part(adapter)}-inference-adapter", Secrets(adapter))
        : null;

    // The names of volumes and containers have no dots and at most 63 characters; those of adapters may.
    private static string Part(Adapter adapter) => adapter.Name.Length <= LongestPart && !adapter.Name.Contains('.')
        ? adapter.Name
        : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(adapter.Name)))[..12];
}
