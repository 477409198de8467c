using System.Collections.Immutable;

namespace Kaito.Core.Workspaces;

/// <summary>Everything found wrong or without effect in one input, in the order it was found.</summary>
internal sealed class Findings
{
    private readonly ImmutableArray<FieldError>.Builder _errors = ImmutableArray.CreateBuilder<FieldError>();
    private readonly ImmutableArray<string>.Builder _warnings = ImmutableArray.CreateBuilder<string>();

    public ImmutableArray<FieldError> Errors => _errors.ToImmutable();

    public ImmutableArray<string> Warnings => _warnings.ToImmutable();

    public void Error(string path, string code, string message) => _errors.Add(new(path, code, message));

    public void Required(string path, string remedy) => Error(path, "required", $"{path} is missing. {remedy}");

    public void Warning(string path, string message) => _warnings.Add($"{path}: {message}");

    /// <summary>Records the errors, as warnings when the user asked to go past the check.</summary>
    public void Report(ImmutableArray<FieldError> errors, bool bypassed)
    {
        foreach (var error in errors)
        {
            if (bypassed)
            {
                Warning(error.Path, error.Message);
            }
            else
            {
                _errors.Add(error);
            }
        }
    }
}
