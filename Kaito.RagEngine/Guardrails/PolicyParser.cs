using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Kaito.RagEngine.Guardrails;

/// <summary>PURE: the YAML document that says what answers are held to.</summary>
internal static partial class PolicyParser
{
    private const string Prefix = "output_guardrails_policy_";

    /// <param name="bytes">UTF-8.</param>
    /// <param name="path">Where they were read; for messages.</param>
    public static GuardrailPolicy Parse(ReadOnlySpan<byte> bytes, string path)
    {
        var policy = new GuardrailPolicy
        {
            Enabled = true,
            Outcome = PolicyOutcome.Read,
            Path = path,
            Hash = Convert.ToHexStringLower(SHA256.HashData(bytes)),
        };

        YamlNode? root;
        try
        {
            var yaml = new YamlStream();
            yaml.Load(new StringReader(Encoding.UTF8.GetString(bytes)));
            root = yaml.Documents.FirstOrDefault()?.RootNode;
        }
        catch (YamlException e)
        {
            return Without(policy, PolicyOutcome.Unreadable, "load_failed", $"{path} is not YAML: {e.Message}");
        }

        return root is YamlMappingNode map
            ? Read(policy, map)
            : Without(policy, PolicyOutcome.Invalid, "invalid", $"{path} must be a map with 'scanners'.");
    }

    /// <summary>A policy that has no scanner, and says why.</summary>
    public static GuardrailPolicy Without(GuardrailPolicy policy, PolicyOutcome outcome, string name, string why) =>
        policy with { Enabled = true, Outcome = outcome, Problems = [new(Prefix + name, why)] };

    private static GuardrailPolicy Read(GuardrailPolicy policy, YamlMappingNode map)
    {
        var problems = ImmutableArray.CreateBuilder<PolicyProblem>();
        var action = GuardrailAction.Redact;
        if (Member(map, "action") is { } chosen && !TryAction(chosen, out action))
        {
            problems.Add(new(Prefix + "invalid_action", $"action {Show(chosen)} is neither block nor redact; redact is taken."));
        }

        var message = Member(map, "blockMessage") is YamlScalarNode { Value: { } text } && text.Trim().Length > 0
            ? text
            : GuardrailPolicy.DefaultMessage;
        var scanners = ImmutableArray.CreateBuilder<OutputScanner>();
        var builds = ImmutableArray.CreateBuilder<ScannerBuild>();
        var outcome = policy.Outcome;
        switch (Member(map, "scanners"))
        {
            case YamlSequenceNode list:
                foreach (var node in list.Children)
                {
                    Build(node, action, scanners, builds, problems);
                }

                break;
            case var other:
                outcome = PolicyOutcome.Invalid;
                problems.Add(new(Prefix + "invalid_scanners", $"scanners is {Show(other)}; write a list of scanners."));
                break;
        }

        return policy with
        {
            Outcome = outcome,
            Action = action,
            BlockMessage = message,
            Scanners = scanners.ToImmutable(),
            Builds = builds.ToImmutable(),
            Problems = problems.ToImmutable(),
        };
    }

    private static void Build(
        YamlNode node,
        GuardrailAction action,
        ImmutableArray<OutputScanner>.Builder scanners,
        ImmutableArray<ScannerBuild>.Builder builds,
        ImmutableArray<PolicyProblem>.Builder problems)
    {
        if (node is not YamlMappingNode map || Member(map, "type") is not YamlScalarNode { Value: { } named }
            || Normalise(named) is not { Length: > 0 } type)
        {
            problems.Add(new(Prefix + "invalid_scanner_config", $"A scanner is {Show(node)}; write a map with 'type'."));
            return;
        }

        if (Member(map, "action") is { } chosen && !TryAction(chosen, out action))
        {
            problems.Add(new(
                Prefix + "invalid_action",
                $"Scanner {type}: action {Show(chosen)} is neither block nor redact; the policy's is taken."));
        }

        var fields = new ScannerFields(map.Children
            .Select(static m => (Name: (m.Key as YamlScalarNode)?.Value ?? "", m.Value))
            .Where(static m => m.Name is not ("type" or "action"))
            .GroupBy(static m => Normalise(m.Name), static m => m.Value)
            .ToDictionary(static g => g.Key, static g => g.Last()));
        try
        {
            var scanner = ScannerFactory.Build(type, action, fields);
            if (scanner is null)
            {
                problems.Add(new(Prefix + "unknown_scanner", $"Scanner {named} is not one of {ScannerFactory.Types}."));
                return;
            }

            scanners.Add(scanner);
            builds.Add(new(type, true));
        }
        catch (FormatException e)
        {
            builds.Add(new(type, false));
            problems.Add(new(Prefix + "invalid_scanner_config", $"Scanner {type} is left out: {e.Message}"));
        }
    }

    /// <summary><c>banSubstrings</c> and <c>ban-substrings</c> are <c>ban_substrings</c>.</summary>
    internal static string Normalise(string name) => Hump()
        .Replace(name.Trim().Replace('-', '_'), "_").ToLowerInvariant();

    private static YamlNode? Member(YamlMappingNode map, string name) =>
        map.Children.FirstOrDefault(m => m.Key is YamlScalarNode { Value: { } key } && key == name).Value;

    private static bool TryAction(YamlNode node, out GuardrailAction action)
    {
        var text = (node as YamlScalarNode)?.Value?.Trim().ToLowerInvariant();
        action = text == "block" ? GuardrailAction.Block : GuardrailAction.Redact;
        return text is "block" or "redact";
    }

    private static string Show(YamlNode? node) => node switch
    {
        null => "missing",
        YamlScalarNode scalar => $"'{scalar.Value}'",
        YamlSequenceNode => "a list",
        _ => "a map",
    };

    [GeneratedRegex("(?<=[a-z0-9])(?=[A-Z])", RegexOptions.CultureInvariant, 10_000)]
    private static partial Regex Hump();
}
