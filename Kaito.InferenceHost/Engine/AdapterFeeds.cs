using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Kaito.ModelBuilder.Adapters;
using Kaito.ModelBuilder.Decoder;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Kaito.InferenceHost.Engine;

/// <summary>Feeds each run the adapters of its rows: those that are needed side by side, and who has which.</summary>
internal sealed class AdapterFeeds(ImmutableArray<AdapterTarget> targets) : IDisposable
{
    private const int MostStacks = 4;

    // Columns of adapters that no row has are computed for nothing, but a new stack is a copy of its adapters.
    private const int MostWaste = 2;

    // Least recently used first.
    private readonly List<AdapterStack> _stacks = [];
    private readonly HashSet<AdapterWeights> _needed = [];
    private float[] _mask = [];
    private OrtValue? _bound;
    private long _last;

    public void Bind(KvBinding kept, ReadOnlySpan<AdapterMix?> rows)
    {
        if (targets.IsEmpty)
        {
            return;
        }

        var stack = StackFor(rows);
        if (kept.AdapterStack != stack.Number)
        {
            stack.BindTo(kept.Binding);
            kept.AdapterStack = stack.Number;
        }
        else if (stack.Rank == 0)
        {
            return;
        }

        BindMask(kept.Binding, stack, rows);
    }

    public void Dispose()
    {
        _stacks.ForEach(static stack => stack.Dispose());
        _stacks.Clear();
        _bound?.Dispose();
    }

    private AdapterStack StackFor(ReadOnlySpan<AdapterMix?> rows)
    {
        _needed.Clear();
        foreach (var mix in rows)
        {
            foreach (var share in mix?.Shares ?? [])
            {
                _needed.Add(share.Weights);
            }
        }

        var most = MostWaste * _needed.Sum(static adapter => adapter.Rank);
        var found = _stacks.Find(stack => stack.Rank <= most && stack.Holds(_needed));
        if (found is null)
        {
            found = new(++_last, targets, [.. _needed.OrderBy(static adapter => adapter.Id)]);
            if (_stacks.Count == MostStacks)
            {
                _stacks[0].Dispose();
                _stacks.RemoveAt(0);
            }
        }
        else
        {
            _stacks.Remove(found);
        }

        _stacks.Add(found);
        return found;
    }

    private void BindMask(OrtIoBinding binding, AdapterStack stack, ReadOnlySpan<AdapterMix?> rows)
    {
        var needed = Math.Max(1, rows.Length * stack.Rank);
        if (_mask.Length < needed)
        {
            _mask = GC.AllocateArray<float>(Math.Max(needed, 2 * _mask.Length), pinned: true);
        }

        for (var row = 0; row < rows.Length; row++)
        {
            stack.Fill(rows[row], _mask.AsSpan(row * stack.Rank, stack.Rank));
        }

        _bound?.Dispose();
        _bound = OrtValue.CreateTensorValueWithData(
            OrtMemoryInfo.DefaultInstance,
            TensorElementType.Float,
            [rows.Length, 1, stack.Rank],
            Marshal.UnsafeAddrOfPinnedArrayElement(_mask, 0),
            (long)rows.Length * stack.Rank * sizeof(float));
        binding.BindInput(LoraInputs.Mask, _bound);
    }
}
