namespace Kaito.Core.Kubernetes;

/// <summary>What every Kubernetes object has.</summary>
public interface IKubeObject
{
    /// <summary><c>group/version</c>, or only the version for the core group.</summary>
    string ApiVersion { get; }

    /// <summary>The kind's name, e.g. <c>StatefulSet</c>.</summary>
    string Kind { get; }

    /// <summary>Name, labels and what the API server keeps about the object.</summary>
    ObjectMeta Metadata { get; }
}

/// <summary>A fact that a controller or the kubelet reports about an object; times are left out.</summary>
public sealed record StatusCondition
{
    /// <summary>What the fact is about.</summary>
    public string? Type { get; init; }

    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public string? Status { get; init; }

    /// <summary>One word for programs.</summary>
    public string? Reason { get; init; }

    /// <summary>A sentence for people.</summary>
    public string? Message { get; init; }
}
