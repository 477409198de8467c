using System.Globalization;
using System.Text;
using Kaito.InferenceHost.Generation;

namespace Kaito.InferenceHost;

/// <summary>The host's figures under vLLM's names, so that dashboards and autoscalers made for it work.</summary>
/// <remarks>One writer (the engine's thread), any number of readers. Every series exists from the start.</remarks>
internal sealed class InferenceMetrics(TimeProvider clock, string model)
{
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

    private static readonly string[] s_reasons = ["stop", "length", "abort", "error"];

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
    ];

    private int _running;
    private int _waiting;
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
    }

    public void Observe(int running, int waiting)
    {
        lock (_lock)
        {
            (_running, _waiting) = (running, waiting);
        }
    }

    public void Admitted(RunningSequence sequence)
    {
        lock (_lock)
        {
            Record(Series.Queue, Seconds(sequence.Call.Arrived, sequence.Admitted));
            Record(Series.PromptTokens, sequence.Request.Prompt.Length);
            Record(Series.MaxTokens, sequence.Request.MaxNewTokens);
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
            _finished[Array.IndexOf(s_reasons, reason)]++;
            Record(Series.EndToEnd, Seconds(sequence.Call.Arrived, now));
            Record(Series.Inference, Seconds(sequence.Admitted, now));
            Record(Series.GeneratedTokens, sequence.NewTokens);
            if (sequence.FirstToken != 0)
            {
                Record(Series.Decode, Seconds(sequence.FirstToken, now));
            }
        }
    }

    /// <summary>Prometheus text exposition, version 0.0.4.</summary>
    public string Render()
    {
        var labels = $"engine=\"0\",model_name=\"{Escape(model)}\"";
        var text = new StringBuilder(8192);
        lock (_lock)
        {
            Single(text, "vllm:num_requests_running", "gauge", "Sequences being decoded.", labels, _running);
            Single(text, "vllm:num_requests_waiting", "gauge", "Requests waiting for a slot.", labels, _waiting);
            Single(text, "vllm:prompt_tokens_total", "counter", "Prompt tokens processed.", labels, _promptTokens);
            Single(text, "vllm:generation_tokens_total", "counter", "Tokens generated.", labels, _generatedTokens);
            Head(text, "vllm:request_success_total", "counter", "Sequences ended, by reason.");
            for (var i = 0; i < s_reasons.Length; i++)
            {
                Line(text, "vllm:request_success_total", $"{labels},finished_reason=\"{s_reasons[i]}\"", _finished[i]);
            }

            foreach (var histogram in _histograms)
            {
                histogram.Render(text, labels);
            }
        }

        return text.ToString();
    }

    private static void Single(StringBuilder text, string name, string kind, string help, string labels, double value)
    {
        Head(text, name, kind, help);
        Line(text, name, labels, value);
    }

    private static void Head(StringBuilder text, string name, string kind, string help) =>
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n')
            .Append("# TYPE ").Append(name).Append(' ').Append(kind).Append('\n');

    private static void Line(StringBuilder text, string name, string labels, double value) =>
        text.Append(name).Append('{').Append(labels).Append("} ")
            .Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private static string Escape(string label) =>
        label.Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);

    private void Record(Series series, double value) => _histograms[(int)series].Record(value);

    private double Seconds(long from, long to) => clock.GetElapsedTime(from, to).TotalSeconds;

    private sealed class Histogram(string name, string help, double[] bounds)
    {
        private readonly long[] _counts = new long[bounds.Length];
        private long _count;
        private double _sum;

        public void Record(double value)
        {
            _count++;
            _sum += value;
            var at = Array.FindIndex(bounds, bound => value <= bound);
            if (at >= 0)
            {
                _counts[at]++;
            }
        }

        public void Render(StringBuilder text, string labels)
        {
            Head(text, name, "histogram", help);
            var below = 0L;
            for (var i = 0; i < bounds.Length; i++)
            {
                below += _counts[i];
                var bound = bounds[i].ToString(CultureInfo.InvariantCulture);
                Line(text, name + "_bucket", $"{labels},le=\"{bound}\"", below);
            }

            Line(text, name + "_bucket", $"{labels},le=\"+Inf\"", _count);
            Line(text, name + "_sum", labels, _sum);
            Line(text, name + "_count", labels, _count);
        }
    }
}
