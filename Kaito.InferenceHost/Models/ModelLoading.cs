using System.Collections.Frozen;
using Kaito.InferenceHost.Engine;
using Kaito.Tokenization;

namespace Kaito.InferenceHost.Models;

/// <summary>From a model folder to an engine that runs it.</summary>
internal static class ModelLoading
{
    public static ModelLoader CreateLoader(InferenceHostOptions options, TimeProvider clock) => () =>
    {
        try
        {
            return Load(options, clock);
        }
        catch (Exception unusable)
            when (unusable is ModelFolderException or TokenizerException or ChatTemplateException)
        {
            throw new ModelLoadException(unusable.Message, unusable);
        }
        catch (EngineException unusable)
        {
            throw new ModelLoadException($"{options.ModelPath}: {unusable.Message}", unusable);
        }
    };

    private static LoadedModel Load(InferenceHostOptions options, TimeProvider clock)
    {
        var folder = ModelFolder.Read(options.ModelPath);
        var text = new TokenizerText(Tokenizer.Load(folder.Path), ChatTemplate.Load(folder.Path), clock);
        var limited = folder with
        {
            ContextTokens = int.Min(folder.ContextTokens, options.MaxModelLength ?? folder.ContextTokens),
        };
        var engine = SlotEngine.Load(limited, new() { MaxSequences = options.MaxSequences });
        var model = new ServedModel(
            options.ServedModelName,
            options.Root,
            int.Min(limited.ContextTokens, engine.Limits.ContextTokens),
            engine.Limits.VocabularySize,
            folder.EosTokens.ToFrozenSet(),
            text,
            clock.GetUtcNow().ToUnixTimeSeconds());
        return new(model, engine);
    }
}
