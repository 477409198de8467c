using System.Net;
using Kaito.Core.Kubernetes;

namespace Kaito.Operator.Cluster;

/// <summary>The API server refused a request; the type selects the reaction.</summary>
internal class KubeException(HttpStatusCode status, string reason, string message) : Exception(message)
{
    public HttpStatusCode Status { get; } = status;

    /// <summary>The API server's word for it, e.g. <c>AlreadyExists</c>.</summary>
    public string Reason { get; } = reason;

    public static KubeException From(HttpStatusCode status, string reason, string message) => status switch
    {
        HttpStatusCode.NotFound => new KubeNotFoundException(reason, message),
        HttpStatusCode.Conflict => new KubeConflictException(reason, message),
        HttpStatusCode.Gone => new KubeGoneException(reason, message),
        HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized => new KubeForbiddenException(status, reason, message),
        HttpStatusCode.UnprocessableEntity or HttpStatusCode.BadRequest =>
            new KubeInvalidException(status, reason, message),
        _ => new KubeException(status, reason, message),
    };
}

/// <summary>The object, or the kind, does not exist.</summary>
internal sealed class KubeNotFoundException(string reason, string message)
    : KubeException(HttpStatusCode.NotFound, reason, message);

/// <summary>Somebody else wrote first: look again, then decide again.</summary>
internal sealed class KubeConflictException(string reason, string message)
    : KubeException(HttpStatusCode.Conflict, reason, message);

/// <summary>The resource version is no longer known: list again.</summary>
internal sealed class KubeGoneException(string reason, string message)
    : KubeException(HttpStatusCode.Gone, reason, message);

/// <summary>The operator may not do this; only an administrator can change it.</summary>
internal sealed class KubeForbiddenException(HttpStatusCode status, string reason, string message)
    : KubeException(status, reason, message);

/// <summary>The object is not acceptable; sending it again will not help.</summary>
internal sealed class KubeInvalidException(HttpStatusCode status, string reason, string message)
    : KubeException(status, reason, message);

/// <summary>An object of the same name belongs to somebody else; it is left alone.</summary>
internal sealed class KubeNameTakenException(IKubeObject desired) : KubeException(
    HttpStatusCode.Conflict, "NameTaken",
    $"{desired.Kind} {desired.Metadata.Namespace}/{desired.Metadata.Name} is there already and does not belong to it. "
    + $"Next: delete that {desired.Kind}, or give the {desired.Metadata.OwnerReferences?[0].Kind} another name");
