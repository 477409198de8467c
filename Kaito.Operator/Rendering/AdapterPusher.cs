using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: a container beside the tuner that pushes the adapter as an image when it is there.</summary>
internal static class AdapterPusher
{
    private const string Secrets = "docker-config";
    private const string SecretsFolder = "/root/.docker";

    /// <summary>
    /// The tuner writes a file when it is done, and holds a lock while it lives: without lock and file there is nothing to
    /// wait for. The result is one layer with the folder <c>/data</c>.
    /// </summary>
    internal const string Script =
        """
        set -eu
        done="$KAITO_OUTPUT/fine_tuning_completed.txt"
        until [ -f "$done" ]; do
          if [ -f "$KAITO_STATE/started" ] && flock -n "$KAITO_STATE/lock" true && [ ! -f "$done" ]; then
            echo "the tuner ended without an adapter" >&2; exit 1
          fi
          sleep 1
        done
        work=$(mktemp -d); mkdir "$work/data"
        cp "$KAITO_OUTPUT/adapter_config.json" "$KAITO_OUTPUT/adapter_model.safetensors" "$work/data/"
        cd "$work"
        tar -cf layer.tar data
        digest=$(sha256sum layer.tar | cut -d ' ' -f 1)
        gzip -9 layer.tar
        printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$digest" > config.json
        oras push --oci-layout layout:adapter --annotation "sh.kaito.model.name=$KAITO_MODEL" \
          --config config.json:application/vnd.oci.image.config.v1+json \
          layer.tar.gz:application/vnd.oci.image.layer.v1.tar+gzip
        oras cp --from-oci-layout layout:adapter "$KAITO_IMAGE"
        rm -rf "$work"
        """;

    /// <param name="output">Where to push.</param>
    /// <param name="model">Name of the base model, for who reads the image.</param>
    /// <param name="folder">Where the tuner leaves the adapter.</param>
    /// <param name="volumes">The folder's volume, and the one that the tuner's lock is in.</param>
    public static Container Render(
        TuningOutput.Image output, string model, string folder, params ReadOnlySpan<VolumeMount> volumes) => new()
        {
            Name = "pusher",
            Image = "ghcr.io/oras-project/oras:v1.2.2",
            Command = ["/bin/sh", "-c", Script],
            Env =
            [
                new() { Name = "KAITO_IMAGE", Value = Normalized(output.Reference) },
                new() { Name = "KAITO_MODEL", Value = model },
                new() { Name = "KAITO_OUTPUT", Value = folder },
                new() { Name = "KAITO_STATE", Value = volumes[^1].MountPath },
            ],
            VolumeMounts = [.. volumes, new() { Name = Secrets, MountPath = SecretsFolder, ReadOnly = true }],
        };

    /// <summary>The registry's password.</summary>
    public static Volume Credentials(TuningOutput.Image output) =>
        Volume.FromSecrets(Secrets, (output.PushSecret, ".dockerconfigjson", "config.json"));

    /// <summary>As docker reads it: <c>a/b</c> is <c>docker.io/a/b:latest</c>.</summary>
    internal static string Normalized(string reference)
    {
        var slash = reference.IndexOf('/', StringComparison.Ordinal);
        var first = slash < 0 ? "" : reference[..slash];
        var isHost = first.Contains('.', StringComparison.Ordinal) || first.Contains(':', StringComparison.Ordinal)
            || first == "localhost";
        var name = isHost ? reference : slash < 0 ? $"docker.io/library/{reference}" : $"docker.io/{reference}";
        return name[(name.LastIndexOf('/') + 1)..].AsSpan().ContainsAny(':', '@') ? name : $"{name}:latest";
    }
}
