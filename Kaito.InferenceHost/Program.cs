using Kaito.InferenceHost;

return await InferenceHostApp.RunAsync(args, Console.Error);
