namespace Kaito.OpenAI;

/// <summary>A function that the model wants called.</summary>
/// <param name="Id">Named by the message that answers it.</param>
/// <param name="Function">What to call.</param>
public sealed record ToolCall(string Id, FunctionCall Function)
{
    /// <summary><c>function</c>.</summary>
    public string Type { get; init; } = "function";
}

/// <summary>A function and its arguments.</summary>
/// <param name="Name">As declared.</param>
/// <param name="Arguments">A JSON object as text; cut off when the answer was.</param>
public sealed record FunctionCall(string Name, string Arguments);

/// <summary>What a chunk adds to one of the calls of an answer.</summary>
/// <param name="Index">Position among the calls.</param>
/// <param name="Id">On the first chunk of a call.</param>
/// <param name="Type">On the first chunk of a call.</param>
/// <param name="Function">Name on the first chunk, more of the arguments on the others.</param>
public sealed record ToolCallDelta(int Index, string? Id, string? Type, FunctionCallDelta Function);

/// <summary>Part of a <see cref="ToolCallDelta"/>.</summary>
/// <param name="Name">On the first chunk of a call.</param>
/// <param name="Arguments">Joined over all chunks they are the arguments.</param>
public sealed record FunctionCallDelta(string? Name, string? Arguments);
