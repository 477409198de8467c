using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Kaito.Core.Catalog;

/// <summary>A file of a model's repository.</summary>
/// <param name="Path">From the repository's root.</param>
/// <param name="Bytes">Its size, large files included.</param>
public sealed record RepositoryFile(string Path, long Bytes);

/// <summary>From the files and the config.json of a repository to what the catalogue knows of its models.</summary>
public static partial class RepositoryFacts
{
    private const int DefaultContext = 2048;
    private const double ImageGi = 80;

    private static readonly string[] s_context =
    [
        "max_position_embeddings", "n_ctx", "seq_length", "max_seq_len", "max_sequence_length", "model_max_length",
    ];

    /// <summary>
    /// Whether a repository has files in Mistral's own form, whose settings are in params.json where config.json is missing.
    /// </summary>
    public static bool IsMistral(ImmutableArray<RepositoryFile> files) => files.Any(static f => Mistral().IsMatch(f.Path));

    /// <summary>What is known of the model now.</summary>
    /// <param name="repository">Owner and name.</param>
    /// <param name="files">All files, those of folders too.</param>
    /// <param name="config">Text of config.json; of params.json where <see cref="IsMistral"/> and there is no other.</param>
    /// <returns>
    /// Or one error: <c>no-weights</c>, <c>malformed-config</c>, <c>unsupported-architecture</c>; its path is empty.
    /// </returns>
    public static Validated<ModelPreset> Read(string repository, ImmutableArray<RepositoryFile> files, string config)
    {
        var weights = Weights(files);
        if (weights.IsEmpty)
        {
            return Error("no-weights", $"{repository} has no .safetensors or .bin files. Name a repository with weights.");
        }

        JsonObject fields;
        try
        {
            fields = Promoted(JsonNode.Parse(WithoutConstants(config)) as JsonObject
                ?? throw new JsonException("it is not an object"));
        }
        catch (JsonException wrong)
        {
            return Error("malformed-config", $"config.json of {repository} cannot be read: {wrong.Message}");
        }

        var families = ModelFamilies.Default;
        var name = repository[(repository.LastIndexOf('/') + 1)..].ToLowerInvariant();
        var told = Texts(fields["architectures"]);
        var architectures = told.IsEmpty ? families.Assumed(name) : told;
        if (!architectures.IsEmpty && !architectures.Any(families.VllmArchitectures.Contains))
        {
            return Error(
                "unsupported-architecture",
                $"{repository} has the architecture {string.Join(", ", architectures)}, which vLLM does not run. Choose "
                + "another model.");
        }

        var size = ByteSize.ParseGi(
            (weights.Sum(static f => (double)f.Bytes) / ByteSize.FromGi(1).Bytes).ToString("0.00", CultureInfo.InvariantCulture)
            + "Gi");
        var model = Shape(repository, fields, size) with
        {
            Architecture = architectures.FirstOrDefault(families.VllmArchitectures.Contains) ?? "",
        };
        return families.Complete(IsMistral(files) ? Mistral(model) : model, architectures);
    }

    private static ModelPreset Shape(string repository, JsonObject fields, ByteSize size)
    {
        var heads = Heads(fields);
        var layers = Whole(fields, "num_hidden_layers", "n_layer", "n_layers") ?? 0;
        var quantization = fields["quantization_config"] as JsonObject ?? [];
        var method = Text(quantization["quant_method"]);
        return new()
        {
            Repository = repository,
            Weights = size,
            Disk = ByteSize.FromGi(Math.Floor(size.Gi + ImageGi)),
            ContextTokens = Whole(fields, s_context) ?? DefaultContext,
            HiddenSize = heads.Hidden,
            Layers = layers,
            AttentionHeads = heads.Queries,
            KeyValueHeads = heads.Keys,
            HeadDim = heads.Size == heads.UsualSize ? null : heads.Size,
            KvLoraRank = heads.Latent,
            RopeHeadDim = heads.Rope,
            Attention = heads.Kind,
            BytesPerToken = new(heads.Elements * layers * 2),
            Architecture = "",
            Quantization = method,
            QuantizationBits = Whole(quantization, "bits"),
            Dtype = method is null ? "bfloat16" : "auto",
            License = "",
            StartupFailureThreshold = StartupFailures(size),
        };
    }

    private static AttentionHeads Heads(JsonObject fields)
    {
        var hidden = Whole(fields, "hidden_size", "n_embd", "d_model", "dim") ?? 0;
        var queries = Whole(fields, "num_attention_heads", "n_head", "n_heads") ?? 0;
        var usual = queries > 0 ? hidden / queries : 0;
        var keys = Whole(fields, "num_key_value_heads", "n_head_kv", "n_kv_heads");
        var latent = Whole(fields, "kv_lora_rank");
        return new(
            hidden, queries, keys ?? (IsTrue(fields["multi_query"]) ? 1 : queries),
            Whole(fields, "head_dim", "attention_head_dim") ?? usual, usual, latent,
            Whole(fields, "qk_rope_head_dim"));
    }

    /// <summary>Periods of ten seconds that a model of this size may take to start: 30 to 180 minutes.</summary>
    internal static int StartupFailures(ByteSize size) =>
        (int)Math.Ceiling(Math.Clamp((15 * 60) + (size.Gi * 18), 30 * 60, 180 * 60) / 10);

    private static ModelPreset Mistral(ModelPreset model) =>
        model with { LoadFormat = "mistral", ConfigFormat = "mistral", TokenizerMode = "mistral" };

    private static ImmutableArray<RepositoryFile> Weights(ImmutableArray<RepositoryFile> files)
    {
        foreach (var pattern in (Regex[])[Mistral(), Safetensors(), Pickle()])
        {
            if (files.Where(f => pattern.IsMatch(f.Path)).ToImmutableArray() is { IsEmpty: false } found)
            {
                return found;
            }
        }

        return [];
    }

    // Models of several kinds of input keep what counts here one level below.
    private static JsonObject Promoted(JsonObject fields)
    {
        foreach (var (key, value) in (fields["text_config"] ?? fields["llm_config"]) as JsonObject ?? [])
        {
            if (!fields.ContainsKey(key))
            {
                fields[key] = value?.DeepClone();
            }
        }

        return fields;
    }

    // Python writes constants that JSON lacks; within a string they are text.
    private static string WithoutConstants(string json)
    {
        var text = new StringBuilder(json.Length);
        var at = 0;
        foreach (var match in Constants().EnumerateMatches(json))
        {
            text.Append(json, at, match.Index - at);
            at = match.Index + match.Length;
            text.Append(json[match.Index] == '"' ? json.AsSpan(match.Index, match.Length) : "null");
        }

        return text.Append(json, at, json.Length - at).ToString();
    }

    // The first that is a number, or the text of one.
    private static int? Whole(JsonObject fields, params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            if (fields[key] is JsonValue value && Number(value) is >= 0 and <= int.MaxValue and var number)
            {
                return (int)number;
            }
        }

        return null;
    }

    private static double? Number(JsonValue value) => value.GetValueKind() switch
    {
        JsonValueKind.Number => value.GetValue<double>(),
        JsonValueKind.String when double.TryParse(
            value.GetValue<string>(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        _ => null,
    };

    private static bool IsTrue(JsonNode? node) => node is JsonValue value && value.TryGetValue(out bool flag) && flag;

    private static string? Text(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out string? text) && text.Length > 0 ? text : null;

    private static ImmutableArray<string> Texts(JsonNode? node) =>
        [.. (node as JsonArray ?? []).Select(Text).OfType<string>()];

    private static ImmutableArray<FieldError> Error(string code, string message) => [new("", code, message)];

    private sealed record AttentionHeads(
        int Hidden, int Queries, int Keys, int Size, int UsualSize, int? Latent, int? Rope)
    {
        public long Elements => Latent is { } latent ? latent + (Rope ?? 0) : 2L * Keys * Size;

        public string Kind => Latent is not null ? "MLA" : Queries == Keys ? "MHA" : Keys == 1 ? "MQA" : "GQA";
    }

    [GeneratedRegex("consolidated.*\\.safetensors", RegexOptions.CultureInvariant)]
    private static partial Regex Mistral();

    [GeneratedRegex("\\.safetensors", RegexOptions.CultureInvariant)]
    private static partial Regex Safetensors();

    [GeneratedRegex("\\.bin", RegexOptions.CultureInvariant)]
    private static partial Regex Pickle();

    [GeneratedRegex(
        "\"(?:[^\"\\\\]|\\\\.)*\"|-?Infinity|NaN", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Constants();
}
