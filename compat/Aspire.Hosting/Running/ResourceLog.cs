namespace Aspire.Hosting.Running;

/// <summary>Prints the lines of every resource, each behind the resource's name.</summary>
/// <remarks>The package prints them only with <c>EnableResourceLogging</c>; without a dashboard they have no other place.</remarks>
internal sealed class ResourceLog
{
    private readonly Lock _gate = new();

    public void Write(string resource, string line)
    {
        lock (_gate)
        {
            Console.Out.WriteLine($"[{resource}] {line}");
        }
    }
}
