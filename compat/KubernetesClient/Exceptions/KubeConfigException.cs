namespace k8s.Exceptions;

/// <summary>The kubeconfig cannot be used; the message names the file, the field and the remedy.</summary>
public class KubeConfigException : Exception
{
    /// <summary>An error without a message.</summary>
    public KubeConfigException()
    {
    }

    /// <summary>An error with one sentence for the user.</summary>
    public KubeConfigException(string message)
        : base(message)
    {
    }

    /// <summary>An error with one sentence for the user and what caused it.</summary>
    public KubeConfigException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
