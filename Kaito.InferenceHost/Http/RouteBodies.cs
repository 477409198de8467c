using System.Text.Json.Serialization.Metadata;

namespace Kaito.InferenceHost.Http;

/// <summary>A body of a route, for its documentation.</summary>
/// <param name="Place">Which body it is.</param>
/// <param name="Contract">How it is written.</param>
internal sealed record RouteBody(BodyPlace Place, JsonTypeInfo Contract);

internal enum BodyPlace
{
    Request,
    Answer,

    /// <summary>One event of an answer that is streamed.</summary>
    Event,
}

/// <summary>Says at the route what goes in and out of it.</summary>
internal static class RouteBodies
{
    public static RouteHandlerBuilder Takes(this RouteHandlerBuilder route, JsonTypeInfo contract) =>
        route.WithMetadata(new RouteBody(BodyPlace.Request, contract));

    public static RouteHandlerBuilder Gives(this RouteHandlerBuilder route, JsonTypeInfo contract) =>
        route.WithMetadata(new RouteBody(BodyPlace.Answer, contract));

    public static RouteHandlerBuilder Streams(this RouteHandlerBuilder route, JsonTypeInfo contract) =>
        route.WithMetadata(new RouteBody(BodyPlace.Event, contract));
}
