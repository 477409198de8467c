using Kaito.RagEngine.Indexing;

namespace Kaito.Tests.RagEngine.Indexing;

public sealed class ContentHashTests
{
    private const string Metadata = """{"type":"text"}""";

    [Theory]
    [InlineData("First document in index1", "1e64a170be48c45efeaa8667ab35919106da0489ec99a11d0029f2842db133aa")]
    [InlineData("First document in index2", "a222f875b83ce8b6eb72b3cae278b620de9bcc7c6b73222424d3ce979d1a463b")]
    public void Node_UpstreamsDocuments_HaveTheHashesOfFaiss(string text, string hash) =>
        Assert.Equal(hash, ContentHash.Node(text, Metadata));

    [Theory]
    [InlineData("First document in index1", "81bedde64ebbcd5217992ff7d90fac992c4d7a654e72e76cf5e61c7d45e59afe")]
    [InlineData("First document in index2", "14f429304e79db9825c4e221723cb90d065978c10972af3a2479de1305e9219d")]
    public void Document_UpstreamsDocuments_HaveTheHashesOfQdrant(string text, string hash) =>
        Assert.Equal(hash, ContentHash.Document(text, Metadata));
}
