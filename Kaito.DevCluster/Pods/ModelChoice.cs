using Kaito.Core.Contracts;

namespace Kaito.DevCluster.Pods;

/// <summary>Which model folder a container gets that asks for a Hugging Face repository.</summary>
/// <param name="Folder">The folder; null when there is none.</param>
/// <param name="SubstitutedFor">The wanted repository, when the folder holds another model.</param>
internal sealed record ModelChoice(string? Folder, string? SubstitutedFor)
{
    /// <summary>The choice for the variables of a container; null when they ask for no model or name a folder.</summary>
    public static ModelChoice? For(IReadOnlyDictionary<string, string> variables, PodOptions options)
    {
        if (!variables.TryGetValue(InferenceHostEnvironment.ModelRepository, out var repository)
            || repository.Length == 0
            || variables.ContainsKey(InferenceHostEnvironment.ModelPath))
        {
            return null;
        }

        var models = Path.Combine(options.StateFolder, "models");
        var own = Path.GetFullPath(Path.Combine(models, repository));
        return own.StartsWith(models + Path.DirectorySeparatorChar, StringComparison.Ordinal) && HoldsModel(own)
            ? new(own, null)
            : new(options.SubstituteModel, repository);
    }

    /// <summary>Why no container can start with this choice; null when one can.</summary>
    public string? Problem(PodOptions options) =>
        Folder is not null && HoldsModel(Folder) ? null
        : $"model \"{SubstitutedFor}\" is not in {Path.Combine(options.StateFolder, "models")} and "
            + (Folder is null ? "there is no substitute" : $"the substitute {Folder} has no genai_config.json")
            + "; put the model folder there or start the cluster with --substitute-model DIR";

    /// <summary>The variables that tell the container.</summary>
    public IEnumerable<KeyValuePair<string, string>> Variables()
    {
        yield return new(InferenceHostEnvironment.ModelPath, Folder ?? "");
        if (SubstitutedFor is not null)
        {
            yield return new(InferenceHostEnvironment.SubstitutedFor, SubstitutedFor);
        }
    }

    private static bool HoldsModel(string folder) => File.Exists(Path.Combine(folder, "genai_config.json"));
}
