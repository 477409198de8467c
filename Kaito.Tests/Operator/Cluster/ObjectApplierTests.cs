using System.Collections.Immutable;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Cluster;

public sealed class ObjectApplierTests
{
    private const string Owner = "team/w";
    private readonly MemoryKubeApi _api = new();
    private readonly ManualTime _clock = ManualTime.AtEpoch();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ApplyAsync_NothingHasChanged_CostsNoRequest()
    {
        var applier = Applier();

        Assert.True(await applier.ApplyAsync(Owner, Map("1"), Stop));
        Assert.False(await applier.ApplyAsync(Owner, Map("1"), Stop));
        Assert.True(await applier.ApplyAsync(Owner, Map("2"), Stop));

        Assert.Equal(["api/v1/namespaces/team/configmaps/a", "api/v1/namespaces/team/configmaps/a"], _api.Applied);
        Assert.Null(applier.TrustEnds(Owner));
    }

    [Fact]
    public async Task ApplyAsync_SomebodyChangedTheObject_AppliesAgain()
    {
        var applier = Applier();
        await applier.ApplyAsync(Owner, Map("1"), Stop);
        _api.Put(KubeKinds.ConfigMaps, _api.All<ConfigMap>().Single() with { Data = null });

        Assert.True(await applier.ApplyAsync(Owner, Map("1"), Stop));

        Assert.Equal("1", _api.All<ConfigMap>().Single().Data!["a"]);
    }

    [Fact]
    public async Task ApplyAsync_AnotherProcessAppliedTheSame_IsTrustedForAWhile()
    {
        await Applier().ApplyAsync(Owner, Map("1"), Stop);
        var next = Applier();

        Assert.False(await next.ApplyAsync(Owner, Map("1"), Stop));
        Assert.InRange(next.TrustEnds(Owner)!.Value, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(60));
        Assert.Single(_api.Applied);

        _clock.Advance(TimeSpan.FromMinutes(61));
        Assert.True(await next.ApplyAsync(Owner, Map("1"), Stop));
        Assert.Null(next.TrustEnds(Owner));
    }

    [Fact]
    public async Task TrustEnds_ObjectIsNotAppliedAnyMore_ItsEndIsNoReasonToLook()
    {
        await Applier().ApplyAsync(Owner, Map("1"), Stop);
        var next = Applier();
        await next.ApplyAsync(Owner, Map("1"), Stop);

        _clock.Advance(TimeSpan.FromMinutes(61));

        Assert.Null(next.TrustEnds(Owner));
    }

    [Fact]
    public async Task ApplyAsync_AnotherProcessAppliedSomethingElse_AppliesAtOnce()
    {
        await Applier().ApplyAsync(Owner, Map("1"), Stop);

        Assert.True(await Applier().ApplyAsync(Owner, Map("2"), Stop));
    }

    [Fact]
    public async Task ApplyAsync_ServerWithoutTheRetentionPolicy_GetsTheRest()
    {
        _api.UnknownField = "persistentVolumeClaimRetentionPolicy";
        var applier = new ObjectApplier(_api, _ => _api.All<StatefulSet>().SingleOrDefault(), _clock);
        var pods = new StatefulSet
        {
            Metadata = new() { Name = "a", Namespace = "team" },
            Spec = new() { Replicas = 2, PersistentVolumeClaimRetentionPolicy = new() { WhenDeleted = "Delete" } },
        };

        Assert.True(await applier.ApplyAsync(Owner, pods, Stop));

        Assert.Equal(2, _api.All<StatefulSet>().Single().Spec!.Replicas);
        Assert.Null(_api.All<StatefulSet>().Single().Spec!.PersistentVolumeClaimRetentionPolicy);
        Assert.False(await applier.ApplyAsync(Owner, pods, Stop));
    }

    private static ConfigMap Map(string value) => new()
    {
        Metadata = new() { Name = "a", Namespace = "team" },
        Data = ImmutableSortedDictionary<string, string>.Empty.Add("a", value),
    };

    private ObjectApplier Applier() => new(_api, _ => _api.All<ConfigMap>().SingleOrDefault(), _clock);
}
