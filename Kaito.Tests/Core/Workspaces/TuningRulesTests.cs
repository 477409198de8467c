using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core.Api;
using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.Workspaces;

namespace Kaito.Tests.Core.Workspaces;

public sealed class TuningRulesTests
{
    private const string Valid = """
        {"resource":{"instanceType":"x"},
         "tuning":{"preset":{"name":"phi-3.5-mini-instruct"},"method":"QLoRA","config":"mine",
          "input":{"name":"set","urls":["https://example.com/data.json"]},
          "output":{"image":"registry.example.com/team/adapter:1","imagePushSecret":"push"}}}
        """;

    [Fact]
    public void Parse_Valid_IsAJob()
    {
        var (tuning, errors) = Parse(Valid);

        Assert.Empty(errors);
        Assert.Equal((TuningMethod.Qlora, "mine"), (tuning!.Method, tuning.ConfigMap));
        Assert.Equal("https://example.com/data.json", Assert.Single(Assert.IsType<TuningInput.Urls>(tuning.Input).Addresses).ToString());
        Assert.Equal("push", Assert.IsType<TuningOutput.Image>(tuning.Output).PushSecret);
    }

    [Theory]
    [InlineData("resource.count", "1", "")]
    [InlineData("resource.count", "2", "resource.count tuning-on-one-node")]
    [InlineData("resource.partition", """{"mode":"mig"}""", "resource.partition partition-unsupported")]
    [InlineData("tuning.method", "\"lora\"", "")]
    [InlineData("tuning.method", "\"full\"", "tuning.method unknown-method")]
    [InlineData("tuning.method", "null", "tuning.method required")]
    [InlineData("tuning.preset", "null", "tuning.preset required")]
    [InlineData("tuning.preset.name", "\"phi-99\"", "tuning.preset.name unknown-preset")]
    [InlineData("tuning.preset.name", "\"gpt-oss-20b\"", "tuning.preset.name not-tunable")]
    [InlineData("tuning.input", "null", "tuning.input required")]
    [InlineData("tuning.input", "{}", "tuning.input one-source")]
    [InlineData("tuning.input.image", "\"i\"", "tuning.input one-source")]
    [InlineData("tuning.input", """{"image":"data"}""", "")]
    [InlineData("tuning.input", """{"image":"DATA:"}""", "tuning.input.image invalid-image")]
    [InlineData("tuning.input", """{"volumeSource":{"hostPath":{"path":"/d"}}}""", "")]
    [InlineData("tuning.input", """{"volume":{"hostPath":{"path":"/d"}}}""", "")]
    [InlineData("tuning.output", "null", "tuning.output required")]
    [InlineData("tuning.output", "{}", "tuning.output one-destination")]
    [InlineData("tuning.output", """{"image":"a","volumeSource":{}}""", "tuning.output one-destination")]
    [InlineData("tuning.output", """{"image":"a"}""", "tuning.output.imagePushSecret required")]
    [InlineData("tuning.output", """{"volumeSource":{"emptyDir":{}}}""", "")]
    public void Parse_OneChange_FindsWhatIsWrong(string path, string value, string expected)
    {
        var changed = Edit.Apply(Valid, $"{path}={value}");

        Assert.Equal(expected, string.Join('\n', Parse(changed).Errors.Select(static e => $"{e.Path} {e.Code}")));
    }

    [Theory]
    [InlineData("http://example.com/a?b=c", true)]
    [InlineData("https://8.8.8.8/a", true)]
    [InlineData("ftp://example.com/a", false)]
    [InlineData("file:///etc/passwd", false)]
    [InlineData("example.com/a", false)]
    [InlineData("http://localhost/a", false)]
    [InlineData("http://x.LOCALHOST./a", false)]
    [InlineData("http://127.0.0.1/a", false)]
    [InlineData("http://2130706433/a", false)]
    [InlineData("http://0x7f.1/a", false)]
    [InlineData("http://10.1.2.3/a", false)]
    [InlineData("http://172.31.0.1/a", false)]
    [InlineData("http://192.168.1.1/a", false)]
    [InlineData("http://169.254.169.254/latest/meta-data", false)]
    [InlineData("http://[::1]/a", false)]
    [InlineData("http://[::ffff:10.0.0.1]/a", false)]
    [InlineData("http://[fe80::1]/a", false)]
    [InlineData("http://metadata.google.internal/a", false)]
    [InlineData("http://instance-data.ec2.internal/a", false)]
    public void Parse_DownloadAddress_IsOutsideOfTheClustersNetworks(string url, bool accepted)
    {
        var root = JsonNode.Parse(Valid)!;
        root["tuning"]!["input"]!["urls"] = new JsonArray(url);

        var (_, errors) = Parse(root.ToJsonString());

        Assert.Equal(accepted ? [] : ["tuning.input.urls[0] invalid-url"], errors.Select(static e => $"{e.Path} {e.Code}"));
    }

    private static (TuningWorkload? Tuning, IEnumerable<Kaito.Core.FieldError> Errors) Parse(string json)
    {
        var resource = JsonSerializer.Deserialize(json, WorkspaceJson.Default.WorkspaceResource)!;
        var findings = new Findings();
        var tuning = TuningRules.Parse(
            resource, resource.Tuning!, new(ModelCatalog.Default, SkuCatalog.Azure), findings);
        return (tuning, findings.Errors);
    }
}
