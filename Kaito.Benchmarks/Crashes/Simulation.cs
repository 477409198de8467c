using Kaito.Operator;
using Kaito.Operator.Cluster;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaito.Benchmarks.Crashes;

/// <summary>
/// A cluster and the operator in one thread, with a clock that runs as fast as nothing happens. What could happen at the
/// same time happens in an order that the seed decides, so every run can be repeated.
/// </summary>
internal sealed class Simulation
{
    // Longer than anything that the operator waits for.
    private static readonly TimeSpan s_quiet = TimeSpan.FromMinutes(6);

    // A hundred times what the longest scenario takes.
    private const int MostSteps = 2_000_000;

    private readonly List<TaskCompletionSource> _onGrowth = [];
    private readonly List<TaskCompletionSource> _onIdle = [];
    private readonly List<string> _writes = [];
    private readonly OperatorOptions _options;
    private readonly Random _order;
    private SimThread _operator = new();
    private Task _running = Task.CompletedTask;
    private DateTimeOffset _changed;
    private bool _died;
    private int _steps;

    public Simulation(SimFaults faults, OperatorOptions options)
    {
        (Faults, _options, _order) = (faults, options, new(faults.Seed));
        Store = new(Clock);
        Cluster = new(Store, Clock);
        Store.Grown = Grow;
    }

    public SimClock Clock { get; } = new();

    public SimStore Store { get; }

    public SimCluster Cluster { get; }

    public SimFaults Faults { get; }

    /// <summary>Every write that the operator wanted to make, in order.</summary>
    public IReadOnlyList<string> Writes => _writes;

    /// <summary>Processes of the operator that were started.</summary>
    public int Lives { get; private set; }

    /// <summary>Starts the operator, as after a crash.</summary>
    public void StartOperator()
    {
        Lives++;
        _operator = new();
        _onIdle.Clear();
        _onGrowth.Clear();
        var services = new ServiceCollection()
            .AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance)
            .AddSingleton(typeof(ILogger<>), typeof(NullLogger<>))
            .AddSingleton<TimeProvider>(Clock)
            .AddSingleton(_options)
            .AddSingleton<IKubeApi>(new SimApi(this))
            .AddOperatorControllers()
            .BuildServiceProvider();
        _operator.Run(() => _running = OperatorControllers.RunAsync(
            services, NullLogger.Instance, static () => { }, CancellationToken.None));
    }

    /// <summary>Lets everything happen until nothing changes any more.</summary>
    /// <exception cref="SimException">It does not come to rest, or the operator ended by itself.</exception>
    public void Settle()
    {
        _changed = Clock.GetUtcNow();
        while (Step())
        {
            if (_died)
            {
                _died = false;
                StartOperator();
            }

            if (_running.IsFaulted)
            {
                throw new SimException($"The operator ended: {_running.Exception.InnerException}");
            }

            if (++_steps > MostSteps)
            {
                throw new SimException($"No rest after {_writes.Count} writes; the last: {_writes[^1]}");
            }
        }
    }

    /// <summary>What goes wrong with the write that comes now.</summary>
    public WriteFault? Writing(string what)
    {
        _writes.Add(what);
        return Faults.Writes.TryGetValue(_writes.Count, out var fault) ? fault : null;
    }

    /// <summary>The end of the process that calls; never returns.</summary>
    public Task DieAsync()
    {
        _died = true;
        return new TaskCompletionSource().Task;
    }

    /// <summary>Waits for a change after the first <paramref name="count"/>.</summary>
    public Task GrownAsync(int count) => Store.Journal.Count > count ? Task.CompletedTask : Wait(_onGrowth);

    /// <summary>Waits until nothing else can happen without the clock.</summary>
    public Task IdleAsync() => Wait(_onIdle);

    private static Task Wait(List<TaskCompletionSource> waiting)
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        waiting.Add(turn);
        return turn.Task;
    }

    private static void Wake(List<TaskCompletionSource> waiting)
    {
        TaskCompletionSource[] due = [.. waiting];
        waiting.Clear();
        Array.ForEach(due, static turn => turn.SetResult());
    }

    private void Grow()
    {
        _changed = Clock.GetUtcNow();
        Cluster.Look(Store.Journal[^1]);
        Wake(_onGrowth);
    }

    private bool Step()
    {
        if (!_operator.IsIdle && (Cluster.IsIdle || _order.Next(3) > 0))
        {
            _operator.Step();
        }
        else if (!Cluster.IsIdle)
        {
            Cluster.Step();
        }
        else if (_onIdle.Count > 0)
        {
            Wake(_onIdle);
        }
        else
        {
            return Cluster.CollectGarbage() || Clock.Advance(_changed + s_quiet);
        }

        return true;
    }
}

/// <summary>What a run must never do.</summary>
internal sealed class SimException(string message) : Exception(message);
