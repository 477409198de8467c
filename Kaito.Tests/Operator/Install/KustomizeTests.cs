using Kaito.Operator.Install;
using Kaito.Tests.DevCluster.Api;

namespace Kaito.Tests.Operator.Install;

/// <summary>What an administrator types.</summary>
public sealed class KustomizeTests(ApiServer server) : IClassFixture<ApiServer>
{
    private static readonly string s_manifests = Repository.Path("deploy", "manifests");

    [Fact]
    public async Task ApplyAndDelete_Manifests_InstallAllAndLeaveNothing()
    {
        var before = await EverythingAsync();

        await server.KubectlAsync($"apply -k '{s_manifests}'");
        var installed = await EverythingAsync();
        foreach (var file in InstallManifests.Files.Where(static f => f.Name != "kustomization.yaml"))
        {
            foreach (var document in file.Yaml.Split("---\n"))
            {
                var item = Yaml.ToJson(document)!;
                Assert.Contains(
                    $"{(string)item["kind"]!} {(string?)item["metadata"]!["namespace"]} {(string)item["metadata"]!["name"]!}",
                    installed);
            }
        }

        Assert.Equal(
            Kaito.Core.Api.Crds.All.Select(static crd => $"CustomResourceDefinition  {crd.Name}").Order(StringComparer.Ordinal),
            installed.Except(before).Where(static line => line.StartsWith("CustomResourceD", StringComparison.Ordinal)));

        // Again changes nothing: not the Secret either, which the operator has filled meanwhile.
        await server.KubectlAsync(
            "patch secret workspace-webhook-cert -n kaito-workspace --type=merge -p '{\"data\":{\"a\":\"eA==\"}}'");
        var again = await server.KubectlAsync($"apply -k '{s_manifests}'");

        // kubectl sends a budget's selector each time, whether it differs or not.
        Assert.All(
            again.Split('\n').Where(static line => !line.StartsWith("poddisruptionbudget", StringComparison.Ordinal)),
            static line => Assert.EndsWith(" unchanged", line, StringComparison.Ordinal));
        Assert.Equal("eA==", await server.KubectlAsync(
            "get secret workspace-webhook-cert -n kaito-workspace -o jsonpath={.data.a}"));

        await server.KubectlAsync($"delete -k '{s_manifests}' --ignore-not-found --timeout=60s");
        Assert.Equal(before, await EverythingAsync());

        // And once more, where there is nothing.
        await server.KubectlAsync($"delete -k '{s_manifests}' --ignore-not-found --timeout=60s");
    }

    // Kind, namespace and name of everything but what passes by itself.
    private async Task<string[]> EverythingAsync()
    {
        var kinds = await server.KubectlAsync("api-resources --verbs=list -o name");
        var wanted = kinds.Split('\n').Where(static kind => !kind.StartsWith("events", StringComparison.Ordinal));
        var text = await server.KubectlAsync(
            $"get {string.Join(',', wanted)} -A --ignore-not-found "
            + "-o 'jsonpath={range .items[*]}{.kind} {.metadata.namespace} {.metadata.name}{\"\\n\"}{end}'");
        return [.. text.Split('\n').Order(StringComparer.Ordinal)];
    }
}
