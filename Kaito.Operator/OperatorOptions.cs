using System.Collections.Immutable;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.Workspaces;
using Kaito.Operator.Models;
using Kaito.Operator.Nodes;

namespace Kaito.Operator;

/// <summary>What the operator was told when it started.</summary>
internal sealed record OperatorOptions
{
    /// <summary>Path of a kubeconfig; null for what kubectl would use here.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary>
    /// Addresses for health and metrics; null for <c>ASPNETCORE_URLS</c>, else http://localhost:5000.
    /// </summary>
    public string? Listen { get; init; }

    /// <summary>Least level of what is logged; null for the configured one.</summary>
    public LogLevel? LogLevel { get; init; }

    /// <summary>Flags and gates that are accepted and do nothing here, as one text; null when there are none.</summary>
    public string? WithoutEffect { get; init; }

    /// <summary>How long each thing that the start needs may take to come about. Default 30 s.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Namespace of the leader election's Lease. Default <c>default</c>.</summary>
    public string Namespace { get; init; } = "default";

    /// <summary>Bring the CRDs of this build to the cluster before starting.</summary>
    public bool InstallCrds { get; init; }

    /// <summary>Wait for the Lease before acting.</summary>
    public bool LeaderElect { get; init; }

    /// <summary>Where the images of this project are. Default <c>kaito</c>.</summary>
    public string ImageRegistry { get; init; } = "kaito";

    /// <summary>Tag of the images. Default <c>latest</c>.</summary>
    public string ImageTag { get; init; } = "latest";

    /// <summary>Where upstream's image of vLLM is. Default <c>mcr.microsoft.com/aks/kaito</c>.</summary>
    public string PresetRegistry { get; init; } = "mcr.microsoft.com/aks/kaito";

    /// <summary>The cloud whose instance types a Workspace may name: azure, aws or arc. Default azure.</summary>
    public string Cloud { get; init; } = "azure";

    /// <summary>Image family of nodes when a Workspace names none: ubuntu or azurelinux. Default ubuntu.</summary>
    public string NodeImageFamily { get; init; } = "ubuntu";

    /// <summary>Where nodes come from. Default azure-gpu-provisioner.</summary>
    public NodeProvisioner NodeProvisioner { get; init; } = NodeProvisioner.AzureGpuProvisioner;

    /// <summary>What is turned on and off.</summary>
    public FeatureGates Gates { get; init; } = new();

    /// <summary>For the node provisioner karpenter.</summary>
    public KarpenterOptions Karpenter { get; init; } = new();

    /// <summary>Where the nodes of a workload come from.</summary>
    /// <param name="existing">The cluster's nodes; null where nobody looked.</param>
    public NodeSource NodeSource(ImmutableArray<ExistingNode>? existing) => NodeProvisioner == NodeProvisioner.Existing
        ? new NodeSource.Existing { Nodes = existing, MigAllowed = Gates.Mig, AcceleratorAllowed = Gates.Accelerator }
        : Skus;

    /// <summary>
    /// Where models are looked up that the catalogue lacks; null where nothing is. Default https://huggingface.co.
    /// </summary>
    public Uri? ModelHub { get; init; } = new("https://huggingface.co");

    /// <summary>Access token of the operator itself; null for none.</summary>
    public AccessToken? ModelHubToken { get; init; }

    /// <summary>What a Workspace may ask for.</summary>
    /// <param name="existing">The cluster's nodes; null where nobody looked.</param>
    public Offer Offer(ImmutableArray<ExistingNode>? existing) =>
        new(ModelCatalog.Default, NodeSource(existing)) { Vllm = Gates.Vllm, AnyRepository = ModelHub is not null };

    /// <summary>Serve the validating webhooks, and tell the API server of them.</summary>
    public bool Webhook { get; init; }

    /// <summary>Port of the webhooks; 0 for a free one. Default 9443.</summary>
    public int WebhookPort { get; init; } = 9443;

    /// <summary>
    /// Host name or address at which the API server reaches this process; null when it goes through the Service.
    /// </summary>
    public string? WebhookHost { get; init; }

    /// <summary>Service that leads to the webhooks, on the same port. Default <c>kaito-workspace</c>.</summary>
    public string WebhookService { get; init; } = "kaito-workspace";

    /// <summary>
    /// Read the metrics of serving pods through the API server, where this process does not reach their addresses; the
    /// operator then needs the right to get <c>pods/proxy</c>.
    /// </summary>
    public bool PodMetricsThroughServer { get; init; }

    public SkuCatalog Skus => SkuCatalog.TryForCloud(Cloud, out var skus)
        ? skus
        : throw new InvalidOperationException($"No table of instance types for the cloud '{Cloud}'.");
}
