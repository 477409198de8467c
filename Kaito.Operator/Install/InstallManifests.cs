using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaito.Core;
using Kaito.Core.Kubernetes;
using Kaito.Operator.Admission;

namespace Kaito.Operator.Install;

/// <summary>A file of deploy/manifests.</summary>
/// <param name="Name">E.g. <c>rbac.yaml</c>.</param>
/// <param name="Yaml">Its text.</param>
internal sealed record InstallFile(string Name, string Yaml);

/// <summary>PURE: what <c>kubectl apply -k deploy/manifests</c> installs.</summary>
internal static class InstallManifests
{
    public const string Namespace = "kaito-workspace";

    public const string Name = "kaito-workspace";

    private const int Port = 8080;
    private const int WebhookPort = 9443;
    private const string Note =
        "# Generated from Kaito.Operator/Install: KAITO_ACCEPT=1 and the tests of InstallManifests rewrite it.\n";

    public static ImmutableArray<InstallFile> Files { get; } =
    [
        File("namespace.yaml", new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Namespace",
            ["metadata"] = new JsonObject { ["name"] = Namespace, ["labels"] = Labels() },
        }),
        File("rbac.yaml", [.. Rbac()]),
        File("deployment.yaml", Deployment(), Disruption()),
        File("service.yaml", Service()),
        File("webhooks.yaml", [EmptySecret(), .. Webhooks()]),
        File("kustomization.yaml", new JsonObject
        {
            ["apiVersion"] = "kustomize.config.k8s.io/v1beta1",
            ["kind"] = "Kustomization",
            ["resources"] = Texts(
                "../crds", "namespace.yaml", "rbac.yaml", "deployment.yaml", "service.yaml",
                "webhooks.yaml"),
        }),
    ];

    private static InstallFile File(string name, params ReadOnlySpan<JsonObject> documents)
    {
        var texts = new List<string>();
        foreach (var document in documents)
        {
            texts.Add(YamlWriter.Write(document));
        }

        return new(name, Note + string.Join("---\n", texts));
    }

    private static IEnumerable<JsonObject> Rbac()
    {
        yield return Object("v1", "ServiceAccount", Name, Namespace);
        yield return Role("ClusterRole", null, Permissions.InCluster);
        yield return Binding("ClusterRoleBinding", "ClusterRole", null);
        yield return Role("Role", Namespace, Permissions.InOwnNamespace);
        yield return Binding("RoleBinding", "Role", Namespace);
    }

    private static JsonObject Role(string kind, string? space, ImmutableArray<Permission> permissions)
    {
        var role = Object("rbac.authorization.k8s.io/v1", kind, Name, space);
        role["rules"] = new JsonArray([.. permissions.Select(Rule)]);
        return role;
    }

    private static JsonNode Rule(Permission permission)
    {
        var rule = new JsonObject { ["apiGroups"] = Texts(permission.Group), ["resources"] = Texts([.. permission.Resources]) };
        if (!permission.Names.IsDefaultOrEmpty)
        {
            rule["resourceNames"] = Texts([.. permission.Names]);
        }

        rule["verbs"] = Texts([.. permission.Verbs]);
        return rule;
    }

    private static JsonObject Binding(string kind, string role, string? space)
    {
        var binding = Object("rbac.authorization.k8s.io/v1", kind, Name, space);
        binding["roleRef"] = new JsonObject
        {
            ["apiGroup"] = "rbac.authorization.k8s.io",
            ["kind"] = role,
            ["name"] = Name,
        };
        binding["subjects"] = new JsonArray(new JsonObject
        {
            ["kind"] = "ServiceAccount",
            ["name"] = Name,
            ["namespace"] = Namespace,
        });
        return binding;
    }

    private static JsonObject Deployment()
    {
        var deployment = Object("apps/v1", "Deployment", Name, Namespace);
        deployment["spec"] = new JsonObject
        {
            // One works; the other one takes over when it is gone.
            ["replicas"] = 2,
            ["selector"] = new JsonObject { ["matchLabels"] = Labels() },
            ["template"] = new JsonObject
            {
                ["metadata"] = new JsonObject { ["labels"] = Labels() },
                ["spec"] = new JsonObject
                {
                    ["serviceAccountName"] = Name,
                    ["priorityClassName"] = "system-cluster-critical",
                    ["securityContext"] = new JsonObject
                    {
                        ["runAsNonRoot"] = true,
                        ["runAsUser"] = 1000,
                        ["runAsGroup"] = 1000,
                        ["seccompProfile"] = new JsonObject { ["type"] = "RuntimeDefault" },
                    },
                    ["nodeSelector"] = new JsonObject { ["kubernetes.io/os"] = "linux" },
                    ["terminationGracePeriodSeconds"] = 15,
                    ["containers"] = new JsonArray(Container()),
                },
            },
        };
        return deployment;
    }

    private static JsonObject Container() => new()
    {
        ["name"] = "operator",
        ["image"] = "kaito/operator:latest",
        ["args"] = Texts(
            "--leader-elect", $"--namespace={Namespace}", $"--listen=http://0.0.0.0:{Port}", "--cloud=azure", "--webhook",
            $"--webhook-port={WebhookPort}", $"--webhook-service={Name}"),
        ["ports"] = new JsonArray(
            new JsonObject { ["name"] = "http-metrics", ["containerPort"] = Port },
            new JsonObject { ["name"] = "https-webhook", ["containerPort"] = WebhookPort }),
        ["livenessProbe"] = Probe("/healthz", 20),
        ["readinessProbe"] = Probe("/readyz", 5),
        ["resources"] = new JsonObject
        {
            ["requests"] = new JsonObject { ["cpu"] = "10m", ["memory"] = "128Mi" },
            ["limits"] = new JsonObject { ["cpu"] = "1", ["memory"] = "256Mi" },
        },
        ["securityContext"] = new JsonObject
        {
            ["allowPrivilegeEscalation"] = false,
            ["readOnlyRootFilesystem"] = true,
            ["capabilities"] = new JsonObject { ["drop"] = Texts("ALL") },
        },
    };

    private static JsonObject Probe(string path, int period) => new()
    {
        ["httpGet"] = new JsonObject { ["path"] = path, ["port"] = "http-metrics" },
        ["periodSeconds"] = period,
        ["timeoutSeconds"] = 5,
    };

    private static JsonObject Disruption()
    {
        var budget = Object("policy/v1", "PodDisruptionBudget", Name, Namespace);
        budget["spec"] = new JsonObject
        {
            ["maxUnavailable"] = 1,
            ["selector"] = new JsonObject { ["matchLabels"] = Labels() },
        };
        return budget;
    }

    private static JsonObject Service()
    {
        var service = Object("v1", "Service", Name, Namespace);
        service["spec"] = new JsonObject
        {
            ["selector"] = Labels(),
            ["ports"] = new JsonArray(ServicePort("http-metrics", Port), ServicePort("https-webhook", WebhookPort)),
        };
        return service;
    }

    private static JsonObject ServicePort(string name, int port) =>
        new JsonObject { ["name"] = name, ["port"] = port, ["targetPort"] = name };

    // The operator makes the certificate: nobody's copy of a key is in a manifest.
    private static JsonObject EmptySecret()
    {
        var secret = Object("v1", "Secret", WebhookCertificates.SecretName, Namespace);
        secret["type"] = "Opaque";
        return secret;
    }

    private static IEnumerable<JsonObject> Webhooks()
    {
        foreach (var configuration in WebhookRegistration.Render(new(null, Name, Namespace, WebhookPort), null))
        {
            var json = JsonSerializer.SerializeToNode(configuration, KubeJson.Default.ValidatingWebhookConfiguration)!.AsObject();
            json["metadata"]!["labels"] = Labels();
            yield return json;
        }
    }

    private static JsonObject Object(string version, string kind, string name, string? space)
    {
        var metadata = new JsonObject { ["name"] = name };
        if (space is not null)
        {
            metadata["namespace"] = space;
        }

        metadata["labels"] = Labels();
        return new() { ["apiVersion"] = version, ["kind"] = kind, ["metadata"] = metadata };
    }

    private static JsonObject Labels() => new() { ["app.kubernetes.io/name"] = Name };

    private static JsonArray Texts(params ReadOnlySpan<string> texts)
    {
        var list = new JsonArray();
        foreach (var text in texts)
        {
            list.Add((JsonNode)text);
        }

        return list;
    }
}
