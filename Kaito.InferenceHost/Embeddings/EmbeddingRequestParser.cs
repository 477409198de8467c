using System.Collections.Immutable;
using Kaito.Core;
using Kaito.InferenceHost.Models;
using Kaito.OpenAI;

namespace Kaito.InferenceHost.Embeddings;

/// <summary>An embedding call that can run.</summary>
/// <param name="Texts">Token ids of each input, cut to what the model takes.</param>
/// <param name="Width">Numbers of a vector.</param>
/// <param name="Normalize">Whether vectors get length 1.</param>
/// <param name="Base64">How they are written.</param>
internal sealed record EmbeddingCall(ImmutableArray<int[]> Texts, int Width, bool Normalize, bool Base64);

/// <summary>Turns wire JSON into a runnable call, or into every reason why it cannot run.</summary>
internal static class EmbeddingRequestParser
{
    private const int MostInputs = 2048;

    public static Validated<EmbeddingCall> Parse(EmbeddingRequest wire, ServedModel served, EmbeddingModel model)
    {
        var found = ImmutableArray.CreateBuilder<FieldError>();
        var most = MostTokens(wire.TruncatePromptTokens, model, found);
        var texts = Texts(wire, served, most, found);
        var width = Width(wire, served, model, found);
        var base64 = IsBase64(wire, found);
        return found.Count > 0
            ? found.ToImmutable()
            : new EmbeddingCall([.. texts], width, wire.Normalize ?? model.Folder.Normalize, base64);
    }

    /// <summary>The ids of one text.</summary>
    /// <param name="text">As the client sent it.</param>
    /// <param name="model">Its tokenizer and its limit.</param>
    /// <param name="most">Where to cut; <see langword="null"/> to refuse what is too long.</param>
    /// <param name="addSpecialTokens">Puts the model's own start and end tokens around it.</param>
    /// <param name="name">The member, for the error.</param>
    /// <param name="found">Receives the error.</param>
    public static int[] Encode(
        string text,
        EmbeddingModel model,
        int? most,
        bool addSpecialTokens,
        string name,
        ImmutableArray<FieldError>.Builder found)
    {
        var limit = most ?? model.Folder.MaxTokens;
        var ids = model.Tokenizer.EncodeTruncated(text, limit, addSpecialTokens, out var total);
        return most is null && total > limit ? TooLong(total, limit, name, found)
            : ids.Length > 0 ? ids
            : Refuse(found, name, "empty", $"{name} holds a text without a token; send some text.");
    }

    /// <summary>Where to cut texts; <see langword="null"/> to refuse what is too long.</summary>
    public static int? MostTokens(int? asked, EmbeddingModel model, ImmutableArray<FieldError>.Builder found)
    {
        var limit = model.Folder.MaxTokens;
        switch (asked)
        {
            case null:
                return null;
            case -1:
                return limit;
            case { } most when most > 0 && most <= limit:
                return most;
            default:
                found.Add(new(
                    "truncate_prompt_tokens",
                    "out-of-range",
                    $"truncate_prompt_tokens is {asked}; give -1 or a number from 1 to {limit}."));
                return limit;
        }
    }

    private static List<int[]> Texts(
        EmbeddingRequest wire, ServedModel served, int? most, ImmutableArray<FieldError>.Builder found)
    {
        if (wire.Messages is not null)
        {
            Refuse(found, "messages", "unsupported", "The model has no chat template; send input instead.");
            return [];
        }

        var count = (wire.Input?.Texts.Count + wire.Input?.Tokens.Count) ?? 0;
        if (count is 0 or > MostInputs)
        {
            Refuse(found, "input", "count", count == 0
                ? "input is missing or empty; send a text, a list of texts, token ids or a list of such lists."
                : $"input holds {count} texts; send at most {MostInputs}.");
            return [];
        }

        var model = served.Embeddings!;
        return
        [
            .. wire.Input!.Texts.Select(text =>
                Encode(text, model, most, wire.AddSpecialTokens ?? true, "input", found)),
            .. wire.Input.Tokens.Select(ids => Checked(ids, served, most, found)),
        ];
    }

    private static int[] Checked(
        int[] ids, ServedModel served, int? most, ImmutableArray<FieldError>.Builder found)
    {
        var limit = most ?? served.ContextTokens;
        if (ids.Length == 0)
        {
            return Refuse(found, "input", "empty", "input holds an empty list of token ids; send at least one id.");
        }

        var odd = ids.AsSpan().IndexOfAnyExceptInRange(0, served.VocabularySize - 1);
        return odd >= 0
            ? Refuse(
                found, "input", "out-of-range",
                $"input holds token {ids[odd]}; ids go from 0 to {served.VocabularySize - 1}.")
            : most is null && ids.Length > limit ? TooLong(ids.Length, limit, "input", found)
            : ids.Length > limit ? ids[..limit] : ids;
    }

    private static int Width(
        EmbeddingRequest wire,
        ServedModel served,
        EmbeddingModel model,
        ImmutableArray<FieldError>.Builder found)
    {
        var own = model.Embedder.Width;
        if (wire.Dimensions is not { } asked)
        {
            return own;
        }

        var problem = model.Folder.ShorterWidths switch
        {
            null => $"Model \"{served.Name}\" does not support matryoshka representation, changing output dimensions "
                + "will lead to poor results. Leave dimensions out.",
            { IsEmpty: false } widths when !widths.Contains(asked) =>
                $"dimensions is {asked}; the model supports {string.Join(", ", widths)}.",
            _ when asked < 1 || asked > own => $"dimensions is {asked}; give a number from 1 to {own}.",
            _ => null,
        };
        if (problem is not null)
        {
            found.Add(new("dimensions", "unsupported", problem));
        }

        return asked;
    }

    private static bool IsBase64(EmbeddingRequest wire, ImmutableArray<FieldError>.Builder found)
    {
        if (wire.EncodingFormat is not (null or "float" or "base64"))
        {
            found.Add(new(
                "encoding_format", "unknown",
                $"encoding_format is {wire.EncodingFormat}; give float or base64."));
        }

        return wire.EncodingFormat == "base64";
    }

    private static int[] TooLong(int tokens, int limit, string name, ImmutableArray<FieldError>.Builder found) =>
        Refuse(
            found,
            name,
            "too-long",
            $"This model's maximum context length is {limit} tokens. However, you requested {tokens} tokens in the "
            + "input for embedding generation. Please reduce the length of the input or set truncate_prompt_tokens.");

    private static int[] Refuse(ImmutableArray<FieldError>.Builder found, string name, string code, string message)
    {
        found.Add(new(name, code, message));
        return [];
    }
}
