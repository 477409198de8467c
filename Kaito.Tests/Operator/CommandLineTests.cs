using Kaito.Operator;

namespace Kaito.Tests.Operator;

public sealed class CommandLineTests
{
    [Fact]
    public void Parse_Nothing_HasTheDocumentedDefaults() => Assert.Equal(
        new OperatorOptions
        {
            Namespace = "default",
            ImageRegistry = "kaito",
            ImageTag = "latest",
            Cloud = "azure",
            NodeImageFamily = "ubuntu",
            StartTimeout = TimeSpan.FromSeconds(30),
        },
        CommandLine.Parse([], static _ => null));

    [Fact]
    public void Parse_EveryForm_IsRead() => Assert.Equal(
        new OperatorOptions
        {
            Kubeconfig = "/a b",
            Listen = "http://*:8080;http://[::1]:0",
            StartTimeout = TimeSpan.FromSeconds(7),
            InstallCrds = true,
            LeaderElect = true,
            ImageRegistry = "registry.example.com/team",
            Cloud = "aws",
        },
        CommandLine.Parse(
            [
                "--kubeconfig", "/a b", "--listen=http://*:8080;http://[::1]:0", "--install-crds", "--leader-elect",
                "true", "--image-registry", "registry.example.com/team/", "--start-timeout", "7", "--cloud=aws",
            ],
            static _ => null));

    [Fact]
    public void Parse_FlagAndVariable_TheFlagWins()
    {
        var options = CommandLine.Parse(
            ["--image-tag", "2.0"],
            static name => name is "KAITO_OPERATOR_IMAGE_TAG" or "KAITO_OPERATOR_NAMESPACE" ? "fromenv" : null);

        Assert.Equal(("2.0", "fromenv"), (options.ImageTag, options.Namespace));
    }

    [Theory]
    [InlineData("--cluod", "--cluod is unknown; the flags are --kubeconfig, ")]
    [InlineData("kubeconfig", "kubeconfig is unknown; the flags are ")]
    [InlineData("--kubeconfig", "--kubeconfig needs a value, e.g. --kubeconfig VALUE.")]
    [InlineData("--cloud=moon", "--cloud moon is unknown; use one of ")]
    [InlineData("--node-image-family=bsd", "--node-image-family bsd is unknown; use ubuntu or azurelinux.")]
    [InlineData("--install-crds=maybe", "--install-crds=maybe is neither true nor false.")]
    [InlineData("--start-timeout=0", "--start-timeout 0 is not a whole number of seconds from 1 to 3600.")]
    [InlineData("--start-timeout=soon", "--start-timeout soon is not a whole number of seconds from 1 to 3600.")]
    [InlineData("--listen=8080", "--listen 8080: \"8080\" is not an address such as http://127.0.0.1:8080.")]
    [InlineData("--listen=https://a", "is not an address such as http://127.0.0.1:8080.")]
    public void Parse_Nonsense_NamesFlagValueAndRemedy(string arg, string expected)
    {
        var error = Assert.Throws<FormatException>(() => CommandLine.Parse([arg], static _ => null));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }
}
