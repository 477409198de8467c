using Kaito.ModelBuilder;

return BuilderApp.Run(args, Console.Out, Console.Error);
