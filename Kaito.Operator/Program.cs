using k8s.Exceptions;
using Kaito.Operator;

try
{
    var options = CommandLine.Parse(args, Environment.GetEnvironmentVariable);
    await using var app = OperatorApp.Build(options);
    await app.RunAsync();
    return Environment.ExitCode;
}
catch (Exception wrong) when (wrong is FormatException or KubeConfigException)
{
    await Console.Error.WriteLineAsync($"kaito-operator: {wrong.Message}");
    return 2;
}
