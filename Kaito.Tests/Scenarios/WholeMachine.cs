namespace Kaito.Tests.Scenarios;

/// <summary>Whole applications run one at a time: they want the machine for themselves.</summary>
[CollectionDefinition("local run", DisableParallelization = true)]
public sealed class WholeMachine;
