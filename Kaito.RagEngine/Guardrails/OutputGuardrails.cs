using Kaito.RagEngine.Http;
using Kaito.RagEngine.Metrics;

namespace Kaito.RagEngine.Guardrails;

/// <summary>What a changed policy file led to.</summary>
internal enum PolicyReload
{
    /// <summary>The new policy is active.</summary>
    Success,

    /// <summary>The file holds what is active.</summary>
    Noop,

    /// <summary>The file is not a whole policy; the one before stays active.</summary>
    Failure,
}

/// <summary>The active policy. Thread-safe.</summary>
internal sealed partial class OutputGuardrails : IGuardrails
{
    /// <summary>A policy is written by hand; more than this is some other file.</summary>
    private const int LongestPolicy = 1 << 20;

    private static readonly NoGuardrails s_none = new();

    private readonly RagEngineOptions _options;
    private readonly Verdicts _verdicts;
    private readonly GuardrailMetrics _metrics;
    private readonly TimeProvider _clock;
    private readonly ILogger<OutputGuardrails> _logger;
    private volatile GuardrailPolicy _current;

    public OutputGuardrails(
        RagEngineOptions options,
        RagMetrics metrics,
        Verdicts verdicts,
        TimeProvider clock,
        ILogger<OutputGuardrails> logger)
    {
        (_options, _metrics, _verdicts, _clock, _logger) = (options, metrics.Guardrails, verdicts, clock, logger);
        _current = options.GuardrailsEnabled ? Read(options.GuardrailsPolicy) : GuardrailPolicy.Off;
        if (_current.Enabled)
        {
            Report(_current);
        }

        Show(_current);
    }

    /// <summary>A request holds on to what it reads here.</summary>
    public GuardrailPolicy Current => _current;

    public IAnswerGuard Begin(bool streams)
    {
        var policy = _current;
        if (streams && _options.UpstreamLimits && StreamingSupport.Refusal(policy) is { } refusal)
        {
            throw RagException.Invalid(refusal);
        }

        return policy.Scans ? new PolicyGuard(policy, _verdicts) : s_none;
    }

    /// <summary>Reads the file again; a policy that is not whole does not replace one that is active.</summary>
    public PolicyReload Reload()
    {
        var before = _current;
        var read = Read(_options.GuardrailsPolicy);
        if (read.Hash == before.Hash && read.Outcome == before.Outcome)
        {
            return Counted(PolicyReload.Noop, "noop");
        }

        Report(read);
        if (!read.Whole)
        {
            LogKept(_options.GuardrailsPolicy, before.Hash);
            return Counted(PolicyReload.Failure, "failure");
        }

        _current = read;
        Show(read);
        LogReloaded(read.Scanners.Length, read.Hash);
        return Counted(PolicyReload.Success, "success");
    }

    private PolicyReload Counted(PolicyReload result, string name)
    {
        _metrics.Reloads.Add(name);
        if (result == PolicyReload.Noop)
        {
            LogNoop(_options.GuardrailsPolicy);
        }

        return result;
    }

    private static GuardrailPolicy Read(string path)
    {
        var nothing = new GuardrailPolicy { Enabled = true, Path = path };
        if (path.Length == 0)
        {
            return PolicyParser.Without(
                nothing, PolicyOutcome.Missing, "missing", "OUTPUT_GUARDRAILS_POLICY_PATH is empty; set it to a policy file.");
        }

        try
        {
            using var file = File.OpenRead(path);
            if (file.Length > LongestPolicy)
            {
                return PolicyParser.Without(
                    nothing, PolicyOutcome.Unreadable, "load_failed", $"{path} is longer than {LongestPolicy} bytes.");
            }

            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return PolicyParser.Parse(bytes, path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return PolicyParser.Without(nothing, PolicyOutcome.Missing, "missing", $"{path} does not exist.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return PolicyParser.Without(
                nothing, PolicyOutcome.Unreadable, "load_failed", $"{path} cannot be read: {e.Message}");
        }
    }

    private void Report(GuardrailPolicy policy)
    {
        _metrics.Loads.Add(policy.Outcome switch
        {
            PolicyOutcome.Missing => "missing",
            PolicyOutcome.Unreadable => "load_failed",
            PolicyOutcome.Invalid => "invalid",
            _ => "success",
        });
        foreach (var build in policy.Builds)
        {
            _metrics.Builds.Add(build.Type, build.Built ? "success" : "failure");
        }

        foreach (var problem in policy.Problems)
        {
            LogProblem(problem.Event, problem.Text);
        }

        if (!policy.Scans)
        {
            LogNothingToScan(policy.Path);
        }
    }

    private void Show(GuardrailPolicy policy)
    {
        _metrics.LoadedAt.Set(_clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
        _metrics.Active.Replace(
            1,
            policy.Path,
            policy.Hash.Length > 0 ? policy.Hash : "none",
            policy.Enabled ? "true" : "false",
            policy.Scanners.Length.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [LoggerMessage(LogLevel.Warning, "{Event}: {Problem}")]
    private partial void LogProblem(string @event, string problem);

    [LoggerMessage(LogLevel.Warning, "Guardrails are on, and the policy '{Path}' has no scanner: every answer passes")]
    private partial void LogNothingToScan(string path);

    [LoggerMessage(LogLevel.Information, "output_guardrails_reload_succeeded: {Scanners} scanners, policy_hash {Hash}")]
    private partial void LogReloaded(int scanners, string hash);

    [LoggerMessage(LogLevel.Information, "output_guardrails_reload_noop: {Path} holds the active policy")]
    private partial void LogNoop(string path);

    [LoggerMessage(
        LogLevel.Warning,
        "output_guardrails_reload_failed: {Path} is not a whole policy, fallback_action=keep_current, policy_hash {Hash}")]
    private partial void LogKept(string path, string hash);
}

internal static class GuardrailServices
{
    public static void AddGuardrails(this IServiceCollection services)
    {
        services.AddSingleton<Verdicts>();
        services.AddSingleton<OutputGuardrails>();
        services.AddSingleton<IGuardrails>(static provider => provider.GetRequiredService<OutputGuardrails>());
        services.AddHostedService<PolicyWatch>();
    }
}
