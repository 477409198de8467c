using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Kaito.RagEngine.Store.Embedded;

namespace Kaito.Benchmarks.Retrieval;

/// <summary>Exact search over the same vectors, one question at a time, here and in FAISS flat (Debian's python3-faiss).</summary>
internal static class FaissComparison
{
    private const int Width = 384;
    private const int Queries = 100;
    private const int Count = 10;

    // Prints the median milliseconds, then the ids of each question's results.
    private const string Script =
        """
        import sys, time, numpy, faiss
        width = int(sys.argv[2])
        vectors = numpy.fromfile(sys.argv[1] + "/vectors.f32", dtype="float32").reshape(-1, width)
        queries = numpy.fromfile(sys.argv[1] + "/queries.f32", dtype="float32").reshape(-1, width)
        index = faiss.IndexFlatIP(width)
        index.add(vectors)
        for query in queries[:10]:
            index.search(query[None, :], 10)
        times, found = [], []
        for query in queries:
            started = time.perf_counter()
            _, ids = index.search(query[None, :], 10)
            times.append(time.perf_counter() - started)
            found.append(ids[0])
        print(sorted(times)[len(times) // 2] * 1000)
        for ids in found:
            print(" ".join(map(str, ids)))
        """;

    public static async IAsyncEnumerable<Metric> MeasureAsync(
        int count, string scratch, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (vectors, queries) = (Vectors(count, 1), Vectors(Queries, 2));
        await WriteAsync(Path.Combine(scratch, "vectors.f32"), vectors, cancellationToken);
        await WriteAsync(Path.Combine(scratch, "queries.f32"), queries, cancellationToken);
        using var table = new VectorTable(Width);
        for (var row = 0; row < count; row++)
        {
            table.Load(row, vectors.AsSpan(row * Width, Width));
        }

        // Turn about, so that both see the same machine.
        var (ours, theirs) = (double.MaxValue, double.MaxValue);
        string[] found = [];
        for (var turn = 0; turn < 3; turn++)
        {
            ours = Math.Min(ours, Search(table, queries, cancellationToken));
            if (await FaissAsync(scratch, cancellationToken) is { } lines)
            {
                theirs = Math.Min(theirs, double.Parse(lines[0], CultureInfo.InvariantCulture));
                found = lines[1..];
            }
        }

        yield return new("rag.dense.search", ours, "ms");
        if (found.Length == 0)
        {
            yield return new("rag.dense.ratio", double.NaN, "x", null, "not measured: apt-get install python3-faiss");
            yield break;
        }

        yield return new("rag.dense.faiss", theirs, "ms");
        yield return new("rag.dense.ratio", ours / theirs, "x", new(1.2, Bound.AtMost));
        yield return new("rag.dense.agreement", Agreement(table, queries, found), "x", new(0.999, Bound.AtLeast));
    }

    private static double Search(VectorTable table, float[] queries, CancellationToken cancellationToken)
    {
        var times = new List<double>(Queries);
        for (var query = 0; query < Queries; query++)
        {
            var started = Stopwatch.GetTimestamp();
            table.Search(queries.AsMemory(query * Width, Width), Count, null, cancellationToken);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        return Median.Of(times);
    }

    private static double Agreement(VectorTable table, float[] queries, string[] found)
    {
        var same = 0.0;
        for (var query = 0; query < Queries; query++)
        {
            var ids = table.Search(queries.AsMemory(query * Width, Width), Count, null, CancellationToken.None)
                .Select(static row => row.Id.ToString(CultureInfo.InvariantCulture));
            same += ids.Intersect(found[query].Split(' ')).Count();
        }

        return same / (Queries * Count);
    }

    private static async Task<string[]?> FaissAsync(string scratch, CancellationToken cancellationToken)
    {
        if (!File.Exists("/usr/bin/python3"))
        {
            return null;
        }

        using var python = Process.Start(new ProcessStartInfo(
            "/usr/bin/python3", ["-c", Script, scratch, Width.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = python.StandardError.ReadToEndAsync(cancellationToken);
        var output = await python.StandardOutput.ReadToEndAsync(cancellationToken);
        await python.WaitForExitAsync(cancellationToken);
        await errors;
        return python.ExitCode == 0 ? output.Split('\n', StringSplitOptions.RemoveEmptyEntries) : null;
    }

    private static float[] Vectors(int count, int seed)
    {
        var random = new Random(seed);
        var vectors = new float[count * Width];
        for (var row = 0; row < count; row++)
        {
            var vector = vectors.AsSpan(row * Width, Width);
            var norm = 0.0;
            foreach (ref var number in vector)
            {
                number = random.NextSingle() - 0.5f;
                norm += number * number;
            }

            foreach (ref var number in vector)
            {
                number /= (float)Math.Sqrt(norm);
            }
        }

        return vectors;
    }

    private static Task WriteAsync(string path, float[] numbers, CancellationToken cancellationToken) =>
        File.WriteAllBytesAsync(path, MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray(), cancellationToken);
}
