# SPDX-License-Identifier: MIT
"""generated: files generated from --help and from the grammar's keywords are up to date, and work.

    docs/machc.1                        the section OPTIONS, from `machc --help`
    docs/guest.cfg.5                    the records, from docs/guest-cfg.md
    compiler/cli/completion/            bash and zsh, from `machc --help`
    runtime/machrt/completion/          the same, from `machrt --help`
    grammar/vim/, grammar/vscode/       the keywords, from grammar/mach.l
    runtime/rust/src/records.rs         the records, from runtime/include/machcfg.h

`make docs` rewrites all of them.
"""

import json
import os
import re
import shutil
import sys
import tempfile

from . import Result, difference, run

MARK = "Made by `make docs`: change {} instead."


# ---- options ----


class Option:
    """One line of --help: the option and its description."""

    def __init__(self, left, text):
        self.left = left
        self.text = text

    def spellings(self):
        """[(option, its argument or None, "=" or " " or "" between them)]"""
        for part in re.split(r", ", self.left):
            match = re.fullmatch(r"(--[a-z-]+|-W(?:no-|error(?=\[))?|-M[DFTP]|-[A-Za-z@])(\[=|=| |)(.*?)\]?", part)
            yield match[1], match[3] or None, match[2].strip("[")


def helped(text):
    """[(group, [Option, ...]), ...] of a text of --help"""
    groups, current = [], None
    for line in text.splitlines():
        if heading := re.fullmatch(r"([A-Z].*):", line):
            current = []
            groups.append((heading[1], current))
        elif (match := re.match(r"  (-\S+(?:,? \S+)*?)(?:  +(\S.*))?$", line)) and current is not None:
            current.append(Option(match[1], match[2] or ""))
        elif re.match(r" {10,}\S", line) and current:
            current[-1].text = (current[-1].text + " " + line.strip()).strip()
    return groups


def options(context):
    return helped(run(context.machc, "--help").out.decode())


def machrt_options(context):
    """Commands and options of machrt."""
    text = run(context.machrt, "--help")
    text = (text.out or text.err.encode()).decode()
    commands = re.findall(r"^  ([a-z]+) {2,}(\S.*)$", text, re.M)
    return commands, [Option(*match) for match in re.findall(r"^  (--\S+) {2,}(\S.*)$", text, re.M)]


FILES = {"-o", "-c", "--host", "-MF"}
FOLDERS = {"-O", "-I", "--schema-dir"}
NUMBERS = {"-m", "-D", "-j", "--max-errors", "-MT"}


def words(argument):
    return re.sub(r"\[.*\]?", "", argument).split("|")


# ---- the man page ----


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)


def spelled(option):
    """-o FILE in roff: literal text is bold, placeholders are italic."""
    out = []
    for part in re.split(r"([A-Z]{2,}|\bN\b)", option.left):
        out.append(f"\\fI{part}\\fR" if re.fullmatch(r"[A-Z]{2,}|N", part) and not option.left.startswith("-M" + part)
                   else f"\\fB{roff(part)}\\fR" if part else "")
    return "".join(out).replace("\\fB, \\fR", ", ")


def left_column(option):
    match = re.fullmatch(r"-M([DFTP])(?: (\S+))?", option.left)
    if match:
        return f"\\fB\\-M{match[1]}\\fR" + (f" \\fI{match[2]}\\fR" if match[2] else "")
    return spelled(option)


def man_options(context, old):
    begin, end = '.\\" begin options\n', '.\\" end options\n'
    if begin not in old or end not in old:
        return None
    lines = []
    for group, members in options(context):
        lines.append(f".SS {group}")
        for option in members:
            lines += [".TP", left_column(option), roff(option.text)]
    text = "\n".join(lines) + "\n"
    return old[:old.index(begin) + len(begin)] + text + old[old.index(end):]


def man_records(context, old):
    """The records of guest.cfg, from the tables of docs/guest-cfg.md."""
    begin, end = '.\\" begin records\n', '.\\" end records\n'
    if begin not in old or end not in old:
        return None
    text = (context.root / "docs/guest-cfg.md").read_text()
    lines = []
    for match in re.finditer(r"^### (Header|Section table|Section [^\n]*)\n(.*?)(?=^#)", text, re.M | re.S):
        rows = re.findall(r"^\| (\d+) \| (\d+) \| `(\w+)` \| (.*?) \|(.*)\|$", match[2], re.M)
        if not rows:
            continue
        lines += [f".SS {roff(match[1].replace('`', ''))}", ".TS", "r r l l."]
        lines += [f"{offset}\t{size}\t{roff(name)}\t{roff(re.sub('[`*]', '', kind))}" for offset, size, name, kind, _ in rows]
        lines.append(".TE")
    return old[:old.index(begin) + len(begin)] + "\n".join(lines) + "\n" + old[old.index(end):]


# ---- completion ----

BASH = """# SPDX-License-Identifier: MIT
# Completion of {name} for bash. {mark}
_{name}()
{{
    local cur=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD - 1]}}
    COMPREPLY=()
    # Bash takes --option=word apart at the `=`.
    if [[ $cur == "=" ]]; then
        cur=
    elif [[ $option == "=" ]]; then
        option=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    case $option in
{cases}
    esac
    case $cur in
{starts}
    -*)
        mapfile -t COMPREPLY < <(compgen -W "{all}" -- "$cur")
        [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace 2>/dev/null
        ;;
    *)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <({rest})
        ;;
    esac
}}
complete -F _{name} {name}
"""


def case(pattern, reply):
    return f"    {pattern})\n        {reply}\n        return\n        ;;"


def reply(words_of):
    return f"mapfile -t COMPREPLY < <({words_of})"


def machc_bash(context):
    cases, every = [], []
    files, folders, numbers = [], [], []
    for _, members in options(context):
        for option in members:
            for name, argument, between in option.spellings():
                if name in ("-W", "-Wno-"):
                    continue
                every.append(name + ("=" if between == "=" and name != "-Werror" else ""))
                if not argument or name == "-Werror":
                    continue
                if name in FILES:
                    files.append(name)
                elif name in FOLDERS:
                    folders.append(name)
                elif name in NUMBERS:
                    numbers.append(name)
                elif "|" in argument and argument.islower() or name == "--diagnostics":
                    cases.append(case(name, reply(f'compgen -W "{" ".join(words(argument))}" -- "$cur"')))
    cases.insert(0, case("|".join(files), 'compopt -o filenames 2>/dev/null\n        ' + reply('compgen -f -- "$cur"')))
    cases.insert(1, case("|".join(folders), 'compopt -o filenames 2>/dev/null\n        ' + reply('compgen -d -- "$cur"')))
    cases.append(case("--explain", reply('compgen -W "list all $(machc --explain=list 2>/dev/null | cut -d" " -f1)" -- "$cur"')))
    cases.append(case("--dump-class", reply('compgen -W "$(machc --list-classes 2>/dev/null | sed -n "s/^  \\([^ ]*\\).*/\\1/p")" -- "$cur"')))
    cases.append(case("|".join(numbers), ":"))
    names = "$(machc --explain=list 2>/dev/null | sed -n 's/^W[0-9]* \\([^ ]*\\).*/{}\\1/p')"
    cases.append(case("-Werror", reply(f'compgen -W "{names.format("")}" -- "$cur"')))
    starts = "\n".join(
        f"    {start}*)\n        {reply(f'compgen -W {chr(34)}{more}{names.format(start)}{chr(34)} -- {chr(34)}$cur{chr(34)}')}\n        ;;"
        for start, more in (("-Wno-", ""), ("-W", "-Werror -Wno- ")))
    rest = "compgen -f -X '!*.mach' -- \"$cur\"; compgen -d -- \"$cur\""
    return BASH.format(name="machc", mark=MARK.format("compiler/cli/options.c"), cases="\n".join(cases), starts=starts,
                       all=" ".join(dict.fromkeys(every)), rest=rest)


def machrt_bash(context):
    commands, members = machrt_options(context)
    cases, every = [], []
    for option in members:
        name, _, argument = option.left.partition("=")
        every.append(name + ("=" if argument else ""))
        if name == "--backend":
            values = option.text.split(": ")[1].replace(",", "")
            cases.append(case(name, reply(f'compgen -W "{values}" -- "$cur"')))
        elif argument == "FILE":
            cases.append(case(name, 'compopt -o filenames 2>/dev/null\n        ' + reply('compgen -f -- "$cur"')))
    cases.append(case("machrt", reply(f'compgen -W "{" ".join(name for name, _ in commands)} --help" -- "$cur"')))
    rest = "compgen -f -X '!*.cfg' -- \"$cur\"; compgen -d -- \"$cur\""
    text = BASH.format(name="machrt", mark=MARK.format("runtime/machrt/main.c"), cases="\n".join(cases), starts="@",
                       all=" ".join(every), rest=rest)
    return text.replace("@\n", "")


def zsh_text(text):
    text = re.sub(r"([\[\]:\\])", r"\\\1", text)
    return text.replace("'", "'\\''")


def zsh_action(name, argument):
    if name in FILES or argument == "FILE":
        return ":file:_files"
    if name in FOLDERS:
        return ":directory:_files -/"
    if name == "--explain":
        return ":message:(list all ${(f)\"$(machc --explain=list 2>/dev/null | cut -d\" \" -f1)\"})"
    if name == "--dump-class":
        return ":class:(${(f)\"$(machc --list-classes 2>/dev/null | sed -n \"s/^  \\([^ ]*\\).*/\\1/p\")\"})"
    if "|" in argument:
        return f":word:({' '.join(words(argument))})"
    return f":{zsh_text(argument.lower())}: "


def zsh(name, mark, lines, rest):
    body = " \\\n".join("    " + line for line in lines + [rest])
    return f"#compdef {name}\n# SPDX-License-Identifier: MIT\n# Completion of {name} for zsh. {mark}\n_arguments \\\n{body}\n"


def machc_zsh(context):
    lines = []
    for _, members in options(context):
        for option in members:
            if option.left.startswith("-W"):
                continue
            for name, argument, between in option.spellings():
                glue = "=" if between == "=" else ""
                repeat = "*" if name in ("-I", "-D", "-MT", "--diagnostics") else ""
                action = zsh_action(name, argument) if argument else ""
                lines.append(f"'{repeat}{name}{glue}[{zsh_text(option.text)}]{action}'")
    names = "${(f)\"$(machc --explain=list 2>/dev/null | sed -n \"s/^W[0-9]* \\([^ ]*\\).*/@\\1/p\")\"}"
    every = " ".join(names.replace("@", front) for front in ("", "no-", "error="))
    lines.append(f"'*-W-[warnings\\: NAME, no-NAME, error, error=NAME]:warning:(error {every})'")
    return zsh("machc", MARK.format("compiler/cli/options.c"), lines, "'*:description:_files -g \"*.mach\"'")


def machrt_zsh(context):
    commands, members = machrt_options(context)
    lines = [f"'1:command:({' '.join(name for name, _ in commands)})'"]
    for option in members:
        name, equals, argument = option.left.partition("=")
        if name == "--backend":
            argument = option.text.split(": ")[1].replace(", ", "|")
        lines.append(f"'{name}{equals}[{zsh_text(option.text)}]{zsh_action(name, argument) if argument else ''}'")
    return zsh("machrt", MARK.format("runtime/machrt/main.c"), lines, "'*:config:_files -g \"*.cfg\"'")


# ---- syntax for editors ----


def keywords(context):
    """(control, statements and clauses, words that are keywords after others), each sorted"""
    text = (context.root / "grammar/mach.l").read_text()
    found = re.findall(r'^"([a-z-]+)"\s+KW(_IF)?\(', text, re.M)
    control = {"include", "const", "template", "use", "for", "in", "if", "else", "assert"}
    return (sorted(control & {word for word, _ in found}), sorted({word for word, some in found if not some} - control),
            sorted({word for word, some in found if some} - control))


VIM = """" SPDX-License-Identifier: MIT
" Vim syntax of .mach files. {mark}
if exists("b:current_syntax")
    finish
endif
syn iskeyword @,48-57,_,-
syn case match

syn keyword machControl {control}
syn keyword machStatement {statements}
syn keyword machWord contained {words}
syn match machAfter "\\v<(host|passthrough|dma|map|from|stash)>\\s+[a-z-]+" contains=machStatement,machWord
syn match machNumber "\\v<(0[xX]\\x+|\\d+)([KMGT]|[kMG]?Hz)?>"
syn match machLabel "&\\h[[:alnum:]_-]*"
syn match machLabel "&{{[^}}]*}}"
syn match machPath "\\v(^|[[:space:]])\\zs(/[[:alnum:],._+#?@-]+)+"
syn match machDirective "\\v/(delete-property|delete-node|bits|incbin|omit-if-no-ref|include|dts-v1|memreserve)/"
syn match machExpr "{{[^}}]*}}" contained
syn match machEscape "\\\\." contained
syn region machString start=+"+ skip=+\\\\.+ end=+"+ oneline contains=machExpr,machEscape
syn region machComment start="/\\*" end="\\*/" contains=machTodo
syn match machComment "//.*$" contains=machTodo
syn keyword machTodo contained TODO FIXME XXX

hi def link machControl PreProc
hi def link machStatement Statement
hi def link machWord Type
hi def link machNumber Number
hi def link machLabel Identifier
hi def link machPath Constant
hi def link machDirective PreProc
hi def link machExpr Special
hi def link machEscape Special
hi def link machString String
hi def link machComment Comment
hi def link machTodo Todo

let b:current_syntax = "mach"
"""


def vim(context):
    control, statements, some = (" ".join(group) for group in keywords(context))
    return VIM.format(mark=MARK.format("grammar/mach.l"), control=control, statements=statements, words=some)


def textmate(context):
    control, statements, some = ("|".join(sorted(group, key=lambda w: (-len(w), w))) for group in keywords(context))

    def word(pattern):
        return rf"(?<![\w-])(?:{pattern})(?![\w-])"

    grammar = {
        "comment": "SPDX-License-Identifier: MIT. " + MARK.format("grammar/mach.l"),
        "name": "Machine description",
        "scopeName": "source.mach",
        "fileTypes": ["mach"],
        "patterns": [{"include": f"#{name}"} for name in
                     ("comment", "string", "named", "directive", "control", "after", "statement", "label", "path", "number")],
        "repository": {
            "comment": {"patterns": [
                {"name": "comment.line.double-slash.mach", "match": "//.*$"},
                {"name": "comment.block.mach", "begin": r"/\*", "end": r"\*/"}]},
            "string": {"name": "string.quoted.double.mach", "begin": '"', "end": '"|$', "patterns": [
                {"name": "constant.character.escape.mach", "match": r"\\.|\{\{"},
                {"name": "meta.embedded.expression.mach", "match": r"\{[^}\"]*\}"}]},
            "named": {"match": rf"{word('machine|template|const|memory|irqchip|device')}\s+([A-Za-z_][\w-]*)".replace(
                "(?:", "(", 1), "captures": {"1": {"name": "keyword.other.mach"}, "2": {"name": "entity.name.mach"}}},
            "directive": {"name": "keyword.control.directive.mach",
                          "match": "/(?:delete-property|delete-node|bits|incbin|omit-if-no-ref|include|dts-v1|memreserve)/"},
            "control": {"name": "keyword.control.mach", "match": word(control)},
            "after": {"match": rf"(?<![\w-])(host|passthrough|dma|map|from|stash)\s+({some})(?![\w-])",
                      "captures": {"1": {"name": "keyword.other.mach"}, "2": {"name": "storage.modifier.mach"}}},
            "statement": {"name": "keyword.other.mach", "match": word(statements)},
            "label": {"name": "variable.other.mach", "match": r"&[A-Za-z_][\w-]*|&\{[^}]*\}"},
            "path": {"name": "constant.other.path.mach", "match": r"(?<![\w/])(?:/[\w,.+#?@-]+)+"},
            "number": {"name": "constant.numeric.mach", "match": r"(?<![\w-])(?:0[xX][0-9a-fA-F]+|[0-9]+)(?:[KMGT]|[kMG]?Hz)?(?![\w-])"},
        },
    }
    return json.dumps(grammar, indent=2) + "\n"


# ---- tests ----


def made(context):
    page, records = context.root / "docs/machc.1", context.root / "docs/guest.cfg.5"
    return [
        (records, man_records(context, records.read_text())),
        (page, man_options(context, page.read_text() if page.exists() else "")),
        (context.root / "compiler/cli/completion/machc.bash", machc_bash(context)),
        (context.root / "compiler/cli/completion/_machc", machc_zsh(context)),
        (context.root / "runtime/machrt/completion/machrt.bash", machrt_bash(context)),
        (context.root / "runtime/machrt/completion/_machrt", machrt_zsh(context)),
        (context.root / "grammar/vim/syntax/mach.vim", vim(context)),
        (context.root / "grammar/vscode/syntaxes/mach.tmLanguage.json", textmate(context)),
        (context.root / "runtime/rust/src/records.rs", rust(context)),
    ]


def rust(context):
    header = (context.root / "runtime/include/machcfg.h").read_bytes()
    return run(sys.executable, context.root / "runtime/rust/records.py", stdin=header).out.decode()


def up_to_date(context, path, text):
    if text is None:
        return "the marks `begin options` and `end options` are missing"
    if context.update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return None
    problem = difference(path.read_text() if path.exists() else "", text, str(path))
    return problem and f"is not up to date: `make docs`\n{problem}"


def completes(context, script, typed, wanted, unwanted=()):
    """The completions that bash offers after `typed`."""
    breaks = [word for part in typed.split(" ") for word in re.split(r"(=)", part) if word or not part]
    program = f"""
source "$1"; PATH="$2:$PATH"; shift 2
COMP_WORDS=("$@"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
"_${{COMP_WORDS[0]}}"; printf '%s\\n' "${{COMPREPLY[@]}}" """
    with tempfile.TemporaryDirectory() as directory:
        for name in ("board.mach", "with blank.mach", "guest.cfg", "other.txt"):
            open(f"{directory}/{name}", "w", encoding="utf-8").close()
        done = run("bash", "-c", program, "bash", context.root / script, context.build, *breaks, cwd=directory)
    offered = done.out.decode().splitlines()
    missing = [word for word in wanted if word not in offered]
    wrong = [word for word in unwanted if word in offered]
    return (missing or wrong or done.err) and f"`{typed}`: missing {missing}, wrong {wrong}\n{offered}\n{done.err}"


COMPLETIONS = [
    ("compiler/cli/completion/machc.bash", "machc --em", ["--emit="], ["--check"]),
    ("compiler/cli/completion/machc.bash", "machc --emit=", ["dts", "json", "plan", "map", "graph"], ["--check"]),
    ("compiler/cli/completion/machc.bash", "machc --diagnostics=s", ["sarif"], ["json"]),
    ("compiler/cli/completion/machc.bash", "machc --explain=E01", ["E0101"], ["E0201"]),
    ("compiler/cli/completion/machc.bash", "machc --dump-class ns", ["ns16550a"], []),
    ("compiler/cli/completion/machc.bash", "machc -Wno-", ["-Wno-host-node-disabled"], ["-Whost-node-disabled"]),
    ("compiler/cli/completion/machc.bash", "machc -Werror=", ["host-node-disabled"], []),
    ("compiler/cli/completion/machc.bash", "machc -W", ["-Whost-node-disabled", "-Werror", "-Wno-"], []),
    ("compiler/cli/completion/machc.bash", "machc -M", ["-MD", "-MF", "-MT", "-MP"], ["-m"]),
    ("compiler/cli/completion/machc.bash", "machc b", ["board.mach"], ["other.txt"]),
    ("compiler/cli/completion/machc.bash", "machc --check w", ["with blank.mach"], []),
    ("compiler/cli/completion/machc.bash", "machc --host o", ["other.txt"], []),
    ("runtime/machrt/completion/machrt.bash", "machrt ", ["show", "check", "plan", "bind", "unbind", "run", "policy", "probe"], []),
    ("runtime/machrt/completion/machrt.bash", "machrt show --", ["--json", "--help"], []),
    ("runtime/machrt/completion/machrt.bash", "machrt plan --backend=io", ["iommufd"], ["group"]),
    ("runtime/machrt/completion/machrt.bash", "machrt show g", ["guest.cfg"], ["other.txt"]),
]


def every_option(context):
    """--help lists exactly the options that machc accepts, each by its own name."""
    unknown = []
    for _, members in options(context):
        for option in members:
            for name, argument, between in option.spellings():
                done = run(context.machc, name + (between + "x" if argument and between != " " else ""),
                           *(["x"] if argument and between == " " else []), "--help")
                if "unknown option" in done.err or done.status not in (0, 2):
                    unknown.append(name)
    return unknown and f"--help shows what is none: {unknown}"


def editors(context, result):
    grammar = json.loads((context.root / "grammar/vscode/syntaxes/mach.tmLanguage.json").read_text())
    package = json.loads((context.root / "grammar/vscode/package.json").read_text())
    path = package["contributes"]["grammars"][0]
    result.add("vscode: package.json", None if path["scopeName"] == grammar["scopeName"] and
               (context.root / "grammar/vscode" / path["path"]).exists() else "does not name the grammar")
    rules = [rule for part in grammar["repository"].values() for rule in part.get("patterns", [part])]
    bad = []
    for rule in rules:
        for key in ("match", "begin", "end"):
            try:
                re.compile(rule.get(key, ""))
            except re.error as error:
                bad.append(f"{rule[key]}: {error}")
    result.add("vscode: expressions", bad and "\n".join(bad))
    # Every keyword of the examples is highlighted.
    words_of = {name: re.compile(grammar["repository"][name]["match"]) for name in ("control", "statement")}
    missing = [word for group, name in zip(keywords(context), ("control", "statement")) for word in group
               if not words_of[name].fullmatch(word)]
    result.add("vscode: keywords", missing and f"not matched: {missing}")
    if not shutil.which("vim"):
        result.skip("vim: loads", "vim is not there")
        return
    with tempfile.TemporaryDirectory() as directory:
        done = run("vim", "-u", "NONE", "-i", "NONE", "-N", "-es", "-c", "syntax on", "-c",
                   f"redir! > {directory}/said", "-c", f"source {context.root}/grammar/vim/syntax/mach.vim", "-c",
                   "silent syntax list machStatement", "-c", "redir END", "-c", "qa!")
        with open(f"{directory}/said", encoding="utf-8") as said:
            text = said.read()
    result.add("vim: loads", None if done.status == 0 and "passthrough" in text and "Error" not in text + done.err else
               text + done.err)


def manuals(context, result):
    """The man pages cover all options and records, and man formats them without a complaint."""
    page = (context.root / "docs/mach.5").read_text().replace("\\-", "-").replace("\\~", " ")
    missing = [word for group in keywords(context) for word in group if not re.search(rf"(?<![\w-]){word}(?![\w-])", page)]
    result.add("mach(5) has every keyword", missing and f"not in it: {missing}")
    commands, members = machrt_options(context)
    page = (context.root / "docs/machrt.1").read_text().replace("\\-", "-")
    missing = [name for name, _ in commands if name not in page]
    missing += [option.left for option in members if option.left.split("=")[0] not in page]
    result.add("machrt(1) has every command and option", missing and f"not in it: {missing}")
    for name in ("machc.1", "machrt.1", "mach.5", "guest.cfg.5"):
        path = context.root / "docs" / name
        if not shutil.which("man"):
            result.skip(name, "man is not there")
            continue
        done = run("man", "--warnings", "-l", path, env={"MANWIDTH": "100", "LC_ALL": "C.UTF-8", "MANROFFOPT": "-ww"})
        text = re.sub(r".\x08", "", done.out.decode("utf-8", "replace"))
        result.add(f"man {name}", done.err or (None if done.status == 0 and "SEE ALSO" in text else "not shown"))


def run_all(context):
    result = Result()
    manuals(context, result)
    for path, text in made(context):
        result.add(path.relative_to(context.root), up_to_date(context, path, text))
    result.add("options", every_option(context))
    if os.path.exists("/dev/fd/0"):
        for item, problem in context.each(lambda item: completes(context, *item), COMPLETIONS, lambda item: item[1]):
            result.add(f"bash: {item[1]}", problem)
    else:
        result.skip("bash", "there is no /dev/fd, since there is no /proc")
    if shutil.which("zsh"):
        for name in ("compiler/cli/completion/_machc", "runtime/machrt/completion/_machrt"):
            done = run("zsh", "-n", context.root / name)
            result.add(f"zsh: {name}", done.err)
    else:
        result.skip("zsh", "zsh is not there")
    editors(context, result)
    return result
