using System.Text.Json.Nodes;
using Kaito.DevCluster.Api;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.Benchmarks.Crashes;

/// <summary>What users write.</summary>
internal static class Manifests
{
    public const string A100 = "Standard_NC24ads_A100_v4";
    public const string TwoA100 = "Standard_NC48ads_A100_v4";

    public static JsonObject Read(string yaml) => ApiBody.FromYaml(yaml)!.AsObject();

    /// <summary>The type of an object by its apiVersion and kind.</summary>
    public static ResourceType ResourceOf(SimStore store, JsonObject item)
    {
        var version = item.Text("apiVersion")!;
        var group = version.Contains('/', StringComparison.Ordinal) ? version.Split('/')[0] : "";
        return store.Catalog.FindKind(group, item.Text("kind")!)!;
    }

    /// <summary>A Workspace named w that serves.</summary>
    /// <param name="preset">Its model.</param>
    /// <param name="more">Members of <c>inference</c>, in YAML's flow style.</param>
    /// <param name="resource">Members of <c>resource</c>.</param>
    /// <param name="version">Of the API.</param>
    /// <param name="metadata">Members of <c>metadata</c>.</param>
    public static string Serving(
        string preset = "phi-3.5-mini-instruct", string more = "", string resource = $"instanceType: {A100}",
        string version = "v1beta1", string metadata = "") =>
        $$"""
        apiVersion: kaito.sh/{{version}}
        kind: Workspace
        metadata: { name: w, {{metadata}} }
        resource: { labelSelector: { matchLabels: { apps: w } }, {{resource}} }
        inference: { preset: { name: {{preset}} }, {{more}} }
        """;

    /// <summary>A Workspace named w that runs a pod of the user.</summary>
    public static string Template(string image) =>
        $$"""
        apiVersion: kaito.sh/v1beta1
        kind: Workspace
        metadata: { name: w }
        resource: { labelSelector: { matchLabels: { apps: w } }, instanceType: {{A100}}, count: 2 }
        inference: { template: { spec: { containers: [ { name: server, image: "{{image}}" } ] } } }
        """;

    /// <summary>A Workspace named w that tunes.</summary>
    public static string Tuning(string input, string output, string config = "") =>
        $$"""
        apiVersion: kaito.sh/v1beta1
        kind: Workspace
        metadata: { name: w }
        resource: { labelSelector: { matchLabels: { apps: w } }, instanceType: {{A100}} }
        tuning: { preset: { name: phi-4-mini-instruct }, method: lora, input: {{input}}, output: {{output}}, {{config}} }
        """;

    /// <summary>An InferenceSet named s.</summary>
    public static string Set(int replicas, string more = "") =>
        $$"""
        apiVersion: kaito.sh/v1beta1
        kind: InferenceSet
        metadata: { name: s }
        spec:
          { replicas: {{replicas}}, labelSelector: { matchLabels: { apps: s } }, {{more}}
            template: { resource: { instanceType: {{A100}} }, inference: { preset: { name: phi-3.5-mini-instruct } } } }
        """;

    /// <summary>A RAGEngine named r.</summary>
    public static string Rag(string more = "") =>
        $$"""
        apiVersion: kaito.sh/v1beta1
        kind: RAGEngine
        metadata: { name: r }
        spec:
          compute: { instanceType: Standard_NC4as_T4_v3, labelSelector: { matchLabels: { apps: r } } }
          embedding: { local: { modelID: BAAI/bge-small-en-v1.5 } }
          inferenceService: { url: "http://w/v1/chat/completions", contextWindowSize: 4096 }
          {{more}}
        """;

    public static string ConfigMap(string name, string file, string content) =>
        $$"""
        apiVersion: v1
        kind: ConfigMap
        metadata: { name: {{name}} }
        data: { {{file}}: "{{content}}" }
        """;

    /// <summary>A node of the user with four A100.</summary>
    public static string Node(string name, string label = "w") =>
        $$"""
        apiVersion: v1
        kind: Node
        metadata:
          name: {{name}}
          labels:
            { apps: {{label}}, kubernetes.io/hostname: {{name}}, node.kubernetes.io/instance-type: {{A100}},
              nvidia.com/gpu.product: NVIDIA-A100-SXM4-80GB, nvidia.com/gpu.count: "1", nvidia.com/gpu.memory: "81920" }
        status:
          capacity: { nvidia.com/gpu: "1", cpu: "24", memory: 220Gi, pods: "110" }
          allocatable: { nvidia.com/gpu: "1", cpu: "24", memory: 220Gi, pods: "110" }
          conditions: [ { type: Ready, status: "True", reason: KubeletReady } ]
        """;
}
