using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>
/// A loopback listener for each port of each Service, which connects to a ready pod. Its addresses stand in annotations of
/// the Service: <c>kaito.sh/local-url</c> for the first port, <c>kaito.sh/local-ports</c> for all.
/// </summary>
internal sealed partial class ServiceProxy(
    IClusterStore store, ServiceEndpoints endpoints, TimeProvider clock, ILogger<ServiceProxy> logger) : BackgroundService
{
    private const string UrlAnnotation = "kaito.sh/local-url";
    private readonly Dictionary<(string Uid, string Port), Listener> _listeners = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Watching.RunAsync(store, Resources.Services, change => Look(change, stoppingToken), clock, logger, stoppingToken);
        foreach (var listener in _listeners.Values)
        {
            listener.Dispose();
        }
    }

    // One watch calls this, so the listeners have one owner.
    private void Look(WatchEvent change, CancellationToken stoppingToken)
    {
        var service = change.Object;
        var ports = change.Type == WatchEventType.Deleted || service.Text("spec", "type") == "ExternalName"
            ? []
            : service.Objects("spec", "ports").ToArray();
        foreach (var gone in _listeners.Keys.Where(k => k.Uid == service.Uid
            && ports.All(p => p.At("port").Text() != k.Port)).ToArray())
        {
            _listeners.Remove(gone, out var listener);
            listener?.Dispose();
        }

        var local = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var port in ports.Where(static p => p.Text("protocol") is null or "TCP"))
        {
            local[port.At("port").Text()!] = Listen(service, port, stoppingToken);
        }

        if (local.Count > 0)
        {
            Annotate(service, ports, local);
        }
    }

    private int Listen(JsonObject service, JsonObject port, CancellationToken stoppingToken)
    {
        var key = (service.Uid, port.At("port").Text()!);
        if (!_listeners.TryGetValue(key, out var listener))
        {
            var find = Resources.Services.KeyOf(service);
            _listeners[key] = listener = new(() => Backend(find, key.Item2), stoppingToken);
            LogListening(service.Namespace, service.Name, key.Item2, listener.Port);
        }

        return listener.Port;
    }

    // Looked up for each connection: the Service's selector and target port may have changed.
    private int? Backend(ObjectKey key, string port) =>
        store.Get(key) is { } service && service.Objects("spec", "ports").FirstOrDefault(p => p.At("port").Text() == port) is { } found
            ? endpoints.FindLocalPort(service, found)
            : null;

    private void Annotate(JsonObject service, JsonObject[] ports, Dictionary<string, int> local)
    {
        var first = ports.First(p => local.ContainsKey(p.At("port").Text()!)).At("port").Text()!;
        var url = $"http://127.0.0.1:{local[first]}";
        var all = new JsonObject(local.Select(static p => KeyValuePair.Create(p.Key, (JsonNode?)JsonValue.Create(p.Value))))
            .ToJsonString();
        var annotations = service.At("metadata", "annotations");
        if (annotations.Text(UrlAnnotation) == url && annotations.Text(PodPorts.Annotation) == all)
        {
            return;
        }

        store.Modify(Resources.Services.KeyOf(service), stored =>
        {
            stored.Child("metadata", "annotations")[UrlAnnotation] = url;
            stored.Child("metadata", "annotations")[PodPorts.Annotation] = all;
        });
    }

    [LoggerMessage(LogLevel.Information, "Service {Namespace}/{Service} port {Port} is http://127.0.0.1:{LocalPort}")]
    private partial void LogListening(string @namespace, string service, string port, int localPort);

    /// <summary>One listening socket; each connection is copied both ways until both sides have ended.</summary>
    private sealed class Listener : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _stop;
        private readonly Func<int?> _backend;

        public Listener(Func<int?> backend, CancellationToken stoppingToken)
        {
            _backend = backend;
            _stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            _listener.Start();
            Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
            _ = AcceptAsync(_stop.Token);
        }

        public int Port { get; }

        public void Dispose()
        {
            _stop.Cancel();
            _listener.Dispose();
            _stop.Dispose();
        }

        private async Task AcceptAsync(CancellationToken stopping)
        {
            try
            {
                while (true)
                {
                    _ = ServeAsync(await _listener.AcceptSocketAsync(stopping), stopping);
                }
            }
            catch (Exception closed) when (closed is OperationCanceledException or SocketException or ObjectDisposedException)
            {
            }
        }

        private async Task ServeAsync(Socket client, CancellationToken stopping)
        {
            using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            using (client)
            {
                try
                {
                    if (_backend() is not { } port)
                    {
                        // Reset rather than end: the client sees a refused connection, not an empty answer.
                        client.LingerState = new(true, 0);
                        return;
                    }

                    client.NoDelay = server.NoDelay = true;
                    await server.ConnectAsync(IPAddress.Loopback, port, stopping);
                    await Task.WhenAll(CopyAsync(client, server, stopping), CopyAsync(server, client, stopping));
                }
                catch (Exception broken) when (broken is OperationCanceledException or SocketException or ObjectDisposedException)
                {
                    // Either side hung up.
                }
            }
        }

        private static async Task CopyAsync(Socket from, Socket to, CancellationToken stopping)
        {
            var buffer = new byte[16 * 1024];
            try
            {
                int count;
                while ((count = await from.ReceiveAsync(buffer, stopping)) > 0)
                {
                    for (var sent = 0; sent < count;)
                    {
                        sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), stopping);
                    }
                }

                to.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // Ends the other direction too.
                from.Close();
                to.Close();
                throw;
            }
        }
    }
}
