using System.Collections.Immutable;
using System.Text;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Admission;

/// <summary>Where the API server finds the webhooks.</summary>
/// <param name="Host">Host name or address of this very process; null when <paramref name="Service"/> leads to it.</param>
/// <param name="Service">Name of the Service.</param>
/// <param name="Namespace">The Service's namespace.</param>
/// <param name="Port">Of the process, or of the Service.</param>
internal sealed record WebhookAddress(string? Host, string Service, string Namespace, int Port)
{
    /// <summary>The names that a certificate must have; the first is the one that the API server asks for.</summary>
    public ImmutableArray<string> Names => Host is not null
        ? [Host]
        : [$"{Service}.{Namespace}.svc", $"{Service}.{Namespace}", $"{Service}.{Namespace}.svc.cluster.local"];

    /// <param name="path">Of the webhook.</param>
    /// <param name="authorities">PEM; null before there is a certificate.</param>
    public WebhookClientConfig ClientConfig(string path, string? authorities)
    {
        var bundle = authorities is null ? null : Convert.ToBase64String(Encoding.UTF8.GetBytes(authorities));
        return Host is null
            ? new()
            {
                Service = new() { Name = Service, Namespace = Namespace, Path = path, Port = Port },
                CaBundle = bundle,
            }
            : new() { Url = new UriBuilder("https", Host, Port, path).Uri.AbsoluteUri, CaBundle = bundle };
    }
}

/// <summary>PURE: what the API server is told of the webhooks.</summary>
internal static class WebhookRegistration
{
    public const string WorkspacePath = "/validate/workspace.kaito.sh";
    public const string InferenceSetPath = "/validate/inferenceset.kaito.sh";
    public const string RagEnginePath = "/validate/ragengine.kaito.sh";

    // The answer needs nothing but the question: it takes milliseconds.
    private const int TimeoutSeconds = 5;

    // Upstream's label of namespaces that no webhook of KAITO looks at, whatever its value.
    private const string Exclude = "webhooks.knative.dev/exclude";

    private static readonly string[] s_versions = ["v1alpha1", "v1beta1"];

    // Path and plural by the name of the configuration, which is also that of the webhook for creates.
    private static readonly ImmutableArray<(string Name, string Plural, string Path)> s_kinds =
    [
        ("validation.workspace.kaito.sh", WorkspaceResource.Plural, WorkspacePath),
        ("validation.inferenceset.kaito.sh", InferenceSetResource.Plural, InferenceSetPath),
        ("validation.ragengine.kaito.sh", RagEngineResource.Plural, RagEnginePath),
    ];

    /// <summary>The names of the configurations.</summary>
    public static ImmutableArray<string> Names => [.. s_kinds.Select(static k => k.Name)];

    /// <summary>One configuration for each kind, named as upstream names them.</summary>
    /// <param name="address">Where the webhooks are.</param>
    /// <param name="authorities">PEM; null before there is a certificate.</param>
    public static ImmutableArray<ValidatingWebhookConfiguration> Render(WebhookAddress address, string? authorities) =>
        [.. s_kinds.Select(kind => Render(kind, address.ClientConfig(kind.Path, authorities)))];

    // Nothing new is taken unseen while nobody answers. What is there may be edited and finalizers may be removed: the
    // CRDs' rules and the next reconcile look at it too.
    private static ValidatingWebhookConfiguration Render(
        (string Name, string Plural, string Path) kind, WebhookClientConfig client) => new()
        {
            Metadata = new() { Name = kind.Name },
            Webhooks =
            [
                Webhook(kind.Name, kind.Plural, "CREATE", "Fail", client),
                Webhook($"update.{kind.Name}", kind.Plural, "UPDATE", "Ignore", client),
            ],
        };

    // The objects only and not their status: what a controller observes is not for admission to judge.
    private static ValidatingWebhook Webhook(
        string name, string plural, string operation, string onFailure, WebhookClientConfig client) => new()
        {
            Name = name,
            ClientConfig = client,
            Rules =
            [
                new()
                {
                    Operations = [operation],
                    ApiGroups = [WorkspaceResource.Group],
                    ApiVersions = [.. s_versions],
                    Resources = [plural],
                    Scope = "Namespaced",
                },
            ],
            FailurePolicy = onFailure,
            MatchPolicy = "Equivalent",
            NamespaceSelector = new() { MatchExpressions = [new() { Key = Exclude, Operator = "DoesNotExist" }] },
            SideEffects = "None",
            AdmissionReviewVersions = ["v1"],
            TimeoutSeconds = TimeoutSeconds,
        };
}
