using System.Collections.Frozen;
using Kaito.Tokenization.AddedTokens;
using Kaito.Tokenization.PostProcessing;

namespace Kaito.Tokenization.Loading;

/// <summary>Puts the parts of a tokenizer together from the files of a model folder.</summary>
internal static class TokenizerLoader
{
    private const string TokenizerFile = "tokenizer.json";
    private const string ConfigurationFile = "tokenizer_config.json";
    private const string SpecialTokensFile = "special_tokens_map.json";

    public static TokenizerParts Load(string folder)
    {
        var root = TokenizerFolder.Read(folder, TokenizerFile);
        var config = TokenizerFolder.ReadOptional(folder, ConfigurationFile);
        var map = TokenizerFolder.ReadOptional(folder, SpecialTokensFile);
        var vocabulary = ModelLoader.Vocabulary(root["model"]);
        var tokens = new AddedTokenLoader(vocabulary);
        tokens.AddFile(root["added_tokens"]);
        tokens.AddConfiguration(config);
        var normalizer = NormalizerLoader.Load(root["normalizer"]);
        var added = new AddedVocabulary(tokens.Tokens, normalizer);
        var named = SpecialTokenNames.Named(map).Concat(SpecialTokenNames.Named(config))
            .GroupBy(static entry => entry.Key)
            .ToDictionary(static group => group.Key, static group => group.Last().Value);
        var frame = FrameLoader.Load(root["post_processor"]);
        return new()
        {
            Added = added,
            Normalizer = normalizer,
            PreTokenizer = PreTokenizerLoader.Load(root["pre_tokenizer"]),
            Model = ModelLoader.Load(root["model"], vocabulary, added.Special),
            Decoder = DecoderLoader.Load(root["decoder"]),
            Frame = Configured(frame, config, named, content => added.Id(content) ?? Known(vocabulary, content)),
            SpecialTokens = named,
        };
    }

    private static int? Known(FrozenDictionary<string, int> vocabulary, string content) =>
        vocabulary.TryGetValue(content, out var id) ? id : null;

    // add_bos_token and add_eos_token replace what the post-processor says; the one not given keeps its word.
    private static TextFrame Configured(
        TextFrame frame,
        JsonField config,
        Dictionary<string, string> named,
        Func<string, int?> find)
    {
        var (addBos, addEos) = (config["add_bos_token"], config["add_eos_token"]);
        return new(
            addBos.IsNull ? frame.Before : Only(addBos, "bos_token"),
            addEos.IsNull ? frame.After : Only(addEos, "eos_token"));

        IReadOnlyList<int> Only(JsonField flag, string name) =>
            flag.Flag(false) && named.TryGetValue(name, out var content) && find(content) is { } id ? [id] : [];
    }
}
