using Kaito.RagEngine.Guardrails.Scanners;

namespace Kaito.RagEngine.Guardrails;

/// <summary>PURE: which policies upstream streams with; asked only if upstream's refusals are wanted.</summary>
internal static class StreamingSupport
{
    private static readonly string[] s_types =
        [BanSubstringsScanner.Name, InvisibleTextScanner.Name, SecretsScanner.Name, SensitiveScanner.Name];

    /// <returns>Why upstream refuses to stream under this policy, in its words; null if it does not.</returns>
    public static string? Refusal(GuardrailPolicy policy) => policy.Enabled
        ? policy.Scanners.Select(Refusal).FirstOrDefault(static r => r is not null)
        : null;

    private static string? Refusal(OutputScanner scanner) => scanner switch
    {
        _ when !s_types.Contains(scanner.Type) =>
            "stream=true with output guardrails only supports "
            + $"[{string.Join(", ", s_types.Select(static t => $"'{t}'"))}] scanners. Unsupported scanner: {scanner.Type}.",
        BanSubstringsScanner { NeedsWhole: true } =>
            "stream=true does not support contains_all=true for scanner=ban_substrings because the current windowed "
            + "implementation cannot track matches across the complete response.",
        SecretsScanner { Mode: not SecretRedaction.All, Action: GuardrailAction.Redact } =>
            "stream=true with action=redact for scanner=secrets only supports redact_mode=all.",
        _ => null,
    };
}
