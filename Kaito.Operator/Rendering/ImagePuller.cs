using System.Collections.Immutable;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: an init container that unpacks the folder <c>/data</c> of an image into a volume.</summary>
internal static class ImagePuller
{
    private const string CredentialsFolder = "/mnt/pull-secrets";
    private const string Key = ".dockerconfigjson";

    /// <summary>
    /// The image, the target and the credentials come in variables: nothing that a user wrote is part of the script.
    /// Layers lie over each other as in a container, deleted files included.
    /// </summary>
    internal const string Script =
        """
        set -eu
        work=$(mktemp -d)
        pull() { rm -rf "$work/image"; skopeo copy --quiet --dest-decompress "$@" "docker://$KAITO_IMAGE" "dir:$work/image"; }
        pulled=no
        if pull; then pulled=yes; fi
        for file in "$KAITO_PULL_SECRETS"/*.json; do
          if [ "$pulled" = no ] && [ -f "$file" ] && pull --authfile "$file"; then pulled=yes; fi
        done
        if [ "$pulled" = no ]; then echo "$KAITO_IMAGE could not be pulled" >&2; exit 1; fi
        mkdir -p "$work/root"
        skopeo inspect --format '{{range .Layers}}{{println .}}{{end}}' "dir:$work/image" > "$work/layers"
        while read -r digest; do
          [ -n "$digest" ] || continue
          layer="$work/image/${digest#*:}"
          tar -tf "$layer" | { grep -E '(^|/)\.wh\.' || true; } > "$work/deleted"
          while read -r entry; do
            case "/$entry/" in */../*) continue ;; esac
            folder="$work/root/$(dirname "$entry")"; name=$(basename "$entry")
            if [ "$name" = .wh..wh..opq ]; then rm -rf "$folder"; else rm -rf "$folder/${name#.wh.}"; fi
          done < "$work/deleted"
          tar -xf "$layer" -C "$work/root" --no-same-owner --no-same-permissions --exclude='.wh.*'
        done < "$work/layers"
        if [ ! -d "$work/root/data" ]; then echo "$KAITO_IMAGE has no folder /data" >&2; exit 1; fi
        rm -rf "${KAITO_TARGET:?}"/* "$KAITO_TARGET"/.[!.]*
        mkdir -p "$KAITO_TARGET"
        cp -R "$work/root/data/." "$KAITO_TARGET/"
        rm -rf "$work"
        """;

    /// <param name="name">Of the container.</param>
    /// <param name="image">A checked image reference.</param>
    /// <param name="target">An absolute folder below the volume.</param>
    /// <param name="volume">Where the files go.</param>
    /// <param name="credentials">The volume of <see cref="Credentials"/>; null to pull as anybody.</param>
    public static Container Render(
        string name, string image, string target, VolumeMount volume, string? credentials) => new()
        {
            Name = name,
            Image = "mcr.microsoft.com/aks/skopeo:1.14.4-6",
            Command = ["/bin/sh", "-c", Script],
            Env =
            [
                new() { Name = "KAITO_IMAGE", Value = image },
                new() { Name = "KAITO_TARGET", Value = target },
                new() { Name = "KAITO_PULL_SECRETS", Value = CredentialsFolder },
                new() { Name = "HOME", Value = "/tmp" },
            ],
            VolumeMounts = credentials is { } given
                ? [volume, new() { Name = given, MountPath = CredentialsFolder, ReadOnly = true }]
                : [volume],
            SecurityContext = InferenceWorkload.Confined,
        };

    /// <summary>The registries' passwords, one file per Secret.</summary>
    public static Volume Credentials(string name, ImmutableArray<string> secrets) =>
        Volume.FromSecrets(name, secrets.Select(static s => (s, Key, $"{s}.json")));
}
