using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Contracts;
using Kaito.Core.Kubernetes;
using Kaito.Core.RagEngines;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.RagEngines;

/// <summary>PURE: the retrieval service, its address and its one pod.</summary>
/// <remarks>
/// The names of environment variables are those that upstream's controller writes and, where they differ, also those that
/// upstream's service reads: either service honours the settings.
/// </remarks>
internal static class RagWorkload
{
    public const string DefaultGuardrails = "ragengine-guardrails-policy-template";

    private const int Port = 5000;
    private const string GuardrailsFolder = "/etc/ragengine/guardrails";
    private const string GuardrailsFile = "guardrails.yaml";

    public static Service Service(RagEngine rag) => new()
    {
        Metadata = Owned(rag),
        Spec = new()
        {
            Type = rag.LoadBalancer ? "LoadBalancer" : "ClusterIP",
            Selector = Selector(rag),
            Ports = [new() { Name = "http", Protocol = "TCP", Port = 80, TargetPort = Port }],
            PublishNotReadyAddresses = true,
        },
    };

    public static Deployment Deployment(RagEngine rag, PodPlacement placement, OperatorOptions options) => new()
    {
        Metadata = Owned(rag),
        Spec = new()
        {
            ["replicas"] = 1,

            // One pod at a time writes to the index.
            ["strategy"] = new JsonObject
            {
                ["type"] = "RollingUpdate",
                ["rollingUpdate"] = new JsonObject { ["maxSurge"] = 0, ["maxUnavailable"] = 1 },
            },
            ["selector"] = new JsonObject { ["matchLabels"] = Map(Selector(rag)) },
            ["template"] = new JsonObject
            {
                ["metadata"] = new JsonObject { ["labels"] = Map(Selector(rag)) },
                ["spec"] = Pod(rag, placement, options),
            },
        },
    };

    private static JsonObject Pod(RagEngine rag, PodPlacement placement, OperatorOptions options)
    {
        var pod = new JsonObject
        {
            ["terminationGracePeriodSeconds"] = 60,
            ["containers"] = new JsonArray(Container(rag, placement, options)),
            ["volumes"] = Volumes(rag),
            ["tolerations"] = new JsonArray(
                new JsonObject { ["key"] = PodPlacement.Gpu, ["operator"] = "Exists", ["effect"] = "NoSchedule" },
                new JsonObject
                {
                    ["key"] = "sku",
                    ["operator"] = "Equal",
                    ["value"] = "gpu",
                    ["effect"] = "NoSchedule",
                }),
        };
        if (placement.Affinity is { } affinity)
        {
            pod["affinity"] = JsonSerializer.SerializeToNode(affinity, KubeJson.Default.Affinity);
        }

        return pod;
    }

    private static JsonObject Container(RagEngine rag, PodPlacement placement, OperatorOptions options) => new()
    {
        ["name"] = rag.Name,
        ["image"] = $"{options.ImageRegistry}/{Images.RagEngine}:{options.ImageTag}",
        ["ports"] = new JsonArray(new JsonObject { ["name"] = "http", ["containerPort"] = Port }),
        ["env"] = new JsonArray([.. Environment(rag)]),
        ["resources"] = Resources(placement),
        ["startupProbe"] = Probe(period: 2, failures: 300),
        ["livenessProbe"] = Probe(period: 10, failures: 3),
        ["readinessProbe"] = Probe(period: 5, failures: 3),
        ["volumeMounts"] = Mounts(rag),
    };

    private static JsonObject Probe(int period, int failures) => new()
    {
        ["httpGet"] = new JsonObject { ["path"] = "/health", ["port"] = Port },
        ["periodSeconds"] = period,
        ["timeoutSeconds"] = 5,
        ["failureThreshold"] = failures,
    };

    private static JsonObject Resources(PodPlacement placement)
    {
        if (placement.Gpus == 0)
        {
            return new() { ["requests"] = new JsonObject { ["cpu"] = "500m", ["memory"] = "512Mi" } };
        }

        var gpus = placement.Gpus.ToString(CultureInfo.InvariantCulture);
        return new()
        {
            ["requests"] = new JsonObject { [placement.GpuResource] = gpus },
            ["limits"] = new JsonObject { [placement.GpuResource] = gpus },
        };
    }

    /// <summary>Whether the embedding model runs in the pod, on a node with GPUs.</summary>
    public static bool RunsOnGpu(RagEngine rag) =>
        rag.Embedding is not Embedding.Remote && rag.Compute?.Sku is { Gpus: > 0 };

    private static IEnumerable<JsonNode> Environment(RagEngine rag)
    {
        yield return FromPod("POD_NAME", "metadata.name");
        yield return FromPod("POD_UID", "metadata.uid");
        foreach (var variable in EmbeddingVariables(rag.Embedding).Concat(DatabaseVariables(rag)))
        {
            yield return variable;
        }

        foreach (var variable in rag.Model is { } model ? ModelVariables(model) : [])
        {
            yield return variable;
        }

        if (rag.Guardrails is not null)
        {
            yield return Value("OUTPUT_GUARDRAILS_ENABLED", "true");
            yield return Value("OUTPUT_GUARDRAILS_POLICY_PATH", $"{GuardrailsFolder}/{GuardrailsFile}");
        }
    }

    private static IEnumerable<JsonNode> EmbeddingVariables(Embedding embedding)
    {
        var kind = embedding is Embedding.Remote ? "remote" : "local";
        yield return Value("EMBEDDING_TYPE", kind);
        yield return Value("EMBEDDING_SOURCE_TYPE", kind);
        switch (embedding)
        {
            case Embedding.Remote remote:
                yield return Value("REMOTE_EMBEDDING_URL", remote.Url.OriginalString);
                if (remote.AccessSecret is { } secret)
                {
                    yield return FromSecret("REMOTE_EMBEDDING_ACCESS_SECRET", secret);
                }

                break;
            case Embedding.Model model:
                yield return Value("MODEL_ID", model.ModelId);
                yield return Value("LOCAL_EMBEDDING_MODEL_ID", model.ModelId);
                if (model.AccessSecret is { } token)
                {
                    yield return FromSecret("HF_TOKEN", token);
                }

                break;
            default:
                break;
        }
    }

    private static IEnumerable<JsonNode> DatabaseVariables(RagEngine rag)
    {
        yield return Value("VECTOR_DB_TYPE", rag.VectorDatabase?.Engine ?? "faiss");
        if (rag.VectorDatabase is { } database)
        {
            yield return Value("VECTOR_DB_URL", database.Url.OriginalString);
            if (database.AccessSecret is { } secret)
            {
                yield return FromSecret("VECTOR_DB_ACCESS_SECRET", secret);
            }
        }

        yield return Value(
            "DEFAULT_VECTOR_DB_PERSIST_DIR",
            rag.Volume is { } volume ? $"{volume.MountPath.TrimEnd('/')}/{rag.Name}" : "storage");
    }

    private static IEnumerable<JsonNode> ModelVariables(AnsweringModel model)
    {
        yield return Value("LLM_CONTEXT_WINDOW", model.ContextTokens.ToString(CultureInfo.InvariantCulture));
        if (model.Url is { } url)
        {
            yield return Value("LLM_INFERENCE_URL", url.OriginalString);
            if (model.AccessSecret is { } secret)
            {
                yield return FromSecret("LLM_ACCESS_SECRET", secret);
            }
        }
    }

    private static JsonArray Volumes(RagEngine rag)
    {
        var volumes = new JsonArray(new JsonObject
        {
            ["name"] = "dshm",
            ["emptyDir"] = new JsonObject { ["medium"] = "Memory" },
        });
        if (rag.Volume is { } volume)
        {
            volumes.Add((JsonNode)new JsonObject
            {
                ["name"] = "vector-db-storage",
                ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = volume.Claim },
            });
        }

        if (rag.Guardrails is { } map)
        {
            volumes.Add((JsonNode)new JsonObject
            {
                ["name"] = "guardrails-policy",
                ["configMap"] = new JsonObject { ["name"] = map.Length == 0 ? DefaultGuardrails : map },
            });
        }

        return volumes;
    }

    private static JsonArray Mounts(RagEngine rag)
    {
        var mounts = new JsonArray(new JsonObject { ["name"] = "dshm", ["mountPath"] = "/dev/shm" });
        if (rag.Volume is { } volume)
        {
            mounts.Add((JsonNode)new JsonObject { ["name"] = "vector-db-storage", ["mountPath"] = volume.MountPath });
        }

        if (rag.Guardrails is not null)
        {
            mounts.Add((JsonNode)new JsonObject
            {
                ["name"] = "guardrails-policy",
                ["mountPath"] = GuardrailsFolder,
                ["readOnly"] = true,
            });
        }

        return mounts;
    }

    private static ObjectMeta Owned(RagEngine rag) => new()
    {
        Name = rag.Name,
        Namespace = rag.Namespace,
        Labels = Selector(rag),
        OwnerReferences = [Rendering.Owned.Reference(RagEngineResource.KindName, rag.Name, rag.Uid)],
    };

    private static ImmutableSortedDictionary<string, string> Selector(RagEngine rag) =>
        ImmutableSortedDictionary<string, string>.Empty.Add(Labels.RagEngine, rag.Name);

    private static JsonObject Map(ImmutableSortedDictionary<string, string> values) =>
        new(values.Select(static v => KeyValuePair.Create(v.Key, (JsonNode?)v.Value)));

    private static JsonObject Value(string name, string value) => new() { ["name"] = name, ["value"] = value };

    private static JsonObject FromPod(string name, string path) => new()
    {
        ["name"] = name,
        ["valueFrom"] = new JsonObject { ["fieldRef"] = new JsonObject { ["fieldPath"] = path } },
    };

    // By upstream's convention a Secret's key is the variable's name.
    private static JsonObject FromSecret(string name, string secret) => new()
    {
        ["name"] = name,
        ["valueFrom"] = new JsonObject { ["secretKeyRef"] = new JsonObject { ["name"] = secret, ["key"] = name } },
    };
}
