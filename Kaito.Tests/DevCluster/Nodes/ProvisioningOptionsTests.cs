using System.Text.Json.Nodes;
using Kaito.DevCluster.Nodes;
using Microsoft.Extensions.Configuration;

namespace Kaito.Tests.DevCluster.Nodes;

public sealed class ProvisioningOptionsTests
{
    [Theory]
    [InlineData("250ms", 250.0)]
    [InlineData("2s", 2000.0)]
    [InlineData("1.5m", 90_000.0)]
    [InlineData("1h", 3_600_000.0)]
    [InlineData("0", 0.0)]
    [InlineData("5", null)]
    [InlineData("-5s", null)]
    [InlineData("soon", null)]
    [InlineData("99999999h", null)]
    public void ParseDuration_Text_GivesMillisecondsOrNothing(string text, double? milliseconds) =>
        Assert.Equal(milliseconds, ProvisioningOptions.ParseDuration(text)?.TotalMilliseconds);

    [Theory]
    [InlineData("""{}""", ProvisioningMode.NoQuota, 1)]
    [InlineData("""{"devcluster.kaito.sh/provisioning":"ok"}""", ProvisioningMode.Ok, 1)]
    [InlineData("""{"devcluster.kaito.sh/provisioning":"slow"}""", ProvisioningMode.Slow, 60)]
    [InlineData("""{"devcluster.kaito.sh/provisioning":"no-capacity"}""", ProvisioningMode.NoCapacity, 1)]
    [InlineData("""{"devcluster.kaito.sh/provisioning":"broken"}""", ProvisioningMode.NoQuota, 1)]
    [InlineData("""{"devcluster.kaito.sh/provisioning-delay":"7s"}""", ProvisioningMode.NoQuota, 7)]
    public void For_Annotations_WinOverTheCommandLine(string annotations, object mode, int seconds)
    {
        var options = Read(("node-mode", "no-quota"), ("node-delay", "1s"), ("node-slow-delay", "1m"));
        var claim = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = JsonNode.Parse(annotations) } };

        Assert.Equal(((ProvisioningMode)mode, TimeSpan.FromSeconds(seconds)), options.For(claim));
    }

    [Theory]
    [InlineData("node-mode", "never")]
    [InlineData("node-delay", "soon")]
    public void Read_ValueThatCannotBeRead_IsNamed(string key, string value)
    {
        var refused = Assert.Throws<ArgumentException>(() => Read((key, value)));

        Assert.Contains($"--{key} {value}", refused.Message, StringComparison.Ordinal);
    }

    private static ProvisioningOptions Read(params (string Key, string Value)[] settings) => ProvisioningOptions.Read(
        new ConfigurationBuilder().AddInMemoryCollection(
            settings.Select(static s => KeyValuePair.Create(s.Key, (string?)s.Value))).Build());
}
