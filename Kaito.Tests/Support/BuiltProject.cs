using System.Diagnostics;

namespace Kaito.Tests.Support;

/// <summary>A program of this solution, as the build left it, started as its own process.</summary>
internal static class BuiltProject
{
    /// <summary>Full path of a project's built assembly, in the configuration that the tests run in.</summary>
    public static string Assembly(string project)
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.GetFullPath(Path.Combine(here.FullName, "..", "..", project, here.Name, $"{project}.dll"));
    }

    /// <summary>Start information of a project; output is redirected.</summary>
    public static ProcessStartInfo StartInfo(string project, params ReadOnlySpan<string> args)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add("exec");
        start.ArgumentList.Add(Assembly(project));
        foreach (var arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        return start;
    }

    /// <summary>Runs a project to its end; kills it when the test is cancelled.</summary>
    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(
        string project, IEnumerable<string> args, CancellationToken cancellationToken)
    {
        using var process = Process.Start(StartInfo(project, [.. args]))!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
