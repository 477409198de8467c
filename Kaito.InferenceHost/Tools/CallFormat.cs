using System.Collections.Immutable;

namespace Kaito.InferenceHost.Tools;

/// <summary>How a family of models writes calls of functions.</summary>
/// <param name="Name">As vLLM names its parser.</param>
/// <param name="Begin">What calls begin with, any of these; empty when the whole answer is a call or none.</param>
/// <param name="Body">What follows.</param>
internal sealed record CallFormat(string Name, ImmutableArray<string> Begin, CallBody Body)
{
    public static CallFormat Hermes { get; } = new("hermes", ["<tool_call>"], CallBody.Json);

    public static CallFormat Llama3 { get; } = new("llama3_json", ["<|python_tag|>"], CallBody.WholeAnswer);

    public static CallFormat Mistral { get; } = new("mistral", ["[TOOL_CALLS]"], CallBody.Named);

    public static CallFormat Phi4Mini { get; } = new("phi4_mini_json", ["<|tool_call|>", "functools"], CallBody.Json);

    public static CallFormat Granite { get; } = new("granite", ["<|tool_call|>", "<tool_call>"], CallBody.Json);

    public static CallFormat DeepSeek { get; } = new("deepseek_v3", ["<｜tool▁calls▁begin｜>"], CallBody.DeepSeek);

    public static CallFormat Qwen3Xml { get; } = new("qwen3_xml", ["<tool_call>"], CallBody.Xml);

    /// <summary>All that this server reads.</summary>
    public static ImmutableArray<CallFormat> All { get; } =
        [Hermes, Llama3, Mistral, Phi4Mini, Granite, DeepSeek, Qwen3Xml];

    /// <summary>The format that a model's chat template teaches; null when it teaches none.</summary>
    /// <remarks>The template decides, not the model's name: it is what the model sees.</remarks>
    public static CallFormat? Of(string template) => s_taught
        .FirstOrDefault(taught => taught.Marks.All(mark => template.Contains(mark, StringComparison.Ordinal))).Format;

    // The first one whose marks are all in the template.
    private static readonly ImmutableArray<(ImmutableArray<string> Marks, CallFormat? Format)> s_taught =
    [
        (["<function=", "<tool_call>"], Qwen3Xml),
        (["tool▁calls▁begin"], DeepSeek),
        (["[TOOL_CALLS]"], Mistral),
        (["functools"], Phi4Mini),
        (["<|tool_call|>", "<|/tool|>"], Phi4Mini),
        (["<|tool_call|>"], Granite),
        (["<tool_call>"], Hermes),
        (["<|python_tag|>"], Llama3),
        (["\"parameters\"", "tools"], Llama3),
    ];
}

/// <summary>What stands between the marks of a call.</summary>
internal enum CallBody
{
    /// <summary>JSON objects, in a list or not, with or without an end mark.</summary>
    Json,

    /// <summary>The same, and the answer may begin with it without any mark.</summary>
    WholeAnswer,

    /// <summary>JSON objects in a list, or names with JSON arguments.</summary>
    Named,

    /// <summary>Names, a separator and JSON arguments in a block of code.</summary>
    DeepSeek,

    /// <summary>A function element with one element per parameter.</summary>
    Xml,
}
