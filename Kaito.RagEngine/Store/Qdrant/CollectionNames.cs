using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Kaito.RagEngine.Store.Qdrant;

/// <summary>
/// PURE: names on the server. An index is an alias; the collection behind it is never made twice under one name, so that
/// nothing written to a deleted one can turn up in its successor.
/// </summary>
/// <param name="prefix">What all names begin with; services with different ones do not see each other.</param>
internal sealed class CollectionNames(string prefix)
{
    private const int LongestName = 150;
    private const int KeptOfLong = 100;

    public string Alias(string index) => prefix + Escaped(index);

    /// <param name="index">Its name may be made of anything.</param>
    /// <param name="order">Where it stands among others: the time when it is made.</param>
    /// <param name="salt">Keeps makers apart that make it at the same time.</param>
    public string Collection(string index, long order, uint salt) =>
        string.Create(CultureInfo.InvariantCulture, $"{Alias(index)}~{order:D19}{salt:x8}");

    /// <summary>The order in the name of a collection; <see langword="null"/> when the name is not one of ours.</summary>
    public long? Order(string collection)
    {
        var at = collection.LastIndexOf('~');
        return collection.StartsWith(prefix, StringComparison.Ordinal) && at >= prefix.Length
            && collection.Length == at + 1 + 19 + 8
            && long.TryParse(
                collection.AsSpan(at + 1, 19), NumberStyles.None, CultureInfo.InvariantCulture, out var order)
            ? order
            : null;
    }

    // The server refuses some characters and long names.
    private static string Escaped(string index)
    {
        var escaped = new StringBuilder(index.Length);
        foreach (var part in Encoding.UTF8.GetBytes(index))
        {
            if (char.IsAsciiLetterOrDigit((char)part) || part is (byte)'-' or (byte)'_' or (byte)'.')
            {
                escaped.Append((char)part);
            }
            else
            {
                escaped.Append(CultureInfo.InvariantCulture, $"%{part:X2}");
            }
        }

        return escaped.Length <= LongestName
            ? escaped.ToString()
            : $"{escaped.ToString(0, KeptOfLong)}+{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(index)))}";
    }
}
