using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Kaito.Tests.Operator.Scenarios;

/// <summary>Keeps what the operator says of requests that it was not allowed to make.</summary>
internal sealed class RefusalLog : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _lines = new();

    public IEnumerable<string> Lines => _lines;

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        var line = formatter(state, exception);
        if (line.Contains("forbidden", StringComparison.OrdinalIgnoreCase))
        {
            _lines.Enqueue(line);
        }
    }

    public void Dispose()
    {
        // Holds nothing but memory.
    }
}
