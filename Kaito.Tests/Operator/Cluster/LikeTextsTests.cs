using System.Text;
using Kaito.Operator.Cluster;

namespace Kaito.Tests.Operator.Cluster;

public sealed class LikeTextsTests
{
    private readonly LikeTexts _texts = new();

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("abcdef")]
    [InlineData("abcdefabcdefabcdef")]
    public void Unpack_AnyText_IsTheText(string text)
    {
        Assert.Equal(text, Round(text).Text);
        Assert.Equal(text, Round(text).Text);
    }

    [Fact]
    public void Pack_ManyLikeTexts_TakeAFifthOfTheirRoom()
    {
        var (length, packed) = (0, 0);
        for (var i = 0; i < 1000; i++)
        {
            var text = Object(i);
            var round = Round(text);
            Assert.Equal(text, round.Text);
            (length, packed) = (length + text.Length, packed + round.Length);
        }

        Assert.InRange((double)length / packed, 5, 100);
    }

    [Fact]
    public void Pack_TheFirstIsUnlikeTheRest_TheRestIsPackedAllTheSame()
    {
        Round(new string('x', 5000));
        Round(Object(0));

        Assert.InRange(Round(Object(1)).Length, 1, Object(1).Length / 5);
    }

    [Fact]
    public void Pack_TextsOfAllSorts_StayWhatTheyAre()
    {
        var random = new Random(7);
        var held = new List<(string Text, byte[] Packed)>();
        for (var i = 0; i < 2000; i++)
        {
            var text = new StringBuilder(Object(random.Next(50)));
            for (var edits = random.Next(6); edits > 0; edits--)
            {
                var at = random.Next(text.Length);
                _ = random.Next(3) switch
                {
                    0 => text.Insert(at, "\u00e4", random.Next(200)),
                    1 => text.Remove(at, random.Next(text.Length - at)),
                    _ => text.Append(text.ToString(), 0, at),
                };
            }

            held.Add((text.ToString(), _texts.Pack(Encoding.UTF8.GetBytes(text.ToString()))));
        }

        Assert.All(held, h => Assert.Equal(h.Text, _texts.Unpack(h.Packed, Encoding.UTF8.GetString)));
    }

    [Fact]
    public void Pack_TextLongerThanASample_IsTheText()
    {
        var text = string.Concat(Enumerable.Range(0, 20_000));

        Assert.Equal(text, Round(text).Text);
        Assert.Equal(text + Object(1), Round(text + Object(1)).Text);
    }

    private (string Text, int Length) Round(string text)
    {
        var packed = _texts.Pack(Encoding.UTF8.GetBytes(text));
        return (_texts.Unpack(packed, Encoding.UTF8.GetString), packed.Length);
    }

    private static string Object(int number) => $$"""
        {"apiVersion":"v1","kind":"Node","metadata":{"name":"node-{{number:D5}}","uid":"{{new Guid(number, 1, 2, new byte[8])}}",
        "resourceVersion":"{{number * 7919}}","labels":{"kubernetes.io/arch":"amd64","kubernetes.io/hostname":"node-{{number:D5}}",
        "kubernetes.io/os":"linux","node.kubernetes.io/instance-type":"Standard_NC24ads_A100_v4","kaito.sh/workspace":"w-{{number}}" } },
        "status":{"capacity":{"cpu":"24","memory":"220Gi","nvidia.com/gpu":"1","pods":"110"},"conditions":[{"type":"Ready",
        "status":"True","reason":"KubeletReady","message":"the kubelet is ready","lastTransitionTime":"2026-01-01T00:00:00Z"}] } }
        """;
}
