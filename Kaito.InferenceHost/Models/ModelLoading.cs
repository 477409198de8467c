using System.Collections.Frozen;
using System.Runtime.ExceptionServices;
using Kaito.Embeddings;
using Kaito.InferenceHost.Adapters;
using Kaito.InferenceHost.Downloads;
using Kaito.InferenceHost.Embeddings;
using Kaito.InferenceHost.Engine;
using Kaito.Tokenization;

namespace Kaito.InferenceHost.Models;

/// <summary>From a model folder to an engine that runs it.</summary>
internal static class ModelLoading
{
    /// <summary>Loads a model that is not in a folder yet.</summary>
    /// <param name="options">Whose path does not count.</param>
    /// <param name="fetch">Brings the model to this machine, once, and gives its folder.</param>
    /// <param name="clock">Times the phases.</param>
    public static ModelLoader CreateLoader(InferenceHostOptions options, Func<string> fetch, TimeProvider clock)
    {
        ModelLoader? local = null;
        return () =>
        {
            try
            {
                local ??= CreateLoader(options with { ModelPath = fetch() }, clock);
            }
            catch (DownloadException missing)
            {
                throw new ModelLoadException(missing.Message, missing);
            }

            return local();
        };
    }

    public static ModelLoader CreateLoader(InferenceHostOptions options, TimeProvider clock)
    {
        // What clients have loaded stays when the engine is built again.
        AdapterRegistry? adapters = null;
        return () => Guarded(options, () => EncoderFolder.IsAt(options.ModelPath)
            ? EmbeddingModel.Load(options, clock)
            : WithAdapters(Load(options, clock), options, clock, ref adapters));
    }

    private static LoadedModel WithAdapters(
        LoadedModel loaded, InferenceHostOptions options, TimeProvider clock, ref AdapterRegistry? adapters)
    {
        if (adapters is null)
        {
            var fresh = new AdapterRegistry(
                loaded.Engine.Limits.Adapters, options.Adapters, options.ServedModelName, clock);
            try
            {
                fresh.LoadConfigured();
            }
            catch
            {
                loaded.Engine.Dispose();
                throw;
            }

            adapters = fresh;
        }

        return loaded with { Model = loaded.Model with { Adapters = adapters } };
    }

    private static LoadedModel Guarded(InferenceHostOptions options, Func<LoadedModel> load)
    {
        try
        {
            return load();
        }
        catch (Exception unusable) when (
            unusable is ModelFolderException or TokenizerException or EncoderException)
        {
            throw new ModelLoadException(unusable.Message, unusable);
        }
        catch (Exception unusable) when (unusable is EngineException or ChatTemplateException)
        {
            throw new ModelLoadException($"{options.ModelPath}: {unusable.Message}", unusable);
        }
    }

    private static LoadedModel Load(InferenceHostOptions options, TimeProvider clock)
    {
        var started = clock.GetTimestamp();
        var folder = ModelFolder.Read(options.ModelPath);
        var configured = clock.GetElapsedTime(started);
        var limited = folder with
        {
            ContextTokens = int.Min(folder.ContextTokens, options.MaxModelLength ?? folder.ContextTokens),
        };
        var (text, chosen) = LoadTogether(
            () => Measure(
                clock,
                () => new TokenizerText(Tokenizer.Load(folder.Path), ChatTemplate.Load(folder.Path), clock)),
            () => Measure(clock, () => LoadEngine(limited, options)));
        var engine = chosen.Value.Engine;
        var probed = Measure(clock, () => Prove(chosen.Value, limited, options));
        var model = new ServedModel(
            options.ServedModelName,
            options.Root,
            int.Min(limited.ContextTokens, engine.Limits.ContextTokens),
            engine.Limits.VocabularySize,
            folder.EosTokens.ToFrozenSet(),
            text.Value,
            clock.GetUtcNow().ToUnixTimeSeconds())
        {
            ReadsPrompts = engine.Limits.ReadsPrompts,
            Sampling = SamplingDefaults.From(folder.Search, folder.Author),
        };
        return new(model, engine)
        {
            Report = new(
                chosen.Value.Name,
                chosen.Value.Fallback,
                [
                    new("configuration", configured),
                    new("tokenizer", text.Took),
                    new("engine", chosen.Took),
                    new("self-test", probed.Took),
                ])
            {
                WantedContextTokens = limited.ContextTokens,
                HasOwnKernels = engine is SlotEngine { HasOwnKernels: true },
            },
        };
    }

    // Neither needs the other, and each keeps one core busy.
    private static (Timed<TokenizerText> Text, Timed<ChosenEngine> Engine) LoadTogether(
        Func<Timed<TokenizerText>> loadText, Func<Timed<ChosenEngine>> loadEngine)
    {
        Timed<TokenizerText>? text = null;
        Timed<ChosenEngine>? engine = null;
        try
        {
            Parallel.Invoke(() => engine = loadEngine(), () => text = loadText());
        }
        catch (AggregateException failures)
        {
            engine?.Value.Engine.Dispose();
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }

        return (text!, engine!);
    }

    private static ChosenEngine LoadEngine(ModelFolder folder, InferenceHostOptions options)
    {
        var limits = new EngineOptions
        {
            MaxSequences = options.MaxSequences,
            Speculation = options.Speculation,
            Accelerator = options.Accelerator,
            Kernel = options.Kernel,
        };
        return ChosenEngine.Load(
            options.Engine,
            () => SlotEngine.Load(folder, limits),
            () => GenAiEngine.Load(folder, limits));
    }

    // What loads and cannot run is found now and not by the first client, who also need not wait for the first run.
    private static bool Prove(ChosenEngine chosen, ModelFolder folder, InferenceHostOptions options)
    {
        try
        {
            using var reference = options.Accelerator == Accelerator.Cpu
                ? null
                : SlotEngine.Load(folder, new() { MaxSequences = 1, PrefixBytes = 0, Accelerator = Accelerator.Cpu });
            SelfTest.Run(chosen.Engine, reference);
            return true;
        }
        catch (Exception failure) when (failure is EngineException or ModelFolderException)
        {
            chosen.Engine.Dispose();
            throw new EngineException(
                $"The {chosen.Name} engine cannot run it: {failure.Message.ReplaceLineEndings(" ")} "
                + (chosen.Fallback is { } reason ? $"(It was tried because {reason})" : "Try the other --engine."),
                failure);
        }
    }

    private static Timed<T> Measure<T>(TimeProvider clock, Func<T> load)
    {
        var started = clock.GetTimestamp();
        var value = load();
        return new(value, clock.GetElapsedTime(started));
    }

    private sealed record Timed<T>(T Value, TimeSpan Took);
}
