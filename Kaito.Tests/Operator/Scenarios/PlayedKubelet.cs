using System.Text;
using k8s;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Scenarios;

/// <summary>
/// The part of a kubelet that nothing goes on without: a pod of a node that is to go has gone. Nothing runs in these pods,
/// so there is nothing to wait for.
/// </summary>
internal sealed class PlayedKubelet : IAsyncDisposable
{
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _stop = new();
    private readonly Kubernetes _client;
    private readonly KubeApi _api;
    private readonly Task _work;

    public PlayedKubelet(string kubeconfig)
    {
        _client = new(KubernetesClientConfiguration.BuildConfigFromConfigFile(kubeconfig));
        _api = new(_client);
        _work = WorkAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work;
        _client.Dispose();
        _stop.Dispose();
    }

    private async Task WorkAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                foreach (var pod in (await _api.ListAsync(KubeKinds.Pods, null, null, cancellationToken)).Items.Where(
                    static p => p.Metadata.DeletionTimestamp is not null && p.Spec?.NodeName is not null))
                {
                    await RemoveAsync(pod, cancellationToken);
                }

                await Task.Delay(s_step, TimeProvider.System, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is KubeException or HttpRequestException)
            {
                // A server that is being started or stopped; the next step looks again.
            }
        }
    }

    private async Task RemoveAsync(Pod pod, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Delete,
            new Uri(_client.BaseUri, KubeKinds.Pods.Object(pod.Metadata.Namespace, pod.Metadata.Name!)))
        {
            Content = new StringContent(
                $$"""{"preconditions":{"uid":"{{pod.Metadata.Uid}}"},"gracePeriodSeconds":0}""", Encoding.UTF8,
                "application/json"),
        };
        await _client.Credentials!.ProcessHttpRequestAsync(request, cancellationToken);
        using var response = await _client.HttpClient.SendAsync(request, cancellationToken);
    }
}
