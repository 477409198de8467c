using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text;

namespace Kaito.Benchmarks.Retrieval;

/// <summary>The retrieval service with 100,000 chunks: indexing, retrieval and memory; and its vector search against FAISS.</summary>
internal sealed class RagArea : IBenchArea
{
    private const int Chunks = 100_000;
    private const int QuickChunks = 10_000;
    private const int EncodedChunks = 2000;
    private const int QuickEncodedChunks = 300;
    private const int Batch = 1000;
    private const int Questions = 300;
    private const int WordsPerChunk = 60;
    private const int Vocabulary = 50_000;
    private const string Index = "bench";

    public string Name => "rag";

    public async IAsyncEnumerable<Metric> MeasureAsync(
        bool quick, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var chunks = quick ? QuickChunks : Chunks;
        var texts = new TextSource(new(5), Vocabulary);
        string[] asked;
        await using (var service = await RagProcess.StartAsync(scratch, cancellationToken))
        {
            var started = Stopwatch.GetTimestamp();
            asked = await FillAsync(service.Http, texts, chunks, cancellationToken);
            yield return new("rag.index.throughput", chunks / Stopwatch.GetElapsedTime(started).TotalSeconds, "doc/s");
        }

        var opening = Stopwatch.GetTimestamp();
        await using (var service = await RagProcess.StartAsync(scratch, cancellationToken))
        {
            var opened = Stopwatch.GetElapsedTime(opening).TotalMilliseconds;
            yield return new("rag.start", opened, "ms", quick ? new(2000 + 2000, Bound.AtMost) : null);
            var times = await AskAsync(service.Http, asked, cancellationToken);
            times.Sort();
            yield return new("rag.retrieve.p50", times[times.Count / 2], "ms");
            yield return new("rag.retrieve.p95", times[times.Count * 95 / 100], "ms", new(50, Bound.AtMost));
            var common = await AskAsync(service.Http, Common(texts), cancellationToken);
            common.Sort();
            yield return new("rag.retrieve.common", common[common.Count * 95 / 100], "ms");
            yield return new("rag.resident", service.ResidentMiB, "MiB", new(512, Bound.AtMost));
            yield return new("rag.peak", service.PeakMiB, "MiB");
        }

        yield return await EncodedAsync(quick ? QuickEncodedChunks : EncodedChunks, texts, scratch, cancellationToken);
        await foreach (var metric in FaissComparison.MeasureAsync(chunks, scratch, cancellationToken))
        {
            yield return metric;
        }
    }

    // The model takes all the time: a small number says as much as a large one.
    private static async Task<Metric> EncodedAsync(
        int chunks, TextSource texts, string scratch, CancellationToken cancellationToken)
    {
        var model = Path.Combine(scratch, "mini");
        MiniEncoder.Write(model, texts.Frequent);
        await using var service = await RagProcess.StartAsync(
            Path.Combine(scratch, "encoded"), cancellationToken, model: model);

        // Loading the model is not indexing.
        await FillAsync(service.Http, texts, 1, cancellationToken);
        var started = Stopwatch.GetTimestamp();
        await FillAsync(service.Http, texts, chunks, cancellationToken);
        return new("rag.index.minilm", chunks / Stopwatch.GetElapsedTime(started).TotalSeconds, "doc/s");
    }

    // Questions are the beginnings of some of the documents.
    private static async Task<string[]> FillAsync(
        HttpClient http, TextSource texts, int chunks, CancellationToken cancellationToken)
    {
        var asked = new List<string>(Questions);
        for (var done = 0; done < chunks; done += Batch)
        {
            string[] batch = [.. Enumerable.Range(0, Math.Min(Batch, chunks - done)).Select(_ => texts.Next(WordsPerChunk))];
            asked.AddRange(batch.Take((Questions * Batch / chunks) + 1).Select(static text => text[..60]));
            using var response = await http.PostAsJsonAsync(
                "/index", new { index_name = Index, documents = batch.Select(static text => new { text }) }, cancellationToken);
            response.EnsureSuccessStatusCode();
        }

        return [.. asked.Take(Questions)];
    }

    // Of words that most chunks have: nothing in them tells chunks apart cheaply.
    private static string[] Common(TextSource texts)
    {
        string[] words = [.. texts.Frequent.Take(12)];
        return [.. Enumerable.Range(0, 60).Select(i => string.Join(' ', words.Take(1 + (i % words.Length))))];
    }

    private static async Task<List<double>> AskAsync(HttpClient http, string[] asked, CancellationToken cancellationToken)
    {
        var times = new List<double>(asked.Length);
        foreach (var question in asked.Take(20).Concat(asked))
        {
            var started = Stopwatch.GetTimestamp();
            using var response = await http.PostAsJsonAsync(
                "/retrieve", new { index_name = Index, query = question }, cancellationToken);
            response.EnsureSuccessStatusCode();
            await response.Content.ReadAsByteArrayAsync(cancellationToken);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        return times[20..];
    }
}

/// <summary>Made-up prose whose words are as unequally frequent as real ones.</summary>
internal sealed class TextSource(Random random, int vocabulary)
{
    private readonly string[] _words = [.. Enumerable.Range(0, vocabulary).Select(_ => Word(random))];

    /// <summary>All words, the most frequent first.</summary>
    public IEnumerable<string> Frequent => _words;

    public string Next(int words)
    {
        var text = new StringBuilder();
        for (var i = 0; i < words; i++)
        {
            // Zipf: the n-th word is as frequent as 1/n.
            var rank = (int)Math.Pow(_words.Length, random.NextDouble()) - 1;
            text.Append(i > 0 ? " " : "").Append(_words[Math.Clamp(rank, 0, _words.Length - 1)])
                .Append(i % 12 == 11 ? "." : "");
        }

        return text.ToString();
    }

    private static string Word(Random random)
    {
        const string Consonants = "bcdfghklmnprstvw";
        const string Vowels = "aeiou";
        return string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => string.Create(
            CultureInfo.InvariantCulture,
            $"{Consonants[random.Next(Consonants.Length)]}{Vowels[random.Next(Vowels.Length)]}")));
    }
}
