using System.Diagnostics;

namespace Kaito.Tests.Architecture;

public sealed class SourceTreeTests
{
    private const int MaxLines = 400;

    [Fact]
    public async Task CodeFile_IsAtMost400LinesLong()
    {
        var tooLong = (await TrackedFilesAsync("*.cs"))
            .Select(file => (file, lines: File.ReadLines(Repository.Path(file)).Count()))
            .Where(static entry => entry.lines > MaxLines)
            .Select(static entry => $"{entry.file}: {entry.lines}");

        Assert.Empty(tooLong);
    }

    [Fact]
    public async Task TrackedText_NamesNoMachinePathAndNoRegistryHost()
    {
        // Spelled apart, so that this file does not find itself.
        string[] banned = ["/wo" + "rk/", "api.nuget" + ".org", "registry.npmjs" + ".org", "deb.debian" + ".org"];
        var found = (await TrackedFilesAsync("*.cs", "*.md", "*.json", "*.yaml", "*.sh", "*.csproj", "*.props", "*.targets"))
            .Where(static file => !file.Contains("/Golden/", StringComparison.Ordinal))
            .SelectMany(file => banned
                .Where(word => File.ReadAllText(Repository.Path(file)).Contains(word, StringComparison.Ordinal))
                .Select(word => $"{file}: {word}"));

        Assert.Empty(found);
    }

    private static async Task<string[]> TrackedFilesAsync(params string[] patterns)
    {
        var start = new ProcessStartInfo("git", ["ls-files", "--", .. patterns])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
        };
        using var git = Process.Start(start)!;
        var output = await git.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await git.WaitForExitAsync(TestContext.Current.CancellationToken);
        var files = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEmpty(files);
        return [.. files.Where(file => File.Exists(Repository.Path(file)))];
    }
}
