using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Nodes;

/// <summary>CustomResourceDefinitions of Karpenter beside that of NodeClaim, as far as their users here need them.</summary>
internal static class KarpenterDefinitions
{
    private const string NodePools =
        """
        {
          "apiVersion": "apiextensions.k8s.io/v1",
          "kind": "CustomResourceDefinition",
          "metadata": { "name": "nodepools.karpenter.sh" },
          "spec": {
            "group": "karpenter.sh",
            "names": {
              "categories": ["karpenter"],
              "kind": "NodePool", "listKind": "NodePoolList", "plural": "nodepools", "singular": "nodepool"
            },
            "scope": "Cluster",
            "versions": [{
              "name": "v1", "served": true, "storage": true,
              "subresources": { "status": {} },
              "additionalPrinterColumns": [
                { "name": "NodeClass", "type": "string", "jsonPath": ".spec.template.spec.nodeClassRef.name" },
                { "name": "Nodes", "type": "integer", "jsonPath": ".spec.replicas" },
                { "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" }
              ],
              "schema": { "openAPIV3Schema": {
                "type": "object",
                "description": "A number of like machines.",
                "required": ["spec"],
                "properties": {
                  "spec": {
                    "type": "object",
                    "required": ["template"],
                    "properties": {
                      "replicas": { "type": "integer", "minimum": 0 },
                      "template": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                      "disruption": { "type": "object", "x-kubernetes-preserve-unknown-fields": true }
                    }
                  },
                  "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true }
                }
              } }
            }]
          }
        }
        """;

    private const string NodeClasses =
        """
        {
          "apiVersion": "apiextensions.k8s.io/v1",
          "kind": "CustomResourceDefinition",
          "metadata": { "name": "aksnodeclasses.karpenter.azure.com" },
          "spec": {
            "group": "karpenter.azure.com",
            "names": {
              "categories": ["karpenter"],
              "kind": "AKSNodeClass", "listKind": "AKSNodeClassList", "plural": "aksnodeclasses",
              "singular": "aksnodeclass", "shortNames": ["aksnc"]
            },
            "scope": "Cluster",
            "versions": [{
              "name": "v1beta1", "served": true, "storage": true,
              "subresources": { "status": {} },
              "schema": { "openAPIV3Schema": {
                "type": "object",
                "description": "How machines are set up.",
                "properties": {
                  "spec": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                  "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true }
                }
              } }
            }]
          }
        }
        """;

    /// <summary>New copies of the definitions.</summary>
    public static IEnumerable<JsonObject> Render() =>
        new[] { NodePools, NodeClasses }.Select(static text => (JsonObject)JsonNode.Parse(text)!);
}
