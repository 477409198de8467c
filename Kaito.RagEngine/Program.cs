using Kaito.RagEngine;

return await RagEngineApp.RunAsync(args, Console.Error);
