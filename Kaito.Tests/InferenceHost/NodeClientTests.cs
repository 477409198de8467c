using System.Diagnostics;

namespace Kaito.Tests.InferenceHost;

/// <summary>The official client for Node against the real host.</summary>
public sealed class NodeClientTests
{
    private static readonly string s_folder = Repository.Path("Kaito.Tests", "InferenceHost", "NodeClient");

    [Fact]
    public async Task Flows_OfTheNpmClient_Hold()
    {
        Assert.SkipWhen(
            !LocalRun.OnPath("npm") && Environment.GetEnvironmentVariable("KAITO_STRICT") != "1", "npm is not on the PATH.");
        using var scratch = new ScratchFolder();
        foreach (var file in Directory.EnumerateFiles(s_folder))
        {
            File.Copy(file, scratch.Path(Path.GetFileName(file)));
        }

        var (installed, said) = await RunAsync(scratch.Root, "npm", "ci", "--no-audit", "--no-fund");
        Assert.True(installed == 0, said);
        using var engine = new ScriptedEngine(context: 1024);
        await using var host = await InferenceHostFixture.StartAsync(() => ScriptedEngine.Load(engine));

        var (code, output) = await RunAsync(
            scratch.Root, "node", "flows.mjs", host.Client.BaseAddress!.ToString().TrimEnd('/'));

        Assert.True(code == 0, output);
        Assert.Equal(11, output.Split('\n').Count(static line => line.EndsWith(": ok", StringComparison.Ordinal)));
    }

    private static async Task<(int Code, string Output)> RunAsync(string folder, string program, params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(program, args)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(3));
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return (process.ExitCode, await output + await errors);
    }
}
