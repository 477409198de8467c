using Kaito.InferenceHost.Engine;

namespace Kaito.Tests.InferenceHost.Engine;

public sealed class GenAiEngineTests(TinyModelFixture tiny) : EngineContract(tiny)
{
    private protected override IInferenceEngine Load(EngineOptions options) => GenAiEngine.Load(Folder, options);
}
