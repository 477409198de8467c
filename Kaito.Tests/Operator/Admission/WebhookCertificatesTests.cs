using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Admission;
using Kaito.Operator.Cluster;
using Kaito.Tests.Operator.Cluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Tests.Operator.Admission;

public sealed class WebhookCertificatesTests
{
    private static readonly WebhookAddress s_address = new(null, "svc", "system", 9443);
    private static readonly CertificateTimes s_times = CertificateTimes.Default;

    private readonly MemoryKubeApi _api = new();
    private readonly ManualTime _clock = new(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task KeepAsync_NothingThere_MakesOneThatTheServersTrustCovers()
    {
        var certificates = Certificates();
        await certificates.KeepAsync(s_address, Stop);

        var secret = Assert.Single(_api.All<Secret>());
        Assert.Equal(["ca-cert.pem", "server-cert.pem", "server-key.pem"], secret.Data!.Keys);
        Assert.Equal(("system", "workspace-webhook-cert"), (secret.Metadata.Namespace, secret.Metadata.Name));
        Assert.True(certificates.Current!.MatchesHostname("svc.system.svc"));
        Assert.Equal(256, certificates.Current.GetECDsaPublicKey()!.KeySize);
        Assert.Equal(
            [
                "/validate/inferenceset.kaito.sh update.validation.inferenceset.kaito.sh",
                "/validate/inferenceset.kaito.sh validation.inferenceset.kaito.sh",
                "/validate/ragengine.kaito.sh update.validation.ragengine.kaito.sh",
                "/validate/ragengine.kaito.sh validation.ragengine.kaito.sh",
                "/validate/workspace.kaito.sh update.validation.workspace.kaito.sh",
                "/validate/workspace.kaito.sh validation.workspace.kaito.sh",
            ],
            Webhooks().Select(static w => $"{w.ClientConfig.Service!.Path} {w.Name}").Order(StringComparer.Ordinal));
        Assert.All(Webhooks(), w => Assert.True(Trusts(w, certificates.Current, _clock.GetUtcNow())));
        Assert.All(Webhooks(), static w => Assert.Equal(
            (w.Rules!.Value[0].Operations.Single() == "CREATE" ? "Fail" : "Ignore", 5),
            (w.FailurePolicy, w.TimeoutSeconds)));
    }

    [Fact]
    public async Task KeepAsync_AgainAndByAnotherReplica_KeepsWhatThereIs()
    {
        var (first, second) = (Certificates(), Certificates());
        await first.KeepAsync(s_address, Stop);
        var versions = Versions();

        await first.KeepAsync(s_address, Stop);
        await second.KeepAsync(s_address, Stop);

        Assert.Equal(versions, Versions());
        Assert.Equal(first.Current!.Thumbprint, second.Current!.Thumbprint);
    }

    [Fact]
    public async Task KeepAsync_BeforeTheEnd_HandsOverWithoutAMomentOfDistrust()
    {
        var certificates = Certificates();
        await certificates.KeepAsync(s_address, Stop);
        var old = certificates.Current!;

        _clock.Advance(s_times.Lifetime - s_times.RenewBefore - TimeSpan.FromMinutes(1));
        await certificates.KeepAsync(s_address, Stop);
        Assert.Same(old, certificates.Current);

        _clock.Advance(TimeSpan.FromMinutes(2));
        var change = certificates.KeepAsync(s_address, Stop);
        Assert.False(change.IsCompleted);
        Assert.Same(old, certificates.Current);
        var next = ServingCertificate.Read(Assert.Single(_api.All<Secret>()))!.Certificate;
        Assert.All(Webhooks(), w => Assert.True(
            Trusts(w, old, _clock.GetUtcNow()) && Trusts(w, next, _clock.GetUtcNow())));

        _clock.Advance(s_times.Handover);
        await change;
        Assert.Equal(next.Thumbprint, certificates.Current!.Thumbprint);
        Assert.NotEqual(old.Thumbprint, next.Thumbprint);
        Assert.True(next.NotAfter.ToUniversalTime() > _clock.GetUtcNow() + TimeSpan.FromDays(360));
    }

    [Fact]
    public async Task KeepAsync_AfterTheEnd_ShowsTheNextAtOnce()
    {
        var certificates = Certificates();
        await certificates.KeepAsync(s_address, Stop);
        var old = certificates.Current!;

        _clock.Advance(s_times.Lifetime + TimeSpan.FromDays(1));
        await certificates.KeepAsync(s_address, Stop);

        Assert.NotEqual(old.Thumbprint, certificates.Current!.Thumbprint);
        Assert.All(Webhooks(), w => Assert.True(Trusts(w, certificates.Current, _clock.GetUtcNow())));
    }

    [Theory]
    [InlineData("server-key.pem", "not pem")]
    [InlineData("server-cert.pem", "")]
    [InlineData("ca-cert.pem", "")]
    public async Task KeepAsync_SecretDamaged_MakesAnother(string file, string content)
    {
        await Certificates().KeepAsync(s_address, Stop);
        var secret = Assert.Single(_api.All<Secret>());
        var damaged = Convert.ToBase64String(Encoding.UTF8.GetBytes(content));
        _api.Put(KubeKinds.Secrets, secret with { Data = secret.Data!.SetItem(file, damaged) });

        var certificates = Certificates();
        await certificates.KeepAsync(s_address, Stop);

        Assert.All(Webhooks(), w => Assert.True(Trusts(w, certificates.Current!, _clock.GetUtcNow())));
    }

    [Fact]
    public async Task KeepAsync_EmptySecretOfAnInstallation_IsFilled()
    {
        _api.Put(KubeKinds.Secrets, new() { Metadata = new() { Name = "workspace-webhook-cert", Namespace = "system" } });

        var certificates = Certificates();
        await certificates.KeepAsync(s_address, Stop);

        Assert.NotNull(certificates.Current);
        Assert.Equal(3, Assert.Single(_api.All<Secret>()).Data!.Count);
    }

    [Fact]
    public async Task KeepAsync_ForAnotherName_MakesACertificateOfIt()
    {
        var certificates = Certificates();
        await certificates.KeepAsync(s_address, Stop);

        var change = certificates.KeepAsync(new("127.0.0.1", "", "system", 4433), Stop);
        _clock.Advance(s_times.Handover);
        await change;

        Assert.True(certificates.Current!.MatchesHostname("127.0.0.1"));
        Assert.Contains("https://127.0.0.1:4433/validate/workspace.kaito.sh", Webhooks().Select(static w => w.ClientConfig.Url));
    }

    [Fact]
    public async Task KeepAsync_SomebodyElseWasFirst_TakesTheirs()
    {
        var (first, second) = (Certificates(), Certificates());
        await first.KeepAsync(s_address, Stop);
        var stale = Assert.Single(_api.All<Secret>());
        _clock.Advance(s_times.Lifetime);

        var change = first.KeepAsync(s_address, Stop);
        await second.KeepAsync(s_address, Stop);
        _clock.Advance(s_times.Handover);
        await change;

        Assert.Equal(first.Current!.Thumbprint, second.Current!.Thumbprint);
        await Assert.ThrowsAsync<KubeConflictException>(() => _api.ReplaceAsync(KubeKinds.Secrets, stale, Stop));
    }

    [Fact]
    public async Task KeepAsync_TrustIsOverwritten_IsPutRight()
    {
        var certificates = Certificates();
        await certificates.KeepAsync(s_address, Stop);
        var one = _api.All<ValidatingWebhookConfiguration>().First();
        var webhook = one.Webhooks!.Value[0];
        _api.Put(KubeKinds.ValidatingWebhooks, one with
        {
            Webhooks = [webhook with { ClientConfig = webhook.ClientConfig with { CaBundle = "" } }, one.Webhooks.Value[1]],
        });

        await certificates.KeepAsync(s_address, Stop);

        Assert.All(Webhooks(), w => Assert.True(Trusts(w, certificates.Current!, _clock.GetUtcNow())));
    }

    private static bool Trusts(ValidatingWebhook webhook, X509Certificate2 shown, DateTimeOffset now)
    {
        var trusted = new X509Certificate2Collection();
        trusted.ImportFromPem(Encoding.UTF8.GetString(Convert.FromBase64String(webhook.ClientConfig.CaBundle!)));
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(trusted);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        return chain.Build(shown);
    }

    private WebhookCertificates Certificates() =>
        new(_api, s_times, _clock, NullLogger<WebhookCertificates>.Instance);

    private ImmutableArray<ValidatingWebhook> Webhooks() =>
        [.. _api.All<ValidatingWebhookConfiguration>().SelectMany(static c => c.Webhooks!.Value)];

    private ImmutableArray<string?> Versions() =>
    [
        .. _api.All<IKubeObject>().OrderBy(static o => o.Metadata.Name, StringComparer.Ordinal)
            .Select(static o => o.Metadata.ResourceVersion),
    ];
}
