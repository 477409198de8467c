using System.Globalization;
using System.Text;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Api;

/// <summary>One page of a list.</summary>
/// <param name="Items">The objects and the version that every page of the list reports.</param>
/// <param name="Continue">What to send for the next page; null on the last.</param>
/// <param name="Remaining">Objects after this page.</param>
internal sealed record ListPage(ObjectList Items, string? Continue, int Remaining);

/// <summary>
/// The query parameters <c>limit</c> and <c>continue</c>. Later pages show the objects as they are now, but report the
/// version of the first page: a watch from there repeats what changed in between.
/// </summary>
internal static class ListPages
{
    /// <exception cref="ApiStatusException">A 400 names the parameter that cannot be read.</exception>
    public static ListPage Read(IClusterStore store, ApiPath path, ObjectSelector selector, IQueryCollection query)
    {
        RequireVersion(query["resourceVersion"].ToString());
        var limit = Limit(query["limit"].ToString());
        var (version, after) = Position(query["continue"].ToString(), store.ResourceVersion);
        var (page, remaining) = store.List(path.Resource, path.Namespace, selector, after, limit);
        version = after is null ? page.ResourceVersion : version;
        if (remaining == 0)
        {
            return new(new(page.Items, version), null, 0);
        }

        var token = string.Create(CultureInfo.InvariantCulture, $"{version} {Place(page.Items[^1])}");
        return new(
            new(page.Items, version), Convert.ToBase64String(Encoding.UTF8.GetBytes(token)), remaining);
    }

    private static string Place(System.Text.Json.Nodes.JsonObject item) => $"{item.Namespace}/{item.Name}";

    private static int Limit(string text)
    {
        if (text.Length == 0)
        {
            return 0;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit)
            ? (int)Math.Min(limit, int.MaxValue)
            : throw ApiStatusException.BadRequest($"limit: \"{text}\" is not a number of objects, 0 or more");
    }

    private static void RequireVersion(string text)
    {
        if (text.Length > 0 && !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            throw ApiStatusException.BadRequest($"resourceVersion: \"{text}\" is not a number this server gave out");
        }
    }

    private static (long Version, string? After) Position(string token, long now)
    {
        if (token.Length == 0)
        {
            return (now, null);
        }

        var bytes = new byte[token.Length];
        if (Convert.TryFromBase64String(token, bytes, out var count)
            && Encoding.UTF8.GetString(bytes, 0, count).Split(' ', 2) is [var version, var after]
            && long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var read)
            && read <= now)
        {
            return (read, after);
        }

        throw ApiStatusException.BadRequest(
            "continue: the token is not one that this server gave out; start the list again without it");
    }
}
