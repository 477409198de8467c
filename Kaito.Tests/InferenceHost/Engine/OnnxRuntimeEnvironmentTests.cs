using System.Diagnostics;
using Kaito.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Engine;

public sealed class OnnxRuntimeEnvironmentTests(TinyModelFixture tiny) : IDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("kaito-home-");

    public void Dispose() => _home.Delete(recursive: true);

    /// <summary>The child process of the next test; on its own it only shows that both engines load.</summary>
    [Fact]
    public void Load_BothEngines_Succeeds()
    {
        using var slots = SlotEngine.Load(tiny.Folder, new() { Threads = 1 });
        using var genai = GenAiEngine.Load(tiny.Folder, new() { Threads = 1 });

        Assert.Equal(EngineRun.Alone(genai, Sequence()), EngineRun.Alone(slots, Sequence()));
    }

    [Fact]
    public async Task DisableTelemetry_ProcessThatRunsModels_LeavesNoFileInItsHome()
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Kaito.Tests"))
        {
            ArgumentList = { "-method", $"{typeof(OnnxRuntimeEnvironmentTests)}.{nameof(Load_BothEngines_Succeeds)}" },
            WorkingDirectory = _home.FullName,
            RedirectStandardOutput = true,
        };
        foreach (var name in new[] { "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME" })
        {
            start.Environment[name] = _home.FullName;
        }

        start.Environment.Remove("ORT_DISABLE_TELEMETRY");
        start.Environment[NativeTelemetry.LeftToProduct] = "1";
        using var child = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(1));
        string output;
        try
        {
            output = await child.StandardOutput.ReadToEndAsync(limit.Token);
            await child.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            child.Kill(entireProcessTree: true);
            throw;
        }

        Assert.Contains("Total: 1,", output, StringComparison.Ordinal);
        Assert.Equal(0, child.ExitCode);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_home.FullName, "*", SearchOption.AllDirectories));
    }

    private EngineSequence Sequence() => EngineRun.Greedy(1, 10, 5, tiny.Folder.VocabularySize);
}
