using Kaito.InferenceHost.Engine;

namespace Kaito.InferenceHost.Models;

/// <summary>From a model folder to an engine that runs it.</summary>
internal static class ModelLoading
{
    public static ModelLoader CreateLoader(InferenceHostOptions options, TimeProvider clock) => () =>
    {
        try
        {
            var folder = ModelFolder.Read(options.ModelPath);
            throw new ModelLoadException($"{folder.Path}: no engine is built in yet ({clock.GetUtcNow():O}).");
        }
        catch (ModelFolderException unusable)
        {
            throw new ModelLoadException(unusable.Message, unusable);
        }
    };
}
