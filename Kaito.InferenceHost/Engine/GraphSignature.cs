using System.Collections.Immutable;
using Kaito.ModelBuilder.Adapters;
using Kaito.ModelBuilder.Decoder;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Kaito.InferenceHost.Engine;

/// <summary>What a decoder graph takes and gives, checked against what the slot engine can feed.</summary>
/// <param name="CacheType">Number type of keys and values: float or half.</param>
/// <param name="LogitsType">Number type of logits: float or half.</param>
/// <param name="LastLogitsOnly">The graph returns logits of the last token only.</param>
/// <param name="HasPositions">The graph has an input of positions.</param>
internal sealed record GraphSignature(
    TensorElementType CacheType,
    TensorElementType LogitsType,
    bool LastLogitsOnly,
    bool HasPositions)
{
    /// <summary>Layers that take adapters; empty when the graph has no inputs for them.</summary>
    public ImmutableArray<AdapterTarget> Adapters { get; init; } = [];

    /// <exception cref="UnsuitableGraphException">The graph needs another engine.</exception>
    /// <exception cref="ModelFolderException">Graph and configuration disagree.</exception>
    public static GraphSignature Read(InferenceSession session, ModelFolder model)
    {
        var graph = model.Decoder;
        var expected = new HashSet<string> { graph.Inputs.InputIds, graph.Inputs.AttentionMask };
        for (var layer = 0; layer < graph.Layers; layer++)
        {
            expected.Add(graph.Inputs.PastKey(layer));
            expected.Add(graph.Inputs.PastValue(layer));
        }

        if (expected.FirstOrDefault(name => !session.InputMetadata.ContainsKey(name)) is { } missing)
        {
            throw Wrong(graph, $"input {missing}", "missing", "correct names and layer count in genai_config.json");
        }

        if (session.InputMetadata.ContainsKey(graph.Inputs.PastKey(graph.Layers)))
        {
            throw Wrong(
                graph,
                $"input {graph.Inputs.PastKey(graph.Layers)}",
                $"beyond the {graph.Layers} layers of the configuration",
                "correct num_hidden_layers in genai_config.json");
        }

        expected.Add(graph.Inputs.PositionIds);
        if (session.InputMetadata.Keys.FirstOrDefault(name => !expected.Contains(name)) is { } surplus)
        {
            throw new UnsuitableGraphException(graph.File, $"input {surplus}", "unknown to the slot engine");
        }

        if (!session.OutputMetadata.TryGetValue(graph.Outputs.Logits, out var logits))
        {
            throw Wrong(graph, $"output {graph.Outputs.Logits}", "missing", "correct the names in genai_config.json");
        }

        CheckCache(session, graph);
        CheckVocabulary(logits.Dimensions, model);
        return new(
            NumberType(graph, session.InputMetadata[graph.Inputs.PastKey(0)], "cache"),
            NumberType(graph, logits, "logits"),
            logits.Dimensions is [_, 1, _],
            session.InputMetadata.ContainsKey(graph.Inputs.PositionIds))
        {
            Adapters = AdapterLayers(session),
        };
    }

    // Without a mask, all rows of a run would have the same adapter.
    private static ImmutableArray<AdapterTarget> AdapterLayers(InferenceSession session)
    {
        var optional = session.OverridableInitializerMetadata;
        return !optional.ContainsKey(LoraInputs.Mask)
            ? []
            :
            [
                .. from input in optional
                   where input.Key.EndsWith(LoraInputs.DownSuffix, StringComparison.Ordinal)
                   let name = input.Key[..^LoraInputs.DownSuffix.Length]
                   select new AdapterTarget(
                       name, input.Value.Dimensions[0], optional[name + LoraInputs.UpSuffix].Dimensions[1]),
            ];
    }

    private static void CheckCache(InferenceSession session, DecoderGraph graph)
    {
        // -1 stands for a size that the graph leaves open.
        var shape = session.InputMetadata[graph.Inputs.PastKey(0)].Dimensions;
        if (shape is not [_, var heads, _, var size]
            || (heads > 0 && heads != graph.KvHeads)
            || (size > 0 && size != graph.HeadSize))
        {
            throw Wrong(
                graph,
                graph.Inputs.PastKey(0),
                $"of shape [{string.Join(", ", shape)}]",
                $"make num_key_value_heads ({graph.KvHeads}) and head_size ({graph.HeadSize}) agree with it");
        }
    }

    private static void CheckVocabulary(int[] logits, ModelFolder model)
    {
        if (logits is not [_, _, var size] || (size > 0 && size != model.VocabularySize))
        {
            throw Wrong(
                model.Decoder,
                "logits",
                $"of shape [{string.Join(", ", logits)}]",
                $"make vocab_size ({model.VocabularySize}) in genai_config.json agree with it");
        }
    }

    private static TensorElementType NumberType(DecoderGraph graph, NodeMetadata node, string name) =>
        node.ElementDataType is TensorElementType.Float or TensorElementType.Float16
            ? node.ElementDataType
            : throw new UnsuitableGraphException(
                graph.File, $"number type of {name}", $"{node.ElementDataType}, which the slot engine cannot read");

    private static ModelFolderException Wrong(DecoderGraph graph, string field, string value, string remedy) =>
        new(graph.File, field, value, remedy);
}
