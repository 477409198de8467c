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
    [InlineData("--wrong", "unknown", "--wrong", "1")]
    [InlineData("--port", "missing", "--model-path", "/m", "--port")]
    [InlineData("--port", "out-of-range", "--model-path", "/m", "--port", "70000")]
    [InlineData("--config", "unreadable", "--config", "absent.json")]
    public void Parse_BadInput_NamesTheOption(string path, string code, params string[] args)
    {
        Assert.False(Parse(args).TryGet(out _, out var errors));

        Assert.Equal((path, code), (errors[0].Path, errors[0].Code));
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
