using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kaito.Core.Kubernetes;

/// <summary>Times as metav1.Time writes them: whole seconds of UTC, such as <c>2026-01-02T03:04:05Z</c>.</summary>
internal sealed class KubeTimeConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetDateTimeOffset();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
}
