namespace Kaito.Tests.Support;

/// <summary>Waits for something that another process does; bounded, and says what was missing.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(50);

    public static async Task TrueAsync(
        Func<Task<bool>> condition, TimeSpan limit, Func<string> missing, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(limit, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        while (!await condition())
        {
            if (timeout.IsCancellationRequested)
            {
                Assert.Fail($"Not within {limit}: {missing()}");
            }

            try
            {
                await Task.Delay(s_step, TimeProvider.System, either.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // One last look before giving up.
            }
        }
    }
}
