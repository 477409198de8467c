using System.Diagnostics;
using Kaito.InferenceHost.Generation;

namespace Kaito.InferenceHost.Http;

/// <summary>
/// One call in the traces, by OpenTelemetry's conventions for generative AI. What was asked and answered stays out.
/// </summary>
/// <param name="Operation">The convention's name of the kind of call.</param>
/// <param name="Id">Id of the answer.</param>
/// <param name="Model">The served name.</param>
/// <seealso href="https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/"/>
internal readonly record struct GenerationSpan(string Operation, string Id, string Model)
{
    public const string Chat = "chat";

    public const string TextCompletion = "text_completion";

    private const string Embeddings = "embeddings";

    // The name of the process's own source, which the service defaults export.
    private static readonly ActivitySource s_source = new("Kaito.InferenceHost");

    /// <summary>Begins the span; it ends by itself when the last sequence does, or when the client leaves.</summary>
    public void Watch(GenerationStream stream)
    {
        if (!s_source.HasListeners())
        {
            return;
        }

        // Only the call's own flow may have it as its current one, and it ends elsewhere.
        var outer = Activity.Current;
        var span = Start(Operation, Model);
        Activity.Current = outer;
        if (span is not null)
        {
            DescribeRequest(span, stream);
            span.SetTag("gen_ai.response.id", Id);
            _ = EndAsync(span, stream);
        }
    }

    /// <returns>A span to dispose of; <see langword="null"/> when nobody listens.</returns>
    public static Activity? StartEmbeddings(string model, int tokens) =>
        Start(Embeddings, model)?.SetTag("gen_ai.usage.input_tokens", tokens);

    /// <param name="span">To mark; null for none.</param>
    /// <param name="kind">From a closed set: <c>engine</c> or <c>cancelled</c>.</param>
    public static void Fail(Activity? span, string kind) =>
        span?.SetTag("error.type", kind).SetStatus(ActivityStatusCode.Error);

    private static Activity? Start(string operation, string model) =>
        s_source.StartActivity($"{operation} {model}", ActivityKind.Internal)?
            .SetTag("gen_ai.operation.name", operation)
            .SetTag("gen_ai.provider.name", "kaito")
            .SetTag("gen_ai.request.model", model)
            .SetTag("gen_ai.response.model", model);

    private static void DescribeRequest(Activity span, GenerationStream stream)
    {
        var request = stream.Requests[0];
        var sampling = request.Sampling;
        span.SetTag("gen_ai.request.max_tokens", request.MaxNewTokens)
            .SetTag("gen_ai.request.temperature", (double)sampling.Temperature)
            .SetTag("gen_ai.request.top_p", (double)sampling.TopP)
            .SetTag("gen_ai.usage.input_tokens", stream.PromptTokens);
        Add("gen_ai.request.top_k", sampling.TopK, 0);
        Add("gen_ai.request.frequency_penalty", sampling.FrequencyPenalty, 0);
        Add("gen_ai.request.presence_penalty", sampling.PresencePenalty, 0);
        Add("gen_ai.request.choice.count", stream.Requests.Length, 1);
        if (sampling.Seed is { } seed)
        {
            span.SetTag("gen_ai.request.seed", seed);
        }

        void Add(string name, double value, double usual)
        {
            if (value != usual)
            {
                span.SetTag(name, value);
            }
        }
    }

    private static async Task EndAsync(Activity span, GenerationStream stream)
    {
        try
        {
            var end = await stream.Ended.WaitAsync(stream.Cancelled);
            span.SetTag("gen_ai.usage.output_tokens", end.NewTokens)
                .SetTag("gen_ai.response.finish_reasons", end.Reasons.ToArray());
            if (end.Reasons.Contains("error"))
            {
                Fail(span, "engine");
            }
        }
        catch (OperationCanceledException) when (stream.Cancelled.IsCancellationRequested)
        {
            Fail(span, "cancelled");
        }

        span.Dispose();
    }
}
