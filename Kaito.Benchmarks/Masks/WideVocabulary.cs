using System.Collections.Frozen;
using System.Text;
using Kaito.InferenceHost.Models;
using Kaito.InferenceHost.Tools;
using Kaito.OpenAI;

namespace Kaito.Benchmarks.Masks;

/// <summary>As many tokens as the largest of today's vocabularies, of the kinds that byte-pair encodings have.</summary>
internal sealed class WideVocabulary : IModelText
{
    public const int Count = 151_936;

    public const int End = Count - 1;

    private const string Letters = "etaoinshrdlucmfwypvbgkqjxz";

    private static readonly string[] s_marks =
        ["{\"", "\":", "\",", "\":\"", "\",\"", "\"}", "\"]", "},{", "}]", "[\"", ", \"", ": \"", ",\n", "\n\n", "    ", "()", "::"];

    private readonly byte[][] _spellings = [.. Spellings()];

    public CallFormat? Calls => null;

    public bool Thinks => false;

    public static ServedModel Model() => new(
        "wide", "wide", 4096, Count, FrozenSet.Create(End), new WideVocabulary(), 0);

    public int[] Encode(string text, bool addSpecialTokens) => [.. Encoding.UTF8.GetBytes(text).Select(static b => (int)b)];

    public ChatPrompt EncodeChat(ChatCompletionRequest request) => throw new PromptException("There is no template.");

    public ITextDecoder CreateDecoder(bool skipSpecialTokens = true) => throw new NotSupportedException();

    public bool IsSpecial(int token) => token == End;

    public ReadOnlySpan<byte> TokenBytes(int token) => _spellings[token];

    private static IEnumerable<byte[]> Spellings()
    {
        for (var value = 0; value < 256; value++)
        {
            yield return [(byte)value];
        }

        foreach (var mark in s_marks)
        {
            yield return Encoding.UTF8.GetBytes(mark);
        }

        // Words with and without a space before them, numbers, and pieces of other scripts.
        var random = new Random(1);
        for (var token = 256 + s_marks.Length; token < Count; token++)
        {
            yield return (token % 8) switch
            {
                < 3 => Encoding.UTF8.GetBytes(" " + Word(random)),
                < 6 => Encoding.UTF8.GetBytes(Word(random)),
                6 => Encoding.UTF8.GetBytes(char.ConvertFromUtf32(random.Next(0x4E00, 0x9FFF)) + char.ConvertFromUtf32(random.Next(0x4E00, 0x9FFF))),
                _ => Encoding.UTF8.GetBytes(random.Next(1000).ToString("D3", null)),
            };
        }
    }

    private static string Word(Random random) =>
        new([.. Enumerable.Range(0, random.Next(2, 12)).Select(_ => Letters[(int)(random.NextDouble() * random.NextDouble() * 26)])]);
}
