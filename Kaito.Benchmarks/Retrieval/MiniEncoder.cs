using System.Text.Json.Nodes;
using Kaito.Benchmarks.Models;
using Kaito.ModelBuilder.Folders;
using Kaito.ModelBuilder.Onnx;

namespace Kaito.Benchmarks.Retrieval;

/// <summary>
/// An encoder as large as all-MiniLM-L6-v2 (six layers, width 384, 23 million numbers) of random weights: what its vectors say
/// means nothing, what they cost does.
/// </summary>
internal static class MiniEncoder
{
    private const int Vocabulary = 30_522;

    private static readonly string[] s_specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    /// <param name="folder">To write to.</param>
    /// <param name="words">Become tokens, as many as there is room for; others are read in pieces.</param>
    public static void Write(string folder, IEnumerable<string> words) => ModelFolder.Write(folder, "Kaito mini encoder\n", draft =>
    {
        ModelFolder.WriteEncoder(
            draft,
            new()
            {
                Layers = 6,
                Hidden = 384,
                Heads = 12,
                Intermediate = 1536,
                Vocabulary = Vocabulary,
                Positions = 512,
                TokenTypes = 2,
                NormEpsilon = 1e-12f,
                Activation = new(OnnxGraph.Microsoft, "Gelu"),
            },
            new RandomWeights());
        File.WriteAllText(
            Path.Combine(draft, "config.json"),
            """{"architectures":["BertModel"],"model_type":"bert","max_position_embeddings":512,"pad_token_id":0,"vocab_size":30522}""");
        File.WriteAllText(Path.Combine(draft, ModelFolder.TokenizerFile), Tokenizer(words));
    });

    private static string Tokenizer(IEnumerable<string> words)
    {
        var letters = Enumerable.Range('a', 26).Concat(Enumerable.Range('0', 10)).Select(static c => ((char)c).ToString());
        var vocabulary = new JsonObject(s_specials
            .Concat(letters.SelectMany(static letter => new[] { letter, "##" + letter })).Append(".")
            .Concat(words).Distinct().Take(Vocabulary)
            .Select(static (token, id) => KeyValuePair.Create(token, (JsonNode?)id)));
        return new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray([.. s_specials.Select(static (token, id) => new JsonObject
            {
                ["id"] = id,
                ["content"] = token,
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            })]),
            ["normalizer"] = JsonNode.Parse(
                """{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}"""),
            ["pre_tokenizer"] = new JsonObject { ["type"] = "BertPreTokenizer" },
            ["post_processor"] = JsonNode.Parse("""
                {"type":"TemplateProcessing",
                 "single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
                   {"SpecialToken":{"id":"[SEP]","type_id":0}}],
                 "pair":[],
                 "special_tokens":{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},
                   "[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}}
                """),
            ["decoder"] = JsonNode.Parse("""{"type":"WordPiece","prefix":"##","cleanup":true}"""),
            ["model"] = new JsonObject
            {
                ["type"] = "WordPiece",
                ["unk_token"] = "[UNK]",
                ["continuing_subword_prefix"] = "##",
                ["max_input_chars_per_word"] = 100,
                ["vocab"] = vocabulary,
            },
        }.ToJsonString();
    }
}
