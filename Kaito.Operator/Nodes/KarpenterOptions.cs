using System.Collections.Immutable;
using System.Text.Json;
using System.Text.RegularExpressions;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Nodes;

/// <summary>What Karpenter on this cluster calls its NodeClasses, and which of them the operator brings.</summary>
internal sealed partial record KarpenterOptions
{
    /// <summary>Default <c>karpenter.azure.com</c>.</summary>
    public string Group { get; init; } = "karpenter.azure.com";

    /// <summary>Default <c>AKSNodeClass</c>.</summary>
    public string Kind { get; init; } = "AKSNodeClass";

    /// <summary>Default <c>v1beta1</c>.</summary>
    public string Version { get; init; } = "v1beta1";

    /// <summary>Default <c>aksnodeclasses</c>.</summary>
    public string ResourceName { get; init; } = "aksnodeclasses";

    /// <summary>By name; exactly one is the default unless there is none at all.</summary>
    public ImmutableArray<NodeClassOption> Classes { get; init; } = [];

    /// <summary>The NodeClass of who names none; null when there are none.</summary>
    public NodeClassOption? Default => Classes.FirstOrDefault(static c => c.Default);

    /// <summary>Reads e.g. <c>[{"name":"gpu","default":true,"spec":{}}]</c>.</summary>
    /// <exception cref="FormatException">It is something else; the message is for the user.</exception>
    public static ImmutableArray<NodeClassOption> ParseClasses(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Array
                ? Checked([.. document.RootElement.EnumerateArray().Select(Read)])
                : throw Wrong("it is not an array");
        }
        catch (JsonException wrong)
        {
            throw Wrong($"it is not JSON ({wrong.Message})");
        }
    }

    private static NodeClassOption Read(JsonElement item, int index)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            throw Wrong($"item {index} is not an object");
        }

        foreach (var member in item.EnumerateObject())
        {
            if (member.Name is not ("name" or "default" or "spec"))
            {
                throw Wrong($"item {index} has \"{member.Name}\", which is unknown");
            }
        }

        var name = item.TryGetProperty("name", out var named) && named.ValueKind == JsonValueKind.String
            ? named.GetString()!
            : throw Wrong($"item {index} has no name");
        if (name.Length > 253 || !Subdomain().IsMatch(name))
        {
            throw Wrong($"\"{name}\" is not a name of lower-case letters, digits, dashes and dots");
        }

        var byDefault = item.TryGetProperty("default", out var flag) && flag.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Wrong($"default of {name} is neither true nor false"),
        };
        return new(name, byDefault, item.TryGetProperty("spec", out var spec) ? spec.GetRawText() : "{}");
    }

    private static ImmutableArray<NodeClassOption> Checked(ImmutableArray<NodeClassOption> classes)
    {
        if (classes.IsEmpty)
        {
            throw Wrong("it is empty");
        }

        foreach (var twice in classes.GroupBy(static c => c.Name).Where(static g => g.Count() > 1))
        {
            throw Wrong($"more than one has the name {twice.Key}");
        }

        return classes.Count(static c => c.Default) == 1
            ? [.. classes.OrderBy(static c => c.Name, StringComparer.Ordinal)]
            : throw Wrong("exactly one must have \"default\": true");
    }

    private static FormatException Wrong(string what) => new(
        $"--karpenter-node-classes: {what}. Write e.g. [{{\"name\":\"gpu\",\"default\":true,\"spec\":{{}}}}].");

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Subdomain();
}

/// <summary>A NodeClass that the operator brings when it is absent.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Default">For those who name none.</param>
/// <param name="Spec">JSON that the cloud's Karpenter understands, passed on as it is.</param>
internal sealed record NodeClassOption(string Name, bool Default, string Spec)
{
    public NodeClass Render(KarpenterOptions options)
    {
        var labels = ImmutableSortedDictionary<string, string>.Empty.Add(Labels.KarpenterManagedBy, "kaito");
        using var spec = JsonDocument.Parse(Spec);
        return new()
        {
            ApiVersion = $"{options.Group}/{options.Version}",
            Kind = options.Kind,
            Metadata = new()
            {
                Name = Name,
                Labels = Default ? labels.Add(Labels.KarpenterDefault, "true") : labels,
            },
            Spec = spec.RootElement.Clone(),
        };
    }
}
