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

    public WebhookClientConfig ClientConfig(string path, string authorities)
    {
        var bundle = Convert.ToBase64String(Encoding.UTF8.GetBytes(authorities));
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

    private const int TimeoutSeconds = 10;

    // Upstream's label of namespaces that no webhook of KAITO looks at, whatever its value.
    private const string Exclude = "webhooks.knative.dev/exclude";

    private static readonly string[] s_versions = ["v1alpha1", "v1beta1"];

    /// <summary>One configuration for each kind, named as upstream names them.</summary>
    public static ImmutableArray<ValidatingWebhookConfiguration> Render(WebhookAddress address, string authorities) =>
    [
        Render("validation.workspace.kaito.sh", WorkspaceResource.Plural, WorkspacePath, address, authorities),
        Render("validation.inferenceset.kaito.sh", InferenceSetResource.Plural, InferenceSetPath, address, authorities),
        Render("validation.ragengine.kaito.sh", RagEngineResource.Plural, RagEnginePath, address, authorities),
    ];

    // The objects only and not their status: what a controller observes is not for admission to judge.
    private static ValidatingWebhookConfiguration Render(
        string name, string plural, string path, WebhookAddress address, string authorities) => new()
        {
            Metadata = new() { Name = name },
            Webhooks =
            [
                new()
                {
                    Name = name,
                    ClientConfig = address.ClientConfig(path, authorities),
                    Rules =
                    [
                        new()
                        {
                            Operations = ["CREATE", "UPDATE"],
                            ApiGroups = [WorkspaceResource.Group],
                            ApiVersions = [.. s_versions],
                            Resources = [plural],
                            Scope = "Namespaced",
                        },
                    ],
                    FailurePolicy = "Fail",
                    MatchPolicy = "Equivalent",
                    NamespaceSelector = new() { MatchExpressions = [new() { Key = Exclude, Operator = "DoesNotExist" }] },
                    SideEffects = "None",
                    AdmissionReviewVersions = ["v1"],
                    TimeoutSeconds = TimeoutSeconds,
                },
            ],
        };
}
