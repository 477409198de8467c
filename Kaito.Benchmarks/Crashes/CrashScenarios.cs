using System.Collections.Immutable;
using Kaito.Operator;
using Kaito.Operator.Nodes;
using static Kaito.Benchmarks.Crashes.Acts;
using static Kaito.Benchmarks.Crashes.Manifests;

namespace Kaito.Benchmarks.Crashes;

/// <summary>The scenarios: every kind of work created, changed, scaled and deleted, on every kind of nodes.</summary>
internal static class CrashScenarios
{
    private const string Workspaces = "workspaces.kaito.sh";
    private const string Sets = "inferencesets.kaito.sh";
    private const string Engines = "ragengines.kaito.sh";
    private const string Rolled =
        """{"spec":{"template":{"inference":{"preset":{"name":"phi-4-mini-instruct"}}}}}""";

    private static readonly ImmutableArray<string> s_gone =
        ["nodeclaims.karpenter.sh/", "statefulsets.apps/", "services/", "nodepools.karpenter.sh/", "jobs.batch/", "pods/"];

    private static readonly OperatorOptions s_byo = new() { NodeProvisioner = NodeProvisioner.Existing };

    private static readonly OperatorOptions s_karpenter = new()
    {
        NodeProvisioner = NodeProvisioner.Karpenter,
        Karpenter = new() { Classes = KarpenterOptions.ParseClasses("""[{"name":"gpu","default":true,"spec":{}}]""") },
    };

    private const string NodeClass =
        "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: { name: gpu }\nspec: {}";

    /// <summary>All of them, by name.</summary>
    public static ImmutableArray<CrashScenario> All { get; } =
    [
        .. Serve(), .. Change(), .. Tune(), .. Nodes(), .. Provisioners(), .. InferenceSets(), .. RagEngines(),
    ];

    private static IEnumerable<CrashScenario> Serve()
    {
        yield return Life("onnx", Serving());
        yield return Life("onnx-replicas", Serving(more: "runtime: onnx, replicas: 3"));
        yield return Life("onnx-v1alpha1", Serving(version: "v1alpha1", resource: $"instanceType: {A100}, count: 1"));
        yield return Life("onnx-adapter", Serving(
            "phi-3-mini-4k-instruct", "adapters: [ { source: { name: a, image: r.example.com/a:1 }, strength: \"0.8\" } ]",
            metadata: "annotations: { kaito.sh/runtime: onnx }"));
        yield return Life("vllm", Serving(more: "runtime: vllm"));
        yield return Life("vllm-several-gpus", Serving("phi-4", "runtime: vllm", $"instanceType: {TwoA100}"));
        yield return Life("vllm-several-nodes", Serving("llama-3.3-70b-instruct").Replace(
            "name: llama-3.3-70b-instruct", "name: llama-3.3-70b-instruct, presetOptions: { modelAccessSecret: hf }",
            StringComparison.Ordinal));
        yield return Life("vllm-adapter", Serving(
            more: "runtime: vllm, adapters: [ { source: { name: a, image: r.example.com/a:1 } } ]"));
        yield return Life("template", Template("r.example.com/server:1"));
        yield return new("rejected", [Apply(Serving("phi-99")), Delete(Workspaces, "w")]) { Hides = s_gone };
    }

    private static IEnumerable<CrashScenario> Change()
    {
        yield return Life("onnx-config-named-later", Serving(),
            Apply(ConfigMap("mine", "inference_config.yaml", "vllm: { max-model-len: 1024 }")),
            Patch(Workspaces, "w", """{"inference":{"config":"mine"}}"""));
        yield return Life("onnx-config-edited",
            ConfigMap("mine", "inference_config.yaml", "vllm: { max-model-len: 1024 }") + "\n---\n"
            + Serving(more: "runtime: onnx, config: mine"),
            Patch("configmaps", "mine", """{"data":{"inference_config.yaml":"vllm: { max-model-len: 512 }"}}"""));
        yield return Life("onnx-scaled", Serving(more: "runtime: onnx, replicas: 1"),
            Patch(Workspaces, "w", """{"inference":{"replicas":3}}"""),
            Patch(Workspaces, "w", """{"inference":{"replicas":1}}"""));
        yield return Life("onnx-to-vllm", Serving(),
            Patch(Workspaces, "w", """{"inference":{"runtime":"vllm"}}"""),
            Patch(Workspaces, "w", """{"inference":{"runtime":"onnx"}}"""));
        yield return Life("vllm-adapter-added", Serving(more: "runtime: vllm"),
            Patch(Workspaces, "w", """{"inference":{"adapters":[{"source":{"name":"b","image":"r.example.com/b:1"}}]}}"""));
        yield return Life("template-edited", Template("r.example.com/server:1"),
            Patch(Workspaces, "w",
                """{"inference":{"template":{"spec":{"containers":[{"name":"server","image":"r.example.com/server:2"}]}}}}"""));
        yield return Life("rejected-then-mended", Serving("phi-99"),
            Delete(Workspaces, "w"), Apply(Serving()));
        yield return Life("deleted-and-made-again", Serving(), Delete(Workspaces, "w"), Apply(Serving()));
        yield return Life("deleted-by-others", Serving(),
            Delete("services", "w"), Delete("statefulsets.apps", "w"), Delete("configmaps", "w-inference-settings"));
    }

    private static IEnumerable<CrashScenario> Tune()
    {
        const string Volume = "{ volumeSource: { persistentVolumeClaim: { claimName: v } } }";
        yield return Life("tuning-url-to-image", Tuning(
            "{ urls: [ \"https://example.com/d.jsonl\" ] }", "{ image: r.example.com/o:1, imagePushSecret: s }"));
        yield return Life("tuning-volumes", Tuning(Volume, Volume));
        yield return Life("tuning-image", Tuning("{ image: r.example.com/i:1 }", Volume));
        yield return Life("tuning-configured",
            ConfigMap("t", "training_config.yaml", "training_config: { LoraConfig: { r: 8 } }") + "\n---\n"
            + Tuning(Volume, Volume, "config: t"));
    }

    private static IEnumerable<CrashScenario> Nodes()
    {
        var fallback = Serving(resource: $"instanceType: {A100}, fallbackInstanceTypes: [ Standard_NC40ads_H100_v5 ]");
        yield return new("fallback-type", [SoldOut(A100), Apply(fallback), Delete(Workspaces, "w")]) { Hides = s_gone };
        yield return new("fallback-then-first-type", [SoldOut(A100), Apply(fallback), SoldOut(), Delete(Workspaces, "w")])
        {
            Hides = s_gone,
        };
        yield return new("sold-out-then-served", [SoldOut(A100), Apply(Serving()), SoldOut(), Touch, Delete(Workspaces, "w")])
        {
            Hides = s_gone,
        };
        yield return Life("claim-deleted", Serving(), DeleteFirst("nodeclaims.karpenter.sh"));
        yield return Life("node-lost", Serving(), DeleteFirst("nodes"));
        yield return Life("node-of-three-lost", Serving(more: "runtime: onnx, replicas: 3"), DeleteFirst("nodes"));
        yield return Life("surplus-claim", Serving(), SurplusClaim);
    }

    private static IEnumerable<CrashScenario> Provisioners()
    {
        yield return Life("byo", Serving(resource: "count: 1"), Apply(Node("n1")), Apply(Node("n2"))) with
        {
            Options = s_byo,
        };
        yield return Life("byo-node-exchanged", Node("n1") + "\n---\n" + Serving(resource: "count: 1"),
            Apply(Node("n2")), Delete("nodes", "n1")) with
        {
            Options = s_byo,
        };
        yield return Life("users-node-beside-claims", Node("n1") + "\n---\n" + Serving());
        yield return Life("karpenter", NodeClass + "\n---\n" + Serving()) with { Options = s_karpenter };
        yield return Life("karpenter-scaled", NodeClass + "\n---\n" + Serving(more: "runtime: onnx, replicas: 1"),
            Patch(Workspaces, "w", """{"inference":{"replicas":2}}"""),
            Patch(Workspaces, "w", """{"inference":{"replicas":1}}""")) with
        {
            Options = s_karpenter,
        };
        yield return Life("karpenter-class-later", Serving(), Apply(NodeClass)) with { Options = s_karpenter };
    }

    private static IEnumerable<CrashScenario> InferenceSets()
    {
        yield return SetLife("set", Set(2));
        yield return SetLife("set-scaled", Set(1),
            Patch(Sets, "s", """{"spec":{"replicas":3}}"""), Patch(Sets, "s", """{"spec":{"replicas":1}}"""));
        yield return SetLife("set-to-zero", Set(2), Patch(Sets, "s", """{"spec":{"replicas":0}}"""));
        yield return SetLife("set-model-exchanged", Set(2), Patch(Sets, "s", Rolled));
        yield return SetLife("set-edited", Set(2),
            Patch(Sets, "s", """{"spec":{"template":{"inference":{"runtime":"vllm"}}}}"""));
        yield return SetLife("set-limited", Set(2, "nodeCountLimit: 2,"), Patch(Sets, "s", Rolled));
        yield return SetLife("set-replica-deleted", Set(2), DeleteFirst(Workspaces));
        yield return SetLife("set-karpenter", NodeClass + "\n---\n" + Set(2),
            Patch(Sets, "s", """{"spec":{"replicas":1}}""")) with
        {
            Options = s_karpenter,
        };
    }

    private static IEnumerable<CrashScenario> RagEngines()
    {
        yield return RagLife("rag", Rag());
        yield return RagLife("rag-edited", Rag(),
            Patch(Engines, "r", """{"spec":{"inferenceService":{"url":"http://other/v1/chat/completions"}}}"""));
        yield return RagLife("rag-node-lost", Rag(), DeleteFirst("nodes"));
        yield return RagLife("rag-deleted-by-others", Rag(), Delete("deployments.apps", "r"), Delete("services", "r"));
    }

    private static CrashScenario Life(string name, string yaml, params Action<SimStore, SimCluster>[] acts) =>
        new(name, [Apply(yaml), .. acts, Delete(Workspaces, "w")]) { Hides = s_gone };

    private static CrashScenario SetLife(string name, string yaml, params Action<SimStore, SimCluster>[] acts) =>
        new(name, [Apply(yaml), .. acts, Delete(Sets, "s")]) { Hides = s_gone };

    private static CrashScenario RagLife(string name, string yaml, params Action<SimStore, SimCluster>[] acts) =>
        new(name, [Apply(yaml), .. acts, Delete(Engines, "r")]) { Hides = s_gone };
}
