using System.Collections.Immutable;
using System.Globalization;
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
    private readonly ObjectCopies<T> _copies = new(kind);
    private long _newest;

    public Task Synced => _synced.Task;

    public string? Problem { get; private set; }

    /// <summary>Called with each object that was added, changed or removed, after the copy has it.</summary>
    public Action<T> Changed { get; set; } = static _ => { };

    /// <summary>What is kept of an object, for kinds of which only a part is looked at.</summary>
    public Func<T, T> Kept { get; set; } = static whole => whole;

    /// <summary>Whether anybody looks at an object; of the others nothing is kept, and no change is told.</summary>
    public Func<T, bool> Wanted { get; set; } = static _ => true;

    /// <summary>The API server may lack the kind; then it has no such objects.</summary>
    public bool IsOptional { get; init; }

    /// <summary>Whether the API server lacked the kind when it was last asked.</summary>
    public bool IsMissing { get; private set; }

    /// <summary>Every object; each is read anew, so ask an index where there are many.</summary>
    public IEnumerable<T> All => _copies.All;

    public int Count => _copies.Count;

    public T? Find(string key) => _copies.Find(key);

    /// <summary>Finds objects by something else than their key; to be asked for before the informer runs.</summary>
    public ObjectIndex<T> Index(Func<T, IEnumerable<string>> values) => _copies.Index(values);

    public async Task RunAsync(CancellationToken stoppingToken)
    {
        await using var stopped = stoppingToken.UnsafeRegister(
            static synced => ((TaskCompletionSource)synced!).TrySetCanceled(), _synced);
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
                    version = Take(change) ? change.ResourceVersion : version;
                    failures = 0;
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
        var gone = _copies.Keys.ToHashSet(StringComparer.Ordinal);
        var version = "0";
        await foreach (var page in api.PagesAsync(kind, labelSelector, cancellationToken))
        {
            version = page.ResourceVersion;
            foreach (var current in page.Items.Where(Wanted))
            {
                var key = Key(current);
                gone.Remove(key);
                if (_copies.Find(key)?.Metadata.ResourceVersion != current.Metadata.ResourceVersion)
                {
                    Keep(key, current);
                }
            }
        }

        foreach (var key in gone)
        {
            Drop(key);
        }

        _newest = Number(version) ?? 0;
        _synced.TrySetResult();
        return version;
    }

    // False when it brought nothing new.
    private bool Take(WatchEvent<T> change)
    {
        // A server, or a proxy before it, may tell an event twice or late: what it brings is older than what is here.
        var number = Number(change.ResourceVersion);
        if (number <= _newest)
        {
            return false;
        }

        _newest = number ?? _newest;
        switch (change)
        {
            case WatchEvent<T>.Upserted(_, var current) when Wanted(current):
                Keep(Key(current), current);
                break;
            case WatchEvent<T>.Upserted(_, var unwanted):
                Drop(Key(unwanted));
                break;
            case WatchEvent<T>.Deleted(_, var gone):
                _copies.Remove(Key(gone));
                if (Wanted(gone))
                {
                    Changed(gone);
                }

                break;
            default:
                break;
        }

        return true;
    }

    private void Keep(string key, T current)
    {
        _copies.Set(key, Kept(current));
        Changed(current);
    }

    private void Drop(string key)
    {
        if (_copies.Find(key) is { } gone)
        {
            _copies.Remove(key);
            Changed(gone);
        }
    }

    private static long? Number(string version) =>
        long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string Key(T item) => Keys.Of(item.Metadata.Namespace, item.Metadata.Name!);

    [LoggerMessage(LogLevel.Warning, "Watching {Kind} failed and starts again: {Problem}")]
    private partial void LogFailed(string kind, string problem);
}

/// <summary>Work-queue keys: <c>namespace/name</c>, or <c>name</c> for cluster-wide objects.</summary>
internal static class Keys
{
    public static string Of(string? space, string name) => space is null ? name : $"{space}/{name}";

    /// <summary>The uids of an object's owners, to find it by.</summary>
    public static IEnumerable<string> Owners(IKubeObject item) =>
        (item.Metadata.OwnerReferences ?? []).Select(static o => o.Uid);

    /// <summary>The key that two labels name, or that one names in the object's own namespace; empty without them.</summary>
    public static IEnumerable<string> Labelled(IKubeObject item, string nameLabel, string? namespaceLabel = null)
    {
        var labels = item.Metadata.Labels;
        var space = namespaceLabel is null ? item.Metadata.Namespace : labels?.GetValueOrDefault(namespaceLabel);
        return space is not null && labels?.GetValueOrDefault(nameLabel) is { } name ? [Of(space, name)] : [];
    }
}
