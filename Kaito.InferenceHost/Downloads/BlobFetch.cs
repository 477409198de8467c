using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace Kaito.InferenceHost.Downloads;

/// <summary>One file to fetch.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Address">Where it is.</param>
/// <param name="Size">Bytes it must have; null when nobody knows.</param>
/// <param name="Sum">What it must hash to.</param>
internal sealed record Blob(string Name, Uri Address, long? Size, Checksum Sum);

/// <summary>
/// Brings files under the name of their contents. A file of that name is whole and right: bytes are collected beside it, go on
/// where an earlier run stopped, and are renamed when they have the right sum.
/// </summary>
internal sealed partial class BlobFetch(
    WebGet web, DownloadOptions options, DownloadProgress progress, TimeProvider clock, ILogger logger)
{
    private const string Unfinished = ".incomplete";

    private static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(1);

    /// <summary>Bytes of a file that are here, whole or in part.</summary>
    public static long Have(string target) =>
        new FileInfo(target) is { Exists: true } whole ? whole.Length
        : new FileInfo(target + Unfinished) is { Exists: true } part ? part.Length : 0;

    /// <param name="blob">What to bring.</param>
    /// <param name="target">Full path; its folder exists.</param>
    /// <param name="cancellationToken">Leaves what is there for the next time.</param>
    /// <exception cref="DownloadException">It cannot be had.</exception>
    public async Task BringAsync(Blob blob, string target, CancellationToken cancellationToken)
    {
        if (File.Exists(target))
        {
            return;
        }

        var (failures, pause) = (0, options.Pause);
        while (true)
        {
            var before = Have(target);
            try
            {
                await AppendAsync(blob, target + Unfinished, cancellationToken);
                if (await FinishAsync(blob, target, cancellationToken))
                {
                    return;
                }

                throw new HttpRequestException("its bytes do not have the right sum");
            }
            catch (IOException full) when (IsDiskFull(full))
            {
                throw new DownloadException(
                    $"The disk of {target} is full at byte {Have(target)} of {blob.Name}. Give the folder of models more "
                    + "room; what is there is kept, and the next start goes on.", full);
            }
            catch (Exception wrong) when (IsPassing(wrong, cancellationToken))
            {
                // Each attempt that brings something is a new beginning.
                failures = Have(target) > before ? 1 : failures + 1;
                pause = failures == 1 ? options.Pause : Longer(pause);
                if (failures >= options.Attempts)
                {
                    throw new DownloadException(
                        $"{blob.Name} could not be fetched from {blob.Address.Host} in {failures} attempts: "
                        + $"{Describe(wrong)} What is there is kept; start again to go on.", wrong);
                }

                LogAgain(blob.Name, Describe(wrong), pause);
                await Task.Delay(pause, clock, cancellationToken);
            }
        }
    }

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < s_longestPause ? pause * 2 : s_longestPause;

    // A full disk, an answer that says no and a cancelled start stay what they are.
    private static bool IsPassing(Exception wrong, CancellationToken cancellationToken) => wrong switch
    {
        HttpRequestException { StatusCode: { } status } =>
            status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests || (int)status >= 500,
        HttpRequestException or HttpIOException or TimeoutException => true,
        OperationCanceledException => !cancellationToken.IsCancellationRequested,
        _ => false,
    };

    private static string Describe(Exception wrong) =>
        wrong.Message.ReplaceLineEndings(" ").TrimEnd('.') + ".";

    private async Task AppendAsync(Blob blob, string part, CancellationToken cancellationToken)
    {
        var have = new FileInfo(part) is { Exists: true } found ? found.Length : 0;
        if (have == blob.Size)
        {
            return;
        }

        if (have > blob.Size)
        {
            Restart(part, ref have);
        }

        using var answer = await web.GetAsync(
            blob.Address, request => request.Headers.Range = have > 0 ? new RangeHeaderValue(have, null) : null,
            cancellationToken);

        // A server that gives all of it, or another part than was asked for, is taken at its word from the start.
        if (have > 0 && answer.Content.Headers.ContentRange?.From != have)
        {
            Restart(part, ref have);
            if (answer.StatusCode == HttpStatusCode.PartialContent)
            {
                throw new HttpRequestException("the server sent another part than was asked for");
            }
        }

        await using var body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        await WriteAsync(blob, body, part, have, cancellationToken);
    }

    private async Task WriteAsync(Blob blob, Stream body, string part, long have, CancellationToken cancellationToken)
    {
        var buffer = new byte[1 << 17];
        await using var file = new FileStream(part, FileMode.Append, FileAccess.Write, FileShare.None, 1);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        while (true)
        {
            patience.CancelAfter(options.Patience);
            var read = await ReadAsync(body, buffer, patience.Token);
            if (read == 0)
            {
                break;
            }

            have += read;
            if (have > blob.Size)
            {
                throw new HttpRequestException($"the server sent more than the {blob.Size} bytes it told of");
            }

            await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            progress.Add(read);
        }

        if (have < blob.Size)
        {
            throw new HttpRequestException($"the connection ended at byte {have} of {blob.Size}");
        }
    }

    // Told apart from what the disk says.
    private static async Task<int> ReadAsync(Stream body, byte[] buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await body.ReadAsync(buffer, cancellationToken);
        }
        catch (IOException broken)
        {
            throw new HttpRequestException($"the connection broke: {broken.Message}", broken);
        }
    }

    private async Task<bool> FinishAsync(Blob blob, string target, CancellationToken cancellationToken)
    {
        var part = target + Unfinished;
        await using (var file = new FileStream(part, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1 << 17))
        {
            if (!await blob.Sum.MatchesAsync(file, cancellationToken))
            {
                progress.Add(-file.Length);
                file.SetLength(0);
                return false;
            }

            file.Flush(flushToDisk: true);
        }

        File.Move(part, target, overwrite: true);
        return true;
    }

    private void Restart(string part, ref long have)
    {
        progress.Add(-have);
        File.Delete(part);
        have = 0;
    }

    // ENOSPC and EDQUOT; on Windows ERROR_DISK_FULL.
    private static bool IsDiskFull(IOException failure) => (failure.HResult & 0xFFFF) is 28 or 122 or 112;

    [LoggerMessage(LogLevel.Warning, "Fetching {File} failed: {Problem} Trying again after {Pause}")]
    private partial void LogAgain(string file, string problem, TimeSpan pause);
}

/// <summary>What a file must hash to.</summary>
/// <param name="Hex">Lower case.</param>
/// <param name="GitBlob">A file of git: SHA-1 over a header and the contents; otherwise SHA-256 of the contents.</param>
internal sealed record Checksum(string Hex, bool GitBlob)
{
    /// <param name="file">Read from its start.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async Task<bool> MatchesAsync(Stream file, CancellationToken cancellationToken)
    {
        file.Position = 0;
        using var hash = IncrementalHash.CreateHash(GitBlob ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256);
        if (GitBlob)
        {
            hash.AppendData(System.Text.Encoding.ASCII.GetBytes(FormattableString.Invariant($"blob {file.Length}\0")));
        }

        var buffer = new byte[1 << 20];
        int read;
        while ((read = await file.ReadAsync(buffer, cancellationToken)) > 0)
        {
            hash.AppendData(buffer, 0, read);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset()) == Hex;
    }
}
