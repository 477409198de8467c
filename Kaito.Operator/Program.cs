using Kaito.Operator;

return await OperatorApp.RunAsync(args, Environment.GetEnvironmentVariable, Console.Error, CancellationToken.None);
