using System.CommandLine;
using Kaito.ModelBuilder.Checkpoints;
using Kaito.ModelBuilder.Decoder;
using Kaito.ModelBuilder.Tiny;

namespace Kaito.ModelBuilder;

/// <summary>The command line.</summary>
internal static class BuilderApp
{
    /// <returns>The exit code: 0, or 1 after one line on <paramref name="errors"/>.</returns>
    public static int Run(string[] args, TextWriter output, TextWriter errors)
    {
        var root = new RootCommand("Builds model folders for ONNX Runtime GenAI.")
        {
            Tiny(output),
            Convert(output),
        };
        try
        {
            return root.Parse(args).Invoke(
                new() { Output = output, Error = errors, EnableDefaultExceptionHandler = false });
        }
        catch (Exception failure) when (failure is ModelBuildException or IOException or UnauthorizedAccessException)
        {
            errors.WriteLine($"error: {failure.Message}");
            return 1;
        }
    }

    private static Command Tiny(TextWriter output)
    {
        var folder = new Option<string>("--output") { Description = "Folder to write.", Required = true };
        var adapters = TakesAdapters();
        var command = new Command("tiny", "Makes the tiny model of tests and demo.") { folder, adapters };
        command.SetAction(parsed =>
        {
            var target = parsed.GetRequiredValue(folder);
            output.WriteLine(TinyModel.Write(target, parsed.GetValue(adapters)) ? $"Wrote {target}" : $"{target} is up to date");
        });
        return command;
    }

    private static Option<bool> TakesAdapters() => new("--lora")
    {
        Description = "The model takes LoRA adapters while it runs; each step becomes a little slower.",
    };

    private static Command Convert(TextWriter output)
    {
        var precisions = new Dictionary<string, WeightPrecision>
        {
            ["fp32"] = WeightPrecision.Float32,
            ["int4"] = WeightPrecision.Int4,
            ["int4-128"] = WeightPrecision.Int4Block128,
            ["int8"] = WeightPrecision.Int8,
        };
        var checkpoint = new Option<string>("--input")
        {
            Description = "Folder of a Hugging Face checkpoint with safetensors weights.",
            Required = true,
        };
        var folder = new Option<string>("--output") { Description = "Folder to write.", Required = true };
        var precision = new Option<string>("--precision")
        {
            Description = "Format of the linear layers; int4 has blocks of 32 weights, int4-128 of 128: faster on a CPU, a "
                + "little less exact, and without AVX-512 not the same in every batch. int8 is hardly told from fp32, takes "
                + "twice the memory of int4 and is slower.",
            DefaultValueFactory = _ => "fp32",
        };
        precision.AcceptOnlyFromAmong([.. precisions.Keys]);
        var adapters = TakesAdapters();
        var context = new Option<int?>("--context")
        {
            Description = "Longest sequence that is wanted, for models with LongRoPE; left out, that of their first training.",
        };
        var command = new Command(
            "convert", "Converts a checkpoint: Llama, Mistral, Qwen2, Qwen3, Phi-2, Phi-3, Gemma 2 and 3, Falcon, StableLM 2, or BERT for embeddings.")
        {
            checkpoint,
            folder,
            precision,
            adapters,
            context,
        };
        command.SetAction(parsed =>
        {
            var target = parsed.GetRequiredValue(folder);
            CheckpointConversion.Run(
                parsed.GetRequiredValue(checkpoint), target, precisions[parsed.GetRequiredValue(precision)],
                parsed.GetValue(adapters), parsed.GetValue(context));
            output.WriteLine($"Wrote {target}");
        });
        return command;
    }
}
