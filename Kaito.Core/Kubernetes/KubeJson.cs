using System.Text.Json.Serialization;

namespace Kaito.Core.Kubernetes;

/// <summary>
/// The serializer contract of the Kubernetes kinds we render or read: camelCase, absent members left out.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(KubeTimeConverter)])]
[JsonSerializable(typeof(ConfigMap))]
[JsonSerializable(typeof(Deployment))]
[JsonSerializable(typeof(ControllerRevision))]
[JsonSerializable(typeof(Job))]
[JsonSerializable(typeof(KubeEvent))]
[JsonSerializable(typeof(Lease))]
[JsonSerializable(typeof(Node))]
[JsonSerializable(typeof(NodeClaim))]
[JsonSerializable(typeof(NodeClass))]
[JsonSerializable(typeof(NodePool))]
[JsonSerializable(typeof(ObjectMeta))]
[JsonSerializable(typeof(Pod))]
[JsonSerializable(typeof(PodDisruptionBudget))]
[JsonSerializable(typeof(PodTemplate))]
[JsonSerializable(typeof(Secret))]
[JsonSerializable(typeof(Service))]
[JsonSerializable(typeof(StatefulSet))]
[JsonSerializable(typeof(ValidatingWebhookConfiguration))]
public sealed partial class KubeJson : JsonSerializerContext;
