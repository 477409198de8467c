using System.Globalization;

namespace Kaito.Operator.InferenceSets;

/// <summary>What a serving pod says of its work, in vLLM's names; this project's host uses the same.</summary>
/// <param name="Requests">Requests being served or waiting.</param>
/// <param name="Tokens">Tokens generated since the pod started.</param>
internal readonly record struct ServingMetrics(double Requests, double Tokens)
{
    /// <summary>Reads Prometheus text; series of one name are added up.</summary>
    /// <returns>Null when it is not the text of a serving pod.</returns>
    public static ServingMetrics? Parse(string text)
    {
        double? requests = null;
        double? tokens = null;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            switch (Name(line))
            {
                case "vllm:num_requests_running" or "vllm:num_requests_waiting" when Value(line) is { } value:
                    requests = (requests ?? 0) + value;
                    break;
                case "vllm:generation_tokens_total" when Value(line) is { } value:
                    tokens = (tokens ?? 0) + value;
                    break;
                default:
                    break;
            }
        }

        return requests is { } now && tokens is { } since ? new(now, since) : null;
    }

    private static ReadOnlySpan<char> Name(ReadOnlySpan<char> line) =>
        line.IndexOfAny('{', ' ') is > 0 and var end ? line[..end] : [];

    // Example: vllm:num_requests_running{model_name="phi"} 3.0
    private static double? Value(ReadOnlySpan<char> line)
    {
        var labels = line.LastIndexOf('}');
        var rest = (labels < 0 ? line[line.IndexOf(' ')..] : line[(labels + 1)..]).Trim();
        var end = rest.IndexOf(' ');
        return double.TryParse(end < 0 ? rest : rest[..end], NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            && double.IsFinite(value) && value >= 0
            ? value
            : null;
    }
}
