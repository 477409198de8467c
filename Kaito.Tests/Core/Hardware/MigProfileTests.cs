using Kaito.Core.Hardware;

namespace Kaito.Tests.Core.Hardware;

public sealed class MigProfileTests
{
    [Theory]
    [InlineData("1g.10gb", "10Gi", "nvidia.com/mig-1g.10gb")]
    [InlineData("7g.141gb", "141Gi", "nvidia.com/mig-7g.141gb")]
    public void Find_Known_TellsMemoryAndResource(string name, string memory, string resource)
    {
        var profile = MigProfile.Find(name);

        Assert.Equal((memory, resource), (profile!.Memory.ToString(), profile.Resource));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("1g.11gb")]
    [InlineData("1G.10GB")]
    [InlineData("1g.10gb\n")]
    [InlineData("10gb")]
    public void Find_AnythingElse_IsNull(string? name) => Assert.Null(MigProfile.Find(name));

    [Fact]
    public void Known_Profiles_AreThirtyFiveAndAllRead()
    {
        Assert.Equal(35, MigProfile.Known.Distinct().Count());
        Assert.All(MigProfile.Known, static name => Assert.NotNull(MigProfile.Find(name)));
    }
}
