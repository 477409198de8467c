// The names and meanings are those of the core v1 and admissionregistration.k8s.io/v1 APIs.
#pragma warning disable CS1591
using System.Collections.Immutable;

namespace Kaito.Core.Kubernetes;

/// <summary>Values that only some may read.</summary>
public sealed record Secret : IKubeObject
{
    public string ApiVersion => "v1";

    public string Kind => "Secret";

    public ObjectMeta Metadata { get; init; } = new();

    /// <summary>E.g. <c>Opaque</c> or <c>kubernetes.io/tls</c>; cannot be changed.</summary>
    public string? Type { get; init; }

    /// <summary>Values in base64.</summary>
    public ImmutableSortedDictionary<string, string>? Data { get; init; }
}

/// <summary>Whom the API server asks before it stores an object. Cluster-wide.</summary>
public sealed record ValidatingWebhookConfiguration : IKubeObject
{
    public string ApiVersion => "admissionregistration.k8s.io/v1";

    public string Kind => "ValidatingWebhookConfiguration";

    public ObjectMeta Metadata { get; init; } = new();

    public ImmutableArray<ValidatingWebhook>? Webhooks { get; init; }
}

public sealed record ValidatingWebhook
{
    /// <summary>A domain name of at least three parts.</summary>
    public required string Name { get; init; }

    public required WebhookClientConfig ClientConfig { get; init; }

    public ImmutableArray<WebhookRule>? Rules { get; init; }

    /// <summary><c>Fail</c> or <c>Ignore</c>: what becomes of a write that nobody can be asked about.</summary>
    public string? FailurePolicy { get; init; }

    public string? MatchPolicy { get; init; }

    public WebhookSelector? NamespaceSelector { get; init; }

    public required string SideEffects { get; init; }

    public required ImmutableArray<string> AdmissionReviewVersions { get; init; }

    /// <summary>From 1 to 30.</summary>
    public int? TimeoutSeconds { get; init; }
}

/// <summary>Where the webhook answers: exactly one of <see cref="Url"/> and <see cref="Service"/> is set.</summary>
public sealed record WebhookClientConfig
{
    public string? Url { get; init; }

    public WebhookService? Service { get; init; }

    /// <summary>Certificates that the answering one descends from: PEM, in base64.</summary>
    public string? CaBundle { get; init; }
}

public sealed record WebhookService
{
    public required string Name { get; init; }

    public required string Namespace { get; init; }

    public string? Path { get; init; }

    public int? Port { get; init; }
}

public sealed record WebhookRule
{
    public required ImmutableArray<string> Operations { get; init; }

    public required ImmutableArray<string> ApiGroups { get; init; }

    public required ImmutableArray<string> ApiVersions { get; init; }

    /// <summary>Plural names, with a subresource after a slash.</summary>
    public required ImmutableArray<string> Resources { get; init; }

    public string? Scope { get; init; }
}

public sealed record WebhookSelector
{
    public ImmutableArray<WebhookSelectorRequirement>? MatchExpressions { get; init; }
}

public sealed record WebhookSelectorRequirement
{
    public required string Key { get; init; }

    public required string Operator { get; init; }
}
