using System.Globalization;
using Qdrant.Client.Grpc;

namespace Kaito.Tests.RagEngine.Store.Qdrants;

/// <summary>PURE: which points pass a filter, and what is answered of them.</summary>
internal static class PointJudge
{
    public static string Id(PointId id) => id.PointIdOptionsCase switch
    {
        PointId.PointIdOptionsOneofCase.Uuid => Guid.TryParse(id.Uuid, out var uuid)
            ? uuid.ToString("D", CultureInfo.InvariantCulture)
            : throw new CallFailure(3, $"Unable to parse UUID: {id.Uuid}"),
        PointId.PointIdOptionsOneofCase.Num => id.Num.ToString("D20", CultureInfo.InvariantCulture),
        _ => throw new CallFailure(3, "No ID options provided"),
    };

    public static bool Passes(PointStruct point, Filter? filter, IReadOnlySet<string> indexed) => filter is null
        || (filter.Must.All(c => Passes(point, c, indexed))
            && !filter.MustNot.Any(c => Passes(point, c, indexed))
            && (filter.Should.Count == 0 || filter.Should.Any(c => Passes(point, c, indexed))));

    public static IDictionary<string, Value> Selected(IDictionary<string, Value> payload, WithPayloadSelector? selector) =>
        selector?.SelectorOptionsCase switch
        {
            null or WithPayloadSelector.SelectorOptionsOneofCase.None => new Dictionary<string, Value>(),
            WithPayloadSelector.SelectorOptionsOneofCase.Enable => selector.Enable ? payload : new Dictionary<string, Value>(),
            WithPayloadSelector.SelectorOptionsOneofCase.Include => payload.Where(m => selector.Include.Fields.Contains(m.Key))
                .ToDictionary(),
            _ => payload.Where(m => !selector.Exclude.Fields.Contains(m.Key)).ToDictionary(),
        };

    public static VectorsOutput? Vectors(PointStruct point, WithVectorsSelector? selector, string version)
    {
        var names = selector?.SelectorOptionsCase switch
        {
            WithVectorsSelector.SelectorOptionsOneofCase.Include => selector.Include.Names,
            WithVectorsSelector.SelectorOptionsOneofCase.Enable when selector.Enable =>
                (IEnumerable<string>)point.Vectors.Vectors_.Vectors.Keys,
            _ => [],
        };
        var old = Version.Parse(version) < new Version(1, 17);
        var named = new NamedVectorsOutput();
        foreach (var name in names.Where(point.Vectors.Vectors_.Vectors.ContainsKey))
        {
            named.Vectors[name] = Answered(point.Vectors.Vectors_.Vectors[name], old);
        }

        return named.Vectors.Count == 0 ? null : new() { Vectors = named };
    }

    private static VectorOutput Answered(Vector vector, bool old)
    {
        if (!old)
        {
            return vector.Dense is { } given ? new() { Dense = given } : new() { Sparse = vector.Sparse };
        }

#pragma warning disable CS0612 // What servers up to 1.16 fill.
        return vector.Dense is { } dense
            ? new() { Data = { dense.Data } }
            : new() { Data = { vector.Sparse.Values }, Indices = new() { Data = { vector.Sparse.Indices } } };
#pragma warning restore CS0612
    }

    private static bool Passes(PointStruct point, Condition condition, IReadOnlySet<string> indexed) =>
        condition.ConditionOneOfCase switch
        {
            Condition.ConditionOneOfOneofCase.Filter => Passes(point, condition.Filter, indexed),
            Condition.ConditionOneOfOneofCase.Field => Passes(point, condition.Field, indexed),
            var other => throw new CallFailure(3, $"This server has no {other} conditions."),
        };

    private static bool Passes(PointStruct point, FieldCondition field, IReadOnlySet<string> indexed)
    {
        if (!indexed.Contains(field.Key))
        {
            throw new CallFailure(
                3, $"Bad request: Index required but not found for \"{field.Key}\" of one of the following types: [keyword].");
        }

        IEnumerable<string> wanted = field.Match.MatchValueCase switch
        {
            Match.MatchValueOneofCase.Keyword => [field.Match.Keyword],
            Match.MatchValueOneofCase.Keywords => field.Match.Keywords.Strings,
            var other => throw new CallFailure(3, $"This server has no {other} matches."),
        };
        return point.Payload.TryGetValue(field.Key, out var value) && Texts(value).Intersect(wanted).Any();
    }

    private static IEnumerable<string> Texts(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.StringValue => [value.StringValue],
        Value.KindOneofCase.ListValue => value.ListValue.Values.Select(static v => v.StringValue),
        _ => [],
    };
}
