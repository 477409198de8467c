using System.Diagnostics;

namespace Kaito.Benchmarks.LocalRuns;

/// <summary>The user's kubectl, from the repository's root.</summary>
internal sealed class Kubectl(string kubeconfig)
{
    public const string Sample = "samples/inference/phi-3.5-mini-instruct.yaml";
    public const string Workspace = "workspace-phi-3-5-mini";

    /// <exception cref="InvalidOperationException">It ended with an error; the message is what it printed.</exception>
    public async Task RunAsync(CancellationToken cancellationToken, params string[] args)
    {
        using var kubectl = Process.Start(new ProcessStartInfo("kubectl", ["--kubeconfig", kubeconfig, .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = kubectl.StandardOutput.ReadToEndAsync(cancellationToken);
        var error = kubectl.StandardError.ReadToEndAsync(cancellationToken);
        await kubectl.WaitForExitAsync(cancellationToken);
        if (kubectl.ExitCode != 0)
        {
            throw new InvalidOperationException($"kubectl {string.Join(' ', args)}: {await output}{await error}");
        }
    }
}
