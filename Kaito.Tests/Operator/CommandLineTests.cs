using Kaito.Operator;
using Kaito.Operator.Nodes;

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
            Webhook = true,
            WebhookPort = 0,
            WebhookHost = "127.0.0.1",
            WebhookService = "svc",
        },
        CommandLine.Parse(
            [
                "--kubeconfig", "/a b", "--listen=http://*:8080;http://[::1]:0", "--install-crds", "--leader-elect",
                "true", "--image-registry", "registry.example.com/team/", "--start-timeout", "7", "--cloud=aws",
                "--webhook", "--webhook-port=0", "--webhook-host", "127.0.0.1", "--webhook-service=svc",
            ],
            static _ => null));

    [Theory]
    [InlineData("", "", "https://huggingface.co/")]
    [InlineData("", "HF_ENDPOINT=https://hub.example.com/hf", "https://hub.example.com/hf/")]
    [InlineData("", "HF_ENDPOINT=https://a.example.com KAITO_OPERATOR_MODEL_HUB=http://b.example.com", "http://b.example.com/")]
    [InlineData("--model-hub=http://127.0.0.1:9", "HF_HUB_OFFLINE=1", "http://127.0.0.1:9/")]
    [InlineData("", "HF_HUB_OFFLINE=true HF_ENDPOINT=https://a.example.com", null)]
    [InlineData("--model-hub=none", "", null)]
    public void Parse_ModelHub_TakesTheFirstThatIsSet(string flag, string variables, string? hub)
    {
        var environment = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .ToDictionary(static v => v.Split('=', 2)[0], static v => v.Split('=', 2)[1]);

        var options = CommandLine.Parse(flag.Length == 0 ? [] : [flag], environment.GetValueOrDefault);

        Assert.Equal(hub, options.ModelHub?.AbsoluteUri);
    }

    // Section 7.1 of the specification: every flag of upstream's binary.
    [Theory]
    [InlineData("--metrics-bind-address=:8080 --health-probe-bind-address=:8081", "listen=http://*:8080;http://*:8081")]
    [InlineData("--metrics-bind-address 0 --health-probe-bind-address 127.0.0.1:8081", "listen=http://127.0.0.1:8081")]
    [InlineData("--kube-client-qps=30 --kube-client-burst 50", "without=--kube-client-qps, --kube-client-burst")]
    [InlineData("--leader-elect=false --webhook=true", "webhook=True")]
    [InlineData("--default-node-image-family azurelinux", "family=azurelinux")]
    [InlineData("--default-model-mirror-storage-class=a --default-streaming-service-account=b",
        "without=--default-model-mirror-storage-class, --default-streaming-service-account")]
    [InlineData("--model-mirror-download-cpu 3 --model-mirror-download-memory 8Gi",
        "without=--model-mirror-download-cpu, --model-mirror-download-memory")]
    [InlineData("--zap-devel --zap-log-level=debug", "level=Debug without=--zap-devel")]
    [InlineData("-v=2", "level=Information")]
    [InlineData("-v 6", "level=Debug")]
    [InlineData("--feature-gates=vLLM=true,disableNodeAutoProvisioning=false,ModelMirror=true,ModelStreaming=true",
        "without=gate ModelMirror, gate ModelStreaming")]
    public void Parse_FlagsOfUpstream_AreAccepted(string args, string expected)
    {
        var options = CommandLine.Parse(args.Split(' '), static _ => null);

        var told = new (string Name, object? Value, object? Default)[]
        {
            ("listen", options.Listen, null), ("webhook", options.Webhook, false), ("family", options.NodeImageFamily, "ubuntu"),
            ("level", options.LogLevel, null), ("without", options.WithoutEffect, null),
        };
        Assert.Equal(
            expected,
            string.Join(' ', told.Where(static t => !Equals(t.Value, t.Default)).Select(static t => $"{t.Name}={t.Value}")));
    }

    [Fact]
    public void Parse_VariablesOfUpstream_CountAfterOurOwn()
    {
        var environment = new Dictionary<string, string>
        {
            ["CLOUD_PROVIDER"] = "arc",
            ["PRESET_REGISTRY_NAME"] = "registry.example.com/kaito/",
            ["WEBHOOK_SERVICE"] = "hooks",
            ["WEBHOOK_PORT"] = "9444",
            ["RELEASE_NAMESPACE"] = "release",
        };
        var options = CommandLine.Parse([], environment.GetValueOrDefault);
        environment["SYSTEM_NAMESPACE"] = "system";
        environment["KAITO_OPERATOR_CLOUD"] = "aws";
        var others = CommandLine.Parse(["--webhook-port=1"], environment.GetValueOrDefault);

        Assert.Equal(
            ("arc", "registry.example.com/kaito", "hooks", 9444, "release"),
            (options.Cloud, options.PresetRegistry, options.WebhookService, options.WebhookPort, options.Namespace));
        Assert.Equal(("aws", 1, "system"), (others.Cloud, others.WebhookPort, others.Namespace));
    }

    [Fact]
    public void Parse_HubToken_IsReadAndNeverShown()
    {
        var options = CommandLine.Parse([], static name => name == "HF_TOKEN" ? " hf_abc\n" : null);

        Assert.Equal("hf_abc", options.ModelHubToken?.Reveal());
        Assert.DoesNotContain("hf_abc", options.ToString(), StringComparison.Ordinal);
    }

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
    [InlineData("--metrics-bind-address=x", "--metrics-bind-address x is not an address such as :8080.")]
    [InlineData("--zap-log-level=loud", "--log-level loud is unknown; use debug, info, warn, error or a number.")]
    [InlineData("--model-hub=hub", "--model-hub hub is not an address such as https://huggingface.co; use none")]
    [InlineData("--model-hub=ftp://hub/", "--model-hub ftp://hub/ is not an address")]
    [InlineData("--cloud=moon", "--cloud moon is unknown; use one of ")]
    [InlineData("--node-image-family=bsd", "--node-image-family bsd is unknown; use ubuntu or azurelinux.")]
    [InlineData("--install-crds=maybe", "--install-crds=maybe is neither true nor false.")]
    [InlineData("--start-timeout=0", "--start-timeout 0 is not a whole number of seconds from 1 to 3600.")]
    [InlineData("--start-timeout=soon", "--start-timeout soon is not a whole number of seconds from 1 to 3600.")]
    [InlineData("--webhook-port=65536", "--webhook-port 65536 is not a port from 0 to 65535.")]
    [InlineData("--webhook-host=a/b", "--webhook-host a/b is neither a host name nor an address, e.g. 127.0.0.1.")]
    [InlineData("--listen=8080", "--listen 8080: \"8080\" is not an address such as http://127.0.0.1:8080.")]
    [InlineData("--listen=https://a", "is not an address such as http://127.0.0.1:8080.")]
    public void Parse_Nonsense_NamesFlagValueAndRemedy(string arg, string expected)
    {
        var error = Assert.Throws<FormatException>(() => CommandLine.Parse([arg], static _ => null));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", NodeProvisioner.AzureGpuProvisioner)]
    [InlineData("--node-provisioner=azure-gpu-provisioner", NodeProvisioner.AzureGpuProvisioner)]
    [InlineData("--node-provisioner=machine", NodeProvisioner.Machine)]
    [InlineData("--node-provisioner=byo", NodeProvisioner.Existing)]
    [InlineData("--feature-gates=disableNodeAutoProvisioning=true", NodeProvisioner.Existing)]
    [InlineData("--feature-gates=disableNodeAutoProvisioning=false", NodeProvisioner.AzureGpuProvisioner)]
    [InlineData(
        "--node-provisioner=byo --feature-gates=vLLM=true,disableNodeAutoProvisioning=true", NodeProvisioner.Existing)]
    [InlineData(
        "--node-provisioner=karpenter --karpenter-node-classes=[{\"name\":\"a\",\"default\":true}]",
        NodeProvisioner.Karpenter)]
    public void Parse_NodeProvisioner_IsTheFlagOrTheGate(string args, object expected) =>
        Assert.Equal(expected, Parse(args).NodeProvisioner);

    [Theory]
    [InlineData("--node-provisioner=moon", "--node-provisioner moon is unknown; use azure-gpu-provisioner, machine, karpenter or byo.")]
    [InlineData(
        "--node-provisioner=byo --feature-gates=disableNodeAutoProvisioning=false",
        "--node-provisioner byo and --feature-gates disableNodeAutoProvisioning=false contradict each other")]
    [InlineData(
        "--node-provisioner=azure-gpu-provisioner --feature-gates=disableNodeAutoProvisioning=true", "contradict each other")]
    [InlineData("--node-provisioner=karpenter", "--node-provisioner karpenter needs --karpenter-node-classes")]
    [InlineData("--feature-gates=vLLM", "--feature-gates: vLLM is neither vLLM=true nor vLLM=false.")]
    [InlineData("--feature-gates=warp=true", "--feature-gates: \"warp\" is unknown; use ModelMirror, ")]
    [InlineData("--feature-gates=ModelStreaming=true", "ModelStreaming needs ModelMirror=true")]
    public void Parse_ContradictionOrNonsense_IsOneClearError(string args, string expected) => Assert.Contains(
        expected, Assert.Throws<FormatException>(() => Parse(args)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("", "it is not JSON")]
    [InlineData("[", "it is not JSON")]
    [InlineData("{}", "it is not an array")]
    [InlineData("[]", "it is empty")]
    [InlineData("[1]", "item 0 is not an object")]
    [InlineData("""[{"default":true}]""", "item 0 has no name")]
    [InlineData("""[{"name":"","default":true}]""", "\"\" is not a name")]
    [InlineData("""[{"name":"A b","default":true}]""", "\"A b\" is not a name")]
    [InlineData("""[{"name":"a","default":true},{"name":"a"}]""", "more than one has the name a")]
    [InlineData("""[{"name":"a"}]""", "exactly one must have \"default\": true")]
    [InlineData("""[{"name":"a","default":true},{"name":"b","default":true}]""", "exactly one must have")]
    [InlineData("""[{"name":"a","default":true,"sepc":{}}]""", "item 0 has \"sepc\", which is unknown")]
    public void ParseClasses_Wrong_SaysWhat(string text, string expected) => Assert.Contains(
        expected, Assert.Throws<FormatException>(() => KarpenterOptions.ParseClasses(text)).Message,
        StringComparison.Ordinal);

    [Fact]
    public void ParseClasses_Several_AreSortedAndTheirSpecsKept()
    {
        var classes = KarpenterOptions.ParseClasses(
            """[{"name":"z"},{"name":"a","default":true,"spec":{"imageFamily":"Ubuntu","odd":[1]}}]""");

        Assert.Equal(
            [new("a", true, """{"imageFamily":"Ubuntu","odd":[1]}"""), new NodeClassOption("z", false, "{}")], classes);
    }

    private static OperatorOptions Parse(string args) => CommandLine.Parse(
        args.Split(' ', StringSplitOptions.RemoveEmptyEntries), static _ => null);
}
