using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kaito.ModelBuilder.Onnx;

/// <summary>
/// Builds one ONNX model: nodes are kept in memory, large initializers go straight to the weights stream, so memory
/// stays at one tensor whatever the size of the model.
/// </summary>
/// <param name="weights">Receives external data, each tensor at a multiple of 4 KiB so that it can be mapped.</param>
/// <param name="weightsFile">Name of that file, relative to the model file.</param>
/// <seealso href="https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3">onnx.proto3, the field numbers.</seealso>
internal sealed class OnnxGraph(Stream weights, string weightsFile)
{
    /// <summary>Domain of ONNX Runtime's own operators.</summary>
    public const string Microsoft = "com.microsoft";

    private const int ExternalFrom = 1024;
    private const int PageSize = 4096;
    private const int WriteElements = 1 << 24;
    private const int IrVersion = 10;
    private const int OperatorSet = 21;

    private readonly ProtoWriter _graph = new();
    private readonly HashSet<string> _initializers = [];
    private int _nodes;

    public void Input(string name, OnnxType type, params ReadOnlySpan<OnnxAxis> shape) =>
        _graph.Message(11, ValueOf(name, type, shape));

    public void Output(string name, OnnxType type, params ReadOnlySpan<OnnxAxis> shape) =>
        _graph.Message(12, ValueOf(name, type, shape));

    /// <summary>Adds a constant tensor; 1 KiB and more go to the weights stream.</summary>
    /// <returns><paramref name="name"/>, for use as a node's input.</returns>
    public string Initializer<T>(string name, OnnxType type, ReadOnlySpan<long> shape, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        if (!_initializers.Add(name))
        {
            throw new InvalidOperationException($"The graph has two initializers named {name}.");
        }

        var length = (long)values.Length * Unsafe.SizeOf<T>();
        var tensor = new ProtoWriter().Packed(1, shape).Integer(2, (int)type).Text(8, name);
        if (length < ExternalFrom)
        {
            tensor.Bytes(9, MemoryMarshal.AsBytes(values));
        }
        else
        {
            var offset = (weights.Position + PageSize - 1) / PageSize * PageSize;
            weights.SetLength(offset);
            weights.Position = offset;
            for (var rest = values; !rest.IsEmpty; rest = rest[Math.Min(WriteElements, rest.Length)..])
            {
                // A span of bytes can not hold 2 GiB; large embeddings do.
                weights.Write(MemoryMarshal.AsBytes(rest[..Math.Min(WriteElements, rest.Length)]));
            }

            tensor.Message(13, Entry("location", weightsFile))
                .Message(13, Entry("offset", offset.ToString(CultureInfo.InvariantCulture)))
                .Message(13, Entry("length", length.ToString(CultureInfo.InvariantCulture)))
                .Integer(14, 1);
        }

        _graph.Message(5, tensor);
        return name;
    }

    public string Floats(string name, ReadOnlySpan<long> shape, ReadOnlySpan<float> values) =>
        Initializer(name, OnnxType.Float32, shape, values);

    /// <summary>Adds a node of the default domain with one output.</summary>
    /// <returns>The output's name.</returns>
    public string Node(string op, ReadOnlySpan<string> inputs, params ReadOnlySpan<OnnxAttribute> attributes) =>
        NodeOf("", op, inputs, attributes);

    /// <summary>Adds a node of ONNX Runtime's domain with one output.</summary>
    /// <returns>The output's name.</returns>
    public string MicrosoftNode(
        string op, ReadOnlySpan<string> inputs, params ReadOnlySpan<OnnxAttribute> attributes) =>
        NodeOf(Microsoft, op, inputs, attributes);

    /// <summary>Adds a node; an empty name leaves out an optional input or output.</summary>
    public void Node(
        string domain,
        string op,
        ReadOnlySpan<string> inputs,
        ReadOnlySpan<string> outputs,
        params ReadOnlySpan<OnnxAttribute> attributes)
    {
        var node = new ProtoWriter();
        foreach (var input in inputs)
        {
            node.Text(1, input);
        }

        foreach (var output in outputs)
        {
            node.Text(2, output);
        }

        node.Text(3, string.Create(CultureInfo.InvariantCulture, $"{op}_{_nodes++}")).Text(4, op);
        foreach (var attribute in attributes)
        {
            node.Message(5, AttributeOf(attribute));
        }

        if (domain.Length > 0)
        {
            node.Text(7, domain);
        }

        _graph.Message(1, node);
    }

    /// <summary>
    /// The finished ModelProto. The weights stream stays open; the graph must not be used afterwards.
    /// </summary>
    public byte[] Build()
    {
        _graph.Text(2, "decoder");
        return new ProtoWriter()
            .Integer(1, IrVersion)
            .Text(2, "Kaito.ModelBuilder")
            .Message(7, _graph)
            .Message(8, new ProtoWriter().Text(1, "").Integer(2, OperatorSet))
            .Message(8, new ProtoWriter().Text(1, Microsoft).Integer(2, 1))
            .ToArray();
    }

    private string NodeOf(
        string domain, string op, ReadOnlySpan<string> inputs, ReadOnlySpan<OnnxAttribute> attributes)
    {
        var output = string.Create(CultureInfo.InvariantCulture, $"{op}_{_nodes}_out");
        Node(domain, op, inputs, [output], attributes);
        return output;
    }

    private static ProtoWriter ValueOf(string name, OnnxType type, ReadOnlySpan<OnnxAxis> shape)
    {
        var axes = new ProtoWriter();
        foreach (var axis in shape)
        {
            axes.Message(1, axis.Name is { } symbol
                ? new ProtoWriter().Text(2, symbol)
                : new ProtoWriter().Integer(1, axis.Length));
        }

        var tensor = new ProtoWriter().Integer(1, (int)type).Message(2, axes);
        return new ProtoWriter().Text(1, name).Message(2, new ProtoWriter().Message(1, tensor));
    }

    private static ProtoWriter AttributeOf(OnnxAttribute attribute)
    {
        const int FloatKind = 1;
        const int IntegerKind = 2;
        var written = new ProtoWriter().Text(1, attribute.Name);
        return attribute.Float is { } value
            ? written.Single(2, value).Integer(20, FloatKind)
            : written.Integer(3, attribute.Integer ?? 0).Integer(20, IntegerKind);
    }

    private static ProtoWriter Entry(string key, string value) => new ProtoWriter().Text(1, key).Text(2, value);
}
