using System.Text;
using System.Threading.Channels;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Operator.Models;

/// <summary>
/// Models that the catalogue lacks, looked up in the background. An answer is kept for a day, and per Secret: what one
/// team's token may read is not told to another.
/// </summary>
internal sealed partial class ModelLookup(
    OperatorOptions options, ModelHub hub, IKubeApi api, WorkQueue queue, TimeProvider clock, ILogger<ModelLookup> logger)
    : BackgroundService
{
    private const int Workers = 4;
    private const int MaxEntries = 1024;
    private const string TokenKey = "HF_TOKEN";
    private static readonly TimeSpan s_fresh = TimeSpan.FromHours(24);
    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<Request, Entry> _entries = [];
    private readonly Channel<Request> _wanted = Channel.CreateBounded<Request>(MaxEntries);

    /// <summary>
    /// What is known of the model that a Workspace names; null when the catalogue has it, or nothing is looked up. A better
    /// answer later adds the key to the queue.
    /// </summary>
    public ModelAnswer? Find(string key, WorkspaceResource resource)
    {
        if ((resource.Inference?.Preset ?? resource.Tuning?.Preset) is not { } preset
            || options.Offer(null).LookupOf(preset) is not { } repository)
        {
            return null;
        }

        var secret = preset.PresetOptions?.ModelAccessSecret?.Trim();
        var request = string.IsNullOrEmpty(secret)
            ? new Request(repository.ToLowerInvariant(), null, null)
            : new(repository.ToLowerInvariant(), resource.Metadata.Namespace ?? "default", secret);
        lock (_gate)
        {
            return FindLocked(key, request, repository);
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => WorkAsync(stoppingToken)));

    private ModelAnswer FindLocked(string key, Request request, string repository)
    {
        var now = clock.GetUtcNow();
        if (!_entries.TryGetValue(request, out var entry))
        {
            MakeRoom();
            _entries[request] = entry = new(repository);
        }

        entry.Used = now;
        if (entry.Due <= now && !entry.Asked)
        {
            entry.Asked = _wanted.Writer.TryWrite(request);
        }

        if (entry.Answer is not ModelAnswer.Known)
        {
            entry.Waiting.Add(key);
        }

        return entry.Answer is ModelAnswer.Refused refused
            ? refused with { Retry = entry.Due > now ? entry.Due - now : s_firstPause }
            : entry.Answer;
    }

    // The one that nobody has asked for longest goes; who asks again waits again.
    private void MakeRoom()
    {
        if (_entries.Count >= MaxEntries
            && _entries.Where(static e => !e.Value.Asked).MinBy(static e => e.Value.Used) is { Key.Repository: { } } oldest)
        {
            _entries.Remove(oldest.Key);
        }
    }

    private async Task WorkAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var request in _wanted.Reader.ReadAllAsync(stoppingToken))
            {
                Answered(request, await AskAsync(request, stoppingToken));
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Asked to stop.
        }
    }

    private async Task<(ModelAnswer Answer, TimeSpan? Pause)> AskAsync(Request request, CancellationToken stoppingToken)
    {
        try
        {
            var model = await hub.ReadAsync(Spelling(request), await TokenAsync(request, stoppingToken), stoppingToken);
            LogRead(model.Repository, model.Weights.ToString(), model.Architecture);
            return (new ModelAnswer.Known(model), null);
        }
        catch (ModelHubException wrong)
        {
            LogFailed(request.Repository, wrong.Reason, wrong.Message);
            return (new ModelAnswer.Refused(wrong.Reason, wrong.Message, default), wrong.RetryAfter);
        }
        catch (Exception wrong) when (wrong is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
        {
            // One odd answer must not end the look-ups of everybody else.
            LogFailed(request.Repository, "ModelLookupFailed", wrong.Message);
            return (new ModelAnswer.Refused("ModelLookupFailed", wrong.Message, default), null);
        }
    }

    private void Answered(Request request, (ModelAnswer Answer, TimeSpan? Pause) given)
    {
        string[] waiting;
        lock (_gate)
        {
            if (!_entries.TryGetValue(request, out var entry))
            {
                return;
            }

            entry.Take(given.Answer, given.Pause, clock.GetUtcNow());
            waiting = [.. entry.Waiting];
            entry.Waiting.Clear();
        }

        foreach (var key in waiting)
        {
            queue.Add(key);
        }
    }

    // The first who asked spelt it.
    private string Spelling(Request request)
    {
        lock (_gate)
        {
            return _entries.TryGetValue(request, out var entry) ? entry.Repository : request.Repository;
        }
    }

    private async Task<string?> TokenAsync(Request request, CancellationToken cancellationToken)
    {
        if (request.Secret is not { } secret)
        {
            return options.ModelHubToken?.Reveal();
        }

        Secret? found;
        try
        {
            found = await api.GetAsync(KubeKinds.Secrets, request.Namespace, secret, cancellationToken);
        }
        catch (KubeException wrong)
        {
            throw new ModelHubException(
                "ModelAccessSecretUnreadable",
                $"Secret \"{secret}\" cannot be read: {wrong.Message}. Let the operator get Secrets of namespace "
                + $"\"{request.Namespace}\" (deploy/model-tokens.yaml), or start it with HF_TOKEN and leave "
                + "presetOptions.modelAccessSecret out.");
        }

        return Token(found) ?? throw new ModelHubException(
            "ModelAccessSecretMissing",
            found is null
                ? $"Secret \"{secret}\" is not in namespace \"{request.Namespace}\". Create it with the key {TokenKey}."
                : $"Secret \"{secret}\" has no token in the key {TokenKey}. Add it.");
    }

    private static string? Token(Secret? secret)
    {
        var bytes = new byte[4096];
        return secret?.Data?.GetValueOrDefault(TokenKey) is { Length: > 0 } encoded
            && Convert.TryFromBase64String(encoded, bytes, out var length)
            && Encoding.UTF8.GetString(bytes, 0, length).Trim() is { Length: > 0 } token
            && token.All(static c => c is > ' ' and < (char)127)
            ? token
            : null;
    }

    [LoggerMessage(LogLevel.Information, "Model {Repository} has {Weights} of weights and architecture {Architecture}")]
    private partial void LogRead(string repository, string weights, string architecture);

    [LoggerMessage(LogLevel.Warning, "Model {Repository} was not read, {Reason}: {Problem}")]
    private partial void LogFailed(string repository, string reason, string problem);

    private readonly record struct Request(string Repository, string? Namespace, string? Secret);

    private sealed class Entry(string repository)
    {
        private int _failures;

        public string Repository { get; } = repository;

        public ModelAnswer Answer { get; private set; } = new ModelAnswer.Pending();

        /// <summary>When it is asked for again.</summary>
        public DateTimeOffset Due { get; private set; }

        public DateTimeOffset Used { get; set; }

        /// <summary>It waits for a worker, or has one.</summary>
        public bool Asked { get; set; }

        /// <summary>Keys of those who want a better answer.</summary>
        public HashSet<string> Waiting { get; } = [];

        public void Take(ModelAnswer answer, TimeSpan? pause, DateTimeOffset now)
        {
            Asked = false;
            if (answer is ModelAnswer.Known)
            {
                (Answer, _failures, Due) = (answer, 0, now + s_fresh);
                return;
            }

            // What was known stays better than nothing.
            var wait = s_firstPause * Math.Pow(2, Math.Min(_failures++, 10));
            wait = pause > wait ? pause.Value : wait;
            Due = now + (wait < s_longestPause ? wait : s_longestPause);
            Answer = Answer is ModelAnswer.Known ? Answer : answer;
        }
    }
}
