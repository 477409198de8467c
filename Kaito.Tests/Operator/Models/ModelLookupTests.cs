using System.Collections.Immutable;
using System.Net;
using Kaito.Core.Api;
using Kaito.Core.Kubernetes;
using Kaito.Operator;
using Kaito.Operator.Cluster;
using Kaito.Operator.Models;
using Kaito.Tests.Operator.Cluster;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.Operator.Models;

public sealed class ModelLookupTests
{
    private const string Config = """{"architectures":["LlamaForCausalLM"],"hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4}""";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Find_RepositoryOfTheHub_IsPendingThenWakesTheWorkspaceAndIsKnown()
    {
        await using var test = await Looking.StartAsync();
        test.Hub.Has("me/Tiny-Llama", Config);

        Assert.IsType<ModelAnswer.Pending>(test.Find("me/Tiny-Llama"));
        Assert.Equal("team/ws", await test.Queue.TakeAsync(Stop));

        var known = Assert.IsType<ModelAnswer.Known>(test.Find("ME/tiny-llama"));
        Assert.Equal(("me/Tiny-Llama", "5Gi", "llama3_json"), (known.Model.Repository, known.Model.Weights.ToString(), known.Model.ToolParser));
        Assert.Equal(
            [("/api/models/me/Tiny-Llama/tree/main", ""), ("/me/Tiny-Llama/resolve/main/config.json", "")], test.Hub.Asked);
    }

    [Theory]
    [InlineData("phi-4")]
    [InlineData("microsoft/PHI-4")]
    [InlineData("no-such-preset")]
    [InlineData("a/b/c")]
    public async Task Find_PresetOfTheCatalogueOrNone_LooksNothingUp(string preset)
    {
        await using var test = await Looking.StartAsync();

        Assert.Null(test.Find(preset));
        Assert.Null(test.Lookup(new OperatorOptions { ModelHub = null }).Find("team/ws", Looking.Workspace("me/model", null)));
        Assert.Empty(test.Hub.Asked);
    }

    [Fact]
    public async Task Find_WithSecret_SendsItsTokenToTheHubAlone()
    {
        await using var other = await HubServer.StartAsync(Stop);
        await using var test = await Looking.StartAsync();
        test.Hub.Has("me/gated", Config);
        test.Hub.On("/me/gated/resolve/main/config.json", http =>
        {
            http.Response.Redirect(http.Request.Query.ContainsKey("again") ? $"{other.Address}blob" : "config.json?again=1");
            return Task.CompletedTask;
        });
        other.On("/blob", static http => http.Response.WriteAsync(Config));
        test.Api.Put(KubeKinds.Secrets, Looking.Secret("hub", "HF_TOKEN", "hf_secret"));

        test.Find("me/gated", "hub");
        await test.Queue.TakeAsync(Stop);

        Assert.IsType<ModelAnswer.Known>(test.Find("me/gated", "hub"));
        Assert.All(test.Hub.Asked, static a => Assert.Equal("Bearer hf_secret", a.Authorization));
        Assert.Equal(("/blob", ""), Assert.Single(other.Asked));
        Assert.DoesNotContain("hf_secret", test.Log.Text, StringComparison.Ordinal);
        Assert.Contains("me/gated", test.Log.Text, StringComparison.Ordinal);
        Assert.IsType<ModelAnswer.Pending>(test.Find("me/gated"));
    }

    [Fact]
    public async Task Find_OperatorsOwnToken_IsUsedWhereTheWorkspaceNamesNone()
    {
        await using var test = await Looking.StartAsync("hf_own");
        test.Hub.Has("me/gated", Config);

        test.Find("me/gated");
        await test.Queue.TakeAsync(Stop);

        Assert.All(test.Hub.Asked, static a => Assert.Equal("Bearer hf_own", a.Authorization));
        Assert.DoesNotContain("hf_own", test.Log.Text + test.Options, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(401, "ModelAccessDenied", "presetOptions.modelAccessSecret")]
    [InlineData(403, "ModelAccessDenied", "presetOptions.modelAccessSecret")]
    [InlineData(404, "ModelNotFound", "Check owner and name")]
    [InlineData(429, "ModelHubRateLimited", "raises the limit")]
    [InlineData(500, "ModelHubUnreachable", "HF_ENDPOINT or --model-hub")]
    public async Task Find_HubRefuses_SaysWhyAndWhatToDo(int status, string reason, string action)
    {
        await using var test = await Looking.StartAsync();
        test.Hub.Refuses("me/model", (HttpStatusCode)status);

        var refused = await test.RefusedAsync("me/model");

        Assert.Equal(reason, refused.Reason);
        Assert.Contains("me/model", refused.Message, StringComparison.Ordinal);
        Assert.Contains(action, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "ModelMetadataInvalid")]
    [InlineData("""{"architectures":["Nobodys"]}""", "ModelUnsupported")]
    [InlineData(null, "ModelMetadataInvalid")]
    public async Task Find_ConfigThatIsWrong_SaysSo(string? config, string reason)
    {
        await using var test = await Looking.StartAsync();
        test.Hub.Has("me/model", config ?? new string(' ', 2 << 20));

        Assert.Equal(reason, (await test.RefusedAsync("me/model")).Reason);
    }

    [Fact]
    public async Task Find_NoConfigAtAll_SaysSo()
    {
        await using var test = await Looking.StartAsync();
        test.Hub.On("/api/models/me/model/tree/main", static http => http.Response.WriteAsync("""[{"path":"a.safetensors","size":1}]"""));

        Assert.Contains("no config.json", (await test.RefusedAsync("me/model")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_MistralsOwnForm_ReadsParams()
    {
        await using var test = await Looking.StartAsync();
        test.Hub.On(
            "/api/models/me/m/tree/main",
            static http => http.Response.WriteAsync("""[{"path":"consolidated.safetensors","size":1073741824}]"""));
        test.Hub.On("/me/m/resolve/main/params.json", static http => http.Response.WriteAsync("""{"dim":64,"n_layers":2,"n_heads":4}"""));

        test.Find("me/m");
        await test.Queue.TakeAsync(Stop);

        var model = Assert.IsType<ModelAnswer.Known>(test.Find("me/m")).Model;
        Assert.Equal((64, "mistral", 512L), (model.HiddenSize, model.ConfigFormat, model.BytesPerToken.Bytes));
    }

    [Theory]
    [InlineData(null, null, "ModelAccessSecretMissing", "is not in namespace \"team\"")]
    [InlineData("OTHER", "x", "ModelAccessSecretMissing", "no token in the key HF_TOKEN")]
    [InlineData("HF_TOKEN", "", "ModelAccessSecretMissing", "no token in the key HF_TOKEN")]
    [InlineData("HF_TOKEN", "two lines\n", "ModelAccessSecretMissing", "no token in the key HF_TOKEN")]
    public async Task Find_SecretWithoutToken_SaysSo(string? field, string? value, string reason, string message)
    {
        await using var test = await Looking.StartAsync();
        if (field is not null)
        {
            test.Api.Put(KubeKinds.Secrets, Looking.Secret("hub", field, value!));
        }

        var refused = await test.RefusedAsync("me/model", "hub");

        Assert.Equal(reason, refused.Reason);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
        Assert.Empty(test.Hub.Asked);
    }

    [Fact]
    public async Task Find_SecretNotReadable_SaysSo()
    {
        await using var test = await Looking.StartAsync();
        test.Api.Fault = new KubeForbiddenException(HttpStatusCode.Forbidden, "Forbidden", "not allowed");

        Assert.Equal("ModelAccessSecretUnreadable", (await test.RefusedAsync("me/model", "hub")).Reason);
    }

    [Fact]
    public async Task Find_AfterAFailure_AsksAgainAfterThePauseOnly()
    {
        await using var test = await Looking.StartAsync();
        test.Hub.Refuses("me/model", HttpStatusCode.TooManyRequests, static h => h.RetryAfter = "60");

        var refused = await test.RefusedAsync("me/model");
        Assert.Equal(TimeSpan.FromSeconds(60), refused.Retry);
        test.Hub.Has("me/model", Config);
        test.Clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(TimeSpan.FromSeconds(1), Assert.IsType<ModelAnswer.Refused>(test.Find("me/model")).Retry);
        test.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.IsType<ModelAnswer.Refused>(test.Find("me/model"));
        await test.Queue.TakeAsync(Stop);

        Assert.IsType<ModelAnswer.Known>(test.Find("me/model"));
    }

    [Fact]
    public async Task Find_AfterADay_AsksAgainAndKeepsWhatItKnowsMeanwhile()
    {
        await using var test = await Looking.StartAsync();
        test.Hub.Has("me/model", Config);
        test.Find("me/model");
        await test.Queue.TakeAsync(Stop);
        test.Find("me/model");
        Assert.Equal(2, test.Hub.Asked.Count);
        test.Hub.Refuses("me/model", HttpStatusCode.InternalServerError);
        test.Clock.Advance(TimeSpan.FromHours(24));

        Assert.IsType<ModelAnswer.Known>(test.Find("me/model"));
        await Eventually.TrueAsync(
            () => Task.FromResult(test.Hub.Asked.Count == 3), TimeSpan.FromSeconds(10), () => "a third request", Stop);
        Assert.IsType<ModelAnswer.Known>(test.Find("me/model"));
    }

    [Fact]
    public async Task Find_HubThatHangs_HoldsUpNobodyElse()
    {
        await using var test = await Looking.StartAsync();
        test.Hub.On("/api/models/me/slow/tree/main", static http => Task.Delay(Timeout.Infinite, http.RequestAborted));
        test.Hub.Has("me/fast", Config);

        Assert.IsType<ModelAnswer.Pending>(test.Find("me/slow", key: "team/slow"));
        Assert.IsType<ModelAnswer.Pending>(test.Find("me/fast", key: "team/fast"));

        Assert.Equal("team/fast", await test.Queue.TakeAsync(Stop));
        Assert.IsType<ModelAnswer.Pending>(test.Find("me/slow", key: "team/slow"));
    }

    private sealed class Looking : IAsyncDisposable
    {
        private readonly ModelLookup _lookup;
        private readonly HttpClient _client = ModelHub.Client();

        private Looking(HubServer hub, string? token)
        {
            Hub = hub;
            Options = new() { ModelHub = hub.Address, ModelHubToken = token is null ? null : new(token) };
            Clock = ManualTime.AtEpoch();
            Queue = new(TimeProvider.System);
            _lookup = Lookup(Options);
        }

        public HubServer Hub { get; }

        public OperatorOptions Options { get; }

        public ManualTime Clock { get; }

        public MemoryKubeApi Api { get; } = new();

        public WorkQueue Queue { get; }

        public Lines Log { get; } = new();

        public static async Task<Looking> StartAsync(string? token = null)
        {
            var looking = new Looking(await HubServer.StartAsync(Stop), token);
            await looking._lookup.StartAsync(Stop);
            return looking;
        }

        public ModelLookup Lookup(OperatorOptions options) =>
            new(options, new(Hub.Address, _client), Api, Queue, Clock, Log);

        public ModelAnswer? Find(string preset, string? secret = null, string key = "team/ws") =>
            _lookup.Find(key, Workspace(preset, secret));

        public async Task<ModelAnswer.Refused> RefusedAsync(string preset, string? secret = null)
        {
            Assert.IsType<ModelAnswer.Pending>(Find(preset, secret));
            Assert.Equal("team/ws", await Queue.TakeAsync(Stop));
            Queue.Done("team/ws");
            return Assert.IsType<ModelAnswer.Refused>(Find(preset, secret));
        }

        public static WorkspaceResource Workspace(string preset, string? secret) => new()
        {
            Metadata = new() { Name = "ws", Namespace = "team" },
            Inference = new() { Preset = new() { Name = preset, PresetOptions = new() { ModelAccessSecret = secret } } },
        };

        public static Secret Secret(string name, string field, string value) => new()
        {
            Metadata = new() { Name = name, Namespace = "team" },
            Data = ImmutableSortedDictionary<string, string>.Empty.Add(
                field, Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(value))),
        };

        public async ValueTask DisposeAsync()
        {
            await _lookup.StopAsync(CancellationToken.None);
            _lookup.Dispose();
            _client.Dispose();
            Queue.Dispose();
            await Hub.DisposeAsync();
        }
    }

    private sealed class Lines : ILogger<ModelLookup>
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<string> _lines = new();

        public string Text => string.Join('\n', _lines);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) => _lines.Enqueue($"{formatter(state, exception)} {exception}");
    }
}
