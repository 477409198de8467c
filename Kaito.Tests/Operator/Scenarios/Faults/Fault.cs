using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;
using Kaito.Operator.Cluster;
using Condition = Kaito.Core.Api.Condition;

namespace Kaito.Tests.Operator.Scenarios.Faults;

/// <summary>A row: what fails, what people read of it, and how it ends.</summary>
/// <param name="Name">Of the row.</param>
internal sealed record Fault(string Name)
{
    /// <summary>Changes the Workspace, which otherwise serves phi-3.5-mini-instruct on one A100.</summary>
    public Func<WorkspaceResource, WorkspaceResource> Wanted { get; init; } = static w => w;

    /// <summary>What is there before the Workspace.</summary>
    public Action<FaultRun> Before { get; init; } = static _ => { };

    /// <summary>The fault comes when the Workspace serves already, and not before it is applied.</summary>
    public bool Serving { get; init; }

    public required Action<FaultRun> Inject { get; init; }

    /// <summary>Type, reason and words of a condition that is not True within 15 s; null where nothing can be told.</summary>
    public (string Type, string Reason, string[] Words)? Expect { get; init; }

    /// <summary>Ends the fault, beside what the row has set; null for a fault that is over as soon as it has come.</summary>
    public Action<FaultRun>? Heal { get; init; } = static _ => { };

    /// <summary>What holds when all is well again, beside that the Workspace succeeds.</summary>
    public Action<FaultRun> After { get; init; } = static _ => { };

    /// <summary>The fault need not interrupt the Workspace.</summary>
    public bool Harmless { get; init; }
}

/// <summary>A row as it runs.</summary>
internal sealed class FaultRun(FaultCluster cluster, string space)
{
    public FaultRun(FaultCluster cluster)
        : this(cluster, cluster.NewNamespace())
    {
    }

    private static readonly TimeSpan s_tellLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_recoveryLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(3);
    private static readonly GroupResource s_workspaces = GroupResource.Parse("workspaces.kaito.sh");

    public FaultCluster Cluster => cluster;

    public IClusterStore Store => cluster.Store;

    public Trouble Trouble => cluster.Trouble;

    public string Namespace => space;

    public static async Task RunAsync(FaultCluster cluster, Fault fault)
    {
        var run = new FaultRun(cluster);
        try
        {
            await run.PlayAsync(fault);
        }
        catch (Exception)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', cluster.Log.Lines.TakeLast(40)));
            throw;
        }
        finally
        {
            cluster.Trouble.End();
            cluster.Api = null;
            run.Store.Delete(run.Workspace, DeleteRequest.Default);
        }

        await run.UntilAsync(
            () => run.Store.Get(run.Workspace) is null
                && !run.Store.List(Resources.NodeClaims).Items.Any(
                    c => c.Text("metadata", "labels", Labels.WorkspaceNamespace) == run.Namespace),
            s_recoveryLimit, "the Workspace and its NodeClaims are gone");
    }

    public ObjectKey Workspace => new(s_workspaces, space, "phi");

    public ObjectKey Key(GroupResource resource, string name = "phi") => new(resource, space, name);

    /// <summary>Of the row, those that go not counted.</summary>
    public IEnumerable<JsonObject> Claims => Store.List(Resources.NodeClaims).Items
        .Where(c => c.Text("metadata", "labels", Labels.WorkspaceNamespace) == space && !c.Deleting);

    public JsonObject Claim => Claims.First();

    public ObjectKey Node => new(
        Resources.Nodes, null, Claims.Select(static c => c.Text("status", "nodeName")).OfType<string>().First());

    public void Create(GroupResource resource, string json)
    {
        var item = JsonNode.Parse(json)!.AsObject();
        item.Child("metadata")["namespace"] = space;
        Store.Create(resource, space, item);
    }

    public T? Read<T>(ObjectKey key) =>
        Store.Get(key) is { } item ? (T?)item.Deserialize(KubeJson.Default.GetTypeInfo(typeof(T))!) : default;

    public void Delete(GroupResource resource, string name = "phi") =>
        Store.Delete(Key(resource, name), DeleteRequest.Default);

    /// <summary>Deletes the Workspace and applies it anew, as a user who corrects what cannot be edited.</summary>
    public void Replace(Func<WorkspaceResource, WorkspaceResource> change)
    {
        Store.Delete(Workspace, DeleteRequest.Default);
        Wait(() => Store.Get(Workspace) is null, "the Workspace goes");
        Apply(change);
    }

    public void Wait(Func<bool> holds, string what) =>
        Assert.True(SpinWait.SpinUntil(holds, s_longest), $"In vain waited in {space} until {what}.");

    /// <summary>What a kubelet says of a pod.</summary>
    public void Warn(JsonObject pod, string reason, string message) => cluster.Events.Warning(pod, reason, message, "kubelet");

    public void NodeStatus(Action<JsonObject> change) => Store.ModifyStatus(Node, node => change(node.Child("status")));

    private async Task PlayAsync(Fault fault)
    {
        fault.Before(this);
        if (fault.Serving)
        {
            Apply(fault.Wanted);
            await UntilAsync(IsReady, s_recoveryLimit, "the Workspace serves");
        }

        var start = Store.ResourceVersion;
        fault.Inject(this);
        if (!fault.Serving)
        {
            Apply(fault.Wanted);
        }

        if (fault.Expect is { } expected)
        {
            await UntilAsync(
                () => Told(start, expected), s_tellLimit,
                $"{expected.Type} {expected.Reason}: {string.Join(" ... ", expected.Words)}");
            if (fault.Heal is not null && cluster.Api is null)
            {
                await LookedAtAgainAsync();
            }
        }

        NeverReady(fault, start);
        fault.Heal?.Invoke(this);
        Trouble.End();
        cluster.Api = null;
        await UntilAsync(IsReady, s_recoveryLimit, "the Workspace serves again");
        fault.After(this);
    }

    private async Task LookedAtAgainAsync()
    {
        var before = Looks();
        Store.Modify(Workspace, static workspace => workspace.Child("metadata", "labels")["looked-at"] = "again");
        await UntilAsync(() => Looks() > before, s_tellLimit, "the operator looks again");
    }

    private int Looks() => cluster.Log.Lines.Count(
        line => line.StartsWith($"Workspace {space}/phi is ", StringComparison.Ordinal)
            || line.StartsWith($"workspace {space}/phi failed", StringComparison.Ordinal));

    // Ready may stay until the operator has heard of it; once gone it comes back only with the end of the fault.
    private void NeverReady(Fault fault, long start)
    {
        var states = cluster.History(space, start).Select(static w => Find(w, ConditionTypes.WorkspaceSucceeded))
            .Select(static c => c?.Status == Condition.True).ToArray();
        if (!fault.Harmless && fault.Heal is not null)
        {
            Assert.DoesNotContain(true, fault.Serving ? states.SkipWhile(static ready => ready) : states);
        }
    }

    private bool Told(long start, (string Type, string Reason, string[] Words) expected) =>
        cluster.History(space, start).Select(w => Find(w, expected.Type)).Any(
            c => c is not null && c.Status != Condition.True && c.Reason == expected.Reason
                && expected.Words.All(word => c.Message.Contains(word, StringComparison.Ordinal)));

    public bool IsReady() => Store.Get(Workspace) is { } workspace
        && Find(workspace, ConditionTypes.WorkspaceSucceeded)?.Status == Condition.True;

    private static Condition? Find(JsonObject workspace, string type) => workspace.Objects("status", "conditions")
        .FirstOrDefault(c => c.Text("type") == type) is { } found
        ? found.Deserialize(WorkspaceJson.Default.Condition)
        : null;

    public void Apply(Func<WorkspaceResource, WorkspaceResource> change)
    {
        var wanted = change(new()
        {
            Metadata = new() { Name = "phi", Namespace = space },
            Resource = new()
            {
                InstanceType = "Standard_NC24ads_A100_v4",
                LabelSelector = new() { MatchLabels = ImmutableSortedDictionary<string, string>.Empty.Add("apps", space) },
            },
            Inference = new() { Preset = new() { Name = "phi-3.5-mini-instruct" }, Runtime = "onnx" },
        });
        Store.Create(
            s_workspaces, space, JsonSerializer.SerializeToNode(wanted, KubeKinds.Workspaces.Contract)!.AsObject());
    }

    public Task UntilAsync(Func<bool> holds, string what) => UntilAsync(holds, s_recoveryLimit, what);

    private Task UntilAsync(Func<bool> holds, TimeSpan limit, string what) => FaultCluster.UntilAsync(
        holds, limit,
        () => $"{what}\nNow: {string.Join('\n', Store.Get(Workspace)
            ?.Objects("status", "conditions").Select(static c => c.ToJsonString()) ?? ["no Workspace"])}");
}
