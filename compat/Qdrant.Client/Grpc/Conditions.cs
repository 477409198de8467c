namespace Qdrant.Client.Grpc;

/// <summary>Makes the conditions of filters.</summary>
public static class Conditions
{
    /// <summary>A member equals a keyword, or is a list that contains it.</summary>
    /// <param name="field">JSON path of the member.</param>
    /// <param name="keyword">Compared as it is.</param>
    public static Condition MatchKeyword(string field, string keyword) =>
        new() { Field = new() { Key = field, Match = new() { Keyword = keyword } } };

    /// <summary>A member equals one of several keywords, or is a list that contains one.</summary>
    /// <param name="field">JSON path of the member.</param>
    /// <param name="keywords">Compared as they are.</param>
    public static Condition Match(string field, IReadOnlyList<string> keywords) =>
        new() { Field = new() { Key = field, Match = new() { Keywords = new() { Strings = { keywords } } } } };

    /// <summary>Another filter, in brackets.</summary>
    /// <param name="filter">Must pass.</param>
    public static Condition Filter(Filter filter) => new() { Filter = filter };
}
