using System.Text.Json;
using Kaito.Core.Contracts;

namespace Kaito.Tests.Core.Contracts;

public sealed class InferenceHostSettingsTests
{
    [Fact]
    public void Read_FileThatNamesOnlyTheModel_HasEveryDefault()
    {
        var settings = Read("""{"servedModelName":"phi"}""");

        Assert.Equal((5000, 16, 256), (settings.Port, settings.MaxSequences, settings.QueueCapacity));
    }

    [Fact]
    public void ToJson_ReadBack_IsTheSame()
    {
        var settings = new InferenceHostSettings
        {
            ServedModelName = "phi",
            ModelRepository = "microsoft/phi",
            MaxModelLength = 1024,
            Port = 8080,
        };

        Assert.Equal(settings, Read(settings.ToJson()));
    }

    private static InferenceHostSettings Read(string json) =>
        JsonSerializer.Deserialize(json, InferenceHostSettingsJson.Default.InferenceHostSettings)!;
}
