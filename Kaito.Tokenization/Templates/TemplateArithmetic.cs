namespace Kaito.Tokenization.Templates;

/// <summary>Python's arithmetic: true division, floored division and remainder.</summary>
internal static class TemplateArithmetic
{
    public static object Apply(string symbol, object left, object right)
    {
        if (symbol is "/" or "//" or "%" && TemplateOperators.Real(right) == 0)
        {
            throw new TemplateError("ZeroDivisionError: division by zero");
        }

        try
        {
            return left is double || right is double || symbol == "/"
                ? (object)Real(symbol, TemplateOperators.Real(left), TemplateOperators.Real(right))
                : Whole(symbol, TemplateOperators.Whole(left), TemplateOperators.Whole(right));
        }
        catch (OverflowException)
        {
            throw new TemplateError("a number is too large");
        }
    }

    private static long Whole(string symbol, long left, long right) => symbol switch
    {
        "+" => checked(left + right),
        "-" => checked(left - right),
        "*" => checked(left * right),
        "//" => FloorDivide(left, right),
        "%" => checked(left - (FloorDivide(left, right) * right)),
        "**" => right >= 0 ? Power(left, right) : throw new TemplateError("a negative exponent is not supported"),
        _ => throw TemplateOperators.Unsupported(symbol, left, right),
    };

    private static long FloorDivide(long left, long right)
    {
        var quotient = Math.DivRem(left, right, out var remainder);
        return remainder != 0 && (remainder < 0) != (right < 0) ? quotient - 1 : quotient;
    }

    private static long Power(long left, long right)
    {
        var result = 1L;
        for (var count = 0L; count < Math.Min(right, 64); count++)
        {
            result = checked(result * left);
        }

        return right <= 64 || left is 0 or 1 ? result
            : left == -1 ? (right % 2 == 0 ? 1L : -1L)
            : throw new OverflowException();
    }

    private static double Real(string symbol, double left, double right) => symbol switch
    {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "//" => Math.Floor(left / right),
        "%" => left - (Math.Floor(left / right) * right),
        "**" => Math.Pow(left, right),
        _ => throw TemplateOperators.Unsupported(symbol, left, right),
    };
}
