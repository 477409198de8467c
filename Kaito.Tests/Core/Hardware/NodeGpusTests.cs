using System.Collections.Immutable;
using Kaito.Core.Hardware;

namespace Kaito.Tests.Core.Hardware;

public sealed class NodeGpusTests
{
    private const string A100 = "nvidia.com/gpu.product=NVIDIA-A100,nvidia.com/gpu.count=2,nvidia.com/gpu.memory=81920";

    [Fact]
    public void Read_LikeNodes_GivesGpusAndMemoryOfOneNode()
    {
        var sku = NodeGpus.Read([Node("a", A100), Node("b", A100)], out var problem);

        Assert.Null(problem);
        Assert.Equal((2, "160Gi", "NVIDIA-A100"), (sku!.Gpus, sku.GpuMemory.ToString(), sku.GpuModel));
        Assert.Equal(new Version(0, 0), sku.ComputeCapability);
    }

    [Theory]
    [InlineData(81559, "80Gi")]
    [InlineData(23028, "22Gi")]
    [InlineData(512, "1Gi")]
    public void Read_MebibytesOfOneGpu_AreRoundedToGibibytes(int mib, string expected) => Assert.Equal(
        expected,
        NodeGpus.Read(
            [Node("a", $"nvidia.com/gpu.product=X,nvidia.com/gpu.count=1,nvidia.com/gpu.memory={mib}")], out _)!
            .GpuMemory.ToString());

    [Fact]
    public void Read_ComputeCapabilityIsTold_IsTaken() => Assert.Equal(
        new Version(8, 6),
        NodeGpus.Read([Node("a", $"{A100},nvidia.com/cuda.compute.major=8,nvidia.com/cuda.compute.minor=6")], out _)!
            .ComputeCapability);

    [Theory]
    [InlineData("nvidia.com/gpu.product=NVIDIA-A100,nvidia.com/gpu.count=2", "lacks the label nvidia.com/gpu.memory")]
    [InlineData("nvidia.com/gpu.count=2,nvidia.com/gpu.memory=81920", "lacks the label nvidia.com/gpu.product")]
    [InlineData("nvidia.com/gpu.product=X,nvidia.com/gpu.count=two,nvidia.com/gpu.memory=1", "nvidia.com/gpu.count=two")]
    [InlineData("", "lacks the label nvidia.com/gpu.product")]
    public void Read_ReadyNodeDoesNotTell_NamesNodeAndLabel(string labels, string expected)
    {
        Assert.Null(NodeGpus.Read([Node("a", A100), Node("b", labels)], out var problem));
        Assert.Contains("Node b", problem, StringComparison.Ordinal);
        Assert.Contains(expected, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NodeThatIsNotReadyDoesNotTell_TheOthersCount()
    {
        var sku = NodeGpus.Read([Node("a", "", ready: false), Node("b", A100)], out var problem);

        Assert.Equal((2, null), (sku!.Gpus, problem));
    }

    [Theory]
    [InlineData("nvidia.com/gpu.product=NVIDIA-H100,nvidia.com/gpu.count=2,nvidia.com/gpu.memory=81920", "product NVIDIA-H100")]
    [InlineData("nvidia.com/gpu.product=NVIDIA-A100,nvidia.com/gpu.count=4,nvidia.com/gpu.memory=81920", "count 4")]
    [InlineData("nvidia.com/gpu.product=NVIDIA-A100,nvidia.com/gpu.count=2,nvidia.com/gpu.memory=40960", "memory of 80Gi")]
    public void Read_NodesDiffer_NamesTheNodeAndTheDifference(string labels, string expected)
    {
        Assert.Null(NodeGpus.Read([Node("odd", labels, ready: false), Node("a", A100)], out var problem));
        Assert.Contains("node odd has", problem, StringComparison.Ordinal);
        Assert.Contains(expected, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NoNodes_IsUnknownAndNoProblem()
    {
        Assert.Null(NodeGpus.Read([], out var problem));
        Assert.Null(problem);
    }

    internal static ExistingNode Node(string name, string labels, bool ready = true) => new(
        name, ready,
        labels.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static l => l.Split('='))
            .ToImmutableSortedDictionary(static l => l[0], static l => l[1]));
}
