using System.Collections.Immutable;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: an init container that downloads files into a volume.</summary>
internal static class DataDownloader
{
    /// <summary>
    /// Each file three times before it gives up; the name is the last part of the path. The addresses come in a variable:
    /// nothing that a user wrote is part of the script.
    /// </summary>
    internal const string Script =
        """
        set -f
        fetch() {
          code=$(curl -sSL --proto =http,https --proto-redir =http,https -o "$2" -w '%{http_code}' -- "$1") || return 1
          [ "$code" = 200 ] && [ -s "$2" ]
        }
        for url in $DATA_URLS; do
          path=${url%%[?#]*}; name=${path##*/}
          case "$name" in ''|.|..) echo "$url names no file" >&2; exit 1 ;; esac
          try=1
          until fetch "$url" "$DATA_VOLUME_PATH/$name"; do
            if [ "$try" -ge 3 ]; then echo "$url could not be downloaded (status ${code:-none})" >&2; exit 1; fi
            try=$((try + 1)); sleep "${KAITO_PAUSE:-2}"
          done
        done
        """;

    /// <param name="addresses">Checked addresses.</param>
    /// <param name="target">An absolute folder of the volume.</param>
    /// <param name="volume">Where the files go.</param>
    public static Container Render(ImmutableArray<Uri> addresses, string target, VolumeMount volume) => new()
    {
        Name = "data-downloader",
        Image = "curlimages/curl:8.11.1",
        Command = ["/bin/sh", "-c", Script],
        Env =
        [
            new() { Name = "DATA_URLS", Value = string.Join(' ', addresses.Select(static a => a.AbsoluteUri)) },
            new() { Name = "DATA_VOLUME_PATH", Value = target },
        ],
        VolumeMounts = [volume],
        SecurityContext = InferenceWorkload.Confined,
    };
}
