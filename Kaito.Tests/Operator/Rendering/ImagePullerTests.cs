using System.Diagnostics;
using Kaito.Operator.Rendering;

namespace Kaito.Tests.Operator.Rendering;

public sealed class ImagePullerTests : IDisposable
{
    // A registry of one image: the folder IMAGE; with PASSWORD set it wants a file of credentials that has it.
    private const string Skopeo =
        """
        #!/bin/sh
        for last; do :; done
        if [ "$1" = inspect ]; then cat "${last#dir:}/layers"; exit 0; fi
        if [ -n "$PASSWORD" ] && ! { [ "$4" = --authfile ] && grep -q "$PASSWORD" "$5"; }; then exit 1; fi
        cp -R "$IMAGE" "${last#dir:}"
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("puller").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData("p4ss")]
    public void Script_TwoLayers_LeavesTheFilesOfTheUpperOne(string password)
    {
        Layer("a", ("data/adapter_config.json", "old"), ("data/gone", "x"), ("data/sub/gone", "x"), ("etc/other", "x"));
        Layer(
            "b", ("data/adapter_config.json", "new"), ("data/.wh.gone", ""), ("data/sub/.wh..wh..opq", ""),
            ("data/sub/kept", "y"));
        Write("secrets/one.json", "wrong");
        Write("secrets/two.json", "p4ss");
        Write("target/left-over", "from the run before");

        var (code, said) = Run(password);

        Assert.True(code == 0, said);
        Assert.Equal(
            ["adapter_config.json", "sub/kept"],
            Directory.EnumerateFiles(Path.Combine(_folder, "target"), "*", SearchOption.AllDirectories)
                .Select(f => Path.GetRelativePath(Path.Combine(_folder, "target"), f)).Order(StringComparer.Ordinal));
        Assert.Equal("new", File.ReadAllText(Path.Combine(_folder, "target", "adapter_config.json")));
    }

    [Fact]
    public void Script_NoPasswordFits_SaysWhichImageAndFails()
    {
        Layer("a", ("data/x", ""));

        var (code, said) = Run("p4ss");

        Assert.Equal(1, code);
        Assert.Contains("registry.example.com/poet:1 could not be pulled", said, StringComparison.Ordinal);
    }

    [Fact]
    public void Script_ImageWithoutData_SaysSoAndFails()
    {
        Layer("a", ("etc/x", ""));

        var (code, said) = Run("");

        Assert.Equal(1, code);
        Assert.Contains("has no folder /data", said, StringComparison.Ordinal);
    }

    private void Write(string path, string text)
    {
        var file = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private void Layer(string digest, params ReadOnlySpan<(string Path, string Text)> files)
    {
        foreach (var (path, text) in files)
        {
            Write($"layer-{digest}/{path}", text);
        }

        Directory.CreateDirectory(Path.Combine(_folder, "image"));
        Execute("tar", "-cf", Path.Combine(_folder, "image", digest), "-C", Path.Combine(_folder, $"layer-{digest}"), ".");
        File.AppendAllText(Path.Combine(_folder, "image", "layers"), $"sha256:{digest}\n");
    }

    private (int Code, string Said) Run(string password)
    {
        Write("bin/skopeo", Skopeo);
        Execute("chmod", "+x", Path.Combine(_folder, "bin", "skopeo"));
        Directory.CreateDirectory(Path.Combine(_folder, "secrets"));
        return Execute("/bin/sh", "-c", ImagePuller.Script);

        (int, string) Execute(string program, params string[] arguments) => this.Execute(program, arguments, new()
        {
            ["PATH"] = $"{Path.Combine(_folder, "bin")}:{Environment.GetEnvironmentVariable("PATH")}",
            ["TMPDIR"] = _folder,
            ["IMAGE"] = Path.Combine(_folder, "image"),
            ["PASSWORD"] = password,
            ["KAITO_IMAGE"] = "registry.example.com/poet:1",
            ["KAITO_TARGET"] = Path.Combine(_folder, "target"),
            ["KAITO_PULL_SECRETS"] = Path.Combine(_folder, "secrets"),
        });
    }

    private void Execute(string program, params string[] arguments) =>
        Assert.Equal(0, Execute(program, arguments, []).Code);

    private (int Code, string Said) Execute(string program, string[] arguments, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, WorkingDirectory = _folder };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var said = process.StandardError.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30)));
        return (process.ExitCode, said);
    }
}
