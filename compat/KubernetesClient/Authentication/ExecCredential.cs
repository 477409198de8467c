using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using k8s.Exceptions;
using k8s.KubeConfigModels;

namespace k8s.Authentication;

/// <summary>What a kubeconfig <c>exec</c> program printed.</summary>
internal sealed record ExecCredential(
    string? Token, string? ClientCertificateData, string? ClientKeyData, DateTimeOffset? ExpiresAt)
{
    private const string DefaultApiVersion = "client.authentication.k8s.io/v1beta1";
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    /// <summary>Runs the program and waits at most two minutes for it.</summary>
    /// <exception cref="KubeConfigException">
    /// It cannot start, fails, takes too long or prints something else.
    /// </exception>
    public static ExecCredential Obtain(ExternalExecution exec)
    {
        using var process = Start(exec);
        var (output, errors) = (new StringBuilder(), new StringBuilder());
        process.OutputDataReceived += (_, line) => output.AppendLine(line.Data);
        process.ErrorDataReceived += (_, line) => errors.AppendLine(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(s_limit))
        {
            process.Kill(entireProcessTree: true);
            throw new KubeConfigException(
                $"The exec program '{exec.Command}' of the kubeconfig did not finish within {s_limit.TotalSeconds} s.");
        }

        // Only the wait without a limit waits for the output too; the process has ended, so it returns at once.
        process.WaitForExit();
        return process.ExitCode == 0
            ? Parse(exec.Command, output.ToString())
            : throw new KubeConfigException(string.Create(CultureInfo.InvariantCulture,
                $"The exec program '{exec.Command}' ended with code {process.ExitCode}: {errors.ToString().Trim()}"));
    }

    /// <summary>Reads an ExecCredential, e.g. <c>{"kind":"ExecCredential","status":{"token":"…"}}</c>.</summary>
    internal static ExecCredential Parse(string command, string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var status = document.RootElement.GetProperty("status");
            return new(
                Text(status, "token"),
                Text(status, "clientCertificateData"),
                Text(status, "clientKeyData"),
                Text(status, "expirationTimestamp") is { } until
                    ? DateTimeOffset.Parse(until, CultureInfo.InvariantCulture)
                    : null);
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or FormatException
            or InvalidOperationException)
        {
            throw new KubeConfigException(
                $"The exec program '{command}' of the kubeconfig did not print an ExecCredential: {wrong.Message}",
                wrong);
        }
    }

    private static string? Text(JsonElement status, string name) =>
        status.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static Process Start(ExternalExecution exec)
    {
        var start = new ProcessStartInfo(exec.Command, exec.Arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var variable in exec.EnvironmentVariables)
        {
            start.Environment[variable["name"]] = variable["value"];
        }

        var version = exec.ApiVersion ?? DefaultApiVersion;
        start.Environment["KUBERNETES_EXEC_INFO"] =
            $$$"""{"apiVersion":"{{{version}}}","kind":"ExecCredential","spec":{"interactive":false}}""";
        try
        {
            return Process.Start(start)
                ?? throw new KubeConfigException($"The exec program '{exec.Command}' of the kubeconfig did not start.");
        }
        catch (Win32Exception wrong)
        {
            throw new KubeConfigException(
                $"The exec program '{exec.Command}' of the kubeconfig cannot start ({wrong.Message}); install it or "
                + "use another context.", wrong);
        }
    }
}
