using System.Text.Json.Nodes;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Cluster;
using Kaito.Operator.Workspaces;

namespace Kaito.Tests.Operator.Rendering;

public sealed class TemplateWorkloadTests
{
    private const string Pod =
        """
        {
          "metadata": {"labels": {"mine": "1"}, "annotations": {"keep": "me"}},
          "spec": {
            "containers": [{"name": "a", "image": "img:1", "readinessProbe": {"httpGet": {"port": "web"}},
              "fieldOfTomorrow": {"deep": [1, 2]}}],
            "affinity": {"podAffinity": {}},
            "tolerations": [{"key": "mine", "operator": "Exists"}],
            "hostUsers": false
          }
        }
        """;

    [Fact]
    public void Plan_Template_KeepsWhatItDoesNotKnowAndPutsThePodOnItsNodes()
    {
        var pods = WorkloadCases.Plan(Workspace(Pod)).Pods();

        var template = pods["spec"]!["template"]!;
        Assert.Equal("[1,2]", template["spec"]!["containers"]![0]!["fieldOfTomorrow"]!["deep"]!.ToJsonString());
        Assert.False((bool)template["spec"]!["hostUsers"]!);
        Assert.Equal("me", (string)template["metadata"]!["annotations"]!["keep"]!);
        Assert.Equal(
            """{"kaito.sh/workspace":"ws","mine":"1"}""",
            new JsonObject(template["metadata"]!["labels"]!.AsObject().OrderBy(static l => l.Key, StringComparer.Ordinal)
                .Select(static l => KeyValuePair.Create(l.Key, l.Value?.DeepClone()))).ToJsonString());
        Assert.Null(template["spec"]!["affinity"]!["podAffinity"]);
        Assert.Equal(
            ["apps", "kaito.sh/workspace", "kaito.sh/workspacenamespace"],
            template["spec"]!["affinity"]!["nodeAffinity"]!["requiredDuringSchedulingIgnoredDuringExecution"]!
                ["nodeSelectorTerms"]![0]!["matchExpressions"]!.AsArray().Select(static e => (string)e!["key"]!));
        Assert.Equal(
            ["mine", "nvidia.com/gpu", "sku", "kubernetes.azure.com/scalesetpriority"],
            template["spec"]!["tolerations"]!.AsArray().Select(static t => (string)t!["key"]!));
        Assert.Equal(2, (int)pods["spec"]!["replicas"]!);
    }

    [Fact]
    public void Plan_AmountsWrittenAsNumbers_AreTexts()
    {
        var pods = WorkloadCases.Plan(Workspace(
            """
            {"spec": {"containers": [{"name": "a", "image": "i", "ports": [{"containerPort": 80}],
              "resources": {"limits": {"nvidia.com/gpu": 1, "cpu": 0.5}, "requests": {"memory": "1Gi", "cpu": 2}}}],
              "volumes": [{"name": "v", "emptyDir": {"sizeLimit": 1000000}}]}}
            """)).Pods()["spec"]!["template"]!["spec"]!;

        var container = pods["containers"]![0]!;
        Assert.Equal(
            """{"limits":{"nvidia.com/gpu":"1","cpu":"0.5"},"requests":{"memory":"1Gi","cpu":"2"}}""",
            container["resources"]!.ToJsonString());
        Assert.Equal("""{"sizeLimit":"1000000"}""", pods["volumes"]![0]!["emptyDir"]!.ToJsonString());
        Assert.Equal(80, (int)container["ports"]![0]!["containerPort"]!);
    }

    [Fact]
    public void Plan_TemplateChanged_WholeWorkloadChangesInPlace()
    {
        var running = ReadBack(WorkloadCases.Plan(Workspace(Pod)));

        var next = WorkloadCases.Plan(
            Workspace(Pod.Replace("img:1", "img:2", StringComparison.Ordinal)),
            new() { Workload = running, Owned = [running] });

        Assert.Equal("img:2", (string)next.Pods()["spec"]!["template"]!["spec"]!["containers"]![0]!["image"]!);
        Assert.DoesNotContain(next.Remove, static o => o is StatefulSet);
    }

    [Fact]
    public void Plan_TemplateWithFieldsThatTheRecordsDoNotHold_IsServingWhenItsPodsAre()
    {
        var running = ReadBack(WorkloadCases.Plan(Workspace(Pod))) with { Status = new() { ReadyReplicas = 2 } };

        var plan = WorkloadCases.Plan(Workspace(Pod), new() { Workload = running, Owned = [running] });

        Assert.All(plan.Conditions, static c => Assert.Equal("True", c.Status));
    }

    // The API server fills in defaults.
    private static StatefulSet ReadBack(WorkspacePlan plan)
    {
        var stored = plan.Pods();
        stored["spec"]!["podManagementPolicy"] = "OrderedReady";
        return ObjectReader.Read(WorkloadCases.Element(stored.ToJsonString()), KubeKinds.StatefulSets);
    }

    private static Kaito.Core.Api.WorkspaceResource Workspace(string pod)
    {
        var workspace = WorkloadCases.Workspace("");
        return workspace with
        {
            Resource = workspace.Resource! with { Count = 2 },
            Inference = new() { Template = WorkloadCases.Element(pod) },
        };
    }
}
