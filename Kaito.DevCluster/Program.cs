using Kaito.DevCluster;
using Kaito.DevCluster.Api;

WebApplication? app = null;
try
{
    app = DevClusterApp.Build(args);
    await DevClusterApp.StartAsync(app, CancellationToken.None);
    await app.WaitForShutdownAsync();
    return 0;
}
catch (DevClusterStartException failed)
{
    await Console.Error.WriteLineAsync(failed.Message);
    return 1;
}
finally
{
    if (app is not null)
    {
        await app.DisposeAsync();
    }
}
