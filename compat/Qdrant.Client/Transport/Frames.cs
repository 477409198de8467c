using System.Buffers.Binary;
using Google.Protobuf;
using Grpc.Core;

namespace Qdrant.Client.Transport;

/// <summary>One message with its prefix: a byte that is 1 when it is compressed, and its length in four bytes.</summary>
internal static class Frames
{
    public const int PrefixLength = 5;

    /// <summary>The one frame of a unary call, also for an empty message.</summary>
    public static byte[] Write(IMessage message)
    {
        var size = message.CalculateSize();
        var frame = new byte[PrefixLength + size];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), size);
        message.WriteTo(frame.AsSpan(PrefixLength));
        return frame;
    }

    /// <summary>Reads a body to its end, so that the trailers have arrived.</summary>
    /// <returns>The message's bytes; <see langword="null"/> when there is none.</returns>
    /// <exception cref="RpcException">The body is not one plain frame within the limit.</exception>
    /// <exception cref="EndOfStreamException">The body ends inside the frame.</exception>
    public static async Task<byte[]?> ReadAsync(Stream body, int limit, CancellationToken cancellationToken)
    {
        var prefix = new byte[PrefixLength];
        var got = await body.ReadAtLeastAsync(prefix, PrefixLength, throwOnEndOfStream: false, cancellationToken);
        if (got == 0)
        {
            return null;
        }

        if (got < PrefixLength)
        {
            throw new EndOfStreamException("The answer ends inside its prefix.");
        }

        if (prefix[0] != 0)
        {
            throw new RpcException(new(StatusCode.Internal, "The answer is compressed, which was not offered."));
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix.AsSpan(1));
        if (length > limit)
        {
            throw new RpcException(new(
                StatusCode.ResourceExhausted, $"Received message exceeds the maximum configured message size ({limit} bytes)."));
        }

        var message = new byte[length];
        await body.ReadExactlyAsync(message, cancellationToken);
        return await body.ReadAsync(prefix, cancellationToken) == 0
            ? message
            : throw new RpcException(new(StatusCode.Internal, "More than one message answers a unary call."));
    }
}
