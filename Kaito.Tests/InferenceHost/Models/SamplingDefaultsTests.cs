using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Models;
using Kaito.Tests.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Models;

public sealed class SamplingDefaultsTests(TinyModelFixture tiny)
{
    private static readonly SearchDefaults s_search = new(true, 0.6, 0.9, 40, 1.1, 2048);

    [Fact]
    public void From_SearchThatSamples_IsTaken() =>
        Assert.Equal(new(0.6f, 0.9f, 40, 0, 1.1f), SamplingDefaults.From(s_search, GenerationConfig.None));

    [Fact]
    public void From_SearchThatDoesNotSample_IsTheProtocolsDefault() =>
        Assert.Equal(
            new(1, 1, 0, 0, 1.1f), SamplingDefaults.From(s_search with { DoSample = false }, GenerationConfig.None));

    [Fact]
    public void From_Author_WinsFieldByField() =>
        Assert.Equal(
            new(0.2f, 0.9f, 0, 0.05f, 1.1f, 77),
            SamplingDefaults.From(
                s_search,
                GenerationConfig.None with { Temperature = 0.2, TopK = -1, MinP = 0.05, MaxNewTokens = 77 }));

    [Fact]
    public async Task Load_FolderWithGenerationConfig_TakesItsEndTokensAndSampling()
    {
        using var scratch = new ScratchFolder();
        foreach (var source in Directory.EnumerateFiles(tiny.Folder.Path))
        {
            File.Copy(source, scratch.Path(Path.GetFileName(source)));
        }

        await File.WriteAllTextAsync(
            scratch.Path("generation_config.json"),
            """{"do_sample":true,"temperature":0.25,"top_k":7,"eos_token_id":[3,5],"unknown":{}}""",
            TestContext.Current.CancellationToken);
        var loaded = ModelLoading.CreateLoader(new(scratch.Root, "m"), TimeProvider.System)();
        using var engine = loaded.Engine;

        Assert.Equal(new() { Temperature = 0.25f, TopK = 7 }, loaded.Model.Sampling);
        Assert.Superset(new HashSet<int>([3, 5, .. tiny.Folder.EosTokens]), loaded.Model.EndTokens.ToHashSet());
        Assert.Equal(
            ["configuration", "tokenizer", "engine", "self-test"],
            loaded.Report.Phases.Select(static phase => phase.Name));
        Assert.Equal("slot", loaded.Report.Engine);
    }
}
