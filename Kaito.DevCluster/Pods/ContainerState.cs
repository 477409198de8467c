using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Pods;

/// <summary>What a container does now.</summary>
internal abstract record ContainerPhase
{
    private ContainerPhase() { }

    public sealed record Waiting(string Reason, string Message) : ContainerPhase;

    public sealed record Running(DateTimeOffset Since) : ContainerPhase;

    public sealed record Terminated(
        int ExitCode, string Reason, string Message, DateTimeOffset Since, DateTimeOffset Until) : ContainerPhase;

    /// <summary>As <c>state</c> or <c>lastState</c> of a container status.</summary>
    public JsonObject Render() => this switch
    {
        Waiting w => new() { ["waiting"] = WithMessage(new() { ["reason"] = w.Reason }, w.Message) },
        Running r => new() { ["running"] = new JsonObject { ["startedAt"] = Fields.Stamp(r.Since) } },
        Terminated t => new()
        {
            ["terminated"] = WithMessage(
                new()
                {
                    ["exitCode"] = t.ExitCode,
                    ["reason"] = t.Reason,
                    ["startedAt"] = Fields.Stamp(t.Since),
                    ["finishedAt"] = Fields.Stamp(t.Until),
                },
                t.Message),
        },
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static JsonObject WithMessage(JsonObject state, string message)
    {
        if (message.Length > 0)
        {
            state["message"] = message;
        }

        return state;
    }
}

/// <summary>One container as its pod's status shows it.</summary>
internal sealed record ContainerState(string Name, string Image, bool Init)
{
    public ContainerPhase Phase { get; init; } = new ContainerPhase.Waiting("ContainerCreating", "");

    public ContainerPhase.Terminated? Last { get; init; }

    public int Restarts { get; init; }

    public bool Started { get; init; }

    public bool Ready { get; init; }

    public JsonObject Render()
    {
        var done = Init && Phase is ContainerPhase.Terminated { ExitCode: 0 };
        return new()
        {
            ["name"] = Name,
            ["image"] = Image,
            ["imageID"] = Phase is ContainerPhase.Waiting ? "" : $"process://{ImageReference.NameOf(Image)}",
            ["containerID"] = Phase is ContainerPhase.Waiting ? "" : $"process://{Name}-{Restarts}",
            ["ready"] = done || (Phase is ContainerPhase.Running && Ready),
            ["started"] = Phase is ContainerPhase.Running && Started,
            ["restartCount"] = Restarts,
            ["state"] = Phase.Render(),
            ["lastState"] = Last?.Render() ?? [],
        };
    }
}
