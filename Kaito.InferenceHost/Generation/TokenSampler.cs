using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Kaito.InferenceHost.Engine;

namespace Kaito.InferenceHost.Generation;

/// <summary>
/// Chooses the tokens of one sequence. Order: minimum-length mask, allowed and banned tokens, bias, penalties, temperature, min_p, top_k,
/// top_p, draw. Greedy without penalties is one vectorised pass.
/// </summary>
/// <param name="parameters">Checked values.</param>
/// <param name="prompt">Counts for the repetition penalty.</param>
/// <param name="endTokens">Not chosen before <paramref name="minNewTokens"/> tokens exist.</param>
/// <param name="minNewTokens">0 for no minimum.</param>
internal sealed class TokenSampler(
    SamplingParameters parameters, ReadOnlyMemory<int> prompt, IReadOnlyCollection<int> endTokens, int minNewTokens)
    : ITokenSampler
{
    private readonly SplitMix _random = new(parameters.Seed ?? Random.Shared.NextInt64());
    private readonly Dictionary<int, int> _produced = [];
    private readonly HashSet<int> _seen = parameters.RepetitionPenalty == 1 ? [] : [.. prompt.Span];
    private readonly bool _penalises =
        parameters is not { RepetitionPenalty: 1, PresencePenalty: 0, FrequencyPenalty: 0 };

    private readonly BannedSequences? _banned =
        parameters.Banned.IsDefaultOrEmpty ? null : new(parameters.Banned);

    private readonly Queue<TokenReport> _reports = new();
    private int _count;
    private int _deadEndAt;
    private float[] _raw = [];

    /// <summary>Alternatives to report with each token; null for no reports.</summary>
    public int? Report { get; init; }

    /// <summary>The form that the answer must have; null for none.</summary>
    public ITokenConstraint? Constraint { get; init; }

    /// <summary>Whether no token could be chosen any more when this one was: it is none then.</summary>
    /// <param name="token">Its place in the answer, from 1 on.</param>
    public bool EndsDeadAt(int token) => _deadEndAt == token;

    /// <summary>About the first chosen token that nobody has asked about yet; null without <see cref="Report"/>.</summary>
    public TokenReport? TakeReport() => _reports.TryDequeue(out var report) ? report : null;

    /// <summary>About the token chosen last; null without <see cref="Report"/>.</summary>
    public TokenReport? Reported { get; private set; }

    /// <inheritdoc/>
    public int Sample(Span<float> logits)
    {
        if (Report is not { } top)
        {
            return Choose(logits);
        }

        // Choosing overwrites the row; what is reported is the model's own distribution.
        if (_raw.Length != logits.Length)
        {
            _raw = new float[logits.Length];
        }

        logits.CopyTo(_raw);
        var token = Choose(logits);
        Reported = TokenReports.Read(_raw, token, top);
        _reports.Enqueue(Reported);
        return token;
    }

    private int Choose(Span<float> logits)
    {
        Adjust(logits);
        var best = TensorPrimitives.IndexOfMax<float>(logits);
        if (!float.IsFinite(logits[best]))
        {
            // Masks that leave nothing end the answer.
            EndDead(Constraint is not null);
            best = endTokens.FirstOrDefault(-1) is >= 0 and var end && IsMasked(logits) ? end
                : throw new EngineException("The model produced logits that are not numbers.");
            Remember(best);
            return best;
        }

        var token = parameters.Temperature == 0 ? best : Draw(logits, logits[best]);
        EndDead(Constraint?.Failure is not null);
        Remember(token);
        return token;
    }

    // The engine may have guessed further tokens after it.
    private void EndDead(bool dead) => _deadEndAt = dead && _deadEndAt == 0 ? _count + 1 : _deadEndAt;

    private void Adjust(Span<float> logits)
    {
        if (_count < minNewTokens)
        {
            foreach (var token in endTokens)
            {
                if ((uint)token < (uint)logits.Length)
                {
                    logits[token] = float.NegativeInfinity;
                }
            }
        }

        if (parameters.Allowed is { } allowed)
        {
            for (var token = 0; token < logits.Length; token++)
            {
                logits[token] = allowed.Contains(token) ? logits[token] : float.NegativeInfinity;
            }
        }

        _banned?.Mask(logits);
        Constraint?.Mask(logits);
        if (!parameters.Bias.IsDefaultOrEmpty)
        {
            foreach (var (token, addition) in parameters.Bias)
            {
                logits[token] += addition;
            }
        }

        if (_penalises)
        {
            Penalise(logits);
        }
    }

    private bool IsMasked(ReadOnlySpan<float> logits) =>
        (parameters.Allowed is not null || _banned is not null || Constraint is not null) && !logits.ContainsAnyExcept(float.NegativeInfinity);

    private void Penalise(Span<float> logits)
    {
        if (parameters.RepetitionPenalty != 1)
        {
            foreach (var token in _seen)
            {
                if ((uint)token < (uint)logits.Length)
                {
                    logits[token] = logits[token] > 0
                        ? logits[token] / parameters.RepetitionPenalty
                        : logits[token] * parameters.RepetitionPenalty;
                }
            }
        }

        foreach (var (token, times) in _produced)
        {
            logits[token] -= (times * parameters.FrequencyPenalty) + parameters.PresencePenalty;
        }
    }

    private void Remember(int token)
    {
        _count++;
        _banned?.Push(token);
        Constraint?.Push(token);
        if (_penalises)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_produced, token, out _)++;
            if (parameters.RepetitionPenalty != 1)
            {
                _seen.Add(token);
            }
        }
    }

    // Probabilities stay unnormalised: the best has weight 1.
    private int Draw(Span<float> logits, float highest)
    {
        TensorPrimitives.Subtract<float>(logits, highest, logits);
        TensorPrimitives.Divide<float>(logits, parameters.Temperature, logits);
        TensorPrimitives.Exp<float>(logits, logits);
        return parameters is { TopP: 1, TopK: 0, MinP: 0 }
            ? logits.Length - 1 - Tail(logits, _random.NextDouble() * TensorPrimitives.Sum<float>(logits))
            : DrawFiltered(logits);
    }

    // How many entries lie behind the one where the running sum passes the target.
    private static int Tail(ReadOnlySpan<float> weights, double target)
    {
        var last = 0;
        for (var i = 0; i < weights.Length; i++)
        {
            if (weights[i] <= 0)
            {
                continue;
            }

            last = i;
            target -= weights[i];
            if (target < 0)
            {
                break;
            }
        }

        return weights.Length - 1 - last;
    }

    private int DrawFiltered(ReadOnlySpan<float> weights)
    {
        var keys = ArrayPool<float>.Shared.Rent(weights.Length);
        var ids = ArrayPool<int>.Shared.Rent(weights.Length);
        try
        {
            var count = Collect(weights, Floor(weights), keys, ids);
            if (parameters.TopK > 0)
            {
                count = Candidates.KeepCount(keys.AsSpan(0, count), ids, parameters.TopK);
            }

            if (parameters.TopP < 1)
            {
                count = Candidates.KeepMass(keys.AsSpan(0, count), ids, parameters.TopP);
            }

            var kept = keys.AsSpan(0, count);
            var behind = Tail(kept, _random.NextDouble() * TensorPrimitives.Sum<float>(kept));
            return ids[count - 1 - behind];
        }
        finally
        {
            ArrayPool<float>.Shared.Return(keys);
            ArrayPool<int>.Shared.Return(ids);
        }
    }

    // Tokens below (1 - top_p) · total / vocabulary weigh less than 1 - top_p together, so the nucleus has none of
    // them.
    private float Floor(ReadOnlySpan<float> weights)
    {
        var nucleus = parameters is { TopP: < 1, TopK: 0, MinP: 0 }
            ? (1 - parameters.TopP) * TensorPrimitives.Sum(weights) / weights.Length
            : 0;
        return float.Max(parameters.MinP, nucleus * 0.999f);
    }

    private static int Collect(ReadOnlySpan<float> weights, float floor, Span<float> keys, Span<int> ids)
    {
        var count = 0;
        for (var i = 0; i < weights.Length; i++)
        {
            if (weights[i] >= floor && weights[i] > 0)
            {
                (keys[count], ids[count]) = (weights[i], i);
                count++;
            }
        }

        return count;
    }

    /// <summary>The same numbers for the same seed on every machine and runtime version.</summary>
    /// <seealso href="https://doi.org/10.1145/2714064.2660195">Steele, Lea and Flood, OOPSLA 2014.</seealso>
    private sealed class SplitMix(long seed)
    {
        private ulong _state = (ulong)seed;

        public double NextDouble()
        {
            _state += 0x9E3779B97F4A7C15;
            var mixed = (_state ^ (_state >> 30)) * 0xBF58476D1CE4E5B9;
            mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
            return ((mixed ^ (mixed >> 31)) >> 11) * (1.0 / (1UL << 53));
        }
    }
}
