namespace Kaito.RagEngine.Chunking;

/// <summary>PURE: reads the nesting of code line by line.</summary>
internal static class CodeLines
{
    private const int TabWidth = 4;

    private static readonly string[] s_leads = ["//", "/*", "*", "#", "--", "@", "[", ";;", "%", "\"\"\"", "'''"];

    private static readonly string[] s_ends =
        ["end", "else", "elif", "elsif", "except", "finally", "catch", "fi", "done", "esac", "then", "do", "begin", "where"];

    public static List<CodeLine> Read(string text, Nesting nesting)
    {
        var lines = new List<CodeLine>();
        var brackets = new BracketReader();
        for (var at = 0; at < text.Length;)
        {
            var end = text.IndexOf('\n', at) is >= 0 and var found ? found + 1 : text.Length;
            var line = text.AsSpan(at, end - at);
            var trimmed = line.Trim();
            var (depth, inside) = (brackets.Depth, brackets.Inside);
            brackets.Read(line);
            var level = inside ? int.MaxValue
                : nesting == Nesting.Brackets ? Math.Min(depth, brackets.Lowest)
                : Indent(line);
            lines.Add(new(new(at, end), level, trimmed.IsEmpty, Closes(trimmed), Leads(trimmed, nesting)));
            at = end;
        }

        return lines;
    }

    private static int Indent(ReadOnlySpan<char> line)
    {
        var width = 0;
        foreach (var unit in line)
        {
            if (unit is not (' ' or '\t'))
            {
                break;
            }

            width += unit == '\t' ? TabWidth : 1;
        }

        return width;
    }

    private static bool Closes(ReadOnlySpan<char> line)
    {
        if (line.IsEmpty || line[0] is '{' or '}' or ')' or ']')
        {
            return true;
        }

        var length = line.IndexOfAnyExceptInRange('a', 'z');
        var word = length < 0 ? line : line[..length];
        foreach (var end in s_ends)
        {
            if (word.SequenceEqual(end))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Leads(ReadOnlySpan<char> line, Nesting nesting)
    {
        // In bracket languages a line with # is a directive, which stands alone, unless it is Rust's attribute.
        if (line.StartsWith("#") && nesting == Nesting.Brackets)
        {
            return line.StartsWith("#[");
        }

        foreach (var lead in s_leads)
        {
            if (line.StartsWith(lead))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Counts open brackets, and knows when it is inside a comment or a long string.</summary>
    private sealed class BracketReader
    {
        private string _until = "";

        public int Depth { get; private set; }

        /// <summary>The least depth within the last line.</summary>
        public int Lowest { get; private set; }

        public bool Inside => _until.Length > 0;

        public void Read(ReadOnlySpan<char> line)
        {
            Lowest = Depth;
            for (var at = 0; at < line.Length; at++)
            {
                if (Inside)
                {
                    var end = line[at..].IndexOf(_until);
                    if (end < 0)
                    {
                        return;
                    }

                    at += end + _until.Length - 1;
                    _until = "";
                    continue;
                }

                if (line[at..].StartsWith("//"))
                {
                    return;
                }

                at = Step(line, at);
            }
        }

        private int Step(ReadOnlySpan<char> line, int at)
        {
            switch (line[at])
            {
                case '{' or '(' or '[':
                    Depth++;
                    return at;
                case '}' or ')' or ']':
                    Depth = Math.Max(0, Depth - 1);
                    Lowest = Math.Min(Lowest, Depth);
                    return at;
                case '/' when line[at..].StartsWith("/*"):
                    _until = "*/";
                    return at + 1;
                case '`':
                    _until = "`";
                    return at;
                case '"' when line[at..].StartsWith("\"\"\""):
                    _until = "\"\"\"";
                    return at + 2;
                case '"' or '\'':
                    return StringEnd(line, at);
                default:
                    return at;
            }
        }

        // An apostrophe that nothing closes on its line is no quote: a lifetime, a word in a comment.
        private static int StringEnd(ReadOnlySpan<char> line, int at)
        {
            for (var end = at + 1; end < line.Length; end++)
            {
                if (line[end] == '\\')
                {
                    end++;
                }
                else if (line[end] == line[at])
                {
                    return end;
                }
            }

            return at;
        }
    }
}
