using Kaito.Core.Api;
using Kaito.Operator.Install;

namespace Kaito.Tests.Operator.Install;

public sealed class InstallManifestsTests
{
    public static TheoryData<string> Names() => [.. InstallManifests.Files.Select(static f => f.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Files_Each_IsTheFileInDeploy(string name) => Golden.Match(
        InstallManifests.Files.Single(f => f.Name == name).Yaml, $"../../../deploy/manifests/{name}");

    [Fact]
    public void Files_KustomizationOfTheCrds_NamesThemAll()
    {
        var listed = Yaml.ToJson(File.ReadAllText(Repository.Path("deploy", "crds", "kustomization.yaml")))!["resources"]!;

        Assert.Equal(
            Crds.All.Select(static crd => $"kaito.sh_{crd.Name.Split('.')[0]}.yaml"),
            listed.AsArray().Select(static item => (string)item!));
    }

    [Fact]
    public void Permissions_None_IsOfAnyKindOrAnyVerb() =>
        Assert.All(Permissions.InCluster.Concat(Permissions.InOwnNamespace), static permission =>
        {
            Assert.NotEqual("*", permission.Group);
            Assert.DoesNotContain("*", permission.Resources);
            Assert.DoesNotContain("*", permission.Verbs);
        });

    [Fact]
    public void Permissions_Secrets_AreTheOperatorsOwnOnly()
    {
        Assert.DoesNotContain(Permissions.InCluster, static p => p.Resources.Contains("secrets"));
        Assert.Equal(
            ["workspace-webhook-cert"],
            Permissions.InOwnNamespace.Single(static p => p.Resources.Contains("secrets")).Names);
    }
}
