using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using Qdrant.Client.Grpc;

namespace Kaito.Tests.RagEngine.Store.Qdrants;

/// <summary>A collection of <see cref="QdrantState"/>, with exact search.</summary>
internal sealed class StoredCollection(CreateCollection made)
{
    private readonly ConditionalWeakTable<PointStruct, float[]> _dense = [];
    private readonly ConditionalWeakTable<PointStruct, Dictionary<uint, float>> _words = [];

    /// <summary>By id, in order of ids.</summary>
    public SortedDictionary<string, PointStruct> Points { get; } = new(StringComparer.Ordinal);

    public HashSet<string> Indexed { get; } = [];

    public void Check(PointStruct point)
    {
        if (point.Id is null)
        {
            throw new CallFailure(3, "Empty ID is not allowed");
        }

        if (point.Vectors is null)
        {
            throw new CallFailure(3, "Expected some vectors");
        }

        foreach (var (name, vector) in point.Vectors.Vectors_.Vectors)
        {
            if (vector.Dense is { } dense)
            {
                Dense(name, dense.Data.Count);
            }
            else
            {
                Sparse(name, vector.Sparse);
            }
        }
    }

    public IEnumerable<PointStruct> Matching(Filter? filter) =>
        Points.Values.Where(point => PointJudge.Passes(point, filter, Indexed)).ToList();

    public IEnumerable<(PointStruct Point, float Score)> Ranked(QueryPoints query)
    {
        var limit = query.HasLimit ? query.Limit : 10;
        if (limit == 0)
        {
            throw new CallFailure(3, "Validation error in body: [limit: value 0 invalid, must be 1 or larger]");
        }

        var scored = query.Query.Nearest.Dense is { } dense
            ? ByVector(query, [.. dense.Data])
            : ByWords(query, query.Query.Nearest.Sparse);
        return scored.OrderByDescending(static s => s.Score).Take((int)limit).ToList();
    }

    private void Dense(string name, int dimensions)
    {
        if (made.VectorsConfig?.ParamsMap.Map.TryGetValue(name, out var parameters) is not true)
        {
            throw new CallFailure(3, $"Wrong input: Not existing vector name error: {name}");
        }

        if (parameters!.Size != (ulong)dimensions)
        {
            throw new CallFailure(
                3, $"Wrong input: Vector dimension error: expected dim: {parameters.Size}, got {dimensions}");
        }
    }

    private void Sparse(string name, SparseVector vector)
    {
        if (made.SparseVectorsConfig?.Map.ContainsKey(name) is not true)
        {
            throw new CallFailure(3, $"Wrong input: Not existing vector name error: {name}");
        }

        if (vector.Values.Count != vector.Indices.Count || vector.Indices.Distinct().Count() != vector.Indices.Count)
        {
            throw new CallFailure(3, "Validation error in body: [sparse vector]");
        }
    }

    private IEnumerable<(PointStruct Point, float Score)> ByVector(QueryPoints query, float[] question)
    {
        Dense(query.Using, question.Length);
        var distance = made.VectorsConfig.ParamsMap.Map[query.Using].Distance;
        Assert.Equal(Distance.Dot, distance);
        foreach (var point in Matching(query.Filter))
        {
            if (point.Vectors.Vectors_.Vectors.TryGetValue(query.Using, out var vector))
            {
                yield return (point, TensorPrimitives.Dot(_dense.GetValue(point, _ => [.. vector.Dense.Data]), question));
            }
        }
    }

    private IEnumerable<(PointStruct Point, float Score)> ByWords(QueryPoints query, SparseVector question)
    {
        Sparse(query.Using, question);
        Assert.Equal(Modifier.Idf, made.SparseVectorsConfig.Map[query.Using].Modifier);
        var all = Points.Values.Where(p => p.Vectors.Vectors_.Vectors.ContainsKey(query.Using))
            .ToDictionary<PointStruct, PointStruct, Dictionary<uint, float>>(
                static p => p,
                p => _words.GetValue(p, point => Words(point.Vectors.Vectors_.Vectors[query.Using].Sparse)),
                ReferenceEqualityComparer.Instance);
        var weights = question.Indices.Zip(question.Values).ToDictionary(
            static w => w.First,
            w =>
            {
                var df = all.Values.Count(words => words.ContainsKey(w.First));
                return w.Second * Math.Log(((all.Count - df + 0.5) / (df + 0.5)) + 1);
            });
        foreach (var point in Matching(query.Filter))
        {
            if (all.TryGetValue(point, out var words) && words.Keys.Any(weights.ContainsKey))
            {
                yield return (point, (float)weights.Sum(w => w.Value * words.GetValueOrDefault(w.Key)));
            }
        }
    }

    private static Dictionary<uint, float> Words(SparseVector vector) =>
        vector.Indices.Zip(vector.Values).ToDictionary(static w => w.First, static w => w.Second);
}
