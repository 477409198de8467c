using System.Text;
using System.Text.Json.Nodes;
using Kaito.DevCluster.Storage;

namespace Kaito.DevCluster.Api;

/// <summary>
/// Reads the Kubernetes protobuf form of the few kinds that <c>kubectl create</c> builds itself. Everything else that
/// kubectl sends is JSON.
/// </summary>
internal static class ProtobufBody
{
    private const string Meta = "ObjectMeta";

    // Message -> field number -> (member, type). A type is string, int, bool, bytes, a message, or with a suffix:
    // [] for a list, {} for a map of strings, {b} for a map of bytes.
    private static readonly Dictionary<string, Dictionary<int, (string Name, string Type)>> s_messages = new()
    {
        ["Namespace"] = new() { [1] = ("metadata", Meta) },
        ["ConfigMap"] = new() { [1] = ("metadata", Meta), [2] = ("data", "{}"), [3] = ("binaryData", "{b}") },
        ["Secret"] = new()
        {
            [1] = ("metadata", Meta),
            [2] = ("data", "{b}"),
            [3] = ("type", "string"),
            [4] = ("stringData", "{}"),
        },
        ["ServiceAccount"] = new() { [1] = ("metadata", Meta) },
        ["Service"] = new() { [1] = ("metadata", Meta), [2] = ("spec", "ServiceSpec") },
        ["ServiceSpec"] = new()
        {
            [1] = ("ports", "ServicePort[]"),
            [2] = ("selector", "{}"),
            [3] = ("clusterIP", "string"),
            [4] = ("type", "string"),
        },
        ["ServicePort"] = new()
        {
            [1] = ("name", "string"),
            [2] = ("protocol", "string"),
            [3] = ("port", "int"),
            [4] = ("targetPort", "IntOrString"),
            [5] = ("nodePort", "int"),
        },
        ["Deployment"] = new() { [1] = ("metadata", Meta), [2] = ("spec", "DeploymentSpec") },
        ["DeploymentSpec"] = new()
        {
            [1] = ("replicas", "int"),
            [2] = ("selector", "LabelSelector"),
            [3] = ("template", "PodTemplateSpec"),
        },
        ["Job"] = new() { [1] = ("metadata", Meta), [2] = ("spec", "JobSpec") },
        ["JobSpec"] = new() { [6] = ("template", "PodTemplateSpec") },
        ["LabelSelector"] = new() { [1] = ("matchLabels", "{}") },
        ["PodTemplateSpec"] = new() { [1] = ("metadata", Meta), [2] = ("spec", "PodSpec") },
        ["Pod"] = new() { [1] = ("metadata", Meta), [2] = ("spec", "PodSpec") },
        ["PodSpec"] = new() { [2] = ("containers", "Container[]"), [3] = ("restartPolicy", "string") },
        ["Container"] = new()
        {
            [1] = ("name", "string"),
            [2] = ("image", "string"),
            [3] = ("command", "string[]"),
            [4] = ("args", "string[]"),
            [6] = ("ports", "ContainerPort[]"),
            [14] = ("imagePullPolicy", "string"),
        },
        ["ContainerPort"] = new()
        {
            [1] = ("name", "string"),
            [3] = ("containerPort", "int"),
            [4] = ("protocol", "string"),
        },
        ["SelfSubjectAccessReview"] = new() { [1] = ("metadata", Meta), [2] = ("spec", "AccessReviewSpec") },
        ["AccessReviewSpec"] = new()
        {
            [1] = ("resourceAttributes", "ResourceAttributes"),
            [2] = ("nonResourceAttributes", "NonResourceAttributes"),
        },
        ["ResourceAttributes"] = new()
        {
            [1] = ("namespace", "string"),
            [2] = ("verb", "string"),
            [3] = ("group", "string"),
            [4] = ("version", "string"),
            [5] = ("resource", "string"),
            [6] = ("subresource", "string"),
            [7] = ("name", "string"),
        },
        ["NonResourceAttributes"] = new() { [1] = ("path", "string"), [2] = ("verb", "string") },
        ["SelfSubjectRulesReview"] = new() { [1] = ("metadata", Meta), [2] = ("spec", "RulesReviewSpec") },
        ["RulesReviewSpec"] = new() { [1] = ("namespace", "string") },
        [Meta] = new()
        {
            [1] = ("name", "string"),
            [2] = ("generateName", "string"),
            [3] = ("namespace", "string"),
            [11] = ("labels", "{}"),
            [12] = ("annotations", "{}"),
        },
    };

    private static ReadOnlySpan<byte> Magic => "k8s\0"u8;

    public static JsonObject Parse(ReadOnlySpan<byte> body)
    {
        if (!body.StartsWith(Magic))
        {
            throw ApiStatusException.BadRequest("the protobuf body does not start with the Kubernetes prefix");
        }

        string version = "", kind = "";
        ReadOnlySpan<byte> raw = [];
        var envelope = new Reader(body[Magic.Length..]);
        while (envelope.Next(out var field, out var bytes, out _))
        {
            if (field == 1)
            {
                var type = new Reader(bytes);
                while (type.Next(out var part, out var text, out _))
                {
                    var read = Encoding.UTF8.GetString(text);
                    (version, kind) = part == 1 ? (read, kind) : (version, read);
                }
            }
            else if (field == 2)
            {
                raw = bytes;
            }
        }

        if (!s_messages.ContainsKey(kind))
        {
            throw ApiStatusException.UnsupportedMediaType(
                $"application/vnd.kubernetes.protobuf of {kind}", "application/json", "application/yaml");
        }

        var value = Message(kind, raw);
        value["apiVersion"] = version;
        value["kind"] = kind;
        return value;
    }

    private static JsonObject Message(string name, ReadOnlySpan<byte> bytes)
    {
        var result = new JsonObject();
        var fields = s_messages[name];
        var reader = new Reader(bytes);
        while (reader.Next(out var field, out var content, out var number))
        {
            if (!fields.TryGetValue(field, out var member))
            {
                Refuse(name, field, content);
                continue;
            }

            Put(result, member.Name, member.Type, content, number);
        }

        return result;
    }

    /// <summary>kubectl sends empty values of members that nobody set; anything else is refused rather than lost.</summary>
    private static void Refuse(string name, int field, ReadOnlySpan<byte> content)
    {
        if (content.Length > 2 && name != Meta && !(s_messages[name].ContainsKey(1) && field == 3))
        {
            throw ApiStatusException.BadRequest(
                $"protobuf field {field} of {name} ({content.Length} bytes) is not read by the dev cluster: "
                + "use kubectl apply, which sends JSON");
        }
    }

    private static void Put(JsonObject target, string name, string type, ReadOnlySpan<byte> content, long number)
    {
        if (type.EndsWith("[]", StringComparison.Ordinal))
        {
            if (target[name] is not JsonArray list)
            {
                target[name] = list = [];
            }

            list.Add(Value(type[..^2], content, number));
        }
        else if (type is "{}" or "{b}")
        {
            var pair = new Reader(content);
            string key = "", text = "";
            while (pair.Next(out var part, out var bytes, out _))
            {
                var read = part == 2 && type == "{b}" ? Convert.ToBase64String(bytes) : Encoding.UTF8.GetString(bytes);
                (key, text) = part == 1 ? (read, text) : (key, read);
            }

            target.Child(name)[key] = text;
        }
        else if (Value(type, content, number) is { } value && value.ToString().Length > 0)
        {
            target[name] = value;
        }
    }

    private static JsonNode Value(string type, ReadOnlySpan<byte> content, long number) => type switch
    {
        "string" => JsonValue.Create(Encoding.UTF8.GetString(content)),
        "int" => JsonValue.Create(number),
        "IntOrString" => IntOrString(content),
        _ => Message(type, content),
    };

    private static JsonValue IntOrString(ReadOnlySpan<byte> content)
    {
        long kind = 0, whole = 0;
        var text = "";
        var reader = new Reader(content);
        while (reader.Next(out var field, out var bytes, out var number))
        {
            (kind, whole, text) = field switch
            {
                1 => (number, whole, text),
                2 => (kind, number, text),
                _ => (kind, whole, Encoding.UTF8.GetString(bytes)),
            };
        }

        return kind == 0 ? JsonValue.Create(whole) : JsonValue.Create(text);
    }

    /// <summary>Steps through the fields of one message.</summary>
    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public bool Next(out int field, out ReadOnlySpan<byte> content, out long number)
        {
            content = [];
            number = 0;
            field = 0;
            if (_rest.IsEmpty)
            {
                return false;
            }

            var tag = Varint();
            field = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    number = Varint();
                    break;
                case 1:
                    Take(8);
                    break;
                case 2:
                    content = Take(Varint());
                    break;
                case 5:
                    Take(4);
                    break;
                default:
                    throw Broken();
            }

            return true;
        }

        private long Varint()
        {
            var value = 0L;
            for (var shift = 0; shift < 64; shift += 7)
            {
                var next = Take(1)[0];
                value |= (long)(next & 0x7F) << shift;
                if (next < 0x80)
                {
                    return value;
                }
            }

            throw Broken();
        }

        private ReadOnlySpan<byte> Take(long count)
        {
            if (count < 0 || count > _rest.Length)
            {
                throw Broken();
            }

            var taken = _rest[..(int)count];
            _rest = _rest[(int)count..];
            return taken;
        }

        private static ApiStatusException Broken() => ApiStatusException.BadRequest("the protobuf body is cut off or broken");
    }
}
