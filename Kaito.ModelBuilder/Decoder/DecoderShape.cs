namespace Kaito.ModelBuilder.Decoder;

/// <summary>Number format of the linear layers. Activations, norms, embedding and KV cache stay float32.</summary>
internal enum WeightPrecision
{
    Float32,

    /// <summary>4 bits, blocks of 32 along the input axis, symmetric.</summary>
    Int4,

    /// <summary>
    /// Blocks of 128: fewer scales to read and to multiply with, so faster and a little less exact. Some of ONNX Runtime's kernels
    /// for them add in another order when there are more rows, so an answer may depend on what else is in its batch.
    /// </summary>
    Int4Block128,

    /// <summary>
    /// 8 bits, blocks of 32, symmetric: hardly told from float32. A single sequence waits for memory, so twice that of 4 bits
    /// makes it slower; many wait for arithmetic, which costs the same.
    /// </summary>
    Int8,
}

/// <summary>How the parts of a layer hang together; x is what comes in.</summary>
internal enum BlockKind
{
    /// <summary>h = x + attention(norm(x)), h + feed-forward(norm(h)).</summary>
    Sequential,

    /// <summary>x + attention(n) + feed-forward(n) with n = norm(x).</summary>
    Parallel,

    /// <summary>x + attention(norm(x)) + feed-forward(norm'(x)).</summary>
    ParallelTwoNorms,

    /// <summary>As sequential, with another norm after the attention and after the feed-forward layer.</summary>
    Sandwich,
}

/// <summary>What a feed-forward layer does to each number.</summary>
internal enum Activation
{
    Silu,
    Gelu,

    /// <summary>Its approximation by a hyperbolic tangent.</summary>
    GeluTanh,
}

/// <summary>Everything that decides the graph of a decoder, apart from the weights themselves.</summary>
internal sealed record DecoderShape
{
    public required int Layers { get; init; }

    public required int Hidden { get; init; }

    /// <summary>Query heads; a multiple of <see cref="KeyValueHeads"/>.</summary>
    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    /// <summary>Width of one head; independent of <see cref="Hidden"/>. A multiple of 8.</summary>
    public required int HeadSize { get; init; }

    public BlockKind Block { get; init; }

    /// <summary>Norms are LayerNorms with a bias; otherwise RMSNorms.</summary>
    public bool LayerNorms { get; init; }

    public Activation Activation { get; init; }

    /// <summary>The feed-forward layer has a gate beside its first matrix.</summary>
    public bool Gated { get; init; } = true;

    /// <summary>On what the embedding gives.</summary>
    public float EmbeddingScale { get; init; } = 1;

    /// <summary>On the products of queries and keys; 0: one by the root of the head's size.</summary>
    public float AttentionScale { get; init; }

    /// <summary>Bound on them, by a hyperbolic tangent; 0 for none.</summary>
    public float AttentionCap { get; init; }

    /// <summary>The same on logits.</summary>
    public float LogitCap { get; init; }

    public bool HeadBias { get; init; }

    /// <summary>Of the layers that have a window; null: as the others.</summary>
    public Rope? WindowRope { get; init; }

    /// <summary>The attention's own rotation takes whole registers only; others are rotated before it.</summary>
    public bool RotatesApart => HeadSize % 16 != 0 || Rotated % 16 != 0;

    /// <summary>Width of the feed-forward layer.</summary>
    public required int Intermediate { get; init; }

    public required int Vocabulary { get; init; }

    /// <summary>Longest sequence in tokens, which is the number of rows of the rotary caches.</summary>
    public required int Context { get; init; }

    /// <summary>Added to the mean square, or the variance, in every norm.</summary>
    public required float NormEpsilon { get; init; }

    public required Rope Rope { get; init; }

    /// <summary>The first numbers of a head, which are rotated; 0: all. Even.</summary>
    public int RotatedSize { get; init; }

    public int Rotated => RotatedSize == 0 ? HeadSize : RotatedSize;

    /// <summary>Queries and keys are normalized, head by head, before they are rotated.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>The language-model head is the embedding.</summary>
    public bool TiedHead { get; init; }

    public bool QueryKeyValueBias { get; init; }

    public bool OutputBias { get; init; }

    public bool FeedForwardBias { get; init; }

    /// <summary>Every linear layer takes low-rank additions as inputs; see <see cref="LoraInputs"/>.</summary>
    public bool TakesAdapters { get; init; }

    /// <summary>Per layer the keys a query sees, itself included; null: all. Empty: all layers see all.</summary>
    public IReadOnlyList<int?> Windows { get; init; } = [];

    public int? WindowOf(int layer) => Windows.Count == 0 ? null : Windows[layer];
}

/// <summary>Source of a decoder's weights under their Hugging Face names, e.g. <c>model.norm.weight</c>.</summary>
internal interface IDecoderWeights
{
    /// <summary>Reads one tensor as float32 in row-major order.</summary>
    /// <param name="name">Full name of the tensor.</param>
    /// <param name="shape">The shape it must have; linear layers are [output, input].</param>
    /// <exception cref="ModelBuildException">The tensor is missing or has another shape.</exception>
    float[] Read(string name, params ReadOnlySpan<int> shape);
}
