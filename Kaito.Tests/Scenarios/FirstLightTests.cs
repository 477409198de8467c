using System.Net.Http.Json;
using System.Text.Json;

namespace Kaito.Tests.Scenarios;

/// <summary>Manifest in, tokens out: the built AppHost, real kubectl, real sockets.</summary>
[Collection("local run")]
public sealed class FirstLightTests : IDisposable
{
    private const string Sample = "samples/inference/phi-3.5-mini-instruct.yaml";
    private const string Workspace = "workspace-phi-3-5-mini";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("kaito-run-").FullName;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Apply_SampleWorkspace_ServesAChatAndLeavesNothingWhenDeleted()
    {
        LocalRun.RequireKubectl();
        await using var run = await LocalRun.StartAsync(_folder, Cancelled);

        await run.KubectlAsync(Cancelled, "apply", "-f", Sample);
        await run.KubectlAsync(
            Cancelled, "wait", $"workspace/{Workspace}", "--for=condition=WorkspaceSucceeded", "--timeout=60s");
        var url = await run.KubectlAsync(
            Cancelled, "get", "service", Workspace, "-o", @"jsonpath={.metadata.annotations.kaito\.sh/local-url}");
        using var client = new HttpClient { BaseAddress = new(url) };
        using var models = await client.GetFromJsonAsync<JsonDocument>("/v1/models", Cancelled);
        var model = models!.RootElement.GetProperty("data")[0];
        var text = await StreamChatAsync(client, model.GetProperty("id").GetString()!);

        Assert.Contains(
            "substitute for microsoft/Phi-3.5-mini-instruct", model.GetProperty("root").GetString(),
            StringComparison.Ordinal);
        Assert.Contains("data: {", text, StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]", text.TrimEnd(), StringComparison.Ordinal);
        Assert.Contains("True", await run.KubectlAsync(Cancelled, "get", "workspace"), StringComparison.Ordinal);

        await run.KubectlAsync(Cancelled, "delete", "workspace", Workspace, "--timeout=60s");
        await Eventually.TrueAsync(
            async () => (await LeftoversAsync(run)).Length == 0,
            s_limit,
            () => "objects of the Workspace are left",
            Cancelled);
        Assert.Equal(0, await run.StopAsync());
        Assert.Empty(run.Processes());
    }

    [Fact]
    public async Task Kill_OfTheAppHost_LeavesNoProcess()
    {
        LocalRun.RequireKubectl();
        await using var run = await LocalRun.StartAsync(_folder, Cancelled);
        await run.KubectlAsync(Cancelled, "apply", "-f", Sample);
        await run.KubectlAsync(
            Cancelled, "wait", $"workspace/{Workspace}", "--for=condition=WorkspaceSucceeded", "--timeout=60s");
        Assert.NotEmpty(run.Processes());

        await run.KillAsync();

        await Eventually.TrueAsync(
            () => Task.FromResult(run.Processes().Length == 0),
            TimeSpan.FromSeconds(15),
            () => $"processes {string.Join(", ", run.Processes())} outlived the AppHost",
            Cancelled);
    }

    [Fact]
    public async Task Interrupt_OfDotnetRun_LeavesNoProcess()
    {
        await using var run = await LocalRun.StartWithDotnetRunAsync(_folder, Cancelled);

        Assert.Equal(0, await run.InterruptAsync());
        Assert.Empty(run.Processes());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<string> StreamChatAsync(HttpClient client, string model)
    {
        using var response = await client.PostAsJsonAsync(
            "/v1/chat/completions",
            new
            {
                model,
                stream = true,
                max_tokens = 16,
                messages = new[] { new { role = "user", content = "Hello" } },
            },
            Cancelled);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadAsStringAsync(Cancelled);
    }

    private static async Task<string> LeftoversAsync(LocalRun run) => (await run.KubectlAsync(
        Cancelled, "get", "statefulsets,pods,nodeclaims,configmaps,services", "-o", "name",
        "-l", $"kaito.sh/workspace={Workspace}")).Trim();
}
