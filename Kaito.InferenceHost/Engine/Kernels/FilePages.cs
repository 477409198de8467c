using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kaito.InferenceHost.Engine.Kernels;

/// <summary>Memory that is mapped from files.</summary>
internal static unsafe partial class FilePages
{
    private const int PageOut = 21;

    /// <summary>
    /// Gives the pages of a mapped file back to the system, which reads them again should anybody ask. Other memory keeps its
    /// contents. Does nothing but on Linux.
    /// </summary>
    public static void Release(ReadOnlySpan<byte> mapped)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var page = (nuint)Environment.SystemPageSize;
        var start = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(mapped));
        var (first, end) = ((start + page - 1) / page * page, (start + (nuint)mapped.Length) / page * page);
        if (end > first)
        {
            // A hint: kernels before 5.4 refuse it.
            _ = Advise(first, end - first, PageOut);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nuint start, nuint length, int advice);
}
