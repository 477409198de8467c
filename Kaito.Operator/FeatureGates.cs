using System.Collections.Immutable;

namespace Kaito.Operator;

/// <summary>What may be turned on and off; names and defaults are upstream's.</summary>
internal sealed record FeatureGates
{
    /// <summary><c>vLLM</c>, on: models may be served by vLLM.</summary>
    public bool Vllm { get; init; } = true;

    /// <summary><c>gatewayAPIInferenceExtension</c>, off.</summary>
    public bool GatewayApiInferenceExtension { get; init; }

    /// <summary><c>enableInferenceSetController</c>, on.</summary>
    public bool InferenceSets { get; init; } = true;

    /// <summary><c>enableMIG</c>, off: a Workspace may ask for a slice of a GPU of an existing node.</summary>
    public bool Mig { get; init; }

    /// <summary><c>enableAccelerator</c>, off: a Workspace may ask for some GPUs of an existing node.</summary>
    public bool Accelerator { get; init; }

    /// <summary><c>enableMultiRoleInferenceController</c>, off.</summary>
    public bool MultiRoleInference { get; init; }

    /// <summary><c>ModelMirror</c>, off.</summary>
    public bool ModelMirror { get; init; }

    /// <summary><c>ModelStreaming</c>, off; needs ModelMirror.</summary>
    public bool ModelStreaming { get; init; }

    /// <summary><c>enableBaseImageAutoUpgrade</c>, off; needs enableInferenceSetController.</summary>
    public bool BaseImageAutoUpgrade { get; init; }

    /// <summary><c>disableNodeAutoProvisioning</c>; null when it is not given: then the node provisioner says it.</summary>
    public bool? ExistingNodesOnly { get; init; }

    /// <summary>Gates that are on and stand for what this operator lacks, as one text; null when there are none.</summary>
    public string? WithoutEffect
    {
        get
        {
            var names = new (string Name, bool On)[]
            {
                ("gatewayAPIInferenceExtension", GatewayApiInferenceExtension),
                ("enableMultiRoleInferenceController", MultiRoleInference), ("ModelMirror", ModelMirror),
                ("ModelStreaming", ModelStreaming),
            };
            var on = string.Join(", ", names.Where(static n => n.On).Select(static n => $"gate {n.Name}"));
            return on.Length == 0 ? null : on;
        }
    }

    private static readonly ImmutableSortedDictionary<string, Func<FeatureGates, bool, FeatureGates>> s_known =
        ImmutableSortedDictionary.CreateRange<string, Func<FeatureGates, bool, FeatureGates>>(
            StringComparer.Ordinal,
            [
                new("vLLM", static (gates, on) => gates with { Vllm = on }),
                new("gatewayAPIInferenceExtension", static (gates, on) => gates with { GatewayApiInferenceExtension = on }),
                new("enableInferenceSetController", static (gates, on) => gates with { InferenceSets = on }),
                new("enableMIG", static (gates, on) => gates with { Mig = on }),
                new("enableAccelerator", static (gates, on) => gates with { Accelerator = on }),
                new("enableMultiRoleInferenceController", static (gates, on) => gates with { MultiRoleInference = on }),
                new("ModelMirror", static (gates, on) => gates with { ModelMirror = on }),
                new("ModelStreaming", static (gates, on) => gates with { ModelStreaming = on }),
                new("enableBaseImageAutoUpgrade", static (gates, on) => gates with { BaseImageAutoUpgrade = on }),
                new("disableNodeAutoProvisioning", static (gates, on) => gates with { ExistingNodesOnly = on }),
            ]);

    /// <summary>Reads e.g. <c>vLLM=true,enableMIG=true</c>; of a gate that is named twice the last counts.</summary>
    /// <exception cref="FormatException">A gate or a value is unknown, or one gate needs another.</exception>
    public static FeatureGates Parse(string? text)
    {
        var gates = new FeatureGates();
        foreach (var item in (text ?? "").Split(
            ',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var (name, value) = item.Split('=', 2, StringSplitOptions.TrimEntries) is [var left, var right]
                ? (left, right)
                : (item, "");
            if (!s_known.TryGetValue(name, out var set))
            {
                throw new FormatException(
                    $"--feature-gates: \"{name}\" is unknown; use {string.Join(", ", s_known.Keys)}.");
            }

            gates = set(gates, bool.TryParse(value, out var on)
                ? on
                : throw new FormatException($"--feature-gates: {item} is neither {name}=true nor {name}=false."));
        }

        return gates switch
        {
            { ModelStreaming: true, ModelMirror: false } =>
                throw new FormatException("--feature-gates: ModelStreaming needs ModelMirror=true."),
            { BaseImageAutoUpgrade: true, InferenceSets: false } => throw new FormatException(
                "--feature-gates: enableBaseImageAutoUpgrade needs enableInferenceSetController=true."),
            _ => gates,
        };
    }
}
