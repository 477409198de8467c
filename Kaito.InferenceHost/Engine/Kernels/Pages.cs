using System.Runtime.InteropServices;

namespace Kaito.InferenceHost.Engine.Kernels;

/// <summary>Hints about memory to Linux; elsewhere, and where the kernel does not know them, they do nothing.</summary>
internal static unsafe partial class Pages
{
    private const int HugePage = 14;
    private const int PageOut = 21;

    /// <summary>Asks for huge pages, which memory gets as it is first written to.</summary>
    public static void MakeHuge(void* memory, long bytes) => Hint((nuint)memory, (nuint)bytes, HugePage);

    /// <summary>
    /// Gives the pages of a mapped file back to the system, which reads them again should anybody ask. Other memory keeps its
    /// contents.
    /// </summary>
    public static void Release(ReadOnlySpan<byte> mapped)
    {
        fixed (byte* start = mapped)
        {
            Hint((nuint)start, (nuint)mapped.Length, PageOut);
        }
    }

    // Whole pages only.
    private static void Hint(nuint start, nuint length, int advice)
    {
        var page = (nuint)Environment.SystemPageSize;
        var (first, end) = ((start + page - 1) / page * page, (start + length) / page * page);
        if (OperatingSystem.IsLinux() && end > first)
        {
            _ = Advise(first, end - first, advice);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nuint start, nuint length, int advice);
}
