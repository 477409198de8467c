using System.Globalization;
using Kaito.InferenceHost.Embeddings;
using Kaito.InferenceHost.Generation;
using EngineUsage = Kaito.InferenceHost.Engine.EngineUsage;
using SpeculationCounts = Kaito.InferenceHost.Engine.SpeculationCounts;

namespace Kaito.InferenceHost;

/// <summary>The host's figures under vLLM's names, so that dashboards and autoscalers made for it work.</summary>
/// <remarks>Any number of writers and readers. Every series exists from the start.</remarks>
internal sealed class InferenceMetrics(TimeProvider clock, string model)
{
    // Dashboards count in blocks; the cache itself has none.
    private const int BlockTokens = 16;

    private static readonly double[] s_firstToken =
    [
        .001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
    ];

    private static readonly double[] s_perToken =
        [.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];

    private static readonly double[] s_request =
    [
        .3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
    ];

    private static readonly double[] s_tokens =
    [
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000,
    ];

    private static readonly double[] s_batch =
        [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];

    // Names that dashboards ask for.
    private static readonly string[] s_never =
    [
        "external_prefix_cache_queries", "external_prefix_cache_hits", "mm_cache_queries", "mm_cache_hits",
        "corrupted_requests",
    ];

    private static readonly string[] s_reasons = ["stop", "length", "abort", "error", "repetition"];

    private readonly Lock _lock = new();
    private readonly long[] _finished = new long[s_reasons.Length];
    private readonly Histogram[] _histograms =
    [
        new("vllm:time_to_first_token_seconds", "Arrival to first token.", s_firstToken),
        new("vllm:inter_token_latency_seconds", "Time between tokens of a sequence.", s_perToken),
        new("vllm:e2e_request_latency_seconds", "Arrival to last token.", s_request),
        new("vllm:request_queue_time_seconds", "Arrival to admission.", s_request),
        new("vllm:request_inference_time_seconds", "Admission to last token.", s_request),
        new("vllm:request_prefill_time_seconds", "Admission to first token.", s_request),
        new("vllm:request_decode_time_seconds", "First to last token.", s_request),
        new("vllm:request_prompt_tokens", "Prompt tokens per sequence.", s_tokens),
        new("vllm:request_generation_tokens", "Generated tokens per sequence.", s_tokens),
        new("vllm:request_params_max_tokens", "Token budget per sequence.", s_tokens),
        new("vllm:request_time_per_output_token_seconds", "Mean time between tokens, per sequence.", s_perToken),
        new("vllm:iteration_tokens_total", "Tokens produced by one step.", s_batch),
        new("vllm:request_params_n", "Answers asked for, per call.", [1, 2, 5, 10, 20]),
        new("vllm:request_max_num_generation_tokens", "Most tokens of an answer, per sequence.", s_tokens),
        new("vllm:request_prefill_kv_computed_tokens", "Prompt tokens computed, per sequence.", s_tokens),
    ];

    // Which adapters run, and how many sequences each has.
    private readonly SortedDictionary<string, int> _adapters = new(StringComparer.Ordinal);
    private long _adaptersChanged;
    private int _running;
    private int _embedding;
    private int _waiting;
    private EngineUsage _usage;
    private long _promptTokens;
    private long _generatedTokens;

    private enum Series
    {
        FirstToken,
        BetweenTokens,
        EndToEnd,
        Queue,
        Inference,
        Prefill,
        Decode,
        PromptTokens,
        GeneratedTokens,
        MaxTokens,
        PerToken,
        Step,
        Choices,
        Longest,
        Computed,
    }

    /// <param name="running">Sequences in the engine.</param>
    /// <param name="waiting">Calls that have left the queue and are not in the engine yet.</param>
    /// <param name="usage">Of the cache.</param>
    public void Observe(int running, int waiting, EngineUsage usage)
    {
        lock (_lock)
        {
            (_running, _waiting, _usage) = (running, waiting, usage);
        }
    }

    /// <summary>Adapters of calls that wait; asked for when the figures are read.</summary>
    public Func<IEnumerable<string>> WaitingAdapters { get; set; } = static () => [];

    /// <summary>Adapters that may be loaded; 0 when the server takes none.</summary>
    public int MostAdapters { get; init; }

    public void Stepped(int tokens)
    {
        lock (_lock)
        {
            Record(Series.Step, tokens);
        }
    }

    public void Admitted(RunningSequence sequence)
    {
        lock (_lock)
        {
            Adapters(sequence, 1);
            Record(Series.Queue, Seconds(sequence.Call.Arrived, sequence.Admitted));
            Record(Series.PromptTokens, sequence.Request.Prompt.Length);
            Record(Series.MaxTokens, sequence.Request.MaxNewTokens);
            Record(Series.Computed, sequence.Request.Prompt.Length);
            if (ReferenceEquals(sequence.Request, sequence.Call.Requests[0]))
            {
                Record(Series.Choices, sequence.Call.Requests.Length);
            }
        }
    }

    /// <summary>One more token of a sequence; also stamps the sequence.</summary>
    public void Token(RunningSequence sequence, long now)
    {
        lock (_lock)
        {
            _generatedTokens++;
            if (sequence.FirstToken == 0)
            {
                sequence.FirstToken = now;
                _promptTokens += sequence.Request.Prompt.Length;
                Record(Series.FirstToken, Seconds(sequence.Call.Arrived, now));
                Record(Series.Prefill, Seconds(sequence.Admitted, now));
            }
            else
            {
                Record(Series.BetweenTokens, Seconds(sequence.LastToken, now));
            }

            sequence.LastToken = now;
        }
    }

    /// <param name="sequence">The sequence that left.</param>
    /// <param name="reason"><c>stop</c>, <c>length</c>, <c>abort</c> or <c>error</c>.</param>
    /// <param name="now">Timestamp.</param>
    public void Ended(RunningSequence sequence, string reason, long now)
    {
        lock (_lock)
        {
            Adapters(sequence, -1);
            _finished[Array.IndexOf(s_reasons, reason)]++;
            Record(Series.EndToEnd, Seconds(sequence.Call.Arrived, now));
            Record(Series.Inference, Seconds(sequence.Admitted, now));
            Record(Series.GeneratedTokens, sequence.NewTokens);
            Record(Series.Longest, sequence.NewTokens);
            if (sequence.NewTokens > 1)
            {
                Record(Series.PerToken, Seconds(sequence.FirstToken, sequence.LastToken) / (sequence.NewTokens - 1));
            }

            if (sequence.FirstToken != 0)
            {
                Record(Series.Decode, Seconds(sequence.FirstToken, now));
            }
        }
    }

    /// <summary>Counts an embedding call from here until the answer is disposed.</summary>
    /// <param name="texts">Token ids of each input; each counts as one sequence.</param>
    /// <param name="arrived">Timestamp.</param>
    public EmbeddingWatch Embed(IReadOnlyCollection<int[]> texts, long arrived)
    {
        lock (_lock)
        {
            _embedding += texts.Count;
        }

        return new(reason => Embedded(texts, reason, arrived, clock.GetTimestamp()));
    }

    private void Embedded(IReadOnlyCollection<int[]> texts, string reason, long arrived, long now)
    {
        lock (_lock)
        {
            _embedding -= texts.Count;
            _finished[Array.IndexOf(s_reasons, reason)] += texts.Count;
            foreach (var text in texts)
            {
                _promptTokens += reason == "stop" ? text.Length : 0;
                Record(Series.PromptTokens, text.Length);
                Record(Series.EndToEnd, Seconds(arrived, now));
            }
        }
    }

    /// <summary>Prometheus text exposition, version 0.0.4.</summary>
    /// <param name="now">What others count.</param>
    public string Render(OtherFigures now)
    {
        var text = new MetricsText($"engine=\"0\",model_name=\"{MetricsText.Escape(model)}\"");
        var waitingAdapters = string.Join(',', WaitingAdapters().Distinct().Order(StringComparer.Ordinal));
        lock (_lock)
        {
            Gauges(text, _waiting + now.Queued, waitingAdapters);
            Counters(text);
            foreach (var histogram in _histograms)
            {
                text.Histogram(histogram);
            }

            text.Histogram(_histograms[(int)Series.BetweenTokens].As(
                "vllm:time_per_output_token_seconds", "Older name of vllm:inter_token_latency_seconds."));
        }

        text.Bare("kaito_ratelimit_rejected_total", "counter", "Requests turned away because too many waited.", now.Rejected);
        text.Bare(
            "kaito_model_download_speed_bytes_per_second", "gauge", "Speed of the model's download; 0 when it is here.",
            now.DownloadSpeed);
        text.Bare(
            "kaito_model_download_remaining_seconds", "gauge", "Rest of the model's download; 0 when it is here, -1 when nobody can say.", now.DownloadRemaining);
        return text.ToString();
    }

    private void Gauges(MetricsText text, int waiting, string waitingAdapters)
    {
        var used = _usage.CapacityTokens > 0 ? (double)_usage.CachedTokens / _usage.CapacityTokens : 0;
        text.Gauge("vllm:num_requests_running", "Sequences being worked on.", _running + _embedding);
        text.Gauge("vllm:num_requests_waiting", "Requests waiting for a slot.", waiting);
        text.Split(
            "vllm:num_requests_waiting_by_reason", "gauge", "Requests waiting for a slot, by reason.", "reason",
            [("capacity", waiting), ("deferred", 0)]);
        text.Gauge("vllm:num_requests_swapped", "Always 0: nothing is swapped.", 0);
        text.Gauge("vllm:kv_cache_usage_perc", "Share of the cache in use, 0 to 1.", used);
        text.Gauge("vllm:gpu_cache_usage_perc", "Older name of vllm:kv_cache_usage_perc.", used);
        text.Gauge("vllm:cpu_cache_usage_perc", "Always 0: there is no second cache.", 0);
        text.Gauge("vllm:gpu_prefix_cache_hit_rate", "Share of prompt tokens found in the prefix cache.", HitRate);
        text.Gauge("vllm:cpu_prefix_cache_hit_rate", "Always 0: there is no second cache.", 0);
        text.Split(
            "vllm:engine_sleep_state", "gauge", "Which state the engine is in.", "sleep_state",
            [("awake", 1), ("weights_offloaded", 0), ("discard_all", 0)]);
        text.Facts(
            "vllm:cache_config_info", "How the cache is set up.",
            [
                ("block_size", Text(BlockTokens)), ("num_gpu_blocks", Text(_usage.CapacityTokens / BlockTokens)),
                ("num_cpu_blocks", "0"), ("cache_dtype", "auto"), ("enable_prefix_caching", "True"),
            ],
            1);
        text.Facts(
            "vllm:lora_requests_info", "Adapters in use.",
            [
                ("max_lora", Text(MostAdapters)), ("waiting_lora_adapters", waitingAdapters),
                ("running_lora_adapters", string.Join(',', _adapters.Keys)),
            ],
            _adaptersChanged);
    }

    private void Adapters(RunningSequence sequence, int change)
    {
        if (sequence.Request.Adapters?.Name is { } name)
        {
            var count = _adapters.GetValueOrDefault(name) + change;
            _adapters[name] = count;
            if (count == 0)
            {
                _adapters.Remove(name);
            }

            _adaptersChanged = clock.GetUtcNow().ToUnixTimeSeconds();
        }
    }

    private void Counters(MetricsText text)
    {
        var (queries, hits) = (_usage.PromptTokens, _usage.ReusedTokens);
        text.Counter("vllm:prompt_tokens_total", "Prompt tokens processed.", _promptTokens);
        text.Counter("vllm:generation_tokens_total", "Tokens generated.", _generatedTokens);
        text.Split(
            "vllm:prompt_tokens_by_source_total", "counter", "Prompt tokens, by where they came from.", "source",
            [
                ("local_compute", Math.Max(0, _promptTokens - hits)), ("local_cache_hit", hits),
                ("external_kv_transfer", 0),
            ]);
        text.Counter("vllm:prompt_tokens_cached_total", "Prompt tokens found in the prefix cache.", hits);
        text.Counter(
            "vllm:prompt_tokens_recomputed_total", "Tokens computed again for sequences that gave up their slot.",
            _usage.RecomputedTokens);
        text.Split(
            "vllm:request_success_total", "counter", "Sequences ended, by reason.", "finished_reason",
            s_reasons.Zip(_finished, static (reason, count) => (reason, (double)count)));
        text.Counter(
            "vllm:num_preemptions_total", "How often a sequence gave its slot back before its end.", _usage.Preemptions);
        text.Counter("vllm:prefix_cache_queries_total", "Prompt tokens looked up in the prefix cache.", queries);
        text.Counter("vllm:prefix_cache_hits_total", "Prompt tokens found in the prefix cache.", hits);
        text.Counter("vllm:gpu_prefix_cache_queries_total", "Older name of vllm:prefix_cache_queries.", queries);
        text.Counter("vllm:gpu_prefix_cache_hits_total", "Older name of vllm:prefix_cache_hits.", hits);
        Speculation(text, _usage.Speculation ?? new(0, 0, [0]));
        foreach (var name in s_never)
        {
            text.Counter($"vllm:{name}_total", "Always 0: this server has nothing of the kind.", 0);
        }
    }

    private static void Speculation(MetricsText text, SpeculationCounts guessed)
    {
        text.Counter("vllm:spec_decode_num_drafts_total", "How often tokens were guessed.", guessed.Drafts);
        text.Counter("vllm:spec_decode_num_draft_tokens_total", "Tokens guessed.", guessed.DraftTokens);
        text.Counter("vllm:spec_decode_num_accepted_tokens_total", "Guessed tokens that were right.", guessed.Accepted);
        text.Counter(
            "vllm:spec_decode_num_emitted_tokens_total", "Tokens that came of guesses, with the one after each.",
            guessed.Accepted + guessed.Drafts);
        text.Split(
            "vllm:spec_decode_num_accepted_tokens_per_pos_total", "counter", "Guessed tokens that were right, by position.",
            "position", guessed.AcceptedAt.Select(static (count, at) => (Text(at), (double)count)));
    }

    private double HitRate => _usage.PromptTokens > 0 ? (double)_usage.ReusedTokens / _usage.PromptTokens : 0;

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private void Record(Series series, double value) => _histograms[(int)series].Record(value);

    private double Seconds(long from, long to) => clock.GetElapsedTime(from, to).TotalSeconds;
}

/// <summary>Figures that are counted outside of the engine, at the time of asking.</summary>
/// <param name="Rejected">Requests turned away by the rate limit.</param>
/// <param name="Queued">Calls in the queue: a step may take long, and autoscalers look at this.</param>
/// <param name="DownloadSpeed">Bytes per second.</param>
/// <param name="DownloadRemaining">Seconds; -1 when nobody can say.</param>
internal readonly record struct OtherFigures(long Rejected, int Queued, double DownloadSpeed, double DownloadRemaining);
