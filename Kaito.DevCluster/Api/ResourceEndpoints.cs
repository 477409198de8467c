using System.Text.Json.Nodes;
using Kaito.DevCluster.Admission;
using Kaito.DevCluster.Apply;
using Kaito.DevCluster.Controllers;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Api;

/// <summary>The resource paths: objects, lists, watches and the status and scale subresources.</summary>
internal sealed class ResourceEndpoints(
    IClusterStore store, ResourceCatalog catalog, TimeProvider clock, PassThrough pass, ValidatingAdmission admission)
{
    public Task HandleAsync(HttpContext http)
    {
        var text = http.Request.Path.Value!;
        if (text.StartsWith("/apis/authorization.k8s.io/v1/", StringComparison.Ordinal))
        {
            return AccessReviews.AnswerAsync(http);
        }

        ClientWarnings.AddForOldKubectl(http);
        var path = ApiPath.Parse(text, catalog);
        return path switch
        {
            { Subresource: "log" or "proxy" } => pass.HandleAsync(http, path),
            { Name: null } => CollectionAsync(http, path),
            { Subresource: null or "status" or "finalize" } => ObjectAsync(http, path),
            { Subresource: "scale", Version.Scale: { } scale } => ScaleAsync(http, path, scale),
            _ => throw ApiStatusException.NoSuchPath(),
        };
    }

    private async Task CollectionAsync(HttpContext http, ApiPath path)
    {
        var query = http.Request.Query;
        var selector = ObjectSelector.Parse(query["labelSelector"], query["fieldSelector"]);
        switch (http.Request.Method)
        {
            case "GET" when query["watch"] is [("true" or "1")]:
                await WatchStream.RunAsync(http, path, store, selector);
                break;
            case "GET":
                await ApiAnswers.WriteListAsync(http, path, ListPages.Read(store, path, selector, query));
                break;
            case "POST":
                var body = await ReadAsync(http, path);
                ManagedFields.Update(null, body, FieldCursor.Root(path.Type, path.Version), Manager(http, path));
                var created = await CreateAsync(http, path, body);
                await ApiAnswers.WriteObjectAsync(http, path, created, 201);
                break;
            case "DELETE":
                await DeleteCollectionAsync(http, path, selector);
                break;
            default:
                throw ApiStatusException.MethodNotAllowed(http.Request.Method);
        }
    }

    private async Task ObjectAsync(HttpContext http, ApiPath path)
    {
        if (path.Subresource == "status" && !path.Version.HasStatus)
        {
            throw ApiStatusException.NoSuchPath();
        }

        switch (http.Request.Method)
        {
            case "GET" when http.Request.Query["watch"] is [("true" or "1")]:
                await WatchStream.RunAsync(http, path, store, ObjectSelector.OfFields($"metadata.name={path.Name}"));
                break;
            case "GET":
                await ApiAnswers.WriteObjectAsync(http, path, Require(path));
                break;
            case "PUT":
                await ReplaceAsync(http, path);
                break;
            case "PATCH":
                await PatchAsync(http, path);
                break;
            case "DELETE" when path.Subresource is null:
                await DeleteAsync(http, path);
                break;
            default:
                throw ApiStatusException.MethodNotAllowed(http.Request.Method);
        }
    }

    private async Task ReplaceAsync(HttpContext http, ApiPath path)
    {
        var body = await ReadAsync(http, path);
        RequireName(path, body);
        if (store.Get(path.Key) is { } live)
        {
            ManagedFields.Update(live, body, FieldCursor.Root(path.Type, path.Version), Manager(http, path));
        }

        var stored = await RetryAsync(Patching.NamesVersion(body), () => WriteAsync(http, path, body.Copy()));
        await ApiAnswers.WriteObjectAsync(http, path, stored);
    }

    private async Task PatchAsync(HttpContext http, ApiPath path)
    {
        var patch = await ApiBody.ReadAsync(http.Request, http.RequestAborted)
            ?? throw ApiStatusException.BadRequest("the patch is empty");
        var kind = http.Request.ContentType?.Split(';')[0].Trim() ?? "";
        if (kind.StartsWith("application/apply-patch", StringComparison.Ordinal))
        {
            await ApplyAsync(http, path, patch as JsonObject ?? throw ApiStatusException.BadRequest("the body is no object"));
            return;
        }

        var stored = await RetryAsync(Patching.NamesVersion(patch), () =>
        {
            var live = Require(path);
            ApiAnswers.SetVersion(path, live);
            var next = Patching.Patched(path.Type, kind, live, patch);
            EventForms.ToStored(path, live);
            Accept(http, path, next);
            RequireName(path, next);
            ManagedFields.Update(live, next, FieldCursor.Root(path.Type, path.Version), Manager(http, path));
            return WriteAsync(http, path, next);
        });
        await ApiAnswers.WriteObjectAsync(http, path, stored);
    }

    private async Task ApplyAsync(HttpContext http, ApiPath path, JsonObject manifest)
    {
        var manager = http.Request.Query["fieldManager"].ToString();
        if (manager.Length == 0)
        {
            throw ApiStatusException.BadRequest("fieldManager is required for apply patch");
        }

        RequireKind(path, manifest);
        Accept(http, path, manifest);
        RequireName(path, manifest);
        var force = http.Request.Query["force"] == "true";
        var at = FieldCursor.Root(path.Type, path.Version);
        var created = false;
        var stored = await RetryAsync(Patching.NamesVersion(manifest), () =>
        {
            var live = store.Get(path.Key);
            created = live is null;
            var merged = ManagedFields.Apply(live, manifest, at, Manager(http, path), force);
            return created && path.Subresource is null
                ? CreateAsync(http, path, merged)
                : WriteAsync(http, path, merged);
        });
        await ApiAnswers.WriteObjectAsync(http, path, stored, created ? 201 : 200);
    }

    /// <summary>Reads and writes again when another write came between, unless the client names a version.</summary>
    private static async Task<JsonObject> RetryAsync(bool once, Func<Task<JsonObject>> write)
    {
        for (var left = once ? 0 : 4; left > 0; left--)
        {
            try
            {
                return await write();
            }
            catch (ApiStatusException conflict) when (
                conflict.Status is { Reason: "Conflict" or "AlreadyExists", Causes.Length: 0 })
            {
                // Look again.
            }
        }

        return await write();
    }

    private async Task<JsonObject> CreateAsync(HttpContext http, ApiPath path, JsonObject body)
    {
        if (admission.Concerns(path, ValidatingAdmission.Create))
        {
            // The webhooks see the object as it would be stored, under the name that it will have.
            var candidate = store.Create(path.Resource, path.Namespace, body, dryRun: true);
            body.Child("metadata")["name"] = candidate.Name;
            await admission.AdmitAsync(http, path, candidate, null);
        }

        return store.Create(path.Resource, path.Namespace, body, DryRun(http));
    }

    private async Task<JsonObject> WriteAsync(HttpContext http, ApiPath path, JsonObject value)
    {
        if (admission.Concerns(path, ValidatingAdmission.Update) && store.Get(path.Key) is { } live)
        {
            await admission.AdmitAsync(http, path, Write(path, value, dryRun: true), live);

            // What was admitted is a change of this version; of another it would be another change.
            value.Child("metadata").Default("resourceVersion", live.Text("metadata", "resourceVersion")!);
        }

        return Write(path, value, DryRun(http));
    }

    private async Task ScaleAsync(HttpContext http, ApiPath path, ScalePaths scale)
    {
        var live = Require(path);
        if (http.Request.Method == "GET")
        {
            await ApiAnswers.WriteAsync(http, ScaleView.Of(live, scale));
            return;
        }

        var view = ScaleView.Of(live, scale);
        var body = await ApiBody.ReadAsync(http.Request, http.RequestAborted) ?? new JsonObject();
        var wanted = http.Request.Method switch
        {
            "PUT" => body as JsonObject ?? [],
            "PATCH" => Patching.Patched(path.Type, http.Request.ContentType?.Split(';')[0] ?? "", view, body),
            _ => throw ApiStatusException.MethodNotAllowed(http.Request.Method),
        };
        var before = live.Copy();
        ScaleView.SetReplicas(path, live, wanted, scale);
        ManagedFields.Update(before, live, FieldCursor.Root(path.Type, path.Version), Manager(http, path));
        var stored = store.Update(path.Resource, path.Namespace, live, DryRun(http));
        await ApiAnswers.WriteAsync(http, ScaleView.Of(stored, scale));
    }

    private async Task DeleteAsync(HttpContext http, ApiPath path)
    {
        var body = await ApiBody.ReadAsync(http.Request, http.RequestAborted) as JsonObject;
        var (value, gone) = store.Delete(path.Key, Deletes.Parse(body, http.Request.Query));
        if (!gone)
        {
            await ApiAnswers.WriteObjectAsync(http, path, value);
            return;
        }

        await ApiAnswers.WriteAsync(http, Deletes.Success(path, value));
    }

    private async Task DeleteCollectionAsync(HttpContext http, ApiPath path, ObjectSelector selector)
    {
        var body = await ApiBody.ReadAsync(http.Request, http.RequestAborted) as JsonObject;
        var request = Deletes.Parse(body, http.Request.Query);
        var list = store.List(path.Resource, path.Namespace, selector);
        foreach (var item in list.Items)
        {
            Gone(() => store.Delete(path.Resource.KeyOf(item), request));
        }

        await ApiAnswers.WriteListAsync(http, path, new(list, null, 0));
    }

    private static async Task<JsonObject> ReadAsync(HttpContext http, ApiPath path)
    {
        var body = await ApiBody.ReadObjectAsync(http.Request, http.RequestAborted);
        RequireKind(path, body);
        Accept(http, path, body);
        return body;
    }

    // A written object, from here on in the stored form and with members of the right types.
    private static void Accept(HttpContext http, ApiPath path, JsonObject value)
    {
        EventForms.ToStored(path, value);
        ObjectShape.Require(path.Type, value);
        FieldValidation.Apply(http, path, value);
    }

    // Someone else may have deleted it since the list.
    private static void Gone(Action delete)
    {
        try
        {
            delete();
        }
        catch (ApiStatusException gone) when (gone.Status.Code == 404)
        {
        }
    }

    private JsonObject Write(ApiPath path, JsonObject value, bool dryRun) => path.Subresource == "status"
        ? store.UpdateStatus(path.Resource, path.Namespace, value, dryRun)
        : store.Update(path.Resource, path.Namespace, value, dryRun);

    private JsonObject Require(ApiPath path) =>
        store.Get(path.Key) ?? throw ApiStatusException.NotFound(path.Resource, path.Name!);

    private FieldManager Manager(HttpContext http, ApiPath path)
    {
        var name = http.Request.Query["fieldManager"].ToString();
        if (name.Length == 0)
        {
            name = http.Request.Headers.UserAgent.ToString().Split('/')[0];
        }

        return new(name.Length == 0 ? "unknown" : name, path.ApiVersion, path.Subresource ?? "", clock.GetUtcNow());
    }

    private static bool DryRun(HttpContext http) => http.Request.Query["dryRun"] == "All";

    private static void RequireKind(ApiPath path, JsonObject body)
    {
        var (version, kind) = (body.String("apiVersion"), body.String("kind"));
        if ((version is not null && version != path.ApiVersion) || (kind is not null && kind != path.Type.Kind))
        {
            throw ApiStatusException.BadRequest(
                $"{kind} in version \"{version}\" cannot be handled as a {path.Type.Kind} of \"{path.ApiVersion}\": "
                + "apiVersion and kind must agree with the path");
        }
    }

    private static void RequireName(ApiPath path, JsonObject body)
    {
        var meta = body.Child("metadata");
        var name = meta.String("name");
        if (name is { Length: > 0 } && name != path.Name)
        {
            throw ApiStatusException.BadRequest(
                $"the name of the object ({name}) does not match the name on the URL ({path.Name})");
        }

        meta["name"] = path.Name;
    }
}
