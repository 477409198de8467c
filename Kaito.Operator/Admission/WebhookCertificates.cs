using System.Security.Cryptography.X509Certificates;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.Admission;

/// <summary>
/// Keeps one certificate for all replicas in a Secret, and the API server's trust in it. Every replica does the same:
/// whoever finds the certificate missing or old makes the next one, and the Secret's version lets one of them win.
/// </summary>
internal sealed partial class WebhookCertificates(
    IKubeApi api, CertificateTimes times, TimeProvider clock, ILogger<WebhookCertificates> logger)
{
    public const string SecretName = "workspace-webhook-cert";

    private volatile ServingCertificate? _current;

    /// <summary>The certificate to show; null before the first one is there.</summary>
    public X509Certificate2? Current => _current?.Certificate;

    /// <summary>
    /// One look: after it the certificate is the Secret's, and the API server trusts it. A new certificate is shown only
    /// once the API server had the time to learn of its authority; until then the one before, which it trusts too.
    /// </summary>
    public async Task KeepAsync(WebhookAddress address, CancellationToken cancellationToken)
    {
        var wanted = await WantedAsync(address, cancellationToken);
        await RegisterAsync(address, wanted.Authorities, cancellationToken);
        if (wanted.Same(_current))
        {
            return;
        }

        if (_current is { } shown && shown.Certificate.NotAfter.ToUniversalTime() > clock.GetUtcNow().UtcDateTime)
        {
            await Task.Delay(times.Handover, clock, cancellationToken);
        }

        _current = wanted;
        LogShown(wanted.Certificate.NotAfter);
    }

    private async Task<ServingCertificate> WantedAsync(WebhookAddress address, CancellationToken cancellationToken)
    {
        var secret = await api.GetAsync(KubeKinds.Secrets, address.Namespace, SecretName, cancellationToken);
        var stored = ServingCertificate.Read(secret);
        var now = clock.GetUtcNow();
        if (stored?.Serves(address.Names, now, times.RenewBefore) == true)
        {
            return stored;
        }

        var next = ServingCertificate.Make(address.Names, now, times.Lifetime, stored);
        var desired = new Secret
        {
            Metadata = secret?.Metadata ?? new() { Name = SecretName, Namespace = address.Namespace },
            Type = secret?.Type ?? "Opaque",
            Data = next.ToData(),
        };

        // Of two replicas that do this at once, one gets a conflict and finds the other's certificate at its next look.
        await (secret is null
            ? api.CreateAsync(KubeKinds.Secrets, desired, cancellationToken)
            : api.ReplaceAsync(KubeKinds.Secrets, desired, cancellationToken));
        LogMade(address.Namespace, SecretName, next.Certificate.NotAfter);
        return next;
    }

    private async Task RegisterAsync(WebhookAddress address, string authorities, CancellationToken cancellationToken)
    {
        foreach (var wanted in WebhookRegistration.Render(address, authorities))
        {
            var live = await api.GetAsync(
                KubeKinds.ValidatingWebhooks, null, wanted.Metadata.Name!, cancellationToken);
            if (!(live?.Webhooks ?? []).Select(Told).SequenceEqual(wanted.Webhooks!.Value.Select(Told)))
            {
                await api.ApplyAsync(wanted, cancellationToken);
            }
        }
    }

    private static (string, WebhookClientConfig, string?) Told(ValidatingWebhook webhook) =>
        (webhook.Name, webhook.ClientConfig, webhook.FailurePolicy);

    [LoggerMessage(LogLevel.Information, "Made a webhook certificate in {Namespace}/{Name}, valid until {End}")]
    private partial void LogMade(string @namespace, string name, DateTime end);

    [LoggerMessage(LogLevel.Information, "The webhooks show a certificate valid until {End}")]
    private partial void LogShown(DateTime end);
}
