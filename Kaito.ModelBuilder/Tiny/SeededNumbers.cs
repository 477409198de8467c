using System.Text;

namespace Kaito.ModelBuilder.Tiny;

/// <summary>
/// A stream of numbers that depends on nothing but its name: integer arithmetic and exactly rounded float operations
/// only, so that every machine gets the same bits.
/// </summary>
/// <seealso href="https://prng.di.unimi.it/splitmix64.c">SplitMix64, Vigna.</seealso>
internal sealed class SeededNumbers
{
    private ulong _state;

    public SeededNumbers(string name)
    {
        // FNV-1a; string.GetHashCode differs between processes.
        _state = 14695981039346656037;
        foreach (var value in Encoding.UTF8.GetBytes(name))
        {
            _state = (_state ^ value) * 1099511628211;
        }
    }

    /// <summary>Approximately normal with mean 0 and variance 1: twelve uniforms less six.</summary>
    public double NextNormal()
    {
        var sum = 0.0;
        for (var i = 0; i < 12; i++)
        {
            sum += (Next() >> 11) * (1.0 / (1UL << 53));
        }

        return sum - 6;
    }

    private ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        var mixed = _state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
