using System.Collections.Frozen;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Nodes;
using Kaito.DevCluster.Pods;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.Benchmarks.Crashes;

/// <summary>The dev cluster's controllers, one step at a time.</summary>
internal sealed class SimCluster
{
    private static readonly KnownType[] s_types =
        [.. BuiltinTypes.All.Select(static t => new KnownType(t.Resource, t.Kind, t.Namespaced))];

    private readonly SimStore _store;
    private readonly TimeProvider _clock;
    private readonly ILookup<GroupResource, (IReconciler Reconciler, WatchRule Rule)> _rules;
    private readonly Queue<(IReconciler Reconciler, ObjectKey Key)> _due = new();
    private readonly HashSet<(IReconciler, ObjectKey)> _queued = [];
    private readonly Dictionary<(IReconciler, ObjectKey), int> _failures = [];
    private readonly HashSet<(IReconciler, ObjectKey, DateTimeOffset)> _later = [];
    private readonly KnownType[] _types;
    private bool _garbage;

    public SimCluster(SimStore store, TimeProvider clock)
    {
        (_store, _clock) = (store, clock);
        var events = new EventRecorder(new SilentStore(store), clock);
        var pods = new PodOptions { StateFolder = "", Images = FrozenDictionary<string, string>.Empty };
        var provisioning = new ProvisioningOptions(TimeSpan.Zero, TimeSpan.Zero, ProvisioningMode.Ok);
        IReconciler[] reconcilers =
        [
            new SimCloud(store, this, new NodeClaimReconciler(store, events, provisioning, clock)),
            new NodePoolReconciler(store), new NodeClassReconciler(store, clock),
            new SchedulerReconciler(store, events, clock), new LostPodReconciler(store),
            new StatefulSetReconciler(store, events, clock), new ClaimBinder(store),
            new DeploymentReconciler(store, events, clock), new ReplicaSetReconciler(store, events, clock),
            new JobReconciler(store, events, pods, clock), new SimKubelet(store, clock),
        ];
        _rules = reconcilers.SelectMany(static r => r.Watches.Select(w => (Reconciler: r, Rule: w)))
            .ToLookup(static r => r.Rule.Resource);
        _types =
        [
            .. s_types,
            .. store.Catalog.All.Where(static t => t.Custom).Select(static t => new KnownType(t.Resource, t.Kind, t.Namespaced)),
        ];
    }

    public bool IsIdle => _due.Count == 0;

    /// <summary>Instance types of which the cloud has no machine.</summary>
    public HashSet<string> SoldOut { get; } = [];

    /// <summary>Queues whoever has to look at a change.</summary>
    public void Look(StoredEvent change)
    {
        _garbage |= change.Type == WatchEventType.Deleted || change.Object.Deleting
            || (change.Type == WatchEventType.Added && change.Object.Objects("metadata", "ownerReferences").Any());
        foreach (var (reconciler, rule) in _rules[change.Key.Resource])
        {
            foreach (var key in rule.Keys(change.Object))
            {
                Add(reconciler, key);
            }
        }
    }

    /// <summary>Lets one controller look at one object.</summary>
    public void Step()
    {
        var (reconciler, key) = _due.Dequeue();
        _queued.Remove((reconciler, key));
        try
        {
            var again = reconciler.Reconcile(key);
            _failures.Remove((reconciler, key));
            if (again is { } delay)
            {
                AddAfter(reconciler, key, delay);
            }
        }
        catch (ApiStatusException race) when (race.Status.Code is 404 or 409)
        {
            var failures = _failures[(reconciler, key)] = _failures.GetValueOrDefault((reconciler, key)) + 1;
            AddAfter(reconciler, key, TimeSpan.FromMilliseconds(5 * Math.Pow(2, Math.Min(failures, 12))));
        }
    }

    /// <summary>One pass over everything; false when there is nothing to look for.</summary>
    public bool CollectGarbage()
    {
        if (!_garbage)
        {
            return false;
        }

        _garbage = false;
        var objects = _types.SelectMany(t => t.List(_store, null).Select(o => (t.Resource, Object: o))).ToArray();
        foreach (var (key, request) in Garbage.Collect(_types, objects, _store.Get))
        {
            _store.Delete(key, request);
        }

        foreach (var (key, change) in Garbage.Release(objects))
        {
            _store.Modify(key, change);
        }

        return true;
    }

    private void Add(IReconciler reconciler, ObjectKey key)
    {
        if (_queued.Add((reconciler, key)))
        {
            _due.Enqueue((reconciler, key));
        }
    }

    private void AddAfter(IReconciler reconciler, ObjectKey key, TimeSpan delay)
    {
        var due = _clock.GetUtcNow() + delay;
        if (_later.Add((reconciler, key, due)))
        {
            _clock.CreateTimer(_ => Fire(), null, delay, Timeout.InfiniteTimeSpan);
        }

        void Fire()
        {
            _later.Remove((reconciler, key, due));
            Add(reconciler, key);
        }
    }

    /// <summary>Whom events are told: they are not looked at.</summary>
    private sealed class SilentStore(IClusterStore store) : IClusterStore
    {
        public long ResourceVersion => store.ResourceVersion;

        public JsonObject? Get(ObjectKey key) => null;

        public ObjectList List(GroupResource resource, string? ns, ObjectSelector selector) => new([], 0);

        public (ObjectList Page, int Remaining) List(
            GroupResource resource, string? ns, ObjectSelector selector, string? after, int limit) => (new([], 0), 0);

        public JsonObject Create(GroupResource resource, string? ns, JsonObject value, bool dryRun) => value;

        public JsonObject Update(GroupResource resource, string? ns, JsonObject value, bool dryRun) => value;

        public JsonObject UpdateStatus(GroupResource resource, string? ns, JsonObject value, bool dryRun) => value;

        public (JsonObject Object, bool Gone) Delete(ObjectKey key, DeleteRequest request) => ([], true);

        public IAsyncEnumerable<WatchEvent> WatchAsync(WatchRequest request, CancellationToken cancellationToken) =>
            throw new NotSupportedException("Nobody watches events.");
    }
}
