using Kaito.InferenceHost.Engine;
using Kaito.ModelBuilder.Tiny;

[assembly: AssemblyFixture(typeof(Kaito.Tests.InferenceHost.Engine.TinyModelFixture))]

namespace Kaito.Tests.InferenceHost.Engine;

/// <summary>The tiny model, written once per test run.</summary>
public sealed class TinyModelFixture : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("kaito-tiny-");
    private readonly Lazy<ModelFolder> _folder;

    public TinyModelFixture() => _folder = new(() =>
    {
        var path = System.IO.Path.Combine(_root.FullName, "model");
        TinyModel.Write(path);
        return ModelFolder.Read(path);
    });

    internal ModelFolder Folder => _folder.Value;

    public void Dispose() => _root.Delete(recursive: true);
}
