using System.Globalization;

namespace Kaito.DevCluster.Pods;

/// <summary>Where a pod's files are, and which of its processes an earlier cluster left behind.</summary>
internal static class PodFolder
{
    /// <summary>In the environment of every process of a pod.</summary>
    public const string UidVariable = "KAITO_POD_UID";

    /// <summary>Folder name of a pod.</summary>
    public static string NameOf(string ns, string pod, string uid) => $"{ns}_{pod}_{uid}";

    /// <summary>Notes a process so that a later start can find it.</summary>
    public static void Note(string podsFolder, string uid, int process)
    {
        Directory.CreateDirectory(podsFolder);
        File.WriteAllText(PidFile(podsFolder, uid, process), uid);
    }

    /// <summary>Takes the note back.</summary>
    public static void Forget(string podsFolder, string uid, int process) => File.Delete(PidFile(podsFolder, uid, process));

    /// <summary>
    /// Kills the noted processes that still run and still are what was noted (the id may belong to another process by now).
    /// </summary>
    /// <returns>Ids of those killed.</returns>
    public static IReadOnlyList<int> KillLeftovers(string podsFolder)
    {
        var killed = new List<int>();
        foreach (var file in Directory.Exists(podsFolder) ? Directory.GetFiles(podsFolder, "*.pid") : [])
        {
            var name = Path.GetFileNameWithoutExtension(file);
            if (int.TryParse(name.AsSpan(name.LastIndexOf('_') + 1), CultureInfo.InvariantCulture, out var id)
                && IsOurs(id, File.ReadAllText(file)))
            {
                using var process = System.Diagnostics.Process.GetProcessById(id);
                ProcessLauncher.Kill(process);
                killed.Add(id);
            }

            File.Delete(file);
        }

        return killed;
    }

    private static bool IsOurs(int process, string uid)
    {
        try
        {
            return File.ReadAllText($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/environ")
                .Split('\0').Contains($"{UidVariable}={uid}");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static string PidFile(string podsFolder, string uid, int process) =>
        Path.Combine(podsFolder, $"{uid}_{process.ToString(CultureInfo.InvariantCulture)}.pid");
}
