using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Pods;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Controllers;

/// <summary>Runs the pods of Jobs to completion.</summary>
internal sealed class JobReconciler(IClusterStore store, EventRecorder events, PodOptions options, TimeProvider clock)
    : IReconciler
{
    private const string UidLabel = "batch.kubernetes.io/controller-uid";

    public string Name => "job-controller";

    public ImmutableArray<WatchRule> Watches =>
    [
        WatchRule.Itself(Resources.Jobs),
        new(Resources.Pods, static pod => Resources.Jobs.ControllerKey("Job", pod)),
    ];

    public TimeSpan? Reconcile(ObjectKey key)
    {
        if (store.Get(key) is not { Deleting: false } job)
        {
            return null;
        }

        var pods = store.List(Resources.Pods, job.Namespace, ObjectSelector.Everything).Items
            .Where(pod => Resources.ControlledBy(pod, job)).ToArray();
        var plan = JobPlanner.Plan(job, pods, options.RestartPause, clock.GetUtcNow());
        if (plan.Remove)
        {
            store.Delete(key, new() { Uid = job.Uid });
            return null;
        }

        for (var i = 0; i < plan.Create; i++)
        {
            var pod = events.Reporting(job, "Error creating: ", Name, () =>
                store.Create(Resources.Pods, job.Namespace, Render(job)));
            events.Normal(job, "SuccessfulCreate", $"Created pod: {pod.Name}", Name);
        }

        foreach (var pod in plan.Delete)
        {
            store.Delete(Resources.Pods.KeyOf(pod), new() { Uid = pod.Uid });
        }

        if (!JsonNode.DeepEquals(plan.Status, job["status"]))
        {
            store.ModifyStatus(key, stored => stored["status"] = plan.Status.DeepClone());
        }

        return plan.RecheckAfter;
    }

    private static JsonObject Render(JsonObject job)
    {
        var pod = PodTemplates.Pod(job, job.At("spec", "template"), Resources.OwnerReference(job, "batch/v1", "Job"));
        pod.Child("metadata")["generateName"] = $"{job.Name}-";
        var labels = pod.Child("metadata", "labels");
        labels[UidLabel] = job.Uid;
        labels["batch.kubernetes.io/job-name"] = job.Name;
        labels["controller-uid"] = job.Uid;
        labels["job-name"] = job.Name;
        return pod;
    }
}
