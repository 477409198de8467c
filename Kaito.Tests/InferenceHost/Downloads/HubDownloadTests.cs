using Kaito.InferenceHost.Downloads;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.InferenceHost.Downloads;

public sealed class HubDownloadTests : IAsyncLifetime
{
    private const string Token = "hf_secret";

    private readonly ScratchFolder _scratch = new();
    private readonly byte[] _weights = [.. Enumerable.Range(0, 300_000).Select(static i => (byte)(i * 31 >> 3))];
    private FaultyHub _hub = null!;

    private string Cache => Path.Combine(_scratch.Root, "cache");

    public async ValueTask InitializeAsync()
    {
        _hub = await FaultyHub.StartAsync();
        _hub.Files["cpu/genai_config.json"] = "{}"u8.ToArray();
        _hub.Files["cpu/model.onnx.data"] = _weights;
        _hub.Files["cuda/genai_config.json"] = "{ }"u8.ToArray();
        _hub.Files["README.md"] = "hello"u8.ToArray();
        _hub.Small.UnionWith(["cpu/genai_config.json", "cuda/genai_config.json", "README.md"]);
    }

    [Fact]
    public async Task Fetch_Repository_FillsTheCacheAsItsOtherUsersDo()
    {
        var folder = await FetchAsync();

        var repository = Path.Combine(Cache, "models--org--name");
        Assert.Equal(Path.Combine(repository, "snapshots", FaultyHub.Commit, "cpu"), folder);
        Assert.Equal(_weights, await File.ReadAllBytesAsync(Path.Combine(folder, "model.onnx.data"), Stop));
        Assert.Equal(FaultyHub.Commit, await File.ReadAllTextAsync(Path.Combine(repository, "refs", "main"), Stop));
        Assert.Equal(
            Path.Combine("..", "..", "..", "blobs", FaultyHub.Sha256(_weights)),
            new FileInfo(Path.Combine(folder, "model.onnx.data")).LinkTarget);
        Assert.Equal(
            new[] { FaultyHub.GitHash("{}"u8.ToArray()), FaultyHub.Sha256(_weights) }.Order(),
            Directory.GetFiles(Path.Combine(repository, "blobs")).Select(static f => Path.GetFileName(f)).Order());
        Assert.False(Directory.Exists(Path.Combine(repository, "snapshots", FaultyHub.Commit, "cuda")));
    }

    [Fact]
    public async Task Fetch_ConnectionsThatBreak_GoOnWhereTheyBroke()
    {
        foreach (var fault in new[] { "none", "cut", "503", "cut" })
        {
            _hub.Faults.Enqueue(fault);
        }

        var folder = await FetchAsync();

        Assert.Equal(_weights, await File.ReadAllBytesAsync(Path.Combine(folder, "model.onnx.data"), Stop));
        Assert.Contains(_hub.Asked, static asked => asked.StartsWith("store", StringComparison.Ordinal)
            && asked.Contains("bytes=", StringComparison.Ordinal));
        Assert.Empty(Directory.GetFiles(Cache, "*.incomplete", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData(null, "bytes=1000-")]
    [InlineData("no-range", "bytes=1000-")]
    public async Task Fetch_PartOfAnEarlierRun_IsGoneOnWithOrBegunAnew(string? fault, string range)
    {
        var blobs = Directory.CreateDirectory(Path.Combine(Cache, "models--org--name", "blobs")).FullName;
        var part = Path.Combine(blobs, FaultyHub.Sha256(_weights) + ".incomplete");
        await File.WriteAllBytesAsync(part, _weights[..1000], Stop);
        if (fault is not null)
        {
            // The first file of the list is the small one.
            _hub.Faults.Enqueue("none");
            _hub.Faults.Enqueue(fault);
        }

        var folder = await FetchAsync();

        Assert.Equal(_weights, await File.ReadAllBytesAsync(Path.Combine(folder, "model.onnx.data"), Stop));
        Assert.Contains(_hub.Asked, asked => asked.Contains(range, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Fetch_WrongBytesOnce_AreFetchedAgain()
    {
        _hub.Faults.Enqueue("corrupt");

        var folder = await FetchAsync();

        Assert.Equal("{}", await File.ReadAllTextAsync(Path.Combine(folder, "genai_config.json"), Stop));
    }

    [Fact]
    public async Task Fetch_WrongBytesAlways_AreRefusedAndNotKept()
    {
        for (var i = 0; i < 20; i++)
        {
            _hub.Faults.Enqueue("corrupt");
        }

        var refused = await Assert.ThrowsAsync<DownloadException>(() => FetchAsync());

        Assert.Contains("right sum", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(
            Directory.GetFiles(Cache, "*", SearchOption.AllDirectories),
            static file => !file.EndsWith(".incomplete", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Fetch_Redirect_TakesTheTokenToNoOtherServer()
    {
        await FetchAsync();

        Assert.All(_hub.Asked, static asked => Assert.Equal(
            asked.StartsWith("hub", StringComparison.Ordinal), asked.EndsWith($"Bearer {Token}", StringComparison.Ordinal)));
        Assert.Contains(_hub.Asked, static asked => asked.StartsWith("store", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(401, "is not for the owner of HF_TOKEN", 1)]
    [InlineData(404, "has no revision main", 1)]
    [InlineData(503, "in 3 attempts", 3)]
    [InlineData(429, "in 3 attempts", 3)]
    public async Task Fetch_HubRefuses_SaysWhyAndHowOftenItWasAsked(int status, string said, int times)
    {
        _hub.ListStatus = status;

        var refused = await Assert.ThrowsAsync<DownloadException>(() => FetchAsync());

        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Token, refused.ToString(), StringComparison.Ordinal);
        Assert.Equal(times, _hub.Asked.Count);
    }

    [Theory]
    [InlineData("""{"sha":"0123456789abcdef0123456789abcdef01234567","siblings":[{"rfilename":"../../genai_config.json","size":1,"blobId":"0123456789abcdef0123456789abcdef01234567"}]}""")]
    [InlineData("""{"sha":"../../../../x","siblings":[{"rfilename":"genai_config.json","size":1,"blobId":"0123456789abcdef0123456789abcdef01234567"}]}""")]
    [InlineData("""{"sha":"0123456789abcdef0123456789abcdef01234567","siblings":[{"rfilename":"genai_config.json","size":1,"blobId":"../../x"}]}""")]
    [InlineData("""{"sha":"0123456789abcdef0123456789abcdef01234567","siblings":[]}""")]
    [InlineData("<html>")]
    [InlineData("{}")]
    public async Task Fetch_ListThatLeadsAstray_IsRefused(string listing)
    {
        _hub.Listing = listing;

        var refused = await Assert.ThrowsAsync<DownloadException>(() => FetchAsync());

        Assert.StartsWith("The list of files of org/name is ", refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Cache));
    }

    [Fact]
    public async Task Fetch_MoreThanTheDiskHas_IsRefusedBeforeAnythingIsWritten()
    {
        _hub.Listing = $$"""
            {"sha":"{{FaultyHub.Commit}}","siblings":[{"rfilename":"genai_config.json","size":1152921504606846976,
             "blobId":"{{FaultyHub.Commit}}"}]}
            """;

        var refused = await Assert.ThrowsAsync<DownloadException>(() => FetchAsync());

        Assert.Contains("needs 1152921504606846976 more bytes", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Cache, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Fetch_DiskThatFillsUp_IsSaidAndNoPartCountsAsTheFile()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "A device that is always full is needed.");
        var blobs = Directory.CreateDirectory(Path.Combine(Cache, "models--org--name", "blobs")).FullName;
        var whole = Path.Combine(blobs, FaultyHub.Sha256(_weights));
        File.CreateSymbolicLink(whole + ".incomplete", "/dev/full");

        var refused = await Assert.ThrowsAsync<DownloadException>(() => FetchAsync());

        Assert.StartsWith($"The disk of {whole} is full at byte ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(" of cpu/model.onnx.data. Give the folder of models more room", refused.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(whole));
        Assert.Single(_hub.Asked, static asked => asked.StartsWith("store", StringComparison.Ordinal));

        File.Delete(whole + ".incomplete");
        var folder = await FetchAsync();

        Assert.Equal(_weights, await File.ReadAllBytesAsync(Path.Combine(folder, "model.onnx.data"), Stop));
    }

    [Fact]
    public async Task Fetch_Offline_TakesWhatIsThereAndAsksNobody()
    {
        var missing = await Assert.ThrowsAsync<DownloadException>(() => FetchAsync(offline: true));
        Assert.Contains("HF_HUB_OFFLINE", missing.Message, StringComparison.Ordinal);
        Assert.Empty(_hub.Asked);
        var folder = await FetchAsync();
        _hub.Asked.Clear();

        Assert.Equal(folder, await FetchAsync(offline: true));
        Assert.Equal(folder, await FetchAsync(offline: true, revision: FaultyHub.Commit));
        Assert.Empty(_hub.Asked);
    }

    [Fact]
    public async Task Fetch_Again_AsksForTheListOnly()
    {
        await FetchAsync();
        _hub.Asked.Clear();

        await FetchAsync();

        Assert.Equal($"hub /api/models/org/name/revision/main  Bearer {Token}", Assert.Single(_hub.Asked));
    }

    [Fact]
    public async Task Fetch_PinnedRevision_IsTheOneThatIsAskedFor()
    {
        await FetchAsync(revision: FaultyHub.Commit);

        Assert.StartsWith($"hub /api/models/org/name/revision/{FaultyHub.Commit}", _hub.Asked.First(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(Cache, "models--org--name", "refs")));
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        _scratch.Dispose();
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<string> FetchAsync(bool offline = false, string revision = "main")
    {
        using var http = WebGet.Client();
        var options = new DownloadOptions(Cache)
        {
            Endpoint = _hub.Address,
            Token = Token,
            Offline = offline,
            Attempts = 3,
            Pause = TimeSpan.FromMilliseconds(1),
        };
        return await new HubDownload(http, options, new(TimeProvider.System), TimeProvider.System, NullLogger.Instance)
            .FetchAsync(new("org/name", revision), Stop);
    }
}
