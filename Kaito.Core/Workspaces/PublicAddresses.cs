using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace Kaito.Core.Workspaces;

/// <summary>Addresses that a pod may be sent to on a user's behalf: not the cluster's or the cloud's own.</summary>
internal static class PublicAddresses
{
    private static readonly ImmutableHashSet<string> s_metadata =
        ["metadata.google.internal", "metadata.google", "instance-data.ec2.internal"];

    private static readonly ImmutableArray<IPNetwork> s_internal =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
            "::/127", "fc00::/7", "fe80::/10",
        }.Select(static text => IPNetwork.Parse(text)),
    ];

    /// <summary>The address; or null, and what is wrong with it as the end of a sentence.</summary>
    public static Uri? Parse(string text, out string problem)
    {
        problem = "";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || address.Host.Length == 0)
        {
            problem = "is not an absolute address such as https://example.com/data.json.";
        }
        else if (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps)
        {
            problem = "is neither http nor https.";
        }
        else if (IsLocalName(address.IdnHost.TrimEnd('.')))
        {
            problem = "points to a local or metadata host. Use an address that is reachable from outside.";
        }
        else if (IPAddress.TryParse(address.IdnHost.Trim('[', ']'), out var ip) && IsInternal(ip))
        {
            problem = "points to a loopback, private or link-local address. Use one that is reachable from outside.";
        }

        return problem.Length == 0 ? address : null;
    }

    private static bool IsLocalName(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || s_metadata.Contains(host.ToLowerInvariant());

    private static bool IsInternal(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return s_internal.Any(network => network.BaseAddress.AddressFamily == plain.AddressFamily && network.Contains(plain))
            || (plain.AddressFamily == AddressFamily.InterNetworkV6 && plain.IsIPv6Multicast);
    }
}
