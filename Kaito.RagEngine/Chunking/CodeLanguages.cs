using System.Collections.Frozen;

namespace Kaito.RagEngine.Chunking;

/// <summary>How the nesting of a language shows.</summary>
internal enum Nesting
{
    /// <summary>Brackets, and comments with <c>//</c> and <c>/* */</c>.</summary>
    Brackets,

    /// <summary>Indentation, or keywords that people indent.</summary>
    Indentation,
}

/// <summary>The languages by the names that upstream's parsers have.</summary>
internal static class CodeLanguages
{
    private const string Bracketed =
        """
        actionscript arduino astro bicep c chatito cpp csharp css cuda cue d dart dtd embeddedtemplate fidl func
        gleam glsl go gomod gosum groovy hack hare haxe hcl heex hlsl hyprlang ispc java javascript jsdoc json json5 jsonc
        jsonnet kdl kotlin linkerscript llvm luau magik odin objc php pony po prisma proto qmldir qmljs r re2c rego ron
        rust scala scss slang smali smithy solidity sparql squirrel svelte swift systemverilog tablegen terraform thrift
        tsx typescript typespec uxntal v vala verilog wgsl wit zig
        """;

    private const string Indented =
        """
        ada agda apex asm awk bash batch beancount bibtex bitbake capnp cairo clarity clojure cmake cobol commonlisp cpon
        csv devicetree diff dockerfile doxygen ebnf elisp elixir elm erlang fennel firrtl fish fortran fsharp gdscript
        gitattributes gitcommit gitignore gn gstlaunch hashfile haskell html ini janet julia kconfig lua make makefile
        markdown matlab mermaid meson ninja nim ninja nix nqc ocaml org pascal pem perl pgn powershell printf properties
        psv puppet purescript pymanifest python ql racket readline requirements robot rst ruby scheme sql starlark sql_bigquery
        sqlite tcl test toml tsv twig udev ungrammar verilog vhdl vim vimdoc vue wast wat wgsl_bevy xcompose xml yaml
        yuck
        """;

    private static readonly FrozenDictionary<string, Nesting> s_known = Parts(Indented)
        .Select(static name => KeyValuePair.Create(name, Nesting.Indentation))
        .Concat(Parts(Bracketed).Select(static name => KeyValuePair.Create(name, Nesting.Brackets)))
        .DistinctBy(static pair => pair.Key)
        .ToFrozenDictionary(StringComparer.Ordinal);

    public static Nesting? Find(string language) => s_known.TryGetValue(language, out var nesting) ? nesting : null;

    private static string[] Parts(string names) =>
        names.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
