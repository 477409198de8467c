using System.Text;
using System.Text.Json;
using Kaito.ModelBuilder.Decoder;

namespace Kaito.ModelBuilder.Folders;

/// <summary>Token ids and sampling defaults that genai_config.json states beside the shape.</summary>
internal sealed record GenerationDefaults
{
    /// <summary>Ids that end a reply; at least one.</summary>
    public required IReadOnlyList<int> EndTokens { get; init; }

    public required int BeginToken { get; init; }

    public required int PadToken { get; init; }

    /// <summary>GenAI's model type, e.g. <c>llama</c>.</summary>
    public required string ModelType { get; init; }

    public bool Sample { get; init; }

    public double Temperature { get; init; } = 1;

    public int TopK { get; init; } = 50;

    public double TopP { get; init; } = 1;
}

/// <summary>Renders genai_config.json with only the keys that GenAI 0.15.2 knows; it refuses any other.</summary>
internal static class GenAIConfig
{
    public const string FileName = "genai_config.json";

    public static string Render(DecoderShape shape, GenerationDefaults defaults)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteStartObject("model");
            json.WriteNumber("bos_token_id", defaults.BeginToken);
            json.WriteNumber("context_length", shape.Context);
            WriteDecoder(json, shape);
            WriteEndTokens(json, defaults.EndTokens);
            json.WriteNumber("pad_token_id", defaults.PadToken);
            json.WriteString("type", defaults.ModelType);
            json.WriteNumber("vocab_size", shape.Vocabulary);
            json.WriteEndObject();
            WriteSearch(json, shape, defaults);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static void WriteDecoder(Utf8JsonWriter json, DecoderShape shape)
    {
        json.WriteStartObject("decoder");
        json.WriteStartObject("session_options");
        json.WriteString("log_id", "onnxruntime-genai");
        if (shape.TakesAdapters)
        {
            // The runtime warns of every initializer that is an input as well.
            json.WriteNumber("log_severity_level", 3);
        }

        json.WriteStartArray("provider_options");
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteString("filename", ModelFolder.ModelFile);
        json.WriteNumber("head_size", shape.HeadSize);
        json.WriteNumber("hidden_size", shape.Hidden);
        json.WriteNumber("num_attention_heads", shape.Heads);
        json.WriteNumber("num_hidden_layers", shape.Layers);
        json.WriteNumber("num_key_value_heads", shape.KeyValueHeads);
        json.WriteStartObject("inputs");
        json.WriteString("input_ids", "input_ids");
        json.WriteString("attention_mask", "attention_mask");
        if (shape.RotatesApart)
        {
            json.WriteString("position_ids", DecoderGraph.Positions);
        }

        json.WriteString("past_key_names", DecoderGraph.PastKeys);
        json.WriteString("past_value_names", DecoderGraph.PastValues);
        json.WriteEndObject();
        json.WriteStartObject("outputs");
        json.WriteString("logits", "logits");
        json.WriteString("present_key_names", DecoderGraph.PresentKeys);
        json.WriteString("present_value_names", DecoderGraph.PresentValues);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteEndTokens(Utf8JsonWriter json, IReadOnlyList<int> tokens)
    {
        if (tokens.Count == 1)
        {
            json.WriteNumber("eos_token_id", tokens[0]);
            return;
        }

        json.WriteStartArray("eos_token_id");
        foreach (var token in tokens)
        {
            json.WriteNumberValue(token);
        }

        json.WriteEndArray();
    }

    private static void WriteSearch(Utf8JsonWriter json, DecoderShape shape, GenerationDefaults defaults)
    {
        json.WriteStartObject("search");
        json.WriteBoolean("do_sample", defaults.Sample);
        json.WriteBoolean("early_stopping", true);
        json.WriteNumber("max_length", shape.Context);
        json.WriteNumber("min_length", 0);
        json.WriteNumber("no_repeat_ngram_size", 0);
        json.WriteNumber("num_beams", 1);
        json.WriteNumber("num_return_sequences", 1);
        json.WriteBoolean("past_present_share_buffer", true);
        json.WriteNumber("repetition_penalty", 1.0);
        json.WriteNumber("temperature", defaults.Temperature);
        json.WriteNumber("top_k", defaults.TopK);
        json.WriteNumber("top_p", defaults.TopP);
        json.WriteEndObject();
    }
}
