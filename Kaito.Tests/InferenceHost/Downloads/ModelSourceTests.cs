using Kaito.InferenceHost;
using Kaito.InferenceHost.Downloads;

namespace Kaito.Tests.InferenceHost.Downloads;

public sealed class ModelSourceTests
{
    [Theory]
    [InlineData("org/name", "Repository { Name = org/name, Id = org/name, Revision = main, Pinned = False }")]
    [InlineData("oci://ghcr.example/a/b:v1",
        "Artifact { Name = oci://ghcr.example/a/b, Host = ghcr.example, Path = a/b, Tag = v1, Digest = , Wanted = v1 }")]
    [InlineData("oci://localhost:5000/a",
        "Artifact { Name = oci://localhost:5000/a, Host = localhost:5000, Path = a, Tag = , Digest = , Wanted = latest }")]
    [InlineData("/workspace/weights", "")]
    [InlineData("./models/tiny", "")]
    public void Parse_Text_IsASourceOrAFolder(string text, string expected)
    {
        Assert.True(ModelSource.Parse(text, null).TryGet(out var named, out _));
        Assert.Equal(expected, named.Source?.ToString() ?? "");
    }

    [Theory]
    [InlineData("name")]
    [InlineData("org/name/more")]
    [InlineData("org/../name")]
    [InlineData("https://hub.example/org/name")]
    [InlineData("oci://")]
    [InlineData("oci://HOST/Name")]
    [InlineData("oci://host/name@sha256:12")]
    public void Parse_NothingOfTheKind_NamesTheForms(string text)
    {
        Assert.False(ModelSource.Parse(text, null).TryGet(out _, out var errors));
        Assert.Equal("--model", errors[0].Path);
        Assert.StartsWith($"model is {text}; ", errors[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_Variables_AreThoseOfTheHubsOwnClient()
    {
        var options = Parse(
            ["--model=org/name", "--code-revision", "abc", "--download_dir", "/data"],
            new() { ["HF_TOKEN"] = " t ", ["HF_ENDPOINT"] = "https://mirror.example", ["HF_HUB_OFFLINE"] = "1" });

        Assert.Equal(new ModelSource.Repository("org/name", "abc"), options.Source);
        Assert.Equal(("name", "/data"), (options.ServedModelName, options.Downloads.CacheFolder));
        Assert.Equal(("t", true), (options.Downloads.Token, options.Downloads.Offline));
        Assert.Equal("https://mirror.example/", options.Downloads.Endpoint.ToString());
        Assert.DoesNotContain("t ", options.Downloads.ToString().Split("into")[0].Replace("https", "", StringComparison.Ordinal) + "t", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HF_HUB_CACHE", "/c", "/c")]
    [InlineData("HF_HOME", "/h", "/h/hub")]
    public void Options_CacheFolder_IsThatOfTheHubsOwnClient(string name, string value, string expected) => Assert.Equal(
        expected, Parse(["--model", "org/name"], new() { [name] = value }).Downloads.CacheFolder);

    [Fact]
    public void Options_FolderOfTheEnvironment_WinsOverAModelsName()
    {
        var options = Parse(["--model", "org/name"], new() { ["KAITO_MODEL_PATH"] = "/there" });

        Assert.Null(options.Source);
        Assert.Equal("/there", options.ModelPath);
    }

    private static InferenceHostOptions Parse(string[] args, Dictionary<string, string> variables)
    {
        var parsed = InferenceHostCommand.Parse(args, variables.GetValueOrDefault, static file => throw new FileNotFoundException(file));
        Assert.True(parsed.TryGet(out var options, out _));
        return options;
    }
}
