using System.Text.Json.Serialization;
using Kaito.Core.Kubernetes;

namespace Kaito.Core.Api;

/// <summary>The serializer contract of the kaito.sh API group: camelCase, absent members left out.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    Converters = [typeof(KubeTimeConverter)])]
[JsonSerializable(typeof(InferenceSetResource))]
[JsonSerializable(typeof(InferenceSetStatus))]
[JsonSerializable(typeof(RagEngineResource))]
[JsonSerializable(typeof(RagEngineStatus))]
[JsonSerializable(typeof(WorkspaceResource))]
[JsonSerializable(typeof(WorkspaceStatus))]
public sealed partial class WorkspaceJson : JsonSerializerContext;
