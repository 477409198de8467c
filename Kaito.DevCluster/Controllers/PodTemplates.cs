using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>Pods from the templates of workloads, and what a workload wants to know about its pods.</summary>
internal static class PodTemplates
{
    // Letters and digits that cannot spell words.
    private const string Alphabet = "bcdfghjklmnpqrstvwxz2456789";

    /// <summary>A pod of the template, without a name.</summary>
    public static JsonObject Pod(JsonObject workload, JsonNode? template, JsonObject owner)
    {
        var metadata = template.At("metadata")?.DeepClone() as JsonObject ?? [];
        metadata["namespace"] = workload.Namespace;
        metadata["ownerReferences"] = new JsonArray(owner);
        return new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = metadata,
            ["spec"] = template.At("spec")?.DeepClone() ?? new JsonObject(),
        };
    }

    /// <summary>Ten characters that are equal for equal templates, whatever the order of their members.</summary>
    public static string Hash(JsonNode? template)
    {
        var text = new StringBuilder();
        Write(template, text);
        var digest = SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()));
        return string.Concat(digest.Take(10).Select(static b => Alphabet[b % Alphabet.Length]));
    }

    public static bool IsReady(JsonObject pod) => Conditions.IsTrue(pod, "Ready");

    /// <summary>Ended for good, well or not.</summary>
    public static bool IsFinished(JsonObject pod) => pod.Text("status", "phase") is "Succeeded" or "Failed";

    /// <summary>Whether the pod has been ready for so many seconds.</summary>
    public static bool IsAvailable(JsonObject pod, int minReadySeconds, DateTimeOffset now) =>
        IsReady(pod)
        && (minReadySeconds == 0
            || Conditions.Find(pod, "Ready").Time("lastTransitionTime") + TimeSpan.FromSeconds(minReadySeconds) <= now);

    private static void Write(JsonNode? node, StringBuilder text)
    {
        switch (node)
        {
            case JsonObject members:
                foreach (var (name, value) in members.OrderBy(static m => m.Key, StringComparer.Ordinal))
                {
                    text.Append('{').Append(name).Append(':');
                    Write(value, text);
                }

                break;
            case JsonArray items:
                foreach (var item in items)
                {
                    text.Append('[');
                    Write(item, text);
                }

                break;
            default:
                text.Append(node?.ToJsonString());
                break;
        }

        text.Append(';');
    }
}
