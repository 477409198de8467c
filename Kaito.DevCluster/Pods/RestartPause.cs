namespace Kaito.DevCluster.Pods;

/// <summary>When a container that ended runs again.</summary>
internal static class RestartPause
{
    /// <summary>Whether the policy restarts a container that ended so.</summary>
    public static bool Restarts(string policy, bool init, int exitCode) => policy switch
    {
        "Never" => false,
        "OnFailure" => exitCode != 0,
        _ => !init || exitCode != 0,
    };

    /// <summary>None before the first restart, then the pause, doubling up to the longest.</summary>
    /// <param name="restarts">Restarts since the container last ran well.</param>
    /// <param name="options">The pauses.</param>
    public static TimeSpan Before(int restarts, PodOptions options)
    {
        if (restarts == 0)
        {
            return TimeSpan.Zero;
        }

        var pause = options.RestartPause * Math.Pow(2, Math.Min(restarts - 1, 20));
        return pause < options.LongestRestartPause ? pause : options.LongestRestartPause;
    }
}
