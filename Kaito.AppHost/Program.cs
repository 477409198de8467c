using Kaito.Core.Contracts;
using Kaito.Hosting;

try
{
    var builder = DistributedApplication.CreateBuilder(args);
    var state = builder.AddKaitoState();

    var tinyModel = builder.AddProject<Projects.Kaito_ModelBuilder>("tiny-model")
        .BuildsTinyModel(state);

    var inference = builder.AddProject<Projects.Kaito_InferenceHost>("inference")
        .WithKaitoEndpoint()
        .ServesModel(state.TinyModel, "tiny")
        .WaitForCompletion(tinyModel);

    var rag = builder.AddProject<Projects.Kaito_RagEngine>("rag")
        .WithKaitoEndpoint()
        .KeepsDocuments(state)
        .KeepsDocuments(state.QdrantAddress)
        .WithReference(inference)
        .AnswersWith(inference)
        .WaitFor(inference);

    if (state.UsesQdrantContainer)
    {
        rag.KeepsDocuments(builder.AddQdrant("vectors").WithDataVolume("kaito-vectors"));
    }

    var @operator = builder.AddProject<Projects.Kaito_Operator>("operator")
        .WithKaitoEndpoint();

    if (state.UsesDevCluster)
    {
        var cluster = builder.AddProject<Projects.Kaito_DevCluster>("cluster")
            .RunsDevCluster(state)
            .MapsImage(Images.InferenceHost, new Projects.Kaito_InferenceHost())
            .MapsImage(Images.RagEngine, new Projects.Kaito_RagEngine())
            .WaitForCompletion(tinyModel);
        @operator.ManagesDevCluster(state).WaitFor(cluster);
    }

    builder.Build().Run();
    return 0;
}
catch (DistributedApplicationException mistake)
{
    await Console.Error.WriteLineAsync(mistake.Message);
    return 1;
}
