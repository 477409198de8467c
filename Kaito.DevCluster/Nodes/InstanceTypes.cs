using System.Collections.Frozen;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Kaito.DevCluster.Nodes;

/// <summary>
/// A machine that the simulated cloud can start. GPU memory is of one GPU; the product is what the GPU feature discovery
/// label says, empty without GPUs.
/// </summary>
internal sealed record InstanceType(string Name, int Cpus, int MemoryGiB, int Gpus, int GpuMemoryGiB, string GpuProduct);

/// <summary>The machines by name, case-insensitive. Names of no known family are unknown, as in a real cloud.</summary>
internal static partial class InstanceTypes
{
    // name, GPUs, GiB of memory per GPU, product
    private static readonly FrozenDictionary<string, (int Gpus, int GiB, string Product)> s_gpus =
        new Dictionary<string, (int, int, string)>
        {
            ["Standard_NV36ads_A10_v5"] = (1, 24, "NVIDIA-A10"),
            ["Standard_NV72ads_A10_v5"] = (2, 24, "NVIDIA-A10"),
            ["Standard_NC24ads_A100_v4"] = (1, 80, "NVIDIA-A100-80GB-PCIe"),
            ["Standard_NC48ads_A100_v4"] = (2, 80, "NVIDIA-A100-80GB-PCIe"),
            ["Standard_NC96ads_A100_v4"] = (4, 80, "NVIDIA-A100-80GB-PCIe"),
            ["Standard_ND96asr_A100_v4"] = (8, 40, "NVIDIA-A100-SXM4-40GB"),
            ["Standard_ND96amsr_A100_v4"] = (8, 80, "NVIDIA-A100-SXM4-80GB"),
            ["Standard_NC40ads_H100_v5"] = (1, 94, "NVIDIA-H100-NVL"),
            ["Standard_NC80adis_H100_v5"] = (2, 94, "NVIDIA-H100-NVL"),
            ["Standard_NCC40ads_H100_v5"] = (1, 94, "NVIDIA-H100-NVL"),
            ["Standard_ND96isr_H100_v5"] = (8, 80, "NVIDIA-H100-80GB-HBM3"),
            ["Standard_ND96isr_H200_v5"] = (8, 141, "NVIDIA-H200"),
            ["Standard_NC6s_v3"] = (1, 16, "Tesla-V100-PCIE-16GB"),
            ["Standard_NC12s_v3"] = (2, 16, "Tesla-V100-PCIE-16GB"),
            ["Standard_NC24s_v3"] = (4, 16, "Tesla-V100-PCIE-16GB"),
            ["Standard_NC4as_T4_v3"] = (1, 16, "Tesla-T4"),
            ["Standard_NC8as_T4_v3"] = (1, 16, "Tesla-T4"),
            ["Standard_NC16as_T4_v3"] = (1, 16, "Tesla-T4"),
            ["Standard_NC64as_T4_v3"] = (4, 16, "Tesla-T4"),
            ["Standard_NC4_A2"] = (1, 16, "NVIDIA-A2"),
            ["Standard_NC8_A2"] = (1, 16, "NVIDIA-A2"),
            ["Standard_NC16_A2"] = (2, 16, "NVIDIA-A2"),
            ["Standard_NC32_A2"] = (2, 16, "NVIDIA-A2"),
            ["Standard_NC4_A16"] = (1, 16, "NVIDIA-A16"),
            ["Standard_NC8_A16"] = (1, 16, "NVIDIA-A16"),
            ["Standard_NC16_A16"] = (2, 16, "NVIDIA-A16"),
            ["Standard_NC32_A16"] = (2, 16, "NVIDIA-A16"),
            ["p4d.24xlarge"] = (8, 40, "NVIDIA-A100-SXM4-40GB"),
            ["p4de.24xlarge"] = (8, 80, "NVIDIA-A100-SXM4-80GB"),
            ["p5.48xlarge"] = (8, 80, "NVIDIA-H100-80GB-HBM3"),
            ["p5e.48xlarge"] = (8, 141, "NVIDIA-H200"),
            ["p5en.48xlarge"] = (8, 141, "NVIDIA-H200"),
            ["g6.xlarge"] = (1, 24, "NVIDIA-L4"),
            ["g6.2xlarge"] = (1, 24, "NVIDIA-L4"),
            ["g6.4xlarge"] = (1, 24, "NVIDIA-L4"),
            ["g6.8xlarge"] = (1, 24, "NVIDIA-L4"),
            ["g6.16xlarge"] = (1, 24, "NVIDIA-L4"),
            ["gr6.4xlarge"] = (1, 24, "NVIDIA-L4"),
            ["gr6.8xlarge"] = (1, 24, "NVIDIA-L4"),
            ["g6.12xlarge"] = (4, 24, "NVIDIA-L4"),
            ["g6.24xlarge"] = (4, 24, "NVIDIA-L4"),
            ["g6.48xlarge"] = (8, 24, "NVIDIA-L4"),
            ["g5.xlarge"] = (1, 24, "NVIDIA-A10G"),
            ["g5.2xlarge"] = (1, 24, "NVIDIA-A10G"),
            ["g5.4xlarge"] = (1, 24, "NVIDIA-A10G"),
            ["g5.8xlarge"] = (1, 24, "NVIDIA-A10G"),
            ["g5.16xlarge"] = (1, 24, "NVIDIA-A10G"),
            ["g5.12xlarge"] = (4, 24, "NVIDIA-A10G"),
            ["g5.24xlarge"] = (4, 24, "NVIDIA-A10G"),
            ["g5.48xlarge"] = (8, 24, "NVIDIA-A10G"),
        }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>The machine, or null when the cloud has none of that name.</summary>
    public static InstanceType? Find(string name)
    {
        var cpus = CpuCount(name);
        if (s_gpus.TryGetValue(name, out var gpu))
        {
            return new(name, cpus, cpus * 8, gpu.Gpus, gpu.GiB, gpu.Product);
        }

        return CpuFamily().IsMatch(name) ? new(name, cpus, cpus * 4, 0, 0, "") : null;
    }

    // Azure: the first number after the family letters. AWS: 4 per "xlarge", times its multiplier.
    private static int CpuCount(string name)
    {
        var azure = AzureCpus().Match(name);
        if (azure.Success)
        {
            return int.Parse(azure.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        }

        var aws = AwsSize().Match(name);
        return aws.Success && aws.Groups[1].Length > 0
            ? 4 * int.Parse(aws.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            : 4;
    }

    [GeneratedRegex("^Standard_[A-Z]+?([0-9]{1,3})", RegexOptions.IgnoreCase)]
    private static partial Regex AzureCpus();

    [GeneratedRegex(@"\.([0-9]{0,3})x?large$", RegexOptions.IgnoreCase)]
    private static partial Regex AwsSize();

    [GeneratedRegex(@"^(Standard_[ABDEF][0-9]{1,3}[a-z]*(_v[0-9])?|[cmrt][0-9][a-z]*\.[0-9]{0,3}x?large)$",
        RegexOptions.IgnoreCase)]
    private static partial Regex CpuFamily();
}
