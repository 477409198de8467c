using System.Text.Json.Nodes;
using Kaito.DevCluster.Apply;
using Kaito.DevCluster.Schemas;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.DevCluster.Apply;

public sealed class ManagedFieldsTests
{
    private static readonly ResourceType s_type = BuiltinTypes.All.Single(static type => type.Kind == "ConfigMap");
    private static readonly FieldCursor s_root = FieldCursor.Root(s_type, s_type.StorageVersion);

    [Fact]
    public void Apply_FirstTime_OwnsWhatTheManifestNames()
    {
        var result = Apply(null, "one", """{"a":"1"}""");

        Assert.Equal("""{"f:data":{"f:a":{}}}""", Owned(result, "one"));
    }

    [Fact]
    public void Apply_MemberNoLongerNamed_IsRemoved()
    {
        var live = Apply(null, "one", """{"a":"1","b":"2"}""");

        var result = Apply(live, "one", """{"b":"2"}""");

        Assert.Equal("""{"b":"2"}""", result["data"]!.ToJsonString());
    }

    [Fact]
    public void Apply_MemberNoLongerNamedButOwnedByAnother_Stays()
    {
        var live = Apply(Apply(null, "one", """{"a":"1"}"""), "two", """{"a":"1"}""");

        var result = Apply(live, "one", "{}");

        Assert.Equal("""{"a":"1"}""", result["data"]!.ToJsonString());
        Assert.Equal("""{"f:data":{"f:a":{}}}""", Owned(result, "two"));
    }

    [Fact]
    public void Apply_OtherValueForAMemberOfAnother_ConflictsAndNamesBoth()
    {
        var live = Apply(null, "one", """{"a":"1"}""");

        var refused = Assert.Throws<ApiStatusException>(() => Apply(live, "two", """{"a":"2"}"""));

        Assert.Equal(409, refused.Status.Code);
        Assert.Contains("conflict with \"one\": .data.a", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Apply_Forced_TakesTheMemberOver()
    {
        var live = Apply(null, "one", """{"a":"1"}""");

        var result = Apply(live, "two", """{"a":"2"}""", force: true);

        Assert.Equal("""{"a":"2"}""", result["data"]!.ToJsonString());
        Assert.Equal("", Owned(result, "one"));
    }

    [Fact]
    public void Update_ChangedMember_ChangesHands()
    {
        var live = Apply(null, "one", """{"a":"1","b":"2"}""");
        var next = live.Copy();
        next["data"]!["a"] = "9";

        ManagedFields.Update(live, next, s_root, Manager("edit"));

        Assert.Equal("""{"f:data":{"f:a":{}}}""", Owned(next, "edit"));
        Assert.Equal("""{"f:data":{"f:b":{}}}""", Owned(next, "one"));
    }

    private static JsonObject Apply(JsonObject? live, string manager, string values, bool force = false)
    {
        var manifest = (JsonObject)JsonNode.Parse("""{"metadata":{"name":"m"},"data":VALUES}"""
            .Replace("VALUES", values, StringComparison.Ordinal))!;
        return ManagedFields.Apply(live, manifest, s_root, Manager(manager), force);
    }

    private static FieldManager Manager(string name) => new(name, "v1", "", DateTimeOffset.UnixEpoch);

    private static string Owned(JsonObject item, string manager) => item.Objects("metadata", "managedFields")
        .SingleOrDefault(entry => entry.Text("manager") == manager)?["fieldsV1"]?.ToJsonString() ?? "";
}
