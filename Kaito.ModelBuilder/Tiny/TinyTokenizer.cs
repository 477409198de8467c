using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Kaito.ModelBuilder.Tiny;

/// <summary>The tiny model's byte-level tokenizer with ChatML, trained on <see cref="TinyText"/>.</summary>
internal sealed class TinyTokenizer
{
    /// <summary>ChatML: each message between im_start and im_end, the role on its first line.</summary>
    public const string ChatTemplate =
        "{% for message in messages %}"
        + "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
        + "{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private const int LargestVocabulary = 1021;

    private static readonly string[] s_specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

    private static readonly JsonWriterOptions s_json = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly BytePairs _pairs;

    private TinyTokenizer(BytePairs pairs, IReadOnlyList<IReadOnlyList<int>> replies) =>
        (_pairs, Replies) = (pairs, replies);

    /// <summary>The replies of <see cref="TinyText"/> as token ids, without an end token.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Replies { get; }

    public int Vocabulary => _pairs.Tokens.Count + s_specials.Length;

    public int EndOfText => _pairs.Tokens.Count;

    public int MessageStart => EndOfText + 1;

    public int MessageEnd => EndOfText + 2;

    public int LineFeed { get; } = '\n';

    public static TinyTokenizer Train()
    {
        var text = $"{TinyText.Replies}\n{TinyText.Vocabulary}\n".ReplaceLineEndings("\n");
        var pairs = BytePairTrainer.Train(text, LargestVocabulary);
        var replies = new List<IReadOnlyList<int>>();
        var reply = new List<int>();
        foreach (var token in pairs.Corpus)
        {
            if (token != '\n')
            {
                reply.Add(token);
                continue;
            }

            replies.Add([.. reply]);
            reply.Clear();
        }

        return new(pairs, [.. replies.Take(TinyText.Replies.Split('\n').Length)]);
    }

    /// <summary>tokenizer.json in the form of Hugging Face's tokenizers.</summary>
    public string Render() => Written(json =>
    {
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        for (var i = 0; i < s_specials.Length; i++)
        {
            WriteSpecial(json, EndOfText + i, s_specials[i]);
        }

        json.WriteEndArray();
        json.WriteNull("normalizer");
        WriteByteLevel(json, "pre_tokenizer", prefixSpace: false);
        json.WriteNull("post_processor");
        WriteByteLevel(json, "decoder", prefixSpace: true);
        WriteModel(json);
    });

    /// <summary>tokenizer_config.json with the chat template.</summary>
    public static string RenderConfig(int context) => Written(json =>
    {
        json.WriteString("tokenizer_class", "GPT2Tokenizer");
        json.WriteBoolean("add_bos_token", false);
        json.WriteBoolean("add_prefix_space", false);
        json.WriteString("bos_token", s_specials[0]);
        json.WriteString("eos_token", s_specials[2]);
        json.WriteString("pad_token", s_specials[0]);
        json.WriteString("unk_token", s_specials[0]);
        json.WriteNumber("model_max_length", context);
        json.WriteBoolean("clean_up_tokenization_spaces", false);
        json.WriteString("chat_template", ChatTemplate);
    });

    private void WriteModel(Utf8JsonWriter json)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteString("continuing_subword_prefix", "");
        json.WriteString("end_of_word_suffix", "");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteStartObject("vocab");
        for (var id = 0; id < _pairs.Tokens.Count; id++)
        {
            json.WriteNumber(_pairs.Tokens[id], id);
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (left, right) in _pairs.Merges)
        {
            json.WriteStringValue($"{left} {right}");
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteSpecial(Utf8JsonWriter json, int id, string content)
    {
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteString("content", content);
        json.WriteBoolean("single_word", false);
        json.WriteBoolean("lstrip", false);
        json.WriteBoolean("rstrip", false);
        json.WriteBoolean("normalized", false);
        json.WriteBoolean("special", true);
        json.WriteEndObject();
    }

    private static void WriteByteLevel(Utf8JsonWriter json, string name, bool prefixSpace)
    {
        json.WriteStartObject(name);
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", prefixSpace);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", true);
        json.WriteEndObject();
    }

    private static string Written(Action<Utf8JsonWriter> members)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, s_json))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }
}
