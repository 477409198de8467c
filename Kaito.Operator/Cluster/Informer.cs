using System.Collections.Immutable;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>A local copy of all objects of one kind that match a selector, and word of each change.</summary>
internal interface IInformer
{
    /// <summary>Ends when the first list has been read.</summary>
    Task Synced { get; }

    /// <summary>What keeps it from reading the cluster now; null when nothing does.</summary>
    string? Problem { get; }

    /// <summary>Lists and watches until cancelled; no failure of the API server ends it.</summary>
    Task RunAsync(CancellationToken stoppingToken);
}

/// <summary>Lists, then watches; lists again when the server has forgotten our version.</summary>
internal sealed partial class Informer<T>(
    IKubeApi api, KubeKind<T> kind, string? labelSelector, TimeProvider clock, ILogger logger) : IInformer
    where T : class, IKubeObject
{
    private static readonly TimeSpan s_firstDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_shortWatch = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ImmutableDictionary<string, T> _objects = ImmutableDictionary<string, T>.Empty;

    public Task Synced => _synced.Task;

    public string? Problem { get; private set; }

    /// <summary>Called with each object that was added, changed or removed, after the copy has it.</summary>
    public Action<T> Changed { get; set; } = static _ => { };

    /// <summary>What is kept of an object, for kinds of which only a part is looked at.</summary>
    public Func<T, T> Kept { get; set; } = static whole => whole;

    /// <summary>The API server may lack the kind; then it has no such objects.</summary>
    public bool IsOptional { get; init; }

    /// <summary>Whether the API server lacked the kind when it was last asked.</summary>
    public bool IsMissing { get; private set; }

    public IEnumerable<T> All => Volatile.Read(ref _objects).Values;

    public T? Find(string key) => Volatile.Read(ref _objects).GetValueOrDefault(key);

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        string? version = null;
        var failures = 0;
        while (!stoppingToken.IsCancellationRequested)
        {
            var started = clock.GetTimestamp();
            try
            {
                version ??= await ListAsync(stoppingToken);
                (Problem, IsMissing) = (null, false);
                await foreach (var change in api.WatchAsync(kind, labelSelector, version, stoppingToken))
                {
                    Take(change);
                    (version, failures) = (change.ResourceVersion, 0);
                }

                failures = clock.GetElapsedTime(started) < s_shortWatch ? failures + 1 : 0;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (KubeGoneException)
            {
                (version, failures) = (null, failures + 1);
            }
            catch (KubeNotFoundException) when (IsOptional)
            {
                // Looked at again now and then: somebody may bring the kind.
                (IsMissing, failures) = (true, failures + 1);
                _synced.TrySetResult();
            }
            catch (Exception wrong)
            {
                failures++;
                Problem = $"{kind.Plural} cannot be watched: {wrong.Message}";
                LogFailed(kind.Plural, wrong.Message);
            }

            await PauseAsync(failures, stoppingToken);
        }
    }

    private async Task PauseAsync(int failures, CancellationToken stoppingToken)
    {
        // The first reconnect is immediate: a server ends a watch as a matter of course.
        if (failures > 1)
        {
            var delay = s_firstDelay * Math.Pow(2, Math.Min(failures, 12) - 2);
            delay = (delay < s_longestDelay ? delay : s_longestDelay) * (0.75 + (Random.Shared.NextDouble() / 2));
            await Task.Delay(delay, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<string> ListAsync(CancellationToken cancellationToken)
    {
        var list = await api.ListAsync(kind, null, labelSelector, cancellationToken);
        var before = _objects;
        var after = list.Items.Select(Kept).ToImmutableDictionary(static o => Key(o));
        Volatile.Write(ref _objects, after);
        foreach (var gone in before.Where(o => !after.ContainsKey(o.Key)))
        {
            Changed(gone.Value);
        }

        foreach (var (key, current) in after)
        {
            if (before.GetValueOrDefault(key)?.Metadata.ResourceVersion != current.Metadata.ResourceVersion)
            {
                Changed(current);
            }
        }

        _synced.TrySetResult();
        return list.ResourceVersion;
    }

    private void Take(WatchEvent<T> change)
    {
        switch (change)
        {
            case WatchEvent<T>.Upserted(_, var current):
                Volatile.Write(ref _objects, _objects.SetItem(Key(current), Kept(current)));
                Changed(current);
                break;
            case WatchEvent<T>.Deleted(_, var gone):
                Volatile.Write(ref _objects, _objects.Remove(Key(gone)));
                Changed(gone);
                break;
            default:
                break;
        }
    }

    private static string Key(T item) => Keys.Of(item.Metadata.Namespace, item.Metadata.Name!);

    [LoggerMessage(LogLevel.Warning, "Watching {Kind} failed and starts again: {Problem}")]
    private partial void LogFailed(string kind, string problem);
}

/// <summary>Work-queue keys: <c>namespace/name</c>, or <c>name</c> for cluster-wide objects.</summary>
internal static class Keys
{
    public static string Of(string? space, string name) => space is null ? name : $"{space}/{name}";
}
