using System.Text.Json.Nodes;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Storage;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Kaito.Tests.DevCluster.Controllers;

/// <summary>The real store with every controller and the pods of it running, without the REST layer.</summary>
internal sealed class RunningCluster : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private readonly IHost _host;

    private RunningCluster(IHost host, string folder)
    {
        _host = host;
        Folder = folder;
        Store = host.Services.GetRequiredService<IClusterStore>();
    }

    public IClusterStore Store { get; }

    /// <summary>The state folder.</summary>
    public string Folder { get; }

    public T Get<T>()
        where T : notnull => _host.Services.GetRequiredService<T>();

    /// <summary>Starts a cluster in which the image <c>shell</c> is /bin/sh.</summary>
    public static async Task<RunningCluster> StartAsync(params (string Key, string Value)[] settings)
    {
        var folder = Directory.CreateTempSubdirectory("kaito-devcluster-").FullName;
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Configuration.AddInMemoryCollection(
        [
            new("state-dir", folder),
            new("Images:shell", "/bin/sh"),
            .. settings.Select(s => KeyValuePair.Create(s.Key, (string?)s.Value)),
        ]);
        builder.Services.AddLogging();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<IClusterStore>(ClusterStart.Create(TimeProvider.System));
        builder.Services.AddDevClusterControllers(builder.Configuration);
        var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        return new(host, folder);
    }

    /// <summary>Creates an object from JSON, in namespace default unless it is cluster-wide.</summary>
    public JsonObject Create(GroupResource resource, string json, bool clusterWide = false) =>
        Store.Create(resource, clusterWide ? null : "default", (JsonObject)JsonNode.Parse(json)!);

    public JsonObject? Find(GroupResource resource, string name, bool clusterWide = false) =>
        Store.Get(new(resource, clusterWide ? null : "default", name));

    /// <summary>Deletes an object of namespace default.</summary>
    public void Delete(GroupResource resource, string name, DeleteRequest? request = null) =>
        Store.Delete(new(resource, "default", name), request ?? DeleteRequest.Default);

    /// <summary>Waits, by watching the resource, until the condition holds for its present objects.</summary>
    public async Task<IReadOnlyList<JsonObject>> UntilAsync(
        GroupResource resource, Func<IReadOnlyList<JsonObject>, bool> holds, string because)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_patience);
        var list = Store.List(resource);
        try
        {
            while (!holds(list.Items))
            {
                await foreach (var _ in Store.WatchAsync(
                    new(resource) { FromResourceVersion = list.ResourceVersion }, limit.Token))
                {
                    break;
                }

                list = Store.List(resource);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"{because}; the {resource} are:\n{string.Join('\n', list.Items.Select(i => i.ToJsonString()))}");
        }

        return list.Items;
    }

    /// <summary>Waits for one object of namespace default or of the cluster.</summary>
    public async Task<JsonObject> UntilAsync(GroupResource resource, string name, Func<JsonObject, bool> holds)
    {
        var items = await UntilAsync(
            resource, all => all.Any(i => i.Name == name && holds(i)), $"{resource} {name} did not get there");
        return items.First(i => i.Name == name);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(CancellationToken.None);
        _host.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
