using System.Net.Http.Headers;
using k8s.Exceptions;
using k8s.KubeConfigModels;

namespace k8s.Authentication;

/// <summary>A token that a kubeconfig <c>exec</c> program prints; run again when it has expired.</summary>
public class ExecTokenProvider : ITokenProvider
{
    private static readonly TimeSpan s_margin = TimeSpan.FromSeconds(30);
    private readonly ExternalExecution _exec;
    private readonly Lock _gate = new();
    private ExecCredential? _last;

    /// <param name="exec">The program to run.</param>
    public ExecTokenProvider(ExternalExecution exec) => _exec = exec;

    internal ExecTokenProvider(ExternalExecution exec, ExecCredential first)
        : this(exec) => _last = first;

    /// <inheritdoc />
    public Task<AuthenticationHeaderValue> GetAuthenticationHeaderAsync(CancellationToken cancellationToken) =>
        Task.Run(Current, cancellationToken);

    private AuthenticationHeaderValue Current()
    {
        lock (_gate)
        {
            if (_last is null || _last.ExpiresAt - s_margin <= TimeProvider.System.GetUtcNow())
            {
                _last = ExecCredential.Obtain(_exec);
            }

            return new AuthenticationHeaderValue("Bearer", _last.Token
                ?? throw new KubeConfigException($"The exec program '{_exec.Command}' printed no status.token."));
        }
    }
}
