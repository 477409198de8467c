using System.Collections.Immutable;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;
using Kaito.Operator.Workspaces;

namespace Kaito.Tests.Operator.Workspaces;

public sealed class RevisionsTests
{
    private static readonly string s_hash = WorkspaceHash.Of(Wanted("phi-4"));

    [Fact]
    public void Plan_FirstState_IsNumberOneWithItsHashAndData()
    {
        var current = Plan().Current;

        Assert.Equal(($"ws-{s_hash[..5]}", 1L), (current.Metadata.Name, current.Revision));
        Assert.Equal(s_hash, current.Metadata.Annotations![Annotations.Hash]);
        Assert.Equal("ws", current.Metadata.Labels![Labels.RevisionOwner]);
        Assert.Equal(["resource", "inference"], current.Data!.AsObject().Select(static m => m.Key));
        Assert.Equal("phi-4", (string?)current.Data["inference"]!["preset"]!["name"]);
    }

    [Fact]
    public void Plan_OtherStateBefore_GetsTheNextNumber() =>
        Assert.Equal(8, Plan(Existing(7, "other")).Current.Revision);

    [Fact]
    public void Plan_SameStateBefore_KeepsItsNumber()
    {
        var plan = Plan(Existing(3, s_hash), Existing(7, "other"));

        Assert.Equal(3, plan.Current.Revision);
        Assert.Equal("r3", plan.Current.Metadata.Name);
    }

    [Fact]
    public void Plan_NameTakenByAnotherState_UsesALongerHash()
    {
        var taken = Existing(1, "other");
        taken = taken with { Metadata = taken.Metadata with { Name = $"ws-{s_hash[..5]}" } };

        Assert.Equal($"ws-{s_hash[..10]}", Plan(taken).Current.Metadata.Name);
    }

    [Fact]
    public void Plan_MoreThanTen_TheOldestGoAndTheCurrentStays()
    {
        var existing = Enumerable.Range(1, 12).Select(static n => Existing(n, n == 1 ? s_hash : $"h{n}"));

        var plan = Plan([.. existing]);

        Assert.Equal(1, plan.Current.Revision);
        Assert.Equal(["r3", "r2"], plan.Surplus.Select(static r => r.Metadata.Name));
    }

    private static RevisionPlan Plan(params ImmutableArray<ControllerRevision> existing)
    {
        var wanted = Wanted("phi-4");
        Assert.True(
            WorkspaceParser.Parse(wanted, new(ModelCatalog.Default, SkuCatalog.Azure)).TryGet(out var workspace, out _));
        return Revisions.Plan(wanted, workspace, existing);
    }

    private static WorkspaceResource Wanted(string preset) => new()
    {
        Metadata = new() { Name = "ws", Namespace = "team", Uid = "u" },
        Resource = new() { InstanceType = "Standard_NC24ads_A100_v4", LabelSelector = new() },
        Inference = new() { Preset = new() { Name = preset } },
    };

    private static ControllerRevision Existing(long number, string hash) => new()
    {
        Metadata = new()
        {
            Name = $"r{number}",
            Annotations = ImmutableSortedDictionary<string, string>.Empty.Add(Annotations.Hash, hash),
        },
        Revision = number,
    };
}
