using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using Kaito.InferenceHost.Adapters;
using Kaito.InferenceHost.Constraints;
using Kaito.InferenceHost.Embeddings;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Tools;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Models;

/// <summary>What the HTTP surface knows of the loaded model. Safe to use from any thread.</summary>
/// <param name="Name">What clients send as <c>model</c>.</param>
/// <param name="Root">Where the weights come from, and what they stand in for when substituted.</param>
/// <param name="ContextTokens">Most tokens of prompt plus answer.</param>
/// <param name="VocabularySize">Length of a logits row; token ids lie below it.</param>
/// <param name="EndTokens">End-of-sequence ids.</param>
/// <param name="Text">Text to tokens and back.</param>
/// <param name="Created">Unix seconds when it was loaded.</param>
internal sealed record ServedModel(
    string Name,
    string Root,
    int ContextTokens,
    int VocabularySize,
    FrozenSet<int> EndTokens,
    IModelText Text,
    long Created)
{
    // Shared with what Under makes of this.
    private readonly StrongBox<GrammarTokenizer?> _grammars = new();

    /// <summary>Compiles grammars; made when the first request needs one.</summary>
    public GrammarTokenizer Grammars =>
        LazyInitializer.EnsureInitialized(ref _grammars.Value, () => GrammarTokenizer.Create(this))!;

    /// <summary>The adapters that are served now.</summary>
    public AdapterRegistry Adapters { get; init; } = new([], new(), "", TimeProvider.System);

    /// <summary>Those that a request runs under; null for the model alone.</summary>
    public ChosenAdapters? Chosen { get; private init; }

    /// <summary>The model as a request names it: by its own name, by that of an adapter, or not at all.</summary>
    /// <returns>Under the name that was given; null when nothing of that name is served.</returns>
    public ServedModel? Under(string? name) =>
        string.IsNullOrEmpty(name) || name == Name ? this
        : Adapters.Find(name) is { } chosen ? this with { Name = name, Chosen = chosen }
        : null;

    /// <summary>Whether what the model expected of a prompt can be reported.</summary>
    public bool ReadsPrompts { get; init; }

    /// <summary>Set for an embedding model, which generates nothing.</summary>
    public EmbeddingModel? Embeddings { get; init; }

    /// <summary>What a request gets that does not say how to sample.</summary>
    public SamplingDefaults Sampling { get; init; } = new();
}

/// <summary>Text to tokens and back. Implementations may be called from many threads at once.</summary>
internal interface IModelText
{
    /// <param name="text">Untrusted: special tokens written in it stay plain text.</param>
    /// <param name="addSpecialTokens">Lets the tokenizer add its beginning-of-sequence token.</param>
    int[] Encode(string text, bool addSpecialTokens);

    /// <summary>A prompt that asks for what stands between two texts; null when the model was not taught such prompts.</summary>
    /// <param name="before">Untrusted, as <paramref name="after"/>.</param>
    /// <param name="after">What follows the answer.</param>
    /// <param name="addSpecialTokens">Lets the tokenizer add its beginning-of-sequence token.</param>
    int[]? EncodeInfill(string before, string after, bool addSpecialTokens) => null;

    /// <summary>Renders the chat template and encodes it; special tokens written in messages stay plain text.</summary>
    /// <exception cref="PromptException">The template refuses the messages, or there is no template.</exception>
    ChatPrompt EncodeChat(ChatCompletionRequest request);

    /// <summary>How the model writes calls of functions; null when its template teaches none.</summary>
    CallFormat? Calls { get; }

    /// <summary>Whether the model thinks aloud between marks before it answers.</summary>
    bool Thinks { get; }

    /// <summary>A decoder for one sequence; not thread-safe.</summary>
    /// <param name="skipSpecialTokens">Leaves control tokens out.</param>
    ITextDecoder CreateDecoder(bool skipSpecialTokens = true);

    /// <summary>Whether a token is a control token, which no text spells.</summary>
    bool IsSpecial(int token);

    /// <summary>The bytes that one token stands for, which need not be whole characters.</summary>
    ReadOnlySpan<byte> TokenBytes(int token);
}

/// <param name="Tokens">Shape [prompt_length].</param>
/// <param name="InThought">The prompt ends within a thought, which the answer goes on with.</param>
internal sealed record ChatPrompt(int[] Tokens, bool InThought);

/// <summary>Turns the tokens of one sequence into whole characters.</summary>
internal interface ITextDecoder
{
    /// <returns>The text this token completes; empty while a character spans tokens.</returns>
    string Push(int token);

    /// <returns>What an unfinished character leaves at the end.</returns>
    string Flush();
}

/// <summary>The messages cannot become a prompt; the message is for the client.</summary>
internal sealed class PromptException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The engine with what is known of its model.</summary>
internal sealed record LoadedModel(ServedModel Model, IInferenceEngine Engine)
{
    /// <summary>How the loading went, for the log.</summary>
    public LoadReport Report { get; init; } = new("unnamed", null, []);
}

/// <param name="Engine">Which engine runs the model.</param>
/// <param name="Fallback">Why it is not the first choice; <see langword="null"/> when it is.</param>
/// <param name="Phases">What took how long; phases may overlap.</param>
internal sealed record LoadReport(string Engine, string? Fallback, ImmutableArray<LoadPhase> Phases)
{
    /// <summary>The context that was asked for, in tokens; memory may have room for less.</summary>
    public int WantedContextTokens { get; init; }

    /// <summary>Whether 4-bit weights are multiplied by our own kernel.</summary>
    public bool HasOwnKernels { get; init; }

    public override string ToString() =>
        string.Join(", ", Phases.Select(static phase => string.Create(
            CultureInfo.InvariantCulture, $"{phase.Name} {phase.Took.TotalMilliseconds:F0} ms")))
        + (HasOwnKernels ? "; 4-bit products by Kaito's kernel" : "");
}

/// <summary>One part of loading.</summary>
internal readonly record struct LoadPhase(string Name, TimeSpan Took);

/// <summary>Loads the model; called on the engine's thread, and again when the engine must be rebuilt.</summary>
/// <exception cref="ModelLoadException">The model cannot be served.</exception>
internal delegate LoadedModel ModelLoader();

/// <summary>The model cannot be served; the message names file, field and remedy.</summary>
internal sealed class ModelLoadException(string message, Exception? inner = null) : Exception(message, inner);
