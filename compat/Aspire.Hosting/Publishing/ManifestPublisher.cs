using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Running;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Publishing;

/// <summary>Writes the manifest, then ends the application.</summary>
internal sealed partial class ManifestPublisher(
    DistributedApplicationModel model,
    DistributedApplicationExecutionContext execution,
    IConfiguration configuration,
    IHostApplicationLifetime lifetime,
    ILogger<ManifestPublisher> logger) : IHostedService
{
    private const string FileName = "aspire-manifest.json";

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var path = OutputFile(configuration["Pipeline:OutputPath"]);
        var manifest = await ManifestWriter.WriteAsync(model.Resources, execution, Path.GetDirectoryName(path)!, cancellationToken);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, manifest, cancellationToken);
        LogWritten(path);
        lifetime.StopApplication();
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static string OutputFile(string? outputPath)
    {
        if (string.IsNullOrEmpty(outputPath))
        {
            throw new DistributedApplicationException("--output-path is missing; name a .json file or a folder.");
        }

        var full = Path.GetFullPath(outputPath);
        return full.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? full : Path.Combine(full, FileName);
    }

    [LoggerMessage(LogLevel.Information, "Published manifest to: {Path}")]
    private partial void LogWritten(string path);
}

/// <summary>The application model as manifest text.</summary>
internal static class ManifestWriter
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <param name="resources">In the order of the model.</param>
    /// <param name="execution">The publish context that callbacks see.</param>
    /// <param name="directory">Folder of the manifest; paths inside are relative to it.</param>
    /// <param name="cancellationToken">Ends the callbacks.</param>
    public static async Task<string> WriteAsync(
        IEnumerable<IResource> resources,
        DistributedApplicationExecutionContext execution,
        string directory,
        CancellationToken cancellationToken)
    {
        var entries = new JsonObject();
        var parameters = new List<ParameterResource>();
        foreach (var resource in resources.Where(static r => !r.Annotations.OfType<ManifestExclusion>().Any()))
        {
            var entry = Head(resource, directory);
            var args = await Callbacks.ArgsAsync(resource, execution, cancellationToken);
            if (args.Count > 0)
            {
                entry["args"] = new JsonArray([.. args.Select(static arg => (JsonNode)Callbacks.Expression(arg))]);
            }

            ContainerEntries.AddVolumes(entry, resource);
            var variables = await Callbacks.EnvironmentAsync(resource, execution, cancellationToken);
            parameters.AddRange(variables.Values.OfType<ParameterResource>());
            var endpoints = resource.Annotations.OfType<EndpointAnnotation>().ToArray();
            AddEnvironment(entry, resource, variables, endpoints);
            AddBindings(entry, endpoints);
            entries[resource.Name] = entry;
        }

        foreach (var parameter in parameters.Distinct())
        {
            entries[parameter.Name] = ContainerEntries.Of(parameter);
        }

        return new JsonObject { ["resources"] = entries }.ToJsonString(s_json) + "\n";
    }

    private static JsonObject Head(IResource resource, string directory) => resource switch
    {
        ProjectResource project => new()
        {
            ["type"] = "project.v0",
            ["path"] = Relative(directory, project.Annotations.OfType<IProjectMetadata>().Last().ProjectPath),
        },
        ExecutableResource executable => new()
        {
            ["type"] = "executable.v0",
            ["workingDirectory"] = Relative(directory, executable.WorkingDirectory),
            ["command"] = executable.Command,
        },
        ContainerResource container => ContainerEntries.Of(container),
        _ => new() { ["error"] = "This resource does not support generation in the manifest." },
    };

    private static void AddEnvironment(
        JsonObject entry, IResource resource, Dictionary<string, object> variables, EndpointAnnotation[] endpoints)
    {
        var texts = new JsonObject();
        if (resource is ProjectResource)
        {
            texts["OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY"] = "in_memory";
            var http = endpoints.Where(static endpoint => endpoint.UriScheme == "http").ToArray();
            if (http.Length > 0)
            {
                texts["ASPNETCORE_FORWARDEDHEADERS_ENABLED"] = "true";
                texts["HTTP_PORTS"] = string.Join(
                    ';', http.Select(endpoint => $"{{{resource.Name}.bindings.{endpoint.Name}.targetPort}}"));
            }
        }

        foreach (var (name, value) in variables)
        {
            texts[name] = Callbacks.Expression(value);
        }

        if (texts.Count > 0)
        {
            entry["env"] = texts;
        }
    }

    private static void AddBindings(JsonObject entry, EndpointAnnotation[] endpoints)
    {
        if (endpoints.Length == 0)
        {
            return;
        }

        var bindings = new JsonObject();
        foreach (var endpoint in endpoints)
        {
            var binding = new JsonObject
            {
                ["scheme"] = endpoint.UriScheme,
                ["protocol"] = endpoint.Protocol.ToString().ToLowerInvariant(),
                ["transport"] = endpoint.Transport,
            };
            if (endpoint.Port is { } port && port != endpoint.TargetPort)
            {
                binding["port"] = port;
            }

            if (endpoint.TargetPort is { } target)
            {
                binding["targetPort"] = target;
            }

            if (endpoint.IsExternal)
            {
                binding["external"] = true;
            }

            bindings[endpoint.Name] = binding;
        }

        entry["bindings"] = bindings;
    }

    private static string Relative(string directory, string path) =>
        Path.GetRelativePath(directory, path).Replace('\\', '/');
}
