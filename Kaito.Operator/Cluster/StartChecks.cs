using System.Net;
using System.Security.Authentication;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Operator.Nodes;

namespace Kaito.Operator.Cluster;

/// <summary>Where the operator was told to work, in the words of whoever told it.</summary>
/// <param name="Server">Address of the API server.</param>
/// <param name="Source">
/// Where the address comes from, e.g. <c>context 'dev' of the kubeconfig '/home/me/.kube/config'</c>.
/// </param>
internal sealed record KubeTarget(string Server, string Source)
{
    public override string ToString() => $"The API server {Server} ({Source})";
}

/// <summary>The operator cannot do its work here; the message is one line for the user.</summary>
internal sealed class StartException(string message) : Exception(message);

/// <summary>
/// What must hold before the first reconcile. What may mend itself is waited for, up to the limit; the rest ends the
/// start.
/// </summary>
internal sealed partial class StartChecks(
    IKubeApi api, KubeTarget target, OperatorOptions options, OperatorStatus status, TimeProvider clock,
    ILogger<StartChecks> logger)
{
    private const string Definitions = "apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    private const string WorkspaceCrd = $"{WorkspaceResource.Plural}.{WorkspaceResource.Group}";
    private const string NodeClaims = "nodeclaims.karpenter.sh";
    private const string NodePools = "nodepools.karpenter.sh";
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);

    /// <exception cref="StartException">The cluster is not one that the operator can work with.</exception>
    public async Task RunAsync(CancellationToken stoppingToken)
    {
        await UntilAsync(ServerAsync, stoppingToken);
        foreach (var crd in Crds.All)
        {
            if (options.InstallCrds)
            {
                await UntilAsync(token => InstallAsync(crd, token), stoppingToken);
            }

            if (crd.Name == WorkspaceCrd)
            {
                await UntilAsync(
                    token => DefinedAsync(crd.Name, "apply deploy/crds, or start with --install-crds", token), stoppingToken);
            }
            else if (await DefinedAsync(crd.Name, "apply deploy/crds to have it", stoppingToken) is { } missing)
            {
                LogMissing(missing);
            }
        }

        foreach (var name in NodeDefinitions())
        {
            await UntilAsync(
                token => DefinedAsync(
                    name, "install Karpenter or gpu-provisioner, which bring it, or start with --node-provisioner byo",
                    token),
                stoppingToken);
        }

        if (options.NodeProvisioner == NodeProvisioner.Karpenter)
        {
            await UntilAsync(NodeClassesAsync, stoppingToken);
        }
    }

    private string[] NodeDefinitions() => options.NodeProvisioner switch
    {
        NodeProvisioner.AzureGpuProvisioner => [NodeClaims],
        NodeProvisioner.Machine => ["machines.karpenter.sh"],
        NodeProvisioner.Karpenter => [NodeClaims, NodePools, $"{options.Karpenter.ResourceName}.{options.Karpenter.Group}"],
        _ => [],
    };

    // Brought when absent, and then left alone: from there on the NodeClass is the administrator's.
    private async Task<string?> NodeClassesAsync(CancellationToken cancellationToken)
    {
        var kind = KubeKinds.NodeClassesOf(options.Karpenter);
        try
        {
            foreach (var item in options.Karpenter.Classes)
            {
                if (await api.GetAsync(kind, null, item.Name, cancellationToken) is null)
                {
                    await api.CreateAsync(kind, item.Render(options.Karpenter), cancellationToken);
                }
            }

            return null;
        }
        catch (KubeConflictException)
        {
            return "--karpenter-node-classes: somebody else makes them at the same time.";
        }
        catch (KubeException wrong) when (!IsOutage(wrong))
        {
            throw new StartException(
                $"--karpenter-node-classes: a {kind.Kind} cannot be made: {wrong.Message} Correct its spec, or grant it.");
        }
        catch (Exception wrong) when (IsOutage(wrong))
        {
            return $"--karpenter-node-classes: a {kind.Kind} cannot be made: {wrong.Message}";
        }
    }

    /// <param name="look">What is wrong now and may be right later; null when nothing is.</param>
    /// <param name="stoppingToken">Ends the wait.</param>
    private async Task UntilAsync(Func<CancellationToken, Task<string?>> look, CancellationToken stoppingToken)
    {
        var (started, pause) = (clock.GetTimestamp(), s_pause);
        while (await look(stoppingToken) is { } problem)
        {
            if (clock.GetElapsedTime(started) + pause > options.StartTimeout)
            {
                throw new StartException(
                    $"{problem} (waited {options.StartTimeout.TotalSeconds} s, see --start-timeout)");
            }

            status.Problem = problem;
            await Task.Delay(pause, clock, stoppingToken);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
        }
    }

    private async Task<string?> ServerAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await api.GetAsync("version", cancellationToken))?["gitVersion"] is not null
                ? null
                : throw NotKubernetes();
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException)
        {
            throw NotKubernetes();
        }
        catch (KubeForbiddenException wrong) when (wrong.Status == HttpStatusCode.Unauthorized)
        {
            throw new StartException(
                $"{target} refuses the credentials: {wrong.Message} Renew them, or name another --kubeconfig.");
        }
        catch (KubeForbiddenException)
        {
            // It knows us, and does not tell everybody its version.
            return null;
        }
        catch (HttpRequestException wrong) when (wrong.InnerException is AuthenticationException distrust)
        {
            throw new StartException(
                $"{target} shows a certificate that is not trusted: {distrust.Message} "
                + "Correct certificate-authority in the kubeconfig.");
        }
        catch (Exception wrong) when (IsOutage(wrong))
        {
            return $"{target} cannot be reached: {wrong.Message} "
                + "Start the cluster, or name the kubeconfig of another with --kubeconfig FILE.";
        }
    }

    private async Task<string?> InstallAsync(CrdManifest crd, CancellationToken cancellationToken)
    {
        try
        {
            await ApplyAsync(crd, cancellationToken);
            return null;
        }
        catch (KubeForbiddenException wrong)
        {
            throw new StartException(
                $"--install-crds: the CRD {crd.Name} may not be written: {wrong.Message} "
                + "Grant it, or apply deploy/crds as an administrator and leave --install-crds out.");
        }
        catch (Exception wrong) when (IsOutage(wrong))
        {
            return $"--install-crds: the CRD {crd.Name} cannot be written: {wrong.Message}";
        }
    }

    private async Task ApplyAsync(CrdManifest crd, CancellationToken cancellationToken)
    {
        try
        {
            await api.ApplyAsync($"{Definitions}/{crd.Name}", crd.Json, cancellationToken);
        }
        catch (KubeException old) when (old.Message.Contains(CrdManifest.RulesField, StringComparison.Ordinal))
        {
            // Kubernetes before 1.25 knows no such rules and refuses an apply of fields that it does not know. Immutable
            // fields are then kept by admission and by the reconciler only.
            await api.ApplyAsync($"{Definitions}/{crd.Name}", crd.WithoutRules(), cancellationToken);
        }
    }

    private async Task<string?> DefinedAsync(string name, string remedy, CancellationToken cancellationToken)
    {
        try
        {
            return await api.GetAsync($"{Definitions}/{name}", cancellationToken) switch
            {
                null => $"The cluster has no CRD {name}: {remedy}.",
                { } crd when !Established(crd) =>
                    $"The CRD {name} is not established: see kubectl describe crd {name}.",
                _ => null,
            };
        }
        catch (KubeForbiddenException)
        {
            // Then the informers tell whether the kind is there.
            return null;
        }
        catch (Exception wrong) when (IsOutage(wrong))
        {
            return $"The CRD {name} cannot be read: {wrong.Message}";
        }
    }

    private StartException NotKubernetes() => new(
        $"{target} answers, but not as a Kubernetes API server: correct the server's address, "
        + "or name another --kubeconfig.");

    private static bool IsOutage(Exception wrong) => wrong is HttpRequestException or TimeoutException
        || wrong is KubeException { Status: >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests };

    // Only Workspaces are needed: the others are looked after from the moment on that their kind is there.
    [LoggerMessage(LogLevel.Warning, "{Problem} The operator goes on without it.")]
    private partial void LogMissing(string problem);

    private static bool Established(JsonNode crd) => crd["status"]?["conditions"] is JsonArray conditions
        && conditions.Any(static c => (string?)c?["type"] == "Established" && (string?)c["status"] == "True");
}
