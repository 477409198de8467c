using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Kaito.ModelBuilder.Adapters;
using Kaito.ModelBuilder.Decoder;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Kaito.InferenceHost.Engine;

/// <summary>
/// Adapters side by side, as one run reads them: per layer A [width, rank] and B [rank, outputs], where the rank is the
/// sum of theirs. A single adapter is read where it lies.
/// </summary>
internal sealed class AdapterStack : IDisposable
{
    private readonly ImmutableArray<AdapterWeights> _adapters;
    private readonly List<(string Input, OrtValue Value)> _values = [];

    // What native memory points to must stay where it is: all of these arrays are pinned.
    private readonly List<float[]> _memory = [];
    private float[] _nothing = [];

    /// <param name="number">Above 0, unlike that of any other stack.</param>
    /// <param name="targets">The layers of the graph.</param>
    /// <param name="adapters">May be empty: the model as it is.</param>
    public AdapterStack(
        long number, ImmutableArray<AdapterTarget> targets, ImmutableArray<AdapterWeights> adapters)
    {
        (Number, _adapters, Rank) = (number, adapters, adapters.Sum(static adapter => adapter.Rank));
        foreach (var target in targets)
        {
            var (down, up) = Layer(target);
            Add(target.Name + LoraInputs.DownSuffix, down, target.Width, Rank);
            Add(target.Name + LoraInputs.UpSuffix, up, Rank, target.Outputs);
        }
    }

    public long Number { get; }

    public int Rank { get; }

    public bool Holds(IEnumerable<AdapterWeights> adapters) => adapters.All(_adapters.Contains);

    public void BindTo(OrtIoBinding binding)
    {
        foreach (var (input, value) in _values)
        {
            binding.BindInput(input, value);
        }
    }

    /// <summary>Writes one row of the mask: each adapter's strength over its columns.</summary>
    /// <param name="mix">Within this stack; null for none.</param>
    /// <param name="row">Shape [rank].</param>
    public void Fill(AdapterMix? mix, Span<float> row)
    {
        var first = 0;
        foreach (var adapter in _adapters)
        {
            row.Slice(first, adapter.Rank).Fill(StrengthOf(adapter, mix));
            first += adapter.Rank;
        }
    }

    public void Dispose()
    {
        foreach (var (_, value) in _values)
        {
            value.Dispose();
        }
    }

    private static float StrengthOf(AdapterWeights adapter, AdapterMix? mix)
    {
        foreach (var share in mix?.Shares ?? [])
        {
            if (ReferenceEquals(share.Weights, adapter))
            {
                return share.Strength;
            }
        }

        return 0;
    }

    private (float[] Down, float[] Up) Layer(AdapterTarget target)
    {
        if (!_adapters.Any(adapter => adapter.Layers.ContainsKey(target.Name)))
        {
            var needed = Math.Max(1, Rank * Math.Max(target.Width, target.Outputs));
            if (_nothing.Length < needed)
            {
                _nothing = GC.AllocateArray<float>(needed, pinned: true);
            }

            return (_nothing, _nothing);
        }

        if (_adapters is [var only])
        {
            return (only.Layers[target.Name].Down, only.Layers[target.Name].Up);
        }

        var down = GC.AllocateArray<float>(target.Width * Rank, pinned: true);
        var up = GC.AllocateArray<float>(Rank * target.Outputs, pinned: true);
        var first = 0;
        foreach (var adapter in _adapters)
        {
            if (adapter.Layers.TryGetValue(target.Name, out var layer))
            {
                layer.Up.CopyTo(up.AsSpan(first * target.Outputs));
                for (var row = 0; row < target.Width; row++)
                {
                    layer.Down.AsSpan(row * adapter.Rank, adapter.Rank).CopyTo(down.AsSpan((row * Rank) + first));
                }
            }

            first += adapter.Rank;
        }

        return (down, up);
    }

    private void Add(string input, float[] values, long rows, long columns)
    {
        _memory.Add(values);
        _values.Add((input, OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance,
            TensorElementType.Float,
            [rows, columns],
            Marshal.UnsafeAddrOfPinnedArrayElement(values, 0),
            rows * columns * sizeof(float))));
    }
}
