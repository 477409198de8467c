using System.Collections.Concurrent;
using System.Collections.Frozen;
using Kaito.InferenceHost.Engine;
using Kaito.InferenceHost.Models;
using Kaito.InferenceHost.Tools;
using Kaito.OpenAI;

namespace Kaito.Tests.Support;

/// <summary>
/// An engine without a model: each token is a character, and the answer repeats the prompt's characters.
/// </summary>
/// <remarks>Steps wait for <see cref="Gate"/>, so a test decides when anything moves.</remarks>
internal sealed class ScriptedEngine(int slots = 4, int context = 64) : IInferenceEngine
{
    public const int Vocabulary = 128;

    public const int End = 0;

    private readonly Dictionary<long, Running> _running = [];
    private readonly Lock _lock = new();

    public ManualResetEventSlim Gate { get; } = new(true);

    /// <summary>Steps that will throw before anything works again.</summary>
    public int Failures { get; set; }

    /// <summary>Steps that still work before one throws; negative for no such step.</summary>
    public int FailAfter { get; set; } = -1;

    /// <summary>Steps work and give no token, so no sequence ends by itself.</summary>
    public bool Silent { get; set; }

    /// <summary>Called before a sequence is removed.</summary>
    public Action Removing { get; init; } = static () => { };

    /// <summary>Prompts in the order in which they got a slot.</summary>
    public ConcurrentQueue<string> Admitted { get; } = new();

    public EngineLimits Limits { get; } = new(context, slots, Vocabulary) { ReadsPrompts = true };

    public EngineUsage Usage => new(RunningCount, 100, 0, 0);

    public int RunningCount
    {
        get
        {
            lock (_lock)
            {
                return _running.Count;
            }
        }
    }

    public static LoadedModel Load(ScriptedEngine engine) => new(
        new(
            "scripted",
            "/models/scripted",
            engine.Limits.ContextTokens,
            Vocabulary,
            FrozenSet.Create(End),
            new CharacterText(),
            0)
        {
            ReadsPrompts = true,
        },
        engine);

    public bool TryAdd(EngineSequence sequence)
    {
        lock (_lock)
        {
            var added = _running.Count < slots && _running.TryAdd(sequence.Id, new(sequence));
            if (added)
            {
                Admitted.Enqueue(string.Concat(sequence.Prompt.ToArray().Select(static token => (char)token)));
            }

            return added;
        }
    }

    public void Step(ICollection<EngineToken> produced)
    {
        Gate.Wait(TimeSpan.FromSeconds(60));
        if (Failures > 0 || FailAfter-- == 0)
        {
            Failures = int.Max(0, Failures - 1);
            throw new EngineException("scripted failure");
        }

        if (Silent)
        {
            return;
        }

        lock (_lock)
        {
            foreach (var (id, running) in _running)
            {
                produced.Add(new(id, running.Next()));
            }
        }
    }

    public void Remove(long sequenceId)
    {
        Removing();
        lock (_lock)
        {
            _running.Remove(sequenceId);
        }
    }

    public void Dispose() => _running.Clear();

    private sealed class Running(EngineSequence sequence)
    {
        private int _at;

        // The favourite is the prompt's next character, then the end token.
        public int Next()
        {
            if (_at == 0)
            {
                ReadPrompt();
            }

            var logits = new float[Vocabulary];
            logits[_at < sequence.Prompt.Length ? sequence.Prompt.Span[_at] : End] = 20;
            _at++;
            return sequence.Sampler.Sample(logits);
        }

        // Every token of a prompt is expected to come twice.
        private void ReadPrompt()
        {
            for (var i = 1; i < sequence.Prompt.Length && sequence.PromptReader is not null; i++)
            {
                var logits = new float[Vocabulary];
                logits[sequence.Prompt.Span[i - 1]] = 20;
                sequence.PromptReader.Read(i, logits);
            }
        }
    }

    private sealed class CharacterText : IModelText
    {
        public int[] Encode(string text, bool addSpecialTokens) => [.. text.Select(c => (int)c)];

        public CallFormat? Calls => CallFormat.Hermes;

        public bool Thinks => true;

        public ChatPrompt EncodeChat(ChatCompletionRequest request) =>
            new(Encode(string.Join('\n', request.Messages!.Select(message => message.Content?.Text)), false), false);

        public ITextDecoder CreateDecoder(bool skipSpecialTokens = true) => new Decoder();

        public bool IsSpecial(int token) => token == End;

        public ReadOnlySpan<byte> TokenBytes(int token) => new[] { (byte)token };

        private sealed class Decoder : ITextDecoder
        {
            public string Push(int token) => ((char)token).ToString();

            public string Flush() => "";
        }
    }
}
