using System.Text.Json.Nodes;

namespace Kaito.DevCluster.Nodes;

/// <summary>The CustomResourceDefinition of karpenter.sh/v1 NodeClaim, as far as its users here write and read it.</summary>
internal static class NodeClaimDefinition
{
    private const string Text =
        """
        {
          "apiVersion": "apiextensions.k8s.io/v1",
          "kind": "CustomResourceDefinition",
          "metadata": { "name": "nodeclaims.karpenter.sh" },
          "spec": {
            "group": "karpenter.sh",
            "names": {
              "categories": ["karpenter"],
              "kind": "NodeClaim", "listKind": "NodeClaimList", "plural": "nodeclaims", "singular": "nodeclaim"
            },
            "scope": "Cluster",
            "versions": [{
              "name": "v1", "served": true, "storage": true,
              "subresources": { "status": {} },
              "additionalPrinterColumns": [
                { "name": "Type", "type": "string", "jsonPath": ".metadata.labels.node\\.kubernetes\\.io/instance-type" },
                { "name": "Capacity", "type": "string", "jsonPath": ".metadata.labels.karpenter\\.sh/capacity-type" },
                { "name": "Zone", "type": "string", "jsonPath": ".metadata.labels.topology\\.kubernetes\\.io/zone" },
                { "name": "Node", "type": "string", "jsonPath": ".status.nodeName" },
                { "name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status" },
                { "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" },
                { "name": "ImageID", "type": "string", "priority": 1, "jsonPath": ".status.imageID" },
                { "name": "ID", "type": "string", "priority": 1, "jsonPath": ".status.providerID" },
                { "name": "NodePool", "type": "string", "priority": 1,
                  "jsonPath": ".metadata.labels.karpenter\\.sh/nodepool" },
                { "name": "NodeClass", "type": "string", "priority": 1, "jsonPath": ".spec.nodeClassRef.name" }
              ],
              "schema": { "openAPIV3Schema": {
                "type": "object",
                "description": "A request for one machine.",
                "required": ["spec"],
                "properties": {
                  "apiVersion": { "type": "string" },
                  "kind": { "type": "string" },
                  "metadata": { "type": "object" },
                  "spec": {
                    "type": "object",
                    "required": ["nodeClassRef", "requirements"],
                    "properties": {
                      "expireAfter": { "type": "string" },
                      "terminationGracePeriod": { "type": "string" },
                      "nodeClassRef": {
                        "type": "object",
                        "required": ["group", "kind", "name"],
                        "properties": {
                          "group": { "type": "string" },
                          "kind": { "type": "string" },
                          "name": { "type": "string" }
                        }
                      },
                      "requirements": {
                        "type": "array",
                        "maxItems": 100,
                        "items": {
                          "type": "object",
                          "required": ["key", "operator"],
                          "properties": {
                            "key": { "type": "string", "maxLength": 316 },
                            "minValues": { "type": "integer", "minimum": 1, "maximum": 50 },
                            "operator": {
                              "type": "string",
                              "enum": ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
                            },
                            "values": { "type": "array", "items": { "type": "string" } }
                          }
                        }
                      },
                      "resources": {
                        "type": "object",
                        "properties": { "requests": { "type": "object", "additionalProperties": {
                          "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }, { "type": "string" }]
                        } } }
                      },
                      "startupTaints": { "$taints": true },
                      "taints": { "$taints": true }
                    }
                  },
                  "status": {
                    "type": "object",
                    "properties": {
                      "allocatable": { "$quantities": true },
                      "capacity": { "$quantities": true },
                      "conditions": {
                        "type": "array",
                        "items": {
                          "type": "object",
                          "required": ["type", "status", "lastTransitionTime"],
                          "properties": {
                            "lastTransitionTime": { "type": "string", "format": "date-time" },
                            "message": { "type": "string" },
                            "observedGeneration": { "type": "integer", "format": "int64" },
                            "reason": { "type": "string" },
                            "status": { "type": "string", "enum": ["True", "False", "Unknown"] },
                            "type": { "type": "string" }
                          }
                        }
                      },
                      "imageID": { "type": "string" },
                      "nodeName": { "type": "string" },
                      "providerID": { "type": "string" }
                    }
                  }
                }
              } }
            }]
          }
        }
        """;

    private const string Taints =
        """
        { "type": "array", "items": {
            "type": "object",
            "required": ["effect", "key"],
            "properties": {
              "effect": { "type": "string", "enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"] },
              "key": { "type": "string", "minLength": 1 },
              "timeAdded": { "type": "string", "format": "date-time" },
              "value": { "type": "string" }
            } } }
        """;

    private const string Quantities =
        """
        { "type": "object", "additionalProperties": {
            "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }, { "type": "string" }] } }
        """;

    /// <summary>A new copy of the definition.</summary>
    public static JsonObject Render() => (JsonObject)JsonNode.Parse(Text
        .Replace("{ \"$taints\": true }", Taints, StringComparison.Ordinal)
        .Replace("{ \"$quantities\": true }", Quantities, StringComparison.Ordinal))!;
}
