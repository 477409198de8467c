using System.Text.Json.Serialization;

namespace Kaito.Core.Api;

/// <summary>The serializer contract of the kaito.sh API group: camelCase, absent members left out.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(InferenceSetResource))]
[JsonSerializable(typeof(InferenceSetStatus))]
[JsonSerializable(typeof(RagEngineResource))]
[JsonSerializable(typeof(RagEngineStatus))]
[JsonSerializable(typeof(WorkspaceResource))]
[JsonSerializable(typeof(WorkspaceStatus))]
public sealed partial class WorkspaceJson : JsonSerializerContext;
