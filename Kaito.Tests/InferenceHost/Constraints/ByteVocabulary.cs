using System.Collections.Frozen;
using System.Text;
using Kaito.InferenceHost.Models;
using Kaito.InferenceHost.Tools;
using Kaito.OpenAI;

namespace Kaito.Tests.InferenceHost.Constraints;

/// <summary>A token per byte, and one that ends an answer.</summary>
internal sealed class ByteVocabulary : IModelText
{
    public const int End = 256;

    private readonly byte[] _all = [.. Enumerable.Range(0, 256).Select(static value => (byte)value)];

    public CallFormat? Calls => null;

    public bool Thinks => false;

    public static ServedModel Model() =>
        new("bytes", "bytes", 4096, End + 1, FrozenSet.Create(End), new ByteVocabulary(), 0);

    public int[] Encode(string text, bool addSpecialTokens) => [.. Encoding.UTF8.GetBytes(text).Select(static b => (int)b)];

    public ChatPrompt EncodeChat(ChatCompletionRequest request) => throw new PromptException("none");

    public ITextDecoder CreateDecoder(bool skipSpecialTokens = true) => throw new NotSupportedException();

    public bool IsSpecial(int token) => token == End;

    public ReadOnlySpan<byte> TokenBytes(int token) => token == End ? "end"u8 : _all.AsSpan(token, 1);
}
