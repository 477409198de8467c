using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>Writes that every controller needs.</summary>
internal static class KubeWrites
{
    /// <summary>Adds or removes one finalizer; an object that is gone already needs neither.</summary>
    /// <returns>Whether the object was there: for one that is gone nothing may be made any more.</returns>
    /// <exception cref="KubeConflictException">The object changed since it was read.</exception>
    public static async Task<bool> SetFinalizerAsync<T>(
        this IKubeApi api, KubeKind<T> kind, T target, string finalizer, bool present, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var before = target.Metadata.Finalizers ?? [];
        if (before.Contains(finalizer) == present)
        {
            return true;
        }

        var after = present ? before.Add(finalizer) : before.Remove(finalizer);
        var merge = new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                // With the resource version, so that a finalizer that somebody else adds meanwhile is not lost.
                ["resourceVersion"] = target.Metadata.ResourceVersion,
                ["finalizers"] = new JsonArray([.. after.Select(static f => JsonValue.Create(f))]),
            },
        };
        return await MergeAsync(api, kind, target, merge, status: false, cancellationToken);
    }

    /// <summary>Merges what differs into the status; nothing is written when nothing does.</summary>
    /// <param name="api">The API server.</param>
    /// <param name="kind">The object's kind.</param>
    /// <param name="target">The object.</param>
    /// <param name="before">Its status as it was read.</param>
    /// <param name="after">Its status as it should be; members of <paramref name="before"/> that it lacks are removed.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    public static async Task WriteStatusAsync<T>(
        this IKubeApi api, KubeKind<T> kind, T target, JsonObject before, JsonObject after, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        var merge = new JsonObject();
        foreach (var name in before.Select(static m => m.Key).Union(after.Select(static m => m.Key)))
        {
            if (!JsonNode.DeepEquals(before[name], after[name]))
            {
                merge[name] = after[name]?.DeepClone();
            }
        }

        if (merge.Count > 0)
        {
            var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = target.Metadata.Uid }, ["status"] = merge };
            await MergeAsync(api, kind, target, patch, status: true, cancellationToken);
        }
    }

    /// <summary>Says on a node that its GPUs work.</summary>
    public static Task MarkGpuNodeAsync(this IKubeApi api, Node node, CancellationToken cancellationToken)
    {
        var merge = new JsonObject
        {
            ["metadata"] = new JsonObject { ["labels"] = new JsonObject { [Labels.Accelerator] = "nvidia" } },
        };
        return api.PatchAsync(KubeKinds.Nodes, node, merge, status: false, cancellationToken);
    }

    /// <summary>Merges into an object, or into its status; an object that is gone already needs nothing.</summary>
    /// <returns>Whether it was there.</returns>
    public static async Task<bool> MergeAsync<T>(
        this IKubeApi api, KubeKind<T> kind, T target, JsonObject merge, bool status, CancellationToken cancellationToken)
        where T : class, IKubeObject
    {
        try
        {
            await api.PatchAsync(kind, target, merge, status, cancellationToken);
            return true;
        }
        catch (KubeNotFoundException)
        {
            // Gone while we looked; its deletion event is on its way.
            return false;
        }
    }
}

/// <summary>PURE: the conditions of an object from one reconcile to the next.</summary>
internal static class ConditionHistory
{
    /// <summary>
    /// The conditions to write: generation and times added, those of other types kept. A time changes only with a status.
    /// </summary>
    /// <param name="before">As they were read.</param>
    /// <param name="next">Without generation and time.</param>
    /// <param name="owned">Types that this controller writes: one that it no longer has goes.</param>
    /// <param name="generation">The generation that was looked at.</param>
    /// <param name="failure">Why the reconcile failed; null when it did not.</param>
    /// <param name="now">The moment of the change.</param>
    public static ImmutableArray<Condition> Next(
        ImmutableArray<Condition> before,
        ImmutableArray<Condition> next,
        IReadOnlySet<string> owned,
        long? generation,
        string? failure,
        DateTimeOffset now)
    {
        var second = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerSecond));
        return
        [
            .. next.Select(condition =>
            {
                var last = before.FirstOrDefault(c => c.Type == condition.Type);
                return condition with
                {
                    Message = failure is null || condition.Status == Condition.True
                        ? condition.Message
                        : $"{condition.Message} (last reconcile error: {failure})",
                    ObservedGeneration = generation,
                    LastTransitionTime = last?.Status == condition.Status ? last.LastTransitionTime : second,
                };
            }),
            .. before.Where(c => !owned.Contains(c.Type)),
        ];
    }
}
