using System.Text.Json.Nodes;

namespace Kaito.Tests.DevCluster.Api;

/// <summary>Whatever a client sends, the answer says what is wrong with it, and the cluster goes on.</summary>
public sealed class HostileRequestTests(ApiServer server) : IClassFixture<ApiServer>
{
    private const string Pods = "/api/v1/namespaces/default/pods";
    private const string Maps = "/api/v1/namespaces/default/configmaps";
    private const string Deployments = "/apis/apps/v1/namespaces/default/deployments";
    private const string Definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    private const string Map = """{"metadata":{"name":"m"},"data":{"a":"b"}}""";
    private const string JsonPatch = "application/json-patch+json";
    private const string Merge = "application/merge-patch+json";
    private const string Strategic = "application/strategic-merge-patch+json";
    private const string Apply = "application/apply-patch+yaml";

    private static readonly string s_pod =
        """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"none"}]}}""";

    /// <summary>method, path, media type, body, what the message must name.</summary>
    public static TheoryData<string, string, string, string, string> Bodies => new()
    {
        { "POST", Maps, "application/json", "", "one Kubernetes object" },
        { "POST", Maps, "application/json", "{", "not valid JSON" },
        { "POST", Maps, "application/json", "[]", "one Kubernetes object" },
        { "POST", Maps, "application/json", "null", "one Kubernetes object" },
        { "POST", Maps, "application/json", "\"text\"", "one Kubernetes object" },
        { "POST", Maps, "application/json", """{"metadata":{"name":"a"},"data":{"a":"1","a":"2"}}""", "not valid JSON" },
        { "POST", Maps, "application/json", """{"metadata":{"name":"a"},"data":{"a":"\ud800"}}""", "no Unicode" },
        { "POST", Maps, "application/json", """{"metadata":{"name":"a"},"\udc00":1}""", "no Unicode" },
        { "POST", Maps, "text/plain", Map, "unknown format (text/plain)" },
        { "POST", Maps, "application/x-www-form-urlencoded", Map, "application/json" },
        { "POST", Maps, "application/vnd.kubernetes.protobuf", Map, "protobuf" },
        { "POST", Maps, "application/vnd.kubernetes.protobuf", "k8s\0\u007f\u007f\u007f", "protobuf" },
        { "POST", Maps, "application/yaml", "a: [b", "not valid YAML" },
        { "POST", Maps, "application/yaml", "a: &x {b: c}\nd: *x", "alias" },
        { "POST", Maps, "application/yaml", "? [a, b]\n: c", "key" },
        { "POST", Maps, "application/yaml", "- a", "one Kubernetes object" },
        { "POST", Maps, "application/json", """{"metadata":"m"}""", "metadata" },
        { "POST", Maps, "application/json", """{"metadata":{"name":5}}""", "metadata.name" },
        { "POST", Maps, "application/json", """{"metadata":{"name":"../../etc"}}""", "metadata.name" },
        { "POST", Maps, "application/json", """{"metadata":{"name":"a","labels":["x"]}}""", "metadata.labels" },
        { "POST", Maps, "application/json", """{"metadata":{"name":"a","labels":{"x":{}}}}""", "metadata.labels[x]" },
        { "POST", Maps, "application/json", """{"metadata":{"name":"a","finalizers":"x"}}""", "metadata.finalizers" },
        { "POST", Maps, "application/json", """{"metadata":{"name":"a","ownerReferences":[1]}}""", "ownerReferences[0]" },
        { "POST", Maps, "application/json", """{"metadata":{"name":"a"},"data":{"a":7}}""", "data[a]" },
        { "POST", Maps, "application/json", """{"metadata":{"name":"a"},"binaryData":{"a":"???"}}""", "base64" },
        { "POST", Maps, "application/json", """{"kind":"Pod","metadata":{"name":"a"}}""", "Pod" },
        { "POST", Pods, "application/json", """{"metadata":{"name":"a"},"spec":[]}""", "spec" },
        { "POST", Pods, "application/json", """{"metadata":{"name":"a"},"spec":{"containers":{}}}""", "spec.containers" },
        { "POST", Pods, "application/json", """{"metadata":{"name":"a"},"spec":{"containers":[null]}}""", "containers[0]" },
        {
            "POST", Pods, "application/json",
            """{"metadata":{"name":"a"},"spec":{"containers":[{"name":"../x","image":"i"}]}}""", "containers[0].name"
        },
        {
            "POST", Pods, "application/json",
            """{"metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i"},{"name":"c","image":"i"}]}}""",
            "Duplicate"
        },
        {
            "POST", Pods, "application/json",
            """
            {"metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i",
             "volumeMounts":[{"name":"v","mountPath":"/a","subPath":"../../etc"}]}]}}
            """, "subPath"
        },
        {
            "POST", Deployments, "application/json",
            """{"metadata":{"name":"a"},"spec":{"replicas":2000000000,"selector":{},"template":{}}}""", "spec.replicas"
        },
        {
            "POST", Deployments, "application/json",
            """{"metadata":{"name":"a"},"spec":{"replicas":99999999999,"selector":{},"template":{}}}""", "spec.replicas"
        },
        { "POST", Definitions, "application/json", Definition("demo.test", "{\"type\":5}"), "type" },
        { "POST", Definitions, "application/json", Definition("demo.test", "{\"properties\":[]}"), "properties" },
        { "POST", Definitions, "application/json", Definition("demo.test", "{\"pattern\":\"(\"}"), "pattern" },
        { "POST", Definitions, "application/json", Definition("demo.test", "{\"items\":\"x\"}"), "items" },
        { "POST", Definitions, "application/json", Definition("apps", "{}"), "spec.group" },
        { "PATCH", $"{Maps}/base", JsonPatch, "{}", "does not have the form" },
        { "PATCH", $"{Maps}/base", JsonPatch, "[1]", "operation 0" },
        { "PATCH", $"{Maps}/base", JsonPatch, """[{"op":"fly","path":"/a"}]""", "op must be" },
        { "PATCH", $"{Maps}/base", JsonPatch, """[{"op":"add","path":"a"}]""", "start with /" },
        { "PATCH", $"{Maps}/base", JsonPatch, """[{"op":"remove","path":"/data/none"}]""", "does not exist" },
        { "PATCH", $"{Maps}/base", JsonPatch, """[{"op":"replace","path":"","value":3}]""", "not an object" },
        { "PATCH", $"{Maps}/base", JsonPatch, """[{"op":"remove","path":""}]""", "start with /" },
        { "PATCH", $"{Maps}/base", JsonPatch, """[{"op":"replace","path":"/metadata","value":"x"}]""", "metadata" },
        { "PATCH", $"{Maps}/base", JsonPatch, $"[{Doubling()}]", "the result has more than" },
        { "PATCH", $"{Maps}/base", Merge, "[]", "does not have the form" },
        { "PATCH", $"{Maps}/base", Merge, "null", "empty" },
        { "PATCH", $"{Maps}/base", Merge, """{"metadata":{"labels":"x"}}""", "metadata.labels" },
        { "PATCH", $"{Maps}/base", Merge, """{"metadata":{"name":"other"}}""", "other" },
        { "PATCH", $"{Maps}/base", Merge, """{"metadata":{"resourceVersion":"1"}}""", "modified" },
        { "PATCH", $"{Maps}/base", "text/plain", "{}", "unknown format" },
        { "PATCH", $"{Maps}/base", Apply, "{}", "fieldManager is required" },
        { "PATCH", $"{Maps}/base?fieldManager=t", Apply, "- a", "no object" },
        { "PATCH", $"{Maps}/base?fieldManager=t", Apply, """{"data":[1]}""", "data" },
        { "PATCH", $"{Pods}/base", Strategic, """{"spec":{"containers":[1]}}""", "containers" },
        { "PATCH", $"{Pods}/base", Strategic, """{"spec":{"containers":[{"image":"x"}]}}""", "has no name" },
        { "PATCH", $"{Pods}/base", Strategic, """{"spec":{"containers":"x"}}""", "spec.containers" },
        { "PUT", $"{Maps}/base", "application/json", """{"metadata":{"name":"other"}}""", "other" },
        { "PUT", $"{Maps}/none", "application/json", """{"metadata":{"name":"none"}}""", "not found" },
        { "DELETE", $"{Maps}/base", "application/json", "{", "not valid JSON" },
        { "DELETE", $"{Maps}/base", "application/json", """{"propagationPolicy":"Never"}""", "propagationPolicy" },
        { "DELETE", $"{Maps}/base", "application/json", """{"preconditions":{"uid":"x"}}""", "UID" },
        { "PUT", "/apis/apps/v1/namespaces/default/deployments/base/scale", "application/json",
            """{"spec":{"replicas":-1}}""", "spec.replicas" },
        { "PUT", "/apis/apps/v1/namespaces/default/deployments/base/scale", "application/json",
            """{"spec":{"replicas":"many"}}""", "spec.replicas" },
    };

    /// <summary>A path with a query, and what the message must name.</summary>
    public static TheoryData<string, string> Queries => new()
    {
        { $"{Pods}?labelSelector=a%20in%20(", "labelSelector" },
        { $"{Pods}?labelSelector==", "labelSelector" },
        { $"{Pods}?labelSelector=))((", "labelSelector" },
        { $"{Pods}?fieldSelector=x", "fieldSelector" },
        { $"{Pods}?limit=-1", "limit" },
        { $"{Pods}?limit=many", "limit" },
        { $"{Pods}?continue=zzz", "continue" },
        { $"{Pods}?continue=OTk5OTk5OTk5IGRlZmF1bHQveA%3D%3D", "continue" },
        { $"{Pods}?resourceVersion=new", "resourceVersion" },
        { $"{Pods}?watch=1&resourceVersion=new", "resourceVersion" },
        { $"{Pods}?watch=1&resourceVersion=-4", "resourceVersion" },
        { $"{Pods}/base/log?container=other", "other" },
        { $"{Pods}/base/log?sinceSeconds=99999999999999999&tailLines=99999999999", "waiting to start" },
        { $"{Pods}/base/nothing", "could not find" },
        { "/api/v1/namespaces/default/services/none/proxy/", "not found" },
        { "/api/v1/namespaces/default/services/a:b:c:d/proxy/", "not found" },
        { "/api/v1/namespaces//pods/x", "could not find" },
        { "/apis/none.test/v1/things", "could not find" },
        { "/api/v1/namespaces/default/pods/a/b/c/d", "could not find" },
        { "/openapi/v3/apis/none/v1", "could not find" },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task Write_MisshapenBody_IsRefusedAndNamed(
        string method, string path, string mediaType, string body, string named)
    {
        await SeedAsync();

        var (status, text, _) = await server.SendAsync(method, path, body, mediaType);

        Assert.InRange(status, 400, 499);
        Assert.Contains(named, (string?)JsonNode.Parse(text)!["message"], StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Queries))]
    public async Task Read_MisshapenQuery_IsRefusedAndNamed(string path, string named)
    {
        await SeedAsync();

        var (status, text, _) = await server.SendAsync("GET", path);

        Assert.InRange(status, 400, 499);
        Assert.Contains(named, (string?)JsonNode.Parse(text)!["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/json", "[")]
    [InlineData("application/json", "{\"a\":")]
    [InlineData("application/yaml", "[")]
    [InlineData("application/yaml", "{a: ")]
    [InlineData("application/yaml", "- ")]
    public async Task Write_NestedAMillionTimes_IsRefused(string mediaType, string level)
    {
        var (status, _, _) = await server.SendAsync(
            "POST", Maps, string.Concat(Enumerable.Repeat(level, 1_000_000 / level.Length)), mediaType);

        Assert.Equal(400, status);
    }

    [Fact]
    public async Task Write_AnyMemberOfTheWrongType_NeverFailsTheServer()
    {
        var failed = new List<string>();
        foreach (var (path, manifest) in Manifests())
        {
            foreach (var body in Mutations(manifest))
            {
                foreach (var query in (string[])["?dryRun=All", "?dryRun=All&fieldValidation=Strict"])
                {
                    var (status, text, _) = await server.SendAsync("POST", path + query, body);
                    if (status >= 500)
                    {
                        failed.Add($"{status} {path} {body}: {text}");
                    }
                }
            }
        }

        Assert.Empty(failed);
    }

    [Fact]
    public async Task Write_AcceptedThoughOdd_LeavesControllersAndListsWorking()
    {
        const string Odd = """
            {"metadata":{"name":"odd","annotations":{"devcluster.kaito.sh/provisioning-delay":"86400h"}},"spec":{
              "terminationGracePeriodSeconds":9000000000000000000,
              "nodeSelector":{"x":"y"},
              "tolerations":[{}],
              "containers":[{"name":"c","image":"none","resources":{
                "requests":{"cpu":"79228162514264337593543950335","memory":"9999999999999Pi","x":""}}}]}}
            """;
        await server.JsonAsync("POST", Pods, Odd);
        await server.JsonAsync("POST", "/api/v1/namespaces/default/services",
            """{"metadata":{"name":"odd"},"spec":{"ports":[{"port":1,"targetPort":""}],"selector":{"a":""}}}""");
        await server.JsonAsync("POST", "/api/v1/namespaces/default/events",
            """{"metadata":{"name":"odd"},"involvedObject":{},"lastTimestamp":"yesterday"}""");
        await server.JsonAsync("DELETE", $"{Pods}/odd?gracePeriodSeconds=9223372036854775807");

        foreach (var kind in (string[])["pods", "services", "events", "nodes", "configmaps"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/{kind}");
            request.Headers.TryAddWithoutValidation("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
            using var answer = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.True(answer.IsSuccessStatusCode, kind);
        }

        Assert.Empty(server.Errors);
    }

    private static string Definition(string group, string schema) =>
        $$$"""
        {"metadata":{"name":"things.{{{group}}}"},"spec":{"group":"{{{group}}}","scope":"Namespaced",
         "names":{"kind":"Thing","plural":"things"},
         "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{{{schema}}} } } ]} }
        """;

    // Each copies the object into itself.
    private static string Doubling() => string.Join(',', Enumerable.Range(0, 40).Select(
        static i => $$"""{"op":"copy","from":"","path":"/x{{i}}" }"""));

    private async Task SeedAsync()
    {
        await server.SendAsync("POST", Maps, """{"metadata":{"name":"base"},"data":{"a":"b"}}""");
        await server.SendAsync("POST", Pods, s_pod.Replace("\"p\"", "\"base\"", StringComparison.Ordinal));
        await server.SendAsync("POST", Deployments,
            """
            {"metadata":{"name":"base"},"spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},
             "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"none"}]}}}}
            """);
    }

    private static IEnumerable<(string Path, JsonObject Manifest)> Manifests()
    {
        const string Template = """
            {"metadata":{"labels":{"a":"b"}},"spec":{"restartPolicy":"Never","nodeSelector":{"x":"y"},
             "initContainers":[{"name":"i","image":"none"}],
             "containers":[{"name":"c","image":"none","command":["x"],"args":["y"],
              "env":[{"name":"A","value":"1"},{"name":"B","valueFrom":{"configMapKeyRef":{"name":"m","key":"k"}}}],
              "envFrom":[{"secretRef":{"name":"s"}}],"ports":[{"name":"http","containerPort":80}],
              "resources":{"limits":{"cpu":"1"}},"volumeMounts":[{"name":"v","mountPath":"/a"}],
              "readinessProbe":{"httpGet":{"path":"/","port":"http"},"periodSeconds":1}}],
             "volumes":[{"name":"v","configMap":{"name":"m","items":[{"key":"k","path":"p"}]}}],
             "tolerations":[{"key":"k","operator":"Exists"}]}}
            """;
        const string Meta = """
            "metadata":{"name":"odd","labels":{"l":"m"},"annotations":{"x":"y"},"finalizers":["a.b/c"],
              "ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u","controller":true}]}
            """;
        (string Path, string Spec)[] all =
        [
            (Deployments, $$"""  "replicas":1,"selector":{"matchLabels":{"a":"b"} },"template":{{Template}} """),
            ("/apis/apps/v1/namespaces/default/statefulsets",
                $$"""
                "replicas":1,"serviceName":"s","selector":{"matchExpressions":[{"key":"a","operator":"In","values":["b"]}]},
                "template":{{Template}},"volumeClaimTemplates":[{"metadata":{"name":"c"},"spec":{"accessModes":["x"]} }]
                """),
            ("/apis/batch/v1/namespaces/default/jobs", $$"""  "parallelism":1,"template":{{Template}} """),
            ("/api/v1/namespaces/default/services",
                """ "type":"ClusterIP","selector":{"a":"b"},"ports":[{"name":"h","port":80,"targetPort":"http"}] """),
            (Definitions,
                """
                "group":"odd.test","scope":"Namespaced","names":{"kind":"Odd","plural":"odds","shortNames":["o"]},
                "versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{},"scale":{
                  "specReplicasPath":".spec.n","statusReplicasPath":".status.n"}},
                  "additionalPrinterColumns":[{"name":"N","type":"string","jsonPath":".spec.n"}],
                  "schema":{"openAPIV3Schema":{"type":"object","required":["spec"],"properties":{"spec":{"type":"object",
                    "properties":{"n":{"type":"integer","minimum":1,"enum":[1,2],"default":1},
                    "s":{"type":"string","pattern":"^a+$","maxLength":3},
                    "l":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],
                      "items":{"type":"object","additionalProperties":{"type":"string"}}}}}}}}}]
                """),
        ];
        return all.Select(static row => (row.Path, (JsonObject)JsonNode.Parse($$"""{ {{Meta}}, "spec":{ {{row.Spec}} } }""")!));
    }

    // The manifest with each of its nodes replaced by each of the values.
    private static IEnumerable<string> Mutations(JsonObject manifest)
    {
        string[] values = ["null", "true", "-1", "1e400", "\"\"", "\"\\u0000/../x\"", "[]", "[null]", "{}", "{\"\":[{}]}"];
        foreach (var path in Paths(manifest, []))
        {
            foreach (var value in values)
            {
                var copy = manifest.DeepClone();
                var at = path[..^1].Aggregate(copy, static (node, step) => step is int i ? node[i]! : node[(string)step]!);
                if (path[^1] is int index)
                {
                    at[index] = JsonNode.Parse(value);
                }
                else
                {
                    at[(string)path[^1]] = JsonNode.Parse(value);
                }

                yield return copy.ToJsonString();
            }
        }
    }

    private static IEnumerable<object[]> Paths(JsonNode? node, object[] path)
    {
        IEnumerable<(object Step, JsonNode? Child)> children = node switch
        {
            JsonObject map => map.Select(static m => ((object)m.Key, m.Value)),
            JsonArray list => list.Select(static (item, at) => ((object)at, item)),
            _ => [],
        };
        return children.SelectMany(child =>
            Paths(child.Child, [.. path, child.Step]).Prepend([.. path, child.Step]));
    }
}
