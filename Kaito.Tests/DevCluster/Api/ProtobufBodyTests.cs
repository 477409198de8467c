using System.Text;
using Kaito.DevCluster.Api;
using Kaito.DevCluster.Storage;

namespace Kaito.Tests.DevCluster.Api;

public sealed class ProtobufBodyTests
{
    [Fact]
    public void Parse_Namespace_ReadsNameAndLabels()
    {
        var label = Field(11, [.. Field(1, "team"), .. Field(2, "ai")]);

        var value = ProtobufBody.Parse(Body("v1", "Namespace", Field(1, [.. Field(1, "shop"), .. label])));

        Assert.Equal("""{"metadata":{"name":"shop","labels":{"team":"ai"}},"apiVersion":"v1","kind":"Namespace"}""",
            value.ToJsonString());
    }

    [Fact]
    public void Parse_Service_ReadsPortsByNumberAndName()
    {
        byte[] port = [.. Field(1, "http"), .. Number(3, 80), .. Field(4, [.. Number(1, 1), .. Field(3, "web")])];

        var value = ProtobufBody.Parse(Body("v1", "Service", Field(2, Field(1, port))));

        Assert.Equal("""[{"name":"http","port":80,"targetPort":"web"}]""", value.At("spec", "ports")!.ToJsonString());
    }

    [Fact]
    public void Parse_AccessReview_ReadsWhatIsAsked()
    {
        byte[] attributes = [.. Field(2, "create"), .. Field(5, "pods")];

        var value = ProtobufBody.Parse(
            Body("authorization.k8s.io/v1", "SelfSubjectAccessReview", Field(2, Field(1, attributes))));

        Assert.Equal("""{"verb":"create","resource":"pods"}""", value.At("spec", "resourceAttributes")!.ToJsonString());
    }

    [Theory]
    [InlineData(5)]
    [InlineData(9)]
    [InlineData(20)]
    public void Parse_CutOff_Is400(int length)
    {
        var body = Body("v1", "Namespace", Field(1, Field(1, "shop")));

        var refused = Assert.Throws<ApiStatusException>(() => ProtobufBody.Parse(body.AsSpan(0, length)));

        Assert.Equal(400, refused.Status.Code);
    }

    [Fact]
    public void Parse_UnknownKind_Is415ThatNamesIt()
    {
        var refused = Assert.Throws<ApiStatusException>(() => ProtobufBody.Parse(Body("v1", "Gadget", [])));

        Assert.Equal(415, refused.Status.Code);
        Assert.Contains("Gadget", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_MemberThatIsNotRead_IsRefusedRatherThanLost()
    {
        var refused = Assert.Throws<ApiStatusException>(() =>
            ProtobufBody.Parse(Body("v1", "ConfigMap", Field(9, "something"))));

        Assert.Contains("field 9 of ConfigMap", refused.Message, StringComparison.Ordinal);
    }

    private static byte[] Body(string version, string kind, byte[] raw) =>
        [.. "k8s\0"u8, .. Field(1, [.. Field(1, version), .. Field(2, kind)]), .. Field(2, raw)];

    private static byte[] Field(int number, string text) => Field(number, Encoding.UTF8.GetBytes(text));

    // All below 128, so that lengths take one byte.
    private static byte[] Field(int number, byte[] content) =>
        [(byte)((number << 3) | 2), (byte)content.Length, .. content];

    private static byte[] Number(int number, int value) => [(byte)(number << 3), (byte)value];
}
