using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Schemas;

/// <summary>The checks of a pod's spec. Names of containers and volumes become names of files, so they are labels.</summary>
internal static partial class PodChecks
{
    private const string LabelRule = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or "
        + "'-', start and end with an alphanumeric character, and be no more than 63 characters";

    public static void Check(JsonObject? spec, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        if (spec?["containers"] is not JsonArray { Count: > 0 })
        {
            causes.Add(StatusCause.Required($"{path}.containers"));
            return;
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var list in (string[])["initContainers", "containers"])
        {
            var at = 0;
            foreach (var container in spec.Objects(list))
            {
                CheckContainer(container, $"{path}.{list}[{at++}]", names, causes);
            }
        }

        CheckVolumes(spec, $"{path}.volumes", causes);
    }

    private static void CheckContainer(
        JsonObject container, string path, HashSet<string> names, ImmutableArray<StatusCause>.Builder causes)
    {
        if (container.String("image") is not { Length: > 0 })
        {
            causes.Add(StatusCause.Required($"{path}.image"));
        }

        CheckName(container, path, names, causes);
        var at = 0;
        foreach (var mount in container.Objects("volumeMounts"))
        {
            foreach (var member in (string[])["subPath", "mountPath"])
            {
                if (mount.String(member)?.Split('/').Contains("..") == true)
                {
                    causes.Add(StatusCause.Invalid($"{path}.volumeMounts[{at}].{member}", mount[member], "must not contain '..'"));
                }
            }

            at++;
        }
    }

    private static void CheckVolumes(JsonObject spec, string path, ImmutableArray<StatusCause>.Builder causes)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var at = 0;
        foreach (var volume in spec.Objects("volumes"))
        {
            CheckName(volume, $"{path}[{at++}]", names, causes);
        }
    }

    private static void CheckName(
        JsonObject item, string path, HashSet<string> names, ImmutableArray<StatusCause>.Builder causes)
    {
        var name = item.String("name") ?? "";
        if (name.Length == 0)
        {
            causes.Add(StatusCause.Required($"{path}.name"));
        }
        else if (name.Length > 63 || !Label().IsMatch(name))
        {
            causes.Add(StatusCause.Invalid($"{path}.name", name, LabelRule));
        }
        else if (!names.Add(name))
        {
            causes.Add(new("FieldValueDuplicate", $"{path}.name", $"Duplicate value: \"{name}\""));
        }
    }

    [GeneratedRegex(@"^[a-z0-9]([a-z0-9-]*[a-z0-9])?\z")]
    private static partial Regex Label();
}
