using Microsoft.ML.OnnxRuntimeGenAI;

namespace Kaito.Tests.ModelBuilder;

/// <summary>ONNX Runtime GenAI's own generation over a model folder.</summary>
internal static class GenAIRun
{
    /// <summary>The tokens that follow the prompt, greedily; a final end token is included.</summary>
    public static int[] Greedy(string folder, ReadOnlySpan<int> prompt, int most)
    {
        using var model = new Model(folder);
        return Greedy(model, prompt, most);
    }

    public static int[] Greedy(Model model, ReadOnlySpan<int> prompt, int most)
    {
        using var settings = new GeneratorParams(model);
        settings.SetSearchOption("max_length", prompt.Length + most);
        settings.SetSearchOption("random_seed", 1);
        using var generator = new Generator(model, settings);
        generator.AppendTokens(prompt);
        var tokens = new List<int>();
        while (!generator.IsDone())
        {
            generator.GenerateNextToken();
            tokens.Add(generator.GetNextTokens()[0]);
        }

        return [.. tokens];
    }
}
