using System.Globalization;

namespace Kaito.Operator.Workspaces;

/// <summary>PURE: what sizing needs from the user's inference_config.yaml.</summary>
internal static class EngineConfig
{
    public const string File = "inference_config.yaml";

    /// <summary>
    /// The first positive <c>max-model-len</c> of the block <c>vllm:</c> (the name of the block is upstream's; it counts
    /// for every runtime), in tokens; null when there is none. Example: <c>vllm:\n  max-model-len: 8192</c>.
    /// </summary>
    public static int? MaxModelLength(string? yaml)
    {
        var inside = false;
        foreach (var line in (yaml ?? "").Split('\n'))
        {
            var text = line.Split('#')[0].TrimEnd();
            if (text.Length > 0 && !char.IsWhiteSpace(text[0]))
            {
                inside = text == "vllm:";
            }
            else if (inside && text.TrimStart() is var member
                && member.StartsWith("max-model-len:", StringComparison.Ordinal)
                && int.TryParse(member["max-model-len:".Length..].Trim(), NumberStyles.None, CultureInfo.InvariantCulture,
                    out var tokens)
                && tokens > 0)
            {
                return tokens;
            }
        }

        return null;
    }
}
