using Kaito.Benchmarks;
using Kaito.Benchmarks.Engine;

return BenchApp.Run(args, [new EngineArea()], Console.Out);
