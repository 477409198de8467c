namespace Kaito.Tests.Support;

/// <summary>Where the checkout is, seen from a running test.</summary>
internal static class Repository
{
    /// <summary>Folder that holds Kaito.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Full path of a file or folder of the repository.</summary>
    public static string Path(params ReadOnlySpan<string> parts) => System.IO.Path.Combine([Root, .. parts]);

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "Kaito.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}
