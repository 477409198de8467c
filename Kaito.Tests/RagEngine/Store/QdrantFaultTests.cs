using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Kaito.RagEngine.Embedding;
using Kaito.RagEngine.Store;
using Kaito.Tests.RagEngine.Store.Qdrants;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.RagEngine.Store;

/// <summary>What the Qdrant store says when something is wrong.</summary>
public sealed class QdrantFaultTests
{
    private const string Key = "s3cret-key";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Key_Right_IsAccepted()
    {
        await using var server = await QdrantServer.StartAsync(apiKey: Key);
        await using var store = await QdrantStores.OpenAsync(server, new() { StoreKey = Key });

        Assert.Null(await store.ProbeAsync(Cancelled));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("an0ther-key")]
    public async Task Key_WrongOrMissing_NamesTheSettingAndNotTheKey(string? key)
    {
        await using var server = await QdrantServer.StartAsync(apiKey: Key);
        await using var store = QdrantStores.On(server, new() { StoreKey = key });

        var refused = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(Cancelled));

        Assert.Contains("VECTOR_DB_ACCESS_SECRET", refused.Message, StringComparison.Ordinal);
        Assert.Contains("VECTOR_DB_ACCESS_SECRET", await store.ProbeAsync(Cancelled), StringComparison.Ordinal);
        Assert.DoesNotContain(key ?? Key, refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_InEveryFailure_IsNeverLogged()
    {
        var log = new KeptLog();
        await using var server = await QdrantServer.StartAsync(apiKey: Key);
        server.Interfere = (_, call) => call % 2 == 0 ? Trouble.Away : Trouble.None;
        using var loggers = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(log));
        await using var store = QdrantStores.On(server, new() { StoreKey = Key }, loggers: loggers);
        await store.OpenAsync(Cancelled);
        await store.TryCreateAsync(Description("one"), [Document("a")], Cancelled);

        Assert.NotEmpty(log.Lines);
        Assert.DoesNotContain(log.Lines, static line => line.Contains(Key, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Server_AwayAtTheStart_IsWaitedFor()
    {
        var port = 0;
        await using (var probe = await QdrantServer.StartAsync())
        {
            port = probe.Address.Port;
        }

        await using var store = QdrantStores.On(new Uri($"http://127.0.0.1:{port}"));
        await store.OpenAsync(Cancelled);

        var away = await Assert.ThrowsAsync<StoreException>(async () => await store.ListAsync(Cancelled));
        Assert.True(away.Unavailable);
        Assert.Contains("VECTOR_DB_URL", away.Message, StringComparison.Ordinal);
        Assert.Contains("cannot be reached", await store.ProbeAsync(Cancelled), StringComparison.Ordinal);

        await using var server = await QdrantServer.StartAsync(port: port);
        Assert.Empty(await store.ListAsync(Cancelled));
        Assert.Null(await store.ProbeAsync(Cancelled));
    }

    [Fact]
    public async Task Server_GoneMidCall_IsAskedAgainAndStoresOnce()
    {
        await using var server = await QdrantServer.StartAsync();
        await using var store = await QdrantStores.OpenAsync(server);
        await store.TryCreateAsync(Description("one"), [Document("a")], Cancelled);
        var cuts = 0;
        server.Interfere = (method, _) => method.EndsWith("/Upsert", StringComparison.Ordinal) && cuts++ < 2
            ? cuts == 1 ? Trouble.CutBefore : Trouble.CutAfter
            : Trouble.None;
        await store.AddAsync("one", [Document("b")], Cancelled);

        Assert.Equal(3, cuts);
        Assert.Equal(2, (await store.PageAsync("one", MetadataFilter.None, 0, 10, Cancelled))!.Total);
    }

    [Fact]
    public async Task Server_Silent_EndsWithTheDeadline()
    {
        await using var server = await QdrantServer.StartAsync();
        await using var store = await QdrantStores.OpenAsync(server, new() { StoreTimeout = TimeSpan.FromMilliseconds(1500) });
        server.Interfere = static (_, _) => Trouble.Silence;

        var late = await Assert.ThrowsAsync<StoreException>(async () => await store.ListAsync(Cancelled));

        Assert.Contains("did not answer in time", late.Message, StringComparison.Ordinal);
        Assert.True(late.Unavailable);
        Assert.Equal("1500m", server.Timeout);
    }

    [Fact]
    public async Task Caller_GivesUp_EndsTheCall()
    {
        await using var server = await QdrantServer.StartAsync();
        await using var store = await QdrantStores.OpenAsync(server);
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        server.Interfere = (_, _) =>
        {
            cancel.CancelAfter(TimeSpan.FromMilliseconds(50));
            return Trouble.Silence;
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await store.ListAsync(cancel.Token));
    }

    [Fact]
    public async Task Disk_Full_IsSaidAsSuch()
    {
        await using var server = await QdrantServer.StartAsync();
        await using var store = await QdrantStores.OpenAsync(server);
        await store.TryCreateAsync(Description("one"), [Document("a")], Cancelled);
        server.Interfere = static (method, _) =>
            method.EndsWith("/Upsert", StringComparison.Ordinal) ? Trouble.Full : Trouble.None;

        var full = await Assert.ThrowsAsync<StoreException>(() => store.AddAsync("one", [Document("b")], Cancelled));

        Assert.True(full.Full);
        Assert.False(full.Unavailable);
        server.Interfere = null;
        Assert.Equal(1, (await store.PageAsync("one", MetadataFilter.None, 0, 10, Cancelled))!.Total);
    }

    [Fact]
    public async Task Vector_OfAnotherDimension_IsRefused()
    {
        await using var server = await QdrantServer.StartAsync();
        await using var store = await QdrantStores.OpenAsync(server);
        await store.TryCreateAsync(Description("one"), [Document("a")], Cancelled);
        var query = new StoreQuery(new float[3], "words", MetadataFilter.None, 5);

        var refused = await Assert.ThrowsAsync<StoreException>(() => store.SearchAsync("one", query, Cancelled));

        Assert.Contains("expected dim", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Port_OfRest_IsNamedAsTheMistake()
    {
        await using var rest = await QdrantServer.StartAsync(protocols: HttpProtocols.Http1);
        await using var store = QdrantStores.On(rest);
        await store.OpenAsync(Cancelled);

        Assert.Contains("6334", await store.ProbeAsync(Cancelled), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tls_CertificateByItsFingerprint_IsTrusted()
    {
        using var certificate = Certificate();
        await using var server = await QdrantServer.StartAsync(certificate: certificate, apiKey: Key);
        var fingerprint = certificate.GetCertHashString(HashAlgorithmName.SHA256);
        await using var store = await QdrantStores.OpenAsync(
            server, new() { StoreKey = Key, StoreCertificate = fingerprint.ToLowerInvariant() });

        Assert.Equal(Uri.UriSchemeHttps, server.Address.Scheme);
        Assert.True(await store.TryCreateAsync(Description("one"), [Document("a")], Cancelled));
        Assert.Equal(1, (await store.PageAsync("one", MetadataFilter.None, 0, 10, Cancelled))!.Total);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")]
    public async Task Tls_UnknownCertificate_IsRefusedWithARemedy(string? fingerprint)
    {
        using var certificate = Certificate();
        await using var server = await QdrantServer.StartAsync(certificate: certificate);
        await using var store = QdrantStores.On(server, new() { StoreCertificate = fingerprint });

        Assert.Contains("VECTOR_DB_CERTIFICATE_SHA256", await store.ProbeAsync(Cancelled), StringComparison.Ordinal);
        Assert.Equal(0, server.Calls);
    }

    [Fact]
    public async Task Tls_OfAServerWithoutIt_IsRefusedWithARemedy()
    {
        await using var server = await QdrantServer.StartAsync();
        await using var store = QdrantStores.On(new UriBuilder(server.Address) { Scheme = "https" }.Uri);

        Assert.Contains("use http://", await store.ProbeAsync(Cancelled), StringComparison.Ordinal);
    }

    private static IndexDescription Description(string name) => new(name, HashedGrams.Name, HashedGrams.Dimensions);

    private static StoredDocument Document(string id) =>
        new(id, $"hash-{id}", "{}", [new($"node-{id}", $"text {id}", 0, 6, HashedGrams.Embed($"text {id}"))]);

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=qdrant", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
