using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Kaito.InferenceHost.Engine;

/// <summary>A binding of consecutive slots as past and, in place, as present of every layer.</summary>
internal sealed class KvBinding : IDisposable
{
    private readonly List<OrtValue> _values = [];

    private KvBinding(OrtIoBinding binding) => Binding = binding;

    public OrtIoBinding Binding { get; }

    /// <summary>Number of the <see cref="AdapterStack"/> that it feeds; 0 for none yet.</summary>
    public long AdapterStack { get; set; }

    /// <param name="binding">Empty; owned by the result.</param>
    /// <param name="graph">Names and shape.</param>
    /// <param name="cache">Outlives the binding without a resize.</param>
    /// <param name="type">Of the cache's numbers.</param>
    /// <param name="rows">How many slots, and the first of them.</param>
    public static KvBinding Create(
        OrtIoBinding binding,
        DecoderGraph graph,
        KvSlots cache,
        TensorElementType type,
        (int Count, int First) rows)
    {
        var result = new KvBinding(binding);
        for (var layer = 0; layer < graph.Layers; layer++)
        {
            var keys = result.View(graph, cache, type, 2 * layer, rows);
            var values = result.View(graph, cache, type, (2 * layer) + 1, rows);
            binding.BindInput(graph.Inputs.PastKey(layer), keys);
            binding.BindOutput(graph.Outputs.PresentKey(layer), keys);
            binding.BindInput(graph.Inputs.PastValue(layer), values);
            binding.BindOutput(graph.Outputs.PresentValue(layer), values);
        }

        return result;
    }

    public void Dispose()
    {
        Binding.Dispose();
        foreach (var value in _values)
        {
            value.Dispose();
        }
    }

    private OrtValue View(
        DecoderGraph graph, KvSlots cache, TensorElementType type, int tensor, (int Count, int First) rows)
    {
        var view = OrtValue.CreateTensorValueWithData(
            cache.Place,
            type,
            [rows.Count, graph.KvHeads, cache.Shape.Tokens, graph.HeadSize],
            cache.AddressOf(tensor, rows.First),
            cache.BytesOf(rows.Count));
        _values.Add(view);
        return view;
    }
}
