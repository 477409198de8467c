using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Kaito.Benchmarks.Requests;

/// <summary>Makes requests that are nearly right, by a seed: the same seed makes the same requests.</summary>
internal sealed class RequestMutator(int seed)
{
    private static readonly (string Path, string Body)[] s_seeds =
    [
        ("/v1/chat/completions", """{"model":"tiny","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"Hi"}]}],"max_tokens":3,"temperature":0.7,"top_p":0.9,"top_k":5,"seed":1,"stop":["x","y"],"logprobs":true,"top_logprobs":2,"n":2}"""),
        ("/v1/chat/completions", """{"messages":[{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true},"max_completion_tokens":3,"logit_bias":{"5":1.5},"min_tokens":1,"stop_token_ids":[3],"ignore_eos":true}"""),
        ("/v1/chat/completions", """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"integer"}}}}}],"tool_choice":"auto","max_tokens":3}"""),
        ("/v1/chat/completions", """{"messages":[{"role":"user","content":"Hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{"a":{"enum":[1,2]}}}}},"max_tokens":4,"chat_template_kwargs":{"a":1}}"""),
        ("/v1/completions", """{"prompt":["ab","cd"],"max_tokens":2,"echo":true,"logprobs":1,"temperature":0,"best_of":1,"presence_penalty":0.1,"frequency_penalty":0.1,"repetition_penalty":1.1,"min_p":0.1}"""),
        ("/v1/completions", """{"prompt":[[1,2,3],[4]],"max_tokens":2,"stream":true,"guided_regex":"[ab]{2}","allowed_token_ids":[1,2,3],"bad_words":["no"],"truncate_prompt_tokens":2,"prompt_logprobs":null}"""),
        ("/v1/responses", """{"input":[{"role":"user","content":[{"type":"input_text","text":"Hi"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"1"}],"max_output_tokens":3,"stream":true,"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],"text":{"format":{"type":"text"}}}"""),
        ("/tokenize", """{"prompt":"Hi","add_special_tokens":true,"return_token_strs":true}"""),
        ("/detokenize", """{"tokens":[1,2,3]}"""),
        ("/chat", """{"prompt":"Hi","generate_kwargs":{"max_length":8,"top_k":3}}"""),
    ];

    private static readonly string[] s_values =
    [
        "null", "true", "false", "0", "-1", "1", "2", "0.5", "-0.0", "1e400", "1e-400", "2147483648", "-2147483649", "9223372036854775808",
        "99999999999999999999", "\"\"", "\"x\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\ud83d\\ude00\"", "\"<|im_end|>\"", "\"{{ x }}\"",
        "[]", "{}", "[[]]", "[null]", "[1,\"a\",{}]", "{\"type\":\"text\"}", "[[[[[[[[[[]]]]]]]]]]", "{\"a\":{\"b\":{\"c\":[{}]}}}",
    ];

    private readonly Random _random = new(seed);

    public (string Path, byte[] Body) Next()
    {
        var (path, text) = s_seeds[_random.Next(s_seeds.Length)];
        var root = JsonNode.Parse(text)!;
        for (var edits = _random.Next(4); edits > 0; edits--)
        {
            root = Edit(root);
        }

        var body = Encoding.UTF8.GetBytes(Large(root.ToJsonString()));
        return (path, _random.Next(8) == 0 ? Damage(body) : body);
    }

    private JsonNode Edit(JsonNode root)
    {
        var places = new List<(JsonNode Owner, string? Name, int Index)>();
        Collect(root, places);
        if (places.Count == 0 || _random.Next(50) == 0)
        {
            return Value() ?? new JsonArray();
        }

        var (owner, name, index) = places[_random.Next(places.Count)];
        if (owner is JsonObject members)
        {
            switch (_random.Next(3))
            {
                case 0:
                    members.Remove(name!);
                    break;
                case 1:
                    // A member of one place in another.
                    members[places[_random.Next(places.Count)].Name ?? "x"] = Value();
                    break;
                default:
                    members[name!] = Value();
                    break;
            }
        }
        else
        {
            var items = owner.AsArray();
            if (_random.Next(3) == 0)
            {
                items.Insert(index, Value());
            }
            else
            {
                items[index] = Value();
            }
        }

        return root;
    }

    private static void Collect(JsonNode node, List<(JsonNode Owner, string? Name, int Index)> places)
    {
        foreach (var (name, value) in node as JsonObject ?? [])
        {
            places.Add((node, name, 0));
            if (value is not null)
            {
                Collect(value, places);
            }
        }

        for (var i = 0; i < (node as JsonArray ?? []).Count; i++)
        {
            places.Add((node, null, i));
            if (node[i] is { } item)
            {
                Collect(item, places);
            }
        }
    }

    // Some values are no JSON that a tree can hold; they are put in as text afterwards.
    private JsonNode? Value()
    {
        var value = s_values[_random.Next(s_values.Length)];
        return value is "1e400" or "99999999999999999999" or "\"\\ud800\""
            ? JsonValue.Create($"@@{value.Trim('"')}@@")
            : JsonNode.Parse(value);
    }

    private static string Large(string text) => text
        .Replace("\"@@1e400@@\"", "1e400", StringComparison.Ordinal)
        .Replace("\"@@99999999999999999999@@\"", "99999999999999999999", StringComparison.Ordinal)
        .Replace("@@\\\\ud800@@", "\\ud800", StringComparison.Ordinal);

    private byte[] Damage(byte[] body)
    {
        if (body.Length == 0)
        {
            return body;
        }

        switch (_random.Next(4))
        {
            case 0:
                return body[.._random.Next(body.Length)];
            case 1:
                body[_random.Next(body.Length)] = (byte)_random.Next(256);
                return body;
            case 2:
                return [.. body, .. body];
            default:
                var deep = _random.Next(1, 2000);
                return Encoding.UTF8.GetBytes(string.Create(
                    CultureInfo.InvariantCulture, $"{{\"messages\":{new string('[', deep)}{new string(']', deep)}}}"));
        }
    }
}
