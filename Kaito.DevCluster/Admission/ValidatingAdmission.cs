using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Api;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Admission;

/// <summary>
/// Asks the webhooks of ValidatingWebhookConfigurations before a client's write, as the API server does: after the
/// schema, before the object is stored. The dev cluster's own controllers are not asked about, nor are deletes and scale.
/// </summary>
internal sealed class ValidatingAdmission(IClusterStore store, WebhookClient client, TimeProvider clock)
{
    public const string Create = "CREATE";
    public const string Update = "UPDATE";

    private static readonly GroupResource s_configurations =
        new("admissionregistration.k8s.io", "validatingwebhookconfigurations");

    private static readonly GroupResource s_namespaces = new("", "namespaces");

    /// <summary>Whether anybody has to be asked about such a write.</summary>
    public bool Concerns(ApiPath path, string operation) => Find(path, operation).Any();

    /// <summary>Asks all that the write concerns, and passes their warnings on.</summary>
    /// <param name="http">The client's request.</param>
    /// <param name="path">What is written.</param>
    /// <param name="after">As it would be stored.</param>
    /// <param name="before">As it is stored; null on create.</param>
    /// <exception cref="ApiStatusException">One of them denies it, or cannot be asked and may not be left out.</exception>
    public async Task AdmitAsync(HttpContext http, ApiPath path, JsonObject after, JsonObject? before)
    {
        var operation = before is null ? Create : Update;
        var home = path.Namespace is { } name ? store.Get(new(s_namespaces, null, name)) : null;
        foreach (var (webhook, definition) in Find(path, operation).ToImmutableArray())
        {
            if (Webhook.Selects(definition, home, after, before))
            {
                await AskAsync(http, path, webhook, after, before);
            }
        }
    }

    private IEnumerable<(Webhook Webhook, JsonObject Definition)> Find(ApiPath path, string operation) =>
        Webhook.Of(store.List(s_configurations).Items, path, operation);

    private async Task AskAsync(HttpContext http, ApiPath path, Webhook webhook, JsonObject after, JsonObject? before)
    {
        JsonObject response;
        try
        {
            response = await client.AskAsync(webhook, Review(http, path, webhook, after, before), http.RequestAborted);
        }
        catch (WebhookFailureException wrong)
        {
            if (webhook.Ignores)
            {
                return;
            }

            throw new ApiStatusException(new(
                500, "InternalError", $"Internal error occurred: failed calling webhook \"{webhook.Name}\": {wrong.Message}"));
        }

        foreach (var warning in response.Strings("warnings"))
        {
            ClientWarnings.Add(http, warning);
        }

        if (!response.Flag("allowed"))
        {
            throw Denied(webhook, response);
        }
    }

    private static ApiStatusException Denied(Webhook webhook, JsonObject response)
    {
        var status = response["status"] as JsonObject ?? [];
        var denied = $"admission webhook \"{webhook.Name}\" denied the request";
        var message = (status.Text("message"), status.Text("reason")) switch
        {
            ({ Length: > 0 } text, _) => $"{denied}: {text}",
            (_, { Length: > 0 } reason) => $"{denied}: {reason}",
            _ => $"{denied} without explanation",
        };
        var details = status["details"];
        return new(new(Math.Max(400, status.Number("code") ?? 0), status.Text("reason") ?? "", message)
        {
            Resource = new(details.Text("group") ?? "", ""),
            Kind = details.Text("kind"),
            Name = details.Text("name"),
            Causes =
            [
                .. details.Objects("causes").Select(static c => new StatusCause(
                    c.Text("reason") ?? "", c.Text("field") ?? "", c.Text("message") ?? "")),
            ],
        });
    }

    private JsonObject Review(HttpContext http, ApiPath path, Webhook webhook, JsonObject after, JsonObject? before) => new()
    {
        ["apiVersion"] = "admission.k8s.io/v1",
        ["kind"] = "AdmissionReview",
        ["request"] = new JsonObject
        {
            ["uid"] = Guid.CreateVersion7(clock.GetUtcNow()).ToString(),
            ["kind"] = Kind(path, webhook.Version),
            ["resource"] = Resource(path, webhook.Version),
            ["requestKind"] = Kind(path, path.Version.Name),
            ["requestResource"] = Resource(path, path.Version.Name),
            ["subResource"] = path.Subresource,
            ["requestSubResource"] = path.Subresource,
            ["name"] = after.Name,
            ["namespace"] = path.Namespace,
            ["operation"] = before is null ? Create : Update,
            ["userInfo"] = new JsonObject
            {
                ["username"] = "admin",
                ["groups"] = new JsonArray("system:masters", "system:authenticated"),
            },
            ["object"] = Shown(path, webhook.Version, after),
            ["oldObject"] = before is null ? null : Shown(path, webhook.Version, before),
            ["dryRun"] = http.Request.Query["dryRun"] == "All",
        },
    };

    private static JsonObject Kind(ApiPath path, string version) => new()
    {
        ["group"] = path.Type.Group,
        ["version"] = version,
        ["kind"] = path.Type.Kind,
    };

    private static JsonObject Resource(ApiPath path, string version) => new()
    {
        ["group"] = path.Type.Group,
        ["version"] = version,
        ["resource"] = path.Type.Plural,
    };

    private static JsonObject Shown(ApiPath path, string version, JsonObject value)
    {
        var shown = value.Copy();
        shown["apiVersion"] = path.Type.ApiVersion(version);
        shown["kind"] = path.Type.Kind;
        return shown;
    }
}
