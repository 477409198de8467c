using Kaito.Core.Catalog;
using Kaito.Core.Hardware;
using Kaito.Core.Workspaces;
using Kaito.Operator.Nodes;
using Kaito.Tests.Operator.Rendering;

namespace Kaito.Tests.Operator.Nodes;

public sealed class NodePoolNameTests
{
    // Section 11.2 of the specification.
    [Theory]
    [InlineData("default", "workspace-phi-4", "default-workspace-phi-4")]
    [InlineData(
        "team-with-a-fairly-long-namespace-name", "inferenceset-with-a-long-name-too-abcde",
        "team-with-a-fairly-long-namespace-name-inferenceset-w-8c0bf45b2")]
    public void Name_OfAWorkspace_IsUpstreams(string space, string name, string expected)
    {
        var resource = WorkloadCases.Workspace("phi-4");
        resource = resource with { Metadata = resource.Metadata with { Namespace = space, Name = name } };
        Assert.True(
            WorkspaceParser.Parse(resource, new(ModelCatalog.Default, SkuCatalog.Azure)).TryGet(out var workspace, out _));

        Assert.Equal(expected, NodePools.Name(NodeDemand.Of(workspace), []));
    }
}
