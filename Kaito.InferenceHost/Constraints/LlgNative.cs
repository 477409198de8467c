using System.Runtime.InteropServices;

namespace Kaito.InferenceHost.Constraints;

/// <summary>The C interface of llguidance, which the library of ONNX Runtime GenAI exports.</summary>
/// <seealso href="https://github.com/guidance-ai/llguidance/blob/main/parser/llguidance.h"/>
internal static unsafe partial class LlgNative
{
    private const string Library = "onnxruntime-genai";

    // Larger than the library's structure, whose end differs between versions; the library fills in its defaults.
    private const int InitBytes = 512;

    /// <summary>Knows the bytes of every token.</summary>
    /// <param name="lengths">Bytes of each token; shape [vocab].</param>
    /// <param name="bytes">The bytes of all tokens, one after the other.</param>
    /// <param name="end">The token that ends an answer.</param>
    /// <exception cref="InvalidOperationException">The library refused.</exception>
    /// <exception cref="EntryPointNotFoundException">The library was built without llguidance.</exception>
    /// <exception cref="DllNotFoundException">There is no such library.</exception>
    public static nint NewTokenizer(ReadOnlySpan<uint> lengths, ReadOnlySpan<byte> bytes, int end)
    {
        var error = stackalloc byte[256];

        // Read by the library when it has no tokenizer of its own; tokens need not come out of text here.
        fixed (uint* first = lengths)
        fixed (byte* start = bytes)
        {
            var init = new TokenizerInit
            {
                VocabularySize = (uint)lengths.Length,
                EndToken = (uint)end,
                Lengths = first,
                Bytes = start,
                ApproximateTokenize = 1,
            };
            var tokenizer = llg_new_tokenizer(&init, error, 256);
            return tokenizer != 0
                ? tokenizer
                : throw new InvalidOperationException(Marshal.PtrToStringUTF8((nint)error));
        }
    }

    /// <param name="tokenizer">From <see cref="NewTokenizer"/>.</param>
    /// <param name="kind"><c>json</c>, <c>regex</c> or <c>lark</c>.</param>
    /// <param name="grammar">The schema, expression or grammar.</param>
    /// <param name="problem">What is wrong with it; null when nothing is.</param>
    /// <returns>Whatever is wrong, to be freed.</returns>
    public static nint NewMatcher(nint tokenizer, string kind, string grammar, out string? problem)
    {
        var init = stackalloc byte[InitBytes];
        new Span<byte>(init, InitBytes).Clear();
        llg_constraint_init_set_defaults(init, tokenizer);
        ((ConstraintInit*)init)->LogToErrors = 0;
        ((ConstraintInit*)init)->ForcedTokens = 0;
        var matcher = llg_new_matcher(init, kind, grammar);
        problem = Problem(matcher);
        return matcher;
    }

    public static string? Problem(nint matcher) => Marshal.PtrToStringUTF8(llg_matcher_get_error(matcher));

    [LibraryImport(Library, EntryPoint = "llg_free_tokenizer")]
    public static partial void FreeTokenizer(nint tokenizer);

    [LibraryImport(Library, EntryPoint = "llg_free_matcher")]
    public static partial void FreeMatcher(nint matcher);

    [LibraryImport(Library, EntryPoint = "llg_clone_matcher")]
    public static partial nint CloneMatcher(nint matcher);

    /// <returns>0, or an error that <see cref="Problem"/> words.</returns>
    [LibraryImport(Library, EntryPoint = "llg_matcher_compute_mask_into")]
    public static partial int ComputeMask(nint matcher, Span<uint> mask, nuint bytes);

    /// <returns>0, or an error that <see cref="Problem"/> words.</returns>
    [LibraryImport(Library, EntryPoint = "llg_matcher_consume_token")]
    public static partial int Consume(nint matcher, uint token);

    /// <summary>Back to where it began.</summary>
    /// <returns>0, or an error that <see cref="Problem"/> words.</returns>
    [LibraryImport(Library, EntryPoint = "llg_matcher_reset")]
    public static partial int Reset(nint matcher);

    /// <returns>Not 0 when nothing can follow.</returns>
    [LibraryImport(Library, EntryPoint = "llg_matcher_is_stopped")]
    public static partial byte IsStopped(nint matcher);

    [LibraryImport(Library)]
    private static partial nint llg_new_tokenizer(TokenizerInit* init, byte* error, nuint errorBytes);

    [LibraryImport(Library)]
    private static partial void llg_constraint_init_set_defaults(byte* init, nint tokenizer);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint llg_new_matcher(byte* init, string kind, string grammar);

    [LibraryImport(Library)]
    private static partial nint llg_matcher_get_error(nint matcher);

    [StructLayout(LayoutKind.Sequential)]
    private struct TokenizerInit
    {
        public uint VocabularySize;
        public uint EndToken;
        public uint* Lengths;
        public byte* Bytes;
        public byte* TokenizerJson;
        public byte AssumesString;
        public void* Tokenize;
        public byte ApproximateTokenize;
        public void* TokenizeState;
        public byte** Slices;
    }

    // Only the beginning, which all versions share.
    [StructLayout(LayoutKind.Sequential)]
    private struct ConstraintInit
    {
        public nint Tokenizer;
        public uint LogToBuffer;
        public uint LogToErrors;
        public byte ForcedTokens;
        public byte Backtrack;
    }
}
