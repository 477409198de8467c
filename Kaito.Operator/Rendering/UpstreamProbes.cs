using Kaito.Core.Kubernetes;
using Kaito.Core.Workspaces;

namespace Kaito.Operator.Rendering;

/// <summary>PURE: how a pod of upstream's servers shows that it has started, lives and is ready.</summary>
internal static class UpstreamProbes
{
    public const string RayPort = "6379";
    private const string Benchmark = "/workspace/vllm/benchmark_entrypoint.py";

    // The worker nodes have nothing to measure.
    private const string LeaderBenchmark =
        $"if [ \"$POD_INDEX\" = \"0\" ]; then exec python3 {Benchmark}; else true; fi";

    public static string Leader(Workspace workspace) =>
        $"{workspace.Name}-0.{workspace.Name}-headless.{workspace.Namespace}.svc.cluster.local";

    public static Probe Startup(Workspace workspace, int failures, UpstreamOptions options)
    {
        if (options.Benchmark)
        {
            return new()
            {
                Exec = new()
                {
                    Command = options.Joined(workspace) ? ["/bin/sh", "-c", LeaderBenchmark] : ["python3", Benchmark],
                },
                PeriodSeconds = 10,
                TimeoutSeconds = 600,
                FailureThreshold = failures,
            };
        }

        return options.Joined(workspace)
            ? Readiness(workspace, options) with { InitialDelaySeconds = null, FailureThreshold = failures }
            : Health(options) with { FailureThreshold = failures };
    }

    public static Probe Liveness(Workspace workspace, UpstreamOptions options) => options.Joined(workspace)
        ? new()
        {
            Exec = Check("liveness", workspace, $"--ray-port={RayPort}"),
            InitialDelaySeconds = 60,
            PeriodSeconds = 10,
            TimeoutSeconds = 5,
            FailureThreshold = 1,
            TerminationGracePeriodSeconds = options.RecentServer ? 1 : null,
        }
        : Health(options) with { FailureThreshold = 3 };

    public static Probe Readiness(Workspace workspace, UpstreamOptions options) => options.Joined(workspace)
        ? new()
        {
            Exec = Check("readiness", workspace, FormattableString.Invariant($"--vllm-port={options.Port}")),
            InitialDelaySeconds = 0,
            PeriodSeconds = 10,
            TimeoutSeconds = 1,
            FailureThreshold = 1,
        }
        : Health(options) with { InitialDelaySeconds = 30 };

    private static Probe Health(UpstreamOptions options) =>
        new() { HttpGet = new() { Path = "/health", Port = options.Port }, PeriodSeconds = 10 };

    private static ExecAction Check(string what, Workspace workspace, string port) => new()
    {
        Command =
        [
            "python3", "/workspace/vllm/multi-node-health-check.py", what, $"--leader-address={Leader(workspace)}", port,
        ],
    };
}
