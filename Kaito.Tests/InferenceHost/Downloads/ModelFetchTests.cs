using Kaito.InferenceHost.Downloads;
using Kaito.InferenceHost.Models;
using Kaito.Tests.InferenceHost.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.InferenceHost.Downloads;

/// <summary>From the name of a repository to answers.</summary>
public sealed class ModelFetchTests(TinyModelFixture tiny) : IAsyncLifetime
{
    private readonly ScratchFolder _scratch = new();
    private FaultyHub _hub = null!;

    public async ValueTask InitializeAsync() => _hub = await FaultyHub.StartAsync();

    [Fact]
    public async Task Host_NamedARepository_ServesIt()
    {
        Publish(tiny.Folder.Path);
        _hub.Faults.Enqueue("cut");
        var options = InferenceHostFixture.Options with { Source = new ModelSource.Repository("org/name", "main") };

        await using var host = await InferenceHostFixture.StartAsync(
            ModelLoading.CreateLoader(options, Fetch, TimeProvider.System), options);
        var (status, body) = await host.PostAsync("/v1/completions", """{"prompt":"hello","max_tokens":3}""");

        Assert.True(status == 200, body);
        Assert.Contains(FaultyHub.Commit, (await host.GetAsync("/v1/models")).Body, StringComparison.Ordinal);
        Assert.Contains("\nkaito_model_download_remaining_seconds 0\n", (await host.GetAsync("/metrics")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public void Fetch_Checkpoint_IsConvertedOnce()
    {
        Publish(Repository.Path("Kaito.Tests", "InferenceHost", "Embeddings", "Golden", "bert"));
        _hub.Files["tokenizer.json"] = File.ReadAllBytes(
            Repository.Path("Kaito.Tests", "Tokenization", "Golden", "bert-uncased", "tokenizer.json"));

        var folder = Fetch();

        Assert.EndsWith(Path.Combine("kaito", FaultyHub.Commit), folder, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(folder, "model.onnx")));
        var written = File.GetLastWriteTimeUtc(Path.Combine(folder, "model.onnx"));
        Assert.Equal(folder, Fetch());
        Assert.Equal(written, File.GetLastWriteTimeUtc(Path.Combine(folder, "model.onnx")));
    }

    [Fact]
    public void Host_ModelThatCannotBeHad_EndsWithTheReason()
    {
        _hub.ListStatus = 404;
        var options = InferenceHostFixture.Options with { Source = new ModelSource.Repository("org/name", "main") };

        var failed = Assert.Throws<ModelLoadException>(() =>
            ModelLoading.CreateLoader(options, Fetch, TimeProvider.System)());

        Assert.Contains("org/name has no revision main", failed.Message, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        _scratch.Dispose();
    }

    private void Publish(string folder)
    {
        foreach (var file in Directory.GetFiles(folder))
        {
            _hub.Files[Path.GetFileName(file)] = File.ReadAllBytes(file);
        }

        _hub.Small.UnionWith(_hub.Files.Keys.Where(static name => name.EndsWith(".json", StringComparison.Ordinal)));
    }

    private string Fetch() => new ModelFetch(
        new(_scratch.Path("cache")) { Endpoint = _hub.Address, Attempts = 3, Pause = TimeSpan.FromMilliseconds(1) },
        new(TimeProvider.System), TimeProvider.System, NullLogger.Instance)
        .Fetch(new ModelSource.Repository("org/name", "main"), TestContext.Current.CancellationToken);
}
