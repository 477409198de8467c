using System.Text.Json;
using Kaito.Core.Api;
using Kaito.Core.Workspaces;

namespace Kaito.Tests.Core.Workspaces;

public sealed class WorkspaceHashTests
{
    private const string Upstream = "79481fc3fe0b437cb8d04a218a639eb2f1976056e3dce2f6353be27efbd9b01c";

    [Fact]
    public void Of_UpstreamExample_IsUpstreamHash()
    {
        var hash = WorkspaceHash.Of(Read("phi-4-mini", """{"name":"phi-4-mini-instruct","accessMode":"public"}"""));

        Assert.Equal(Upstream, hash);
        Assert.Equal("ws-79481", WorkspaceHash.RevisionName("ws", hash));
    }

    [Fact]
    public void Of_OtherPreset_IsAnotherHash() =>
        Assert.NotEqual(Upstream, WorkspaceHash.Of(Read("phi-4-mini", """{"name":"phi-4","accessMode":"public"}""")));

    [Fact]
    public void Of_OtherLabelSelector_IsAnotherHash() => Assert.NotEqual(
        Upstream, WorkspaceHash.Of(Read("a<b>&'c'", """{"name":"phi-4-mini-instruct","accessMode":"public"}""")));

    private static WorkspaceResource Read(string apps, string preset) => JsonSerializer.Deserialize(
        $$"""
        {"resource":{"count":1,"instanceType":"Standard_NC24ads_A100_v4","labelSelector":{"matchLabels":{"apps":"{{apps}}"} } },
         "inference":{"preset":{{preset}} } }
        """,
        WorkspaceJson.Default.WorkspaceResource)!;
}
