using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Kaito.ModelBuilder.Adapters;

/// <summary>What adapter_config.json says about the arithmetic of a LoRA adapter.</summary>
/// <seealso href="https://huggingface.co/docs/peft/package_reference/lora">LoraConfig of PEFT.</seealso>
internal sealed class PeftConfig
{
    public const string FileName = "adapter_config.json";

    private static readonly TimeSpan s_matching = TimeSpan.FromMilliseconds(100);

    private readonly string _path;
    private readonly Dictionary<string, double> _ranks;
    private readonly Dictionary<string, double> _alphas;
    private readonly double _alpha;
    private readonly bool _rootScale;

    private PeftConfig(string path, JsonElement root)
    {
        _path = path;
        RequireLora(root);
        Rank = (int)Positive(root, "r", 8);
        _alpha = Positive(root, "lora_alpha", 8);
        _rootScale = Flag(root, "use_rslora");
        FanInFanOut = Flag(root, "fan_in_fan_out");
        (_ranks, _alphas) = (Pattern(root, "rank_pattern"), Pattern(root, "alpha_pattern"));
    }

    /// <summary>Of the layers for which no pattern names another one.</summary>
    public int Rank { get; }

    /// <summary>The weights lie transposed.</summary>
    public bool FanInFanOut { get; }

    /// <exception cref="ModelBuildException">Not there, not readable, or of a kind that is not read.</exception>
    public static PeftConfig Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return new(path, document.RootElement);
        }
        catch (Exception cause) when (cause is JsonException or InvalidOperationException or FormatException)
        {
            throw new ModelBuildException(
                $"'{path}' is no adapter configuration ({cause.Message}). Save the adapter again with PEFT.", cause);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ModelBuildException(
                $"'{path}' can not be read ({cause.Message}). Give a folder that PEFT wrote.", cause);
        }
    }

    /// <summary>Rank of one layer.</summary>
    public int RankOf(string layer) => (int)Find(_ranks, layer, Rank);

    /// <summary>Factor on B·A of one layer.</summary>
    public double ScaleOf(string layer)
    {
        var rank = RankOf(layer);
        return Find(_alphas, layer, _alpha) / (_rootScale ? Math.Sqrt(rank) : rank);
    }

    private void RequireLora(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw Wrong("the file", root.ValueKind.ToString(), "save the adapter again with PEFT");
        }

        if (root.TryGetProperty("peft_type", out var type) && type.GetString() is var kind && kind != "LORA")
        {
            throw Wrong("peft_type", $"'{kind}'", "only LORA is read");
        }

        if (Flag(root, "use_dora"))
        {
            throw Wrong("use_dora", "true", "DoRA is not read; train with use_dora=false");
        }

        if (root.TryGetProperty("bias", out var bias) && bias.GetString() is var biased and not ("none" or null))
        {
            throw Wrong("bias", $"'{biased}'", "trained biases are not read; train with bias=\"none\"");
        }

        if (root.TryGetProperty("modules_to_save", out var saved) && saved.ValueKind == JsonValueKind.Array
            && saved.GetArrayLength() > 0)
        {
            throw Wrong("modules_to_save", saved.GetRawText(), "whole trained modules are not read; train without them");
        }
    }

    private double Positive(JsonElement root, string name, double otherwise)
    {
        var value = root.TryGetProperty(name, out var given) ? given.GetDouble() : otherwise;
        return value > 0 && value < int.MaxValue
            ? value
            : throw Wrong(name, value.ToString(CultureInfo.InvariantCulture), "it must be above 0");
    }

    private static bool Flag(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;

    private static Dictionary<string, double> Pattern(JsonElement root, string name) =>
        root.TryGetProperty(name, out var given) && given.ValueKind == JsonValueKind.Object
            ? given.EnumerateObject().ToDictionary(static p => p.Name, static p => p.Value.GetDouble())
            : [];

    // As in PEFT: a key is a regular expression that matches the whole name or its last parts.
    private double Find(Dictionary<string, double> patterns, string layer, double otherwise)
    {
        foreach (var (key, value) in patterns)
        {
            try
            {
                if (Regex.IsMatch(layer, $@"^(.*\.)?({key})$", RegexOptions.CultureInvariant, s_matching))
                {
                    return value > 0 ? value : throw Wrong("a pattern", $"'{key}' with {value}", "it must be above 0");
                }
            }
            catch (Exception cause) when (cause is RegexParseException or RegexMatchTimeoutException)
            {
                throw Wrong("a pattern", $"'{key}'", "it must be a regular expression that is quick to match");
            }
        }

        return otherwise;
    }

    private ModelBuildException Wrong(string field, string value, string remedy) =>
        new($"'{_path}': {field} is {value}; {remedy}.");
}
