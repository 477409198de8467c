using System.Runtime.InteropServices;
using Kaito.Benchmarks;
using Kaito.Benchmarks.Crashes;
using Kaito.Benchmarks.Engine;
using Kaito.Benchmarks.Inference;
using Kaito.Benchmarks.LocalRuns;
using Kaito.Benchmarks.Masks;
using Kaito.Benchmarks.Requests;
using Kaito.Benchmarks.Retrieval;
using Kaito.Benchmarks.Scale;

using var stop = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    return await BenchApp.RunAsync(
        args,
        [
            new ConcurrencyArea(), new CrashArea(), new EngineArea(), new FirstLightArea(), new FuzzArea(), new InferenceArea(),
            new MaskArea(), new PrecisionArea(), new QualityArea(), new RagArea(), new RagCrashArea(), new ScaleArea(),
            new KubeScaleArea(), new SoakArea(), new SpeculationArea(), new StartStopArea(),
        ],
        Console.Out, stop.Token);
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 130;
}

// What an area started is stopped on the way out.
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
