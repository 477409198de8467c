using System.Text.Json;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Workspaces;

namespace Kaito.Tests.Operator.Workspaces;

public sealed class PodDiagnosisTests
{
    private const string Killed =
        """
        {"containerStatuses":[{"name":"c","state":{"waiting":{"reason":"CrashLoopBackOff"}},
         "lastState":{"terminated":{"reason":"OOMKilled"}}}]}
        """;

    private const string Crashed =
        """
        {"containerStatuses":[{"name":"c","restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}},
         "lastState":{"terminated":{"exitCode":3}}}]}
        """;

    private const string CrashedWithWords =
        """
        {"containerStatuses":[{"name":"c","restartCount":1,"state":{"waiting":{"reason":"CrashLoopBackOff"}},
         "lastState":{"terminated":{"exitCode":3,"message":"no model"}}}]}
        """;

    [Theory]
    [InlineData("""{"phase":"Running"}""", null, null)]
    [InlineData(Killed, "ContainerOOMKilled", "p/c ran out of memory")]
    [InlineData(
        """{"containerStatuses":[{"name":"c","state":{"waiting":{"reason":"ErrImagePull","message":"not found"}}}]}""",
        "ImagePullError", "p/c: ErrImagePull: not found")]
    [InlineData(
        """
        {"initContainerStatuses":[{"name":"i",
         "state":{"waiting":{"reason":"CreateContainerConfigError","message":"x"}}}]}
        """,
        "ContainerStartError", "p/i: CreateContainerConfigError: x")]
    [InlineData(Crashed, "ContainerCrashLoopBackOff", "p/c restarted 4 times: exit code 3")]
    [InlineData(CrashedWithWords, "ContainerCrashLoopBackOff", "p/c restarted 1 times: no model")]
    [InlineData(
        """{"phase":"Failed","reason":"Evicted","message":"low on ephemeral-storage"}""", "NodeDiskPressure",
        "p: low on ephemeral-storage")]
    [InlineData(
        """{"phase":"Failed","reason":"Evicted","message":"low on memory"}""", "NodeMemoryPressure",
        "p: low on memory")]
    [InlineData("""{"phase":"Failed","reason":"Evicted","message":"taint"}""", "PodEvicted", "p: taint")]
    [InlineData(
        """
        {"phase":"Pending",
         "conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/1"}]}
        """,
        "Unschedulable", "p: 0/1")]
    public void Find_Status_TellsReasonMessageAndNextStep(string status, string? reason, string? message)
    {
        var found = PodDiagnosis.Find([Pod("p", status)]);

        Assert.Equal(reason, found?.Reason);
        Assert.StartsWith(message is null ? "" : $"{message}. Next: ", found?.Message ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void Find_SeveralTroubles_TheMostTellingComesFirst()
    {
        var unschedulable =
            """{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable"}]}""";

        Assert.Equal(
            "ContainerOOMKilled",
            PodDiagnosis.Find([Pod("a", unschedulable), Pod("b", Crashed), Pod("c", Killed)])?.Reason);
        Assert.Equal(
            "ContainerCrashLoopBackOff", PodDiagnosis.Find([Pod("a", unschedulable), Pod("b", Crashed)])?.Reason);
    }

    [Fact]
    public void Cut_LongMessage_KeepsTheFirst256Characters()
    {
        Assert.Equal(new string('x', 256), PodDiagnosis.Cut(new string('x', 256)));
        Assert.Equal(new string('x', 256) + "...", PodDiagnosis.Cut(new string('x', 257)));
    }

    private static Pod Pod(string name, string status) => new()
    {
        Metadata = new() { Name = name },
        Status = JsonSerializer.Deserialize($$"""{"status":{{status}} }""", KubeJson.Default.Pod)!.Status,
    };
}
