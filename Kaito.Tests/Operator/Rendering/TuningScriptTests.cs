using System.Diagnostics;
using System.Security.Cryptography;
using Kaito.Operator.Rendering;

namespace Kaito.Tests.Operator.Rendering;

/// <summary>The scripts around upstream's tuner, run by a shell with stand-ins for the tools that need a network.</summary>
public sealed class TuningScriptTests : IDisposable
{
    private const string Oras =
        """
        #!/bin/sh
        echo "$@" >> "$LOG"
        if [ "$1" = push ]; then cp config.json layer.tar.gz "$KEEP/"; fi
        """;

    // curl -o FILE ... URL: the file is what the test says, the status too.
    private const string Curl =
        """
        #!/bin/sh
        for last; do :; done
        echo "$last" >> "$LOG"
        while [ $# -gt 1 ]; do if [ "$1" = -o ]; then printf '%s' "$BODY" > "$2"; fi; shift; done
        printf '%s' "$STATUS"
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("tuning").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Pusher_AdapterIsThere_PushesOneLayerWithItsDigest()
    {
        Write("out/adapter_config.json", "{}");
        Write("out/adapter_model.safetensors", "weights");
        Write("out/checkpoint/large", "not pushed");
        Write("out/fine_tuning_completed.txt", "Fine-Tuning completed");

        var (code, said) = Run(AdapterPusher.Script, []);

        Assert.True(code == 0, said);
        Run("gzip -d \"$KEEP/layer.tar.gz\" && tar -C \"$KEEP\" -xf \"$KEEP/layer.tar\"", []);
        Assert.Equal(
            ["data/adapter_config.json", "data/adapter_model.safetensors"],
            Directory.EnumerateFiles(Path.Combine(_folder, "keep", "data")).Order(StringComparer.Ordinal)
                .Select(f => Path.GetRelativePath(Path.Combine(_folder, "keep"), f)));
        var digest = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(_folder, "keep", "layer.tar"))));
        Assert.Contains($"\"diff_ids\":[\"sha256:{digest}\"]", Read("keep/config.json"), StringComparison.Ordinal);
        Assert.Equal(
            "push --oci-layout layout:adapter --annotation sh.kaito.model.name=phi-4 "
            + "--config config.json:application/vnd.oci.image.config.v1+json "
            + "layer.tar.gz:application/vnd.oci.image.layer.v1.tar+gzip\n"
            + "cp --from-oci-layout layout:adapter registry.example.com/out:1\n",
            Read("log"));
    }

    [Fact]
    public void Pusher_TunerEndedWithoutAnAdapter_Fails()
    {
        Write("state/started", "");
        Write("state/lock", "");

        var (code, said) = Run(AdapterPusher.Script, []);

        Assert.Equal(1, code);
        Assert.Contains("the tuner ended without an adapter", said, StringComparison.Ordinal);
    }

    [Fact]
    public void Downloader_Files_AreNamedByTheLastPartOfThePath()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "data"));

        var (code, said) = Run(DataDownloader.Script, new()
        {
            ["DATA_URLS"] = "https://example.com/d/a.csv?token=x#y https://example.com/b%20*.json",
            ["STATUS"] = "200",
            ["BODY"] = "rows",
        });

        Assert.True(code == 0, said);
        Assert.Equal(["a.csv", "b%20*.json"], Directory.EnumerateFiles(Path.Combine(_folder, "data"))
            .Select(static f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("404", "rows", "https://example.com/a.csv could not be downloaded (status 404)", 3)]
    [InlineData("200", "", "could not be downloaded", 3)]
    [InlineData("200", "rows", "https://example.com/ names no file", 0)]
    public void Downloader_Refused_TriesThreeTimesAndFails(string status, string body, string message, int tries)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "data"));

        var (code, said) = Run(DataDownloader.Script, new()
        {
            ["DATA_URLS"] = tries == 0 ? "https://example.com/" : "https://example.com/a.csv",
            ["STATUS"] = status,
            ["BODY"] = body,
        });

        Assert.Equal(1, code);
        Assert.Contains(message, said, StringComparison.Ordinal);
        Assert.Equal(tries, File.Exists(Path.Combine(_folder, "log")) ? Read("log").Count(static c => c == '\n') : 0);
    }

    private string Read(string path) => File.ReadAllText(Path.Combine(_folder, path));

    private void Write(string path, string text)
    {
        var file = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private (int Code, string Said) Run(string script, Dictionary<string, string> environment)
    {
        foreach (var (name, text) in (ReadOnlySpan<(string, string)>)[("oras", Oras), ("curl", Curl)])
        {
            Write($"bin/{name}", text);
            using var chmod = Process.Start("chmod", ["+x", Path.Combine(_folder, "bin", name)]);
            Assert.True(chmod.WaitForExit(TimeSpan.FromSeconds(30)));
        }

        Directory.CreateDirectory(Path.Combine(_folder, "keep"));
        var start = new ProcessStartInfo("/bin/sh", ["-c", script]) { RedirectStandardError = true };
        foreach (var (name, value) in environment.Concat(new Dictionary<string, string>
        {
            ["PATH"] = $"{Path.Combine(_folder, "bin")}:{Environment.GetEnvironmentVariable("PATH")}",
            ["TMPDIR"] = _folder,
            ["LOG"] = Path.Combine(_folder, "log"),
            ["KEEP"] = Path.Combine(_folder, "keep"),
            ["KAITO_PAUSE"] = "0",
            ["KAITO_OUTPUT"] = Path.Combine(_folder, "out"),
            ["KAITO_STATE"] = Path.Combine(_folder, "state"),
            ["KAITO_IMAGE"] = "registry.example.com/out:1",
            ["KAITO_MODEL"] = "phi-4",
            ["DATA_VOLUME_PATH"] = Path.Combine(_folder, "data"),
        }))
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var said = process.StandardError.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30)));
        return (process.ExitCode, said);
    }
}
