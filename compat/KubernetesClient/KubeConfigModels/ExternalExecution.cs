namespace k8s.KubeConfigModels;

/// <summary>The <c>exec</c> part of a kubeconfig user: a program that prints credentials.</summary>
public class ExternalExecution
{
    /// <summary>The version of the ExecCredential that the program prints.</summary>
    public string? ApiVersion { get; set; }

    /// <summary>The program: a path, or a name to find on PATH.</summary>
    public required string Command { get; set; }

    /// <summary>
    /// Variables added to the program's environment; each entry has the keys <c>name</c> and <c>value</c>.
    /// </summary>
    public IList<Dictionary<string, string>> EnvironmentVariables { get; } = [];

    /// <summary>The program's arguments.</summary>
    public IList<string> Arguments { get; } = [];
}
