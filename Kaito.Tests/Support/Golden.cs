using System.Runtime.CompilerServices;

namespace Kaito.Tests.Support;

/// <summary>Compares text with a file beside the test. <c>KAITO_ACCEPT=1</c> rewrites the file instead.</summary>
internal static class Golden
{
    // What a reproducible build puts in place of the repository's path.
    private const string MappedRoot = "/_/";

    private static readonly bool s_accept = Environment.GetEnvironmentVariable("KAITO_ACCEPT") == "1";

    /// <param name="actual">The text produced by the code under test.</param>
    /// <param name="relativePath">Path of the golden file, from the calling test's folder.</param>
    /// <param name="callerPath">Filled in by the compiler.</param>
    public static void Match(string actual, string relativePath, [CallerFilePath] string callerPath = "")
    {
        var path = Path.Combine(SourceFolder(callerPath), relativePath);
        var text = actual.ReplaceLineEndings("\n").TrimEnd() + "\n";
        if (s_accept)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
            return;
        }

        Assert.True(File.Exists(path), $"No golden file at {path}; run once with KAITO_ACCEPT=1 and review it.");
        Assert.Equal(File.ReadAllText(path), text);
    }

    /// <summary>The folder of a source file, as <see cref="CallerFilePathAttribute"/> names it.</summary>
    public static string SourceFolder([CallerFilePath] string callerPath = "") => Path.GetDirectoryName(
        callerPath.StartsWith(MappedRoot, StringComparison.Ordinal)
            ? Repository.Path(callerPath[MappedRoot.Length..])
            : callerPath)!;
}
