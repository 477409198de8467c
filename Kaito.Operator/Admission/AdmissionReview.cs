using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.Operator.Admission;

/// <summary>The question of the API server, or our answer; admission.k8s.io/v1.</summary>
internal sealed record AdmissionReview
{
    public string ApiVersion { get; } = "admission.k8s.io/v1";

    public string Kind { get; } = "AdmissionReview";

    public AdmissionRequest? Request { get; init; }

    public AdmissionResponse? Response { get; init; }
}

/// <summary>A write that waits for the answer.</summary>
internal sealed record AdmissionRequest
{
    public string? Uid { get; init; }

    public string? Operation { get; init; }

    public string? SubResource { get; init; }

    /// <summary>As it would be stored.</summary>
    public JsonElement? Object { get; init; }

    /// <summary>As it is; null on create.</summary>
    public JsonElement? OldObject { get; init; }
}

internal sealed record AdmissionResponse
{
    public required string Uid { get; init; }

    public required bool Allowed { get; init; }

    public AdmissionStatus? Status { get; init; }

    public ImmutableArray<string>? Warnings { get; init; }
}

/// <summary>A meta/v1 Status; what a user's tool shows.</summary>
internal sealed record AdmissionStatus
{
    public string Status { get; } = "Failure";

    public required int Code { get; init; }

    public required string Reason { get; init; }

    public required string Message { get; init; }

    public AdmissionDetails? Details { get; init; }
}

internal sealed record AdmissionDetails
{
    public string? Name { get; init; }

    public string? Group { get; init; }

    public string? Kind { get; init; }

    public required ImmutableArray<AdmissionCause> Causes { get; init; }
}

internal sealed record AdmissionCause
{
    public required string Reason { get; init; }

    public required string Field { get; init; }

    public required string Message { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 256)]
[JsonSerializable(typeof(AdmissionReview))]
internal sealed partial class AdmissionJson : JsonSerializerContext;
