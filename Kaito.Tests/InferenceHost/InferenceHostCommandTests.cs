using Kaito.Core.Contracts;
using Kaito.InferenceHost;

namespace Kaito.Tests.InferenceHost;

public sealed class InferenceHostCommandTests
{
    [Fact]
    public void Parse_CommandLine_BindsLoopbackAndNamesTheFolder()
    {
        Assert.True(Parse(["--model-path", "/models/tiny", "--port=0"]).TryGet(out var options, out _));

        Assert.Equal("tiny", options.ServedModelName);
        Assert.Equal("http://127.0.0.1:0", options.Urls);
        Assert.Equal("/models/tiny", options.Root);
    }

    [Fact]
    public void Parse_SettingsFile_EnvironmentWinsAndSubstitutionShows()
    {
        var settings = new InferenceHostSettings
        {
            ServedModelName = "phi",
            ModelPath = "/file",
            Port = 5001,
            MaxSequences = 3,
        };
        var parsed = InferenceHostCommand.Parse(
            ["--config", "settings.json"],
            name => name switch
            {
                InferenceHostEnvironment.ModelPath => "/tiny",
                InferenceHostEnvironment.SubstitutedFor => "microsoft/phi",
                _ => null,
            },
            _ => settings.ToJson());

        Assert.True(parsed.TryGet(out var options, out _));
        Assert.Equal("phi", options.ServedModelName);
        Assert.Equal("http://*:5001", options.Urls);
        Assert.Equal(3, options.MaxSequences);
        Assert.Equal("/tiny (substitute for microsoft/phi)", options.Root);
    }

    [Theory]
    [InlineData("--model-path", "missing")]
    [InlineData("wrong", "unknown", "wrong")]
    [InlineData("--kaito-config-file", "unreadable", "--model-path", "/m", "--kaito-config-file", "absent.yaml")]
    [InlineData("--port", "missing", "--model-path", "/m", "--port")]
    [InlineData("--port", "out-of-range", "--model-path", "/m", "--port", "70000")]
    [InlineData("--config", "unreadable", "--config", "absent.json")]
    public void Parse_BadInput_NamesTheOption(string path, string code, params string[] args)
    {
        Assert.False(Parse(args).TryGet(out _, out var errors));

        Assert.Equal((path, code), (errors[0].Path, errors[0].Code));
    }

    [Fact]
    public void Parse_OptionsOfVllm_AreTakenInAnySpellingAndOrderOrWarnedOf()
    {
        Assert.True(Parse(
        [
            "--trust-remote-code", "--served_model_name=phi", "--tensor-parallel-size", "2", "--max-model-len", "auto",
            "--kv-events-config={\"enable_kv_cache_events\":true}", "--max_num_seqs", "8", "--model-path=/m",
            "--compilation-config.pass_config.fuse_allreduce_rms=False", "--host", "0.0.0.0", "--enable-lora",
            "--api-key", "a", "--api-key=b", "--kaito-disable-rate-limit",
        ]).TryGet(out var options, out _));

        Assert.Equal(("phi", "/m", 8, (int?)null, "http://*:5000"),
            (options.ServedModelName, options.ModelPath, options.MaxSequences, options.MaxModelLength, options.Urls));
        Assert.Equal(["a", "b"], options.ApiKeys);
        Assert.Null(options.RateLimit);
        Assert.Contains(
            "--trust-remote-code, --tensor-parallel-size, --kv-events-config", Assert.Single(options.Warnings),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_ConfigFile_WinsOverTheCommandLine()
    {
        const string File = """
            max_probe_steps: 6
            vllm:
              max-model-len: 1024
              served-model-name: mymodel
              cpu-offload-gb: 0
              kaito-disable-rate-limit: false
              enable-prefix-caching: true
            """;
        var parsed = InferenceHostCommand.Parse(
            ["--model-path", "/m", "--max-model-len", "2048", "--kaito-config-file", "c.yaml"], _ => null, _ => File);

        Assert.True(parsed.TryGet(out var options, out _));
        Assert.Equal((1024, "mymodel", 256), (options.MaxModelLength, options.ServedModelName, options.RateLimit));
        Assert.Contains("--cpu-offload-gb, --enable-prefix-caching", Assert.Single(options.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_ConfigFile_ListsNullsAndFalseAreWhatTheyMean()
    {
        const string File = """
            max_probe_steps: 6
            kv_cache_cpu_memory_utilization: 0.5
            vllm:
              api-key: [one, two]
              max_num_seqs: null
              kaito-disable-rate-limit: false
              served-model-name: "null and void"
              compilation-config: {level: 3}
            """;

        var parsed = InferenceHostCommand.Parse(
            ["--model-path=/m", "--max-num-seqs=3", "--kaito-disable-rate-limit", "--kaito_config_file=c.yaml"],
            _ => null, _ => File);

        Assert.True(parsed.TryGet(out var options, out _));
        Assert.Equal(["one", "two"], options.ApiKeys);
        Assert.Equal((3, 3, "null and void"), (options.MaxSequences, options.RateLimit, options.ServedModelName));
        Assert.Contains("--compilation-config", Assert.Single(options.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vllm:")]
    [InlineData("")]
    [InlineData("vllm: {}")]
    public void Parse_EmptyConfigFile_ChangesNothing(string text)
    {
        var parsed = InferenceHostCommand.Parse(
            ["--model-path", "/m", "--max-model-len", "9", "--kaito-config-file", "c.yaml"], _ => null, _ => text);

        Assert.True(parsed.TryGet(out var options, out _));
        Assert.Equal(9, options.MaxModelLength);
    }

    [Theory]
    [InlineData("vllm: [")]
    [InlineData("vllm:\n  max-model-len: many")]
    public void Parse_WrongConfigFile_SaysWhatIsWrong(string text)
    {
        var parsed = InferenceHostCommand.Parse(
            ["--model-path", "/m", "--kaito-config-file", "c.yaml"], _ => null, _ => text);

        Assert.False(parsed.TryGet(out _, out var errors));
        Assert.StartsWith("--", errors[0].Path, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_MalformedSettings_NamesFileAndPlace()
    {
        var parsed = InferenceHostCommand.Parse(
            ["--config", "settings.json"], _ => null, _ => """{"servedModelName":"m","port":"x"}""");

        Assert.False(parsed.TryGet(out _, out var errors));
        Assert.Contains("settings.json, $.port", errors[0].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--model-path", "/nowhere/at/all", "--port", "0")]
    [InlineData("--model-path", "", "--port", "0")]
    [InlineData("--config", "/nowhere/settings.json")]
    public async Task RunAsync_CannotServe_IsOneLineAndExitCodeOne(params string[] args)
    {
        await using var errors = new StringWriter();

        Assert.Equal(1, await InferenceHostApp.RunAsync(args, errors));

        var line = errors.ToString();
        Assert.StartsWith("inference-host: ", line, StringComparison.Ordinal);
        Assert.Single(line.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task RunAsync_PortInUse_NamesItAndTheRemedy()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port;
        await using var errors = new StringWriter();

        Assert.Equal(1, await InferenceHostApp.RunAsync(["--model-path", "/models/none", "--port", $"{port}"], errors));

        Assert.Contains($":{port}", errors.ToString(), StringComparison.Ordinal);
        Assert.Contains("--port", errors.ToString(), StringComparison.Ordinal);
    }

    private static Kaito.Core.Validated<InferenceHostOptions> Parse(string[] args) =>
        InferenceHostCommand.Parse(args, _ => null, file => throw new FileNotFoundException($"{file} is absent."));
}
