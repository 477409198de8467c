namespace Kaito.InferenceHost.Downloads;

/// <summary>
/// One repository in the layout of huggingface_hub's cache: contents under their hashes, and each revision a folder of links to
/// them. Other programs read and write it too.
/// </summary>
internal sealed class HubCache(string root, ModelSource.Repository repository)
{
    private readonly string _folder = Path.Combine(
        root, "models--" + repository.Id.Replace("/", "--", StringComparison.Ordinal));

    public string BlobPath(string hash) => Path.Combine(_folder, "blobs", hash);

    /// <returns>The commit that the revision was when it was fetched last; null when it never was.</returns>
    public string? Commit() => repository.Pinned ? repository.Revision
        : File.Exists(Reference) ? File.ReadAllText(Reference).Trim() : null;

    /// <returns>The folder of a commit; null when there is none.</returns>
    public string? Snapshot(string? commit) =>
        commit is not null && Path.Combine(_folder, "snapshots", commit) is var folder && Directory.Exists(folder)
            ? folder
            : null;

    /// <exception cref="DownloadException">The folders cannot be made.</exception>
    public void Prepare(string commit)
    {
        try
        {
            Directory.CreateDirectory(Path.Combine(_folder, "blobs"));
            Directory.CreateDirectory(Path.Combine(_folder, "snapshots", commit));
        }
        catch (Exception denied) when (denied is IOException or UnauthorizedAccessException)
        {
            throw new DownloadException(
                $"{root} cannot be written: {denied.Message} Name another folder with --download-dir.", denied);
        }
    }

    /// <summary>Lets a revision show a file that is there.</summary>
    public void Show(string commit, string file, string hash)
    {
        var link = Path.Combine(_folder, "snapshots", commit, file);
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        if (!File.Exists(link))
        {
            File.Delete(link);
            File.CreateSymbolicLink(link, Path.GetRelativePath(Path.GetDirectoryName(link)!, BlobPath(hash)));
        }
    }

    /// <summary>What the revision is now, for runs that may not ask.</summary>
    public void Remember(string commit)
    {
        if (!repository.Pinned)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Reference)!);
            File.WriteAllText(Reference, commit);
        }
    }

    private string Reference => Path.Combine(_folder, "refs", repository.Revision);
}
