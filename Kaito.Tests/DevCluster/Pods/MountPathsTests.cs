using System.Text.Json.Nodes;
using Kaito.DevCluster.Pods;

namespace Kaito.Tests.DevCluster.Pods;

public sealed class MountPathsTests
{
    [Theory]
    [InlineData("/mnt/config", "/v/config")]
    [InlineData("--config=/mnt/config/a.json", "--config=/v/config/a.json")]
    [InlineData("/mnt/config:/mnt/config/deep", "/v/config:/v/deep/part")]
    [InlineData("/mnt/config-old", "/mnt/config-old")]
    [InlineData("/mnt/config.d", "/mnt/config.d")]
    [InlineData("/x/mnt/config", "/x/mnt/config")]
    [InlineData("/none", "/none")]
    [InlineData("", "")]
    public void Rewrite_WholePathsUnderAMount_BecomeLocal(string text, string expected)
    {
        var container = (JsonObject)JsonNode.Parse("""
            {"volumeMounts":[
              {"name":"config","mountPath":"/mnt/config/"},
              {"name":"deep","mountPath":"/mnt/config/deep","subPath":"part"},
              {"name":"none","mountPath":"/none"}]}
            """)!;
        var mounts = MountPaths.Of(
            container, new Dictionary<string, string> { ["config"] = "/v/config", ["deep"] = "/v/deep" });

        Assert.Equal(expected, mounts.Rewrite(text));
    }
}
