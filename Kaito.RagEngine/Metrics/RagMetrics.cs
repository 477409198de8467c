using System.Text;

namespace Kaito.RagEngine.Metrics;

/// <summary>What <c>GET /metrics</c> shows: upstream's names, labels and buckets.</summary>
internal sealed class RagMetrics
{
    private const string Status = "status";

    private static readonly double[] s_usual =
        [.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10];

    private static readonly double[] s_store = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];

    private static readonly double[] s_scores = [.1, .2, .3, .35, .4, .45, .5, .6, .7, .8, .9, 1];

    private readonly Dictionary<string, (Counter Requests, Histogram Latency)> _operations = [];
    private readonly List<MetricFamily> _families = [];
    private readonly TimeProvider _clock;

    public RagMetrics(TimeProvider clock)
    {
        _clock = clock;
        foreach (var operation in Operations.All)
        {
            _operations[operation] = (
                Counter($"{operation}_requests", $"Calls counted as {operation}.", Status),
                Histogram($"{operation}_latency_seconds", $"Time of calls counted as {operation}.", s_usual, Status));
        }

        Embeddings = Counter("rag_embedding_requests", "Calls of the embedder.", Status, "mode");
        EmbeddingTime = Histogram("rag_embedding_latency_seconds", "Time of the embedder.", s_usual, Status, "mode");
        Requests = Counter("e2e_request", "Requests of the service's own routes.", Status);
        RequestTime = Histogram("e2e_request_latency_seconds", "Time to answer.", s_usual, Status);
        Running = Gauge("num_requests_running", "Requests being answered.");
        StoreTime = Histogram(
            "rag_vector_store_operation_latency_seconds", "Time of the store.", s_store, "operation", Status);
        Results = Histogram(
            "rag_retrieve_result_count", "Results of a retrieval.", [0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 300]);
        LowestScore = Histogram("rag_lowest_source_score", "Lowest score of a retrieval.", s_scores);
        AverageScore = Histogram("rag_avg_source_score", "Average score of a retrieval.", s_scores);
        Guardrails = new(this);
        Hybrid = new(this);
        Process = new(clock);
    }

    public Counter Embeddings { get; }

    public Histogram EmbeddingTime { get; }

    public Counter Requests { get; }

    public Histogram RequestTime { get; }

    public Gauge Running { get; }

    public Histogram StoreTime { get; }

    public Histogram Results { get; }

    public Histogram LowestScore { get; }

    public Histogram AverageScore { get; }

    public GuardrailMetrics Guardrails { get; }

    public HybridMetrics Hybrid { get; }

    private ProcessMetrics Process { get; }

    /// <param name="operation">One of <see cref="Operations"/>.</param>
    /// <param name="succeeded">False for every error status.</param>
    /// <param name="started">Timestamp.</param>
    public void Count(string operation, bool succeeded, long started)
    {
        var status = succeeded ? "success" : "failure";
        var (requests, latency) = _operations[operation];
        requests.Add(status);
        latency.Record(_clock.GetElapsedTime(started).TotalSeconds, status);
    }

    /// <summary>Prometheus text exposition, version 0.0.4.</summary>
    public string Render()
    {
        var text = new StringBuilder(32768);
        foreach (var family in _families)
        {
            family.Write(text);
        }

        Process.Write(text);
        return text.ToString();
    }

    internal Counter Counter(string name, string help, params string[] labels) =>
        Add(new Counter(_clock, name, help, labels));

    internal Gauge Gauge(string name, string help, params string[] labels) => Add(new Gauge(name, help, labels));

    internal Histogram Histogram(string name, string help, double[]? bounds, params string[] labels) =>
        Add(new Histogram(_clock, name, help, bounds ?? s_usual, labels));

    private T Add<T>(T family)
        where T : MetricFamily
    {
        _families.Add(family);
        return family;
    }
}

/// <summary>Prefixes of the pairs of metrics that each route has.</summary>
internal static class Operations
{
    public const string Index = "rag_index";
    public const string Indexes = "rag_indexes";
    public const string Documents = "rag_indexes_document";
    public const string Update = "rag_indexes_update_document";
    public const string Delete = "rag_indexes_delete_document";
    public const string Retrieve = "rag_indexes_retrieve";
    public const string Persist = "rag_persist";
    public const string Load = "rag_load";
    public const string DeleteIndex = "rag_delete_index";
    public const string Chat = "rag_chat";

    public static readonly string[] All =
        [Index, Indexes, Documents, Update, Delete, Retrieve, Persist, Load, DeleteIndex, Chat];
}

/// <summary>What the output guardrails count.</summary>
internal sealed class GuardrailMetrics(RagMetrics metrics)
{
    public Counter Loads { get; } = metrics.Counter(
        "output_guardrails_policy_load", "Readings of the policy.", "policy_status");

    public Counter Builds { get; } = metrics.Counter(
        "output_guardrails_scanner_build", "Scanners made of the policy.", "type", "status");

    public Counter Actions { get; } = metrics.Counter("output_guardrails_actions", "Actions taken.", "action");

    public Counter Reloads { get; } = metrics.Counter(
        "guardrails_policy_reload", "Readings of a changed policy.", "result");

    public Counter Hits { get; } = metrics.Counter(
        "ragengine_guardrails_response_scanner_hits", "Findings by scanner.", "scanner_type", "action");

    public Counter Verdicts { get; } = metrics.Counter(
        "ragengine_guardrails_response_actions", "What became of answers.", "final_action");

    public Gauge LoadedAt { get; } = metrics.Gauge(
        "guardrails_policy_loaded_timestamp_seconds", "When the active policy was read.");

    public Gauge Active { get; } = metrics.Gauge(
        "guardrails_active_policy_info", "The active policy.", "path", "sha256", "enabled", "scanner_count");
}

/// <summary>How dense and keyword search agree; upstream defines these and never fills them.</summary>
internal sealed class HybridMetrics(RagMetrics metrics)
{
    private static readonly double[] s_counts = [0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 300, 900];

    public Counter Mode { get; } = metrics.Counter("rag_hybrid_search_mode", "Searches by kind.", "search_mode");

    public Histogram Latency { get; } = metrics.Histogram("rag_hybrid_retrieve_latency_seconds", "Time of a search.", null);

    public Histogram Top { get; } = metrics.Histogram("rag_hybrid_top_score", "Best score.", null);

    public Histogram Median { get; } = metrics.Histogram("rag_hybrid_median_score", "Median score.", null);

    public Histogram Spread { get; } = metrics.Histogram("rag_hybrid_score_spread", "Best less lowest score.", null);

    public Histogram Dense { get; } = metrics.Histogram("rag_hybrid_dense_candidates", "Found by vectors.", s_counts);

    public Histogram Sparse { get; } = metrics.Histogram("rag_hybrid_sparse_candidates", "Found by words.", s_counts);

    public Histogram Overlap { get; } = metrics.Histogram("rag_hybrid_overlap_count", "Found by both.", s_counts);

    public Histogram DenseOnly { get; } = metrics.Histogram("rag_hybrid_dense_only_count", "Found by vectors only.", s_counts);

    public Histogram SparseOnly { get; } = metrics.Histogram("rag_hybrid_sparse_only_count", "Found by words only.", s_counts);

    public Histogram Asked { get; } = metrics.Histogram("rag_hybrid_top_k_requested", "Results asked for.", s_counts);
}
