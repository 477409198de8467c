using System.Reflection;

namespace Kaito.Tests.Architecture;

public sealed class DependencyTests
{
    /// <summary>The table of docs/architecture.md: what each project may reference.</summary>
    public static TheoryData<string, string[]> Allowed => new()
    {
        { "Kaito.Core", [] },
        { "Kaito.OpenAI", [] },
        { "Kaito.Tokenization", [] },
        { "Kaito.ServiceDefaults", [] },
        { "Kaito.Embeddings", ["Kaito.Compat.OnnxRuntime"] },
        {
            "Kaito.RagEngine",
            ["Kaito.Core", "Kaito.OpenAI", "Kaito.Tokenization", "Kaito.ServiceDefaults", "Kaito.Embeddings",
                "Kaito.Compat.Qdrant.Client"]
        },
        { "Kaito.ModelBuilder", ["Kaito.Core", "Kaito.Tokenization"] },
        {
            "Kaito.InferenceHost",
            ["Kaito.Core", "Kaito.OpenAI", "Kaito.Tokenization", "Kaito.ModelBuilder", "Kaito.ServiceDefaults",
                "Kaito.Embeddings", "Kaito.Compat.OnnxRuntime"]
        },
        { "Kaito.Operator", ["Kaito.Core", "Kaito.ServiceDefaults", "Kaito.Compat.KubernetesClient"] },
        { "Kaito.DevCluster", ["Kaito.Core"] },
        { "Kaito.Hosting", ["Kaito.Core", "Kaito.Compat.Aspire.Hosting"] },
    };

    [Theory]
    [MemberData(nameof(Allowed))]
    public void Assembly_References_StayWithinTheMap(string assembly, string[] allowed) =>
        Assert.Empty(Assembly.Load(assembly).GetReferencedAssemblies()
            .Select(reference => reference.Name!)
            .Where(name => name.StartsWith("Kaito.", StringComparison.Ordinal))
            .Except(allowed));

    [Theory]
    [InlineData("Kaito.ModelBuilder")]
    [InlineData("Kaito.InferenceHost")]
    [InlineData("Kaito.RagEngine")]
    [InlineData("Kaito.Operator")]
    [InlineData("Kaito.DevCluster")]
    public void Executable_ExportsNothing(string assembly) =>
        Assert.DoesNotContain(Assembly.Load(assembly).GetExportedTypes(), static type => type.Name != "Program");

    [Theory]
    [InlineData("Kaito.Core", "Microsoft.Extensions")]
    [InlineData("Kaito.Core", "System.Net.Http")]
    [InlineData("Kaito.Core", "System.Net.Sockets")]
    [InlineData("Kaito.Core", "System.Net.NameResolution")]
    [InlineData("Kaito.Core", "System.Diagnostics.Process")]
    [InlineData("Kaito.Operator", "OpenTelemetry")]
    [InlineData("Kaito.InferenceHost", "OpenTelemetry")]
    [InlineData("Kaito.RagEngine", "OpenTelemetry")]
    [InlineData("Kaito.ModelBuilder", "Kaito.Compat.OnnxRuntime")]
    public void Assembly_KeepsOut(string assembly, string outsider) =>
        Assert.DoesNotContain(
            Assembly.Load(assembly).GetReferencedAssemblies(),
            reference => reference.Name!.StartsWith(outsider, StringComparison.Ordinal));
}
