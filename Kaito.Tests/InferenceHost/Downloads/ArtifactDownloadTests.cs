using System.Text;
using System.Text.Json.Nodes;
using Kaito.InferenceHost.Downloads;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.InferenceHost.Downloads;

public sealed class ArtifactDownloadTests : IAsyncLifetime
{
    private readonly ScratchFolder _scratch = new();
    private FaultyRegistry _registry = null!;

    public async ValueTask InitializeAsync()
    {
        _registry = await FaultyRegistry.StartAsync();
        _registry.Files["genai_config.json"] = "{}"u8.ToArray();
        _registry.Files["model.onnx.data"] = new byte[5000];
    }

    [Fact]
    public async Task Fetch_Artifact_IsItsFilesByDigest()
    {
        var folder = await FetchAsync("v1");

        Assert.Equal("{}", await File.ReadAllTextAsync(Path.Combine(folder, "genai_config.json"), Stop));
        Assert.Equal(5000, (await File.ReadAllBytesAsync(Path.Combine(folder, "model.onnx.data"), Stop)).Length);
        Assert.Contains(_registry.Asked, static asked => asked.StartsWith("/v2/team/model/manifests/v1", StringComparison.Ordinal));
        _registry.Asked.Clear();

        Assert.Equal(folder, await FetchAsync("v1"));
        Assert.DoesNotContain(_registry.Asked, static asked => asked.Contains("/blobs/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Fetch_RegistryWithLogins_ShowsThemWhereTheTokenIsGivenOnly()
    {
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes("me:pass"));
        _registry.Login = basic;
        var refused = await Assert.ThrowsAsync<DownloadException>(() => FetchAsync("v1"));
        Assert.Contains("Check name, tag and login", refused.Message, StringComparison.Ordinal);
        var logins = new JsonObject
        {
            ["auths"] = new JsonObject { [_registry.Host] = new JsonObject { ["auth"] = basic } },
        };
        await File.WriteAllTextAsync(_scratch.Path("config.json"), logins.ToJsonString(), Stop);
        _registry.Asked.Clear();

        await FetchAsync("v1", _scratch.Root);

        Assert.All(_registry.Asked, asked => Assert.Equal(
            asked.StartsWith("/token", StringComparison.Ordinal), asked.Contains(basic, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Fetch_OtherBytesThanTheDigest_AreRefused()
    {
        _registry.Corrupt = true;

        var refused = await Assert.ThrowsAsync<DownloadException>(() => FetchAsync("v1"));

        Assert.Contains("right sum", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fetch_PinnedManifest_MustBeThatOne()
    {
        Assert.NotNull(await FetchAsync(null, digest: _registry.Digest));

        var refused = await Assert.ThrowsAsync<DownloadException>(
            () => FetchAsync(null, digest: "sha256:" + new string('0', 64)));

        Assert.Contains("Do not trust it", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../b")]
    public async Task Fetch_TitleThatLeadsAstray_IsRefused(string title)
    {
        _registry.Files[title] = [1];

        var refused = await Assert.ThrowsAsync<DownloadException>(() => FetchAsync("v1"));

        Assert.Contains("is none of files", refused.Message, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await _registry.DisposeAsync();
        _scratch.Dispose();
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<string> FetchAsync(string? tag, string? logins = null, string? digest = null)
    {
        using var http = WebGet.Client();
        var options = new DownloadOptions(_scratch.Path("cache"))
        {
            RegistryLogins = logins,
            Attempts = 2,
            Pause = TimeSpan.FromMilliseconds(1),
        };
        return await new ArtifactDownload(http, options, new(TimeProvider.System), TimeProvider.System, NullLogger.Instance)
            .FetchAsync(new(_registry.Host, "team/model", tag, digest), Stop);
    }
}
