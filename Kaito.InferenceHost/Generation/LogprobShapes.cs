using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Generation;

/// <summary>PURE: token reports in the shapes of the protocols.</summary>
/// <param name="text">Spells tokens.</param>
/// <param name="asIds">Spells them as <c>token_id:</c> and their number.</param>
internal sealed class LogprobShapes(IModelText text, bool asIds)
{
    public ChatLogprobs Chat(ImmutableArray<TokenReport> reports) => new([.. reports.Select(Chat)]);

    /// <param name="ids">Tokens, in order; the reports are about the last ones of them.</param>
    /// <param name="reports">One per token, but for a prompt's first one.</param>
    /// <param name="start">Where the first token begins in the text.</param>
    public CompletionLogprobs Completion(ReadOnlySpan<int> ids, ImmutableArray<TokenReport> reports, int start)
    {
        var silent = ids.Length - reports.Length;
        var (offsets, tokens) = (new int[ids.Length], new string[ids.Length]);
        var (logprobs, tops) = (new float?[ids.Length], new IReadOnlyDictionary<string, float>?[ids.Length]);
        for (var i = 0; i < ids.Length; i++)
        {
            (offsets[i], tokens[i]) = (start, Spell(ids[i]));
            start += Text(ids[i]).Length;
            if (i >= silent)
            {
                var report = reports[i - silent];
                (logprobs[i], tops[i]) = (report.Chosen.Logprob, Alternatives(report));
            }
        }

        return new(offsets, logprobs, tokens, tops);
    }

    /// <summary>vLLM's form for prompts: null for the first token, then by token id.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, PromptLogprob>?> Prompt(ImmutableArray<TokenReport> reports) =>
    [
        null,
        .. reports.Select(report =>
        {
            var found = report.Top.Select((top, i) => (top, Rank: i + 1)).Append((report.Chosen, report.Rank));
            return (IReadOnlyDictionary<string, PromptLogprob>)found.DistinctBy(static f => f.Item1.Token).ToDictionary(
                static f => f.Item1.Token.ToString(CultureInfo.InvariantCulture),
                f => new PromptLogprob(f.Item1.Logprob, f.Rank, Text(f.Item1.Token)));
        }),
    ];

    private ChatTokenLogprob Chat(TokenReport report) => new(
        Spell(report.Chosen.Token),
        report.Chosen.Logprob,
        Bytes(report.Chosen.Token),
        [.. report.Top.Select(top => new TopLogprob(Spell(top.Token), top.Logprob, Bytes(top.Token)))]);

    // Different tokens may have one spelling; the more probable one comes first and stays.
    private Dictionary<string, float> Alternatives(TokenReport report)
    {
        var found = new Dictionary<string, float>(StringComparer.Ordinal);
        foreach (var (token, logprob) in report.Top.Append(report.Chosen))
        {
            found.TryAdd(Spell(token), logprob);
        }

        return found;
    }

    private string Spell(int token) =>
        asIds ? string.Create(CultureInfo.InvariantCulture, $"token_id:{token}") : Text(token);

    private string Text(int token) => Encoding.UTF8.GetString(text.TokenBytes(token));

    private int[] Bytes(int token)
    {
        var bytes = text.TokenBytes(token);
        var numbers = new int[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            numbers[i] = bytes[i];
        }

        return numbers;
    }
}
