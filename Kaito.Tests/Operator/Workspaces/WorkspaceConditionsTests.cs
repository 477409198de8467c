using Kaito.Core.Api;
using Kaito.Operator.Workspaces;

namespace Kaito.Tests.Operator.Workspaces;

public sealed class WorkspaceConditionsTests
{
    private static readonly DateTimeOffset s_before = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset s_now = s_before.AddMilliseconds(61_500);

    [Fact]
    public void Status_SameStatusWithAnotherReason_KeepsTheTransitionTime()
    {
        var status = Status(Resource(WorkspaceConditions.Unmet("NodesReady", "Old", "m")), "New");

        var condition = Assert.Single(status.Conditions!.Value);
        Assert.Equal(
            ("New", s_before, 4L), (condition.Reason, condition.LastTransitionTime, condition.ObservedGeneration));
    }

    [Fact]
    public void Status_OtherStatus_TakesTheTimeInWholeSeconds()
    {
        var status = Status(Resource(WorkspaceConditions.Met("NodesReady", "Old", "m")), "New");

        Assert.Equal(s_before.AddSeconds(61), Assert.Single(status.Conditions!.Value).LastTransitionTime);
    }

    [Fact]
    public void Status_ConditionOfSomebodyElse_IsKeptAndOursThatNobodyPlansGoes()
    {
        var status = Status(
            Resource(
                WorkspaceConditions.Met("TheirOwn", "R", "m"),
                WorkspaceConditions.Met(ConditionTypes.WorkspaceDeleting, "R", "m")),
            "New");

        Assert.Equal(["NodesReady", "TheirOwn"], status.Conditions!.Value.Select(static c => c.Type));
    }

    [Fact]
    public void Status_ReconcileFailed_OnlyUnmetConditionsSayWhy()
    {
        var plan = new WorkspacePlan
        {
            Conditions = [WorkspaceConditions.Met("A", "R", "fine"), WorkspaceConditions.Unmet("B", "R", "not yet")],
        };

        var status = WorkspaceConditions.Status(Resource(), plan, "refused", s_now);

        Assert.Equal(
            ["fine", "not yet (last reconcile error: refused)"], status.Conditions!.Value.Select(
                static c => c.Message));
    }

    [Fact]
    public void Patch_NothingNew_IsNull()
    {
        var resource = Resource(WorkspaceConditions.Unmet("NodesReady", "New", "m") with { ObservedGeneration = 4 });
        resource = resource with { Status = resource.Status! with { State = "Pending" } };

        Assert.Null(WorkspaceConditions.Patch(resource, Status(resource, "New")));
    }

    [Fact]
    public void Patch_OnlyTheStateIsNew_CarriesUidAndStateAlone()
    {
        var resource = Resource(WorkspaceConditions.Unmet("NodesReady", "New", "m") with { ObservedGeneration = 4 });

        Assert.Equal(
            """{"metadata":{"uid":"u"},"status":{"state":"Pending"}}""",
            WorkspaceConditions.Patch(resource, Status(resource, "New"))!.ToJsonString());
    }

    [Fact]
    public void Patch_LastNodeGone_EmptiesTheList()
    {
        var resource = Resource() with { Status = new() { WorkerNodes = ["node-1"] } };

        Assert.Equal("[]", WorkspaceConditions.Patch(resource, new())!["status"]!["workerNodes"]!.ToJsonString());
    }

    private static WorkspaceStatus Status(WorkspaceResource resource, string reason) => WorkspaceConditions.Status(
        resource, new() { Conditions = [WorkspaceConditions.Unmet("NodesReady", reason, "m")] }, null, s_now);

    private static WorkspaceResource Resource(params Condition[] before) => new()
    {
        Metadata = new() { Name = "ws", Uid = "u", Generation = 4 },
        Status = new() { Conditions = [.. before.Select(static c => c with { LastTransitionTime = s_before })] },
    };
}
