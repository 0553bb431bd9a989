# SPDX-License-Identifier: MIT
"""docs: the examples and commands in the documents work.

Every fenced block of docs/*.md, README.md and examples/README.md that is marked `mach` is compiled. The words after `mach`
define its kind:

    (nothing)        a complete file
    machine [HOST]   the inside of a machine; required statements that are missing (cpus, memory) are added
    host HOST        the inside of a host statement
    file NAME        a file that the next block includes; not compiled alone
    error CODE       machc must report errors, all with this code
    warning CODE     machc must report warnings, all with this code, and no errors

HOST is a tree of examples/hosts, without `.dts`. Blocks without `error` or `warning` must compile without a message. If an
indented message (`NAME.mach:...`) follows a block, machc must print exactly that.

Commands in blocks marked `console` are run, and must print the output shown: sessions.py.

The grammar section of docs/language.md comes from grammar/mach.ebnf, docs/messages.md from the registry of messages,
docs/defects.md from the lines `// peer:` of tests; `make docs` (this suite with --update) rewrites them. The grammar must
accept the examples, and machc must accept random texts of the grammar. Links to files and headings must have a target.
"""

import re
import shutil
import sys
import tempfile

from . import Result, difference, run, sessions
from .errors import messages

# For each board: the platform of a machine, and memory that any `dma` accepts.
PLATFORMS = {
    None: ("arm64-virt", "memory ram size 256M;"),
    "jh7110": ("riscv64-virt", "memory ram at 0x80000000 size 256M;"),
    "ls1046a": ("arm64-virt", "memory ram at 0x80000000 size 256M;"),
    "p4080ds": ("e500mc-kvm", "memory ram at 0x0 size 256M from physical 0x20000000;"),
    "virt-smmuv3": ("arm64-virt", "memory ram at 0x80000000 size 256M;"),
    "zcu102": ("arm64-virt", "memory ram at 0x40000000 size 256M from physical 0x40000000;"),
}
MESSAGE = re.compile(r"\n+((?: {4}\S+\.mach:\d.*\n)(?: {4}.*\n)*)")
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.M | re.S)
MARK = "<!-- {}: grammar/mach.ebnf, by `make docs` -->"


def documents(root):
    return sorted([root / "README.md", root / "examples/README.md", *root.glob("docs/*.md")])


# ---- examples ----


class Block:
    """A marked block: its text, and the meaning of its mark."""

    def __init__(self, path, match, text):
        line = text.count("\n", 0, match.start()) + 1
        self.name = f"{path}:{line}"
        self.text = match["text"]
        shown = MESSAGE.match(text, match.end())
        self.message = shown and re.sub(r"^ {4}(\S+\.mach)?", lambda m: m[1] and "example.mach" or "", shown[1], flags=re.M)
        self.kind, self.host, self.expected, self.problem, self.files = "file", None, None, None, []
        words = match["info"].split()[1:]
        if words and words[0] in ("machine", "host", "file"):
            self.kind = {"file": "part"}.get(words[0], words[0])
            words = words[1:]
            if words and words[0] not in ("error", "warning"):
                self.host = words.pop(0)
        if words and words[0] in ("error", "warning") and len(words) > 1:
            self.expected = (words[0], words[1])
            words = words[2:]
        if words:
            self.problem = f"`{' '.join(words)}` means nothing after `mach`"
        elif self.kind != "part" and self.host not in PLATFORMS:
            self.problem = f"there is no examples/hosts/{self.host}.dts that a block can stand on"

    def source(self):
        platform, memory = PLATFORMS[self.host]
        host = f'host "{self.host}.dts"' if self.host else ""
        if self.kind == "machine":
            added = "" if re.search(r"^\s*cpus\b", self.text, re.M) else " cpus 1;"
            added += "" if re.search(r"^\s*memory\b", self.text, re.M) else f" {memory}"
            return f"{host}{';' if host else ''} machine example : {platform} {{{added}\n{self.text}}}\n"
        if self.kind == "host":
            return f"{host} {{\n{self.text}}}\nmachine example : {platform} {{ cpus 1; {memory} }}\n"
        return self.text


def blocks(root, path):
    text = path.read_text()
    parts = []
    for match in FENCE.finditer(text):
        if match["info"].split()[:1] != ["mach"]:
            continue
        block = Block(path.relative_to(root), match, text)
        if block.kind == "part":
            parts.append((block.host, block.text))
            continue
        block.files, parts = parts, []
        yield block


def write(directory, name, text):
    with open(f"{directory}/{name}", "w", encoding="utf-8") as file:
        file.write(text)


def check(context, block):
    if block.problem:
        return block.problem
    hosts = context.root / "examples/hosts"
    with tempfile.TemporaryDirectory() as directory:
        for name, text in [*block.files, ("example.mach", block.source())]:
            write(directory, name, text)
        done = run(context.machc, "--check", "-I", hosts, "example.mach", cwd=directory)
    if block.message and block.message not in done.err:
        return f"machc prints another message\n{done.err}"
    found = {(kind, code) for kind, _, code in messages("example.mach", done.err)}
    want = {block.expected} if block.expected else set()
    if found == want and done.status == (1 if block.expected and block.expected[0] == "error" else 0):
        return None
    wanted = f"{block.expected[0]} {block.expected[1]}" if block.expected else "nothing"
    return f"{wanted} is expected, exit status {done.status}\n{done.err}\n{block.source()}"


# ---- generated documents ----


def grammar(context):
    text = (context.root / "grammar/mach.ebnf").read_text()
    return f"{MARK.format('begin')}\n\n```ebnf\n{text}```\n\n{MARK.format('end')}"


def language(context, old):
    """docs/language.md with the current grammar."""
    begin, end = old.find(MARK.format("begin")), old.find(MARK.format("end"))
    if begin < 0 or end < begin:
        return None
    return old[:begin] + grammar(context) + old[end + len(MARK.format("end")):]


def hundreds(context):
    """[("01", "syntax"), ...], as the registry lists them."""
    text = (context.root / "compiler/diag/messages.def").read_text()
    return re.findall(r'^#include "diag/messages-(\d\d)\.def" // (.*)$', text, re.M)


def prose(line):
    """Escapes a line of text so that only `code` has a meaning in Markdown."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(part if part.startswith("`") else re.sub(r"[<>*_\[\]\\]", r"\\\g<0>", part) for part in parts)


def markdown(text):
    """A message's text: indented lines are examples, the rest is prose; the fix is a paragraph of its own."""
    out, code = [], False
    for line in text.split("\n"):
        if line.startswith("    ") != code:
            code = not code
            out += ["", "```"] if code else ["```", ""]
        elif line.startswith("Fix:"):
            out.append("")
        out.append(line[4:] if code else prose(line))
    return "\n".join(out + (["```"] if code else []))


INDEX = """# Messages

Every message of machc has a code and a name; both are stable. `machc --explain=E0409` prints the text that is shown
here, `machc --explain=list` lists all codes and names.

E codes are errors, W codes are warnings, F codes are internal errors. machc writes no output if there is an error.
Disable a warning with `-Wno-NAME`, or turn it into an error with `-Werror=NAME`. `-Werror` turns all warnings into
errors, `-w` disables all warnings.

<!-- Written by `make docs` from compiler/diag/messages-*.def: change it there. -->
"""


def registry(context):
    """[(code, name, title, text)], from machc's own output."""
    done = run(context.machc, "--explain=all")
    entries = re.split(r"^(?=[EWF]\d{4} [a-z0-9-]+: )", done.out.decode(), flags=re.M)[1:]
    return [re.fullmatch(r"(\S+) (\S+): (.*?)\n\n(.*)", entry, re.S).groups() for entry in entries]


def message_index(context):
    """docs/messages.md."""
    sections = {number: [] for number, _ in hundreds(context)}
    for code, name, title, text in registry(context):
        sections[code[1:3]].append(f"### {code}\n\n**{prose(title)}** (`{name}`)\n\n{markdown(text.strip())}\n")
    out = [INDEX]
    out += [f"- [{title}](#{slug(title)})" for _, title in hundreds(context)] + [""]
    for number, title in hundreds(context):
        out += [f"## {title}\n", *sorted(sections[number], key=lambda s: ("EWF".index(s[4]), s))]
    return "\n".join(out)


DEFECTS = """# What goes wrong elsewhere

Mistakes that compilers, generators and hypervisors for guests with passed-through devices make, and that their users
suffer from. Each row shows one of them, what machc reports instead, and the test that verifies it.

<!-- Written by `make docs` from the lines `// peer:` of tests/errors/*.mach and tests/golden/*.mach: edit those. -->

| elsewhere | in machc | test |
|---|---|---|
"""


def defects(context):
    """docs/defects.md."""
    titles = {code: title for code, _, title, _ in registry(context)}
    out = []
    for path in sorted((context.root / "tests").glob("errors/*.mach")) + sorted((context.root / "tests").glob("golden/*.mach")):
        text = path.read_text(errors="replace")
        link = f"[{path.stem}](../{path.relative_to(context.root)})"
        for peer in re.findall(r"^// peer: (.*)$", text, re.M):
            codes = dict.fromkeys(re.findall(r"^// (?:error|warning): \S+ ([EW]\d{4})$", text, re.M))
            says = [f"{prose(titles[code])} ([{code}](messages.md#{code.lower()}))" for code in codes]
            here = "; ".join(says) if len(says) < 3 else f"all of them in one run: {', '.join(codes)}"
            out.append(f"| {prose(peer)} | {here or 'handled correctly'} | {link} |")
    return DEFECTS + "\n".join(out) + "\n"


def made(context):
    """[(path, expected text)]"""
    page = context.root / "docs/language.md"
    return [(page, language(context, page.read_text())), (context.root / "docs/messages.md", message_index(context)),
            (context.root / "docs/defects.md", defects(context))]


def up_to_date(context, path, text):
    if text is None:
        return f"the lines `{MARK.format('begin')}` and `end` are missing"
    if context.update:
        path.write_text(text)
        return None
    problem = difference(path.read_text() if path.exists() else "", text, str(path))
    return problem and f"is not up to date: `make docs`\n{problem}"


def grammar_agrees(context, examples):
    """Runs tests/ebnf/agree.py with the examples of the documents and with random texts, always the same ones."""
    agree = context.root / "tests/ebnf/agree.py"
    with tempfile.TemporaryDirectory() as directory:
        for block in examples:
            if not block.problem and not (block.expected and block.expected[1].startswith("E01")):
                write(directory, block.name.replace("/", "-") + ".mach", block.source())
        done = run(sys.executable, agree, "--parser", f"{context.machc} --syntax", "--seed", "1", "--count", "300",
                   context.root / "examples", directory)
    return done.status and f"grammar/mach.ebnf and machc do not agree\n{done.out.decode('utf-8', 'replace')}{done.err}"


# Words that no example can have: `live` is the tree of the machine that runs the tests.
NOT_EXAMPLED = {"live"}


def examples_complete(context):
    """Every word of the grammar, and every fate of a reference, appears in an example of the manual that compiles."""
    text = re.sub(r"/\*.*?\*/", " ", (context.root / "grammar/mach.ebnf").read_text(), flags=re.S)
    wanted = set(re.findall(r"'(/?[a-z][a-z0-9-]*/?)'", text)) - NOT_EXAMPLED
    page = context.root / "docs/language.md"
    shown = "\n".join(block.text for block in blocks(context.root, page)
                      if not block.expected or block.expected[0] == "warning")
    shown = re.sub(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\]|\\.)*"', " ", shown, flags=re.S)
    missing = wanted - set(re.findall(r"/[a-z-]+/|[a-z][a-z0-9-]*", shown))
    fates = set(re.findall(r"[=|] '([a-z]+)'", re.search(r"^fate +::=.*?$", text, re.M)[0]))
    missing |= {f"ref ... {fate}" for fate in fates - set(re.findall(r"\bref\s+\S+\s+([a-z]+)", shown))}
    return missing and "no example has " + ", ".join(sorted(missing))


# ---- links ----


# For each function of assert_values.c: how an `assert` uses its attributes, and the row of the manual's table.
ATTRIBUTES = {"offer_machine": (r"\bm\.", "MACHINE"), "vcpu": (r"\.vcpu\[\d+\]\.", "MACHINE.vcpu[N]"),
              "offer_memory": (r"\bm\.\w+\.", "MACHINE.MEMORY"), "offer_irqchip": (r"\bm\.\w+\.", "MACHINE.IRQCHIP"),
              "offer_device": (r"\bm\.\w+\.", "MACHINE.DEVICE"), "offer_region": (r"\.region\[[^]]+\]\.", "DEVICE.region[WHICH]"),
              "offer_irq": (r"\.irq\[[^]]+\]\.", "DEVICE.irq[WHICH]"), "offer_dma": (r"\.dma\[[^]]+\]\.", "DEVICE.dma[WHICH]"),
              "offer_map": (r"\.map\[\d+\]\.", "dma[WHICH].map[N]")}


def attributes(context):
    """Every attribute of `assert` is in the manual, and used by a description of the suite golden."""
    text = (context.root / "compiler/across/assert_values.c").read_text(encoding="utf-8")
    offered, function = {of: set() for of in ATTRIBUTES}, None
    for line in text.splitlines():
        if head := re.match(r"static void (offer_\w+)\(struct search \*t, const struct", line):
            function = {"offer_stash": "offer_dma", "offer_attributes": "vcpu"}.get(head[1], head[1])
        elif name := re.match(r' +offer_(?:number|number_if|text|path)\(t, (?:[^"]*, )?"([a-z-]+)"', line):
            offered[function].add(name[1])
    manual = (context.root / "docs/language.md").read_text(encoding="utf-8")
    asked = "\n".join(re.findall(r"^ +assert (.*)", "\n".join(
        path.read_text(encoding="utf-8") for path in sorted((context.root / "tests/golden").glob("*.mach"))), re.M))
    problems = []
    for of, (way, row) in ATTRIBUTES.items():
        said = re.search(rf"^\| `{re.escape(row)}` \| (.*) \|$", manual, re.M)
        said = set(re.findall(r"`([a-z][a-z-]*)`", said[1])) if said else set()
        problems += [f"{row}: the manual has no {name}" for name in sorted(offered[of] - said)]
        problems += [f"{row}: no assert of tests/golden asks for {name}" for name in sorted(offered[of])
                     if not re.search(way + re.escape(name) + r"(?![\w\[.-])", asked)]
    return "\n".join(problems) or (None if all(offered.values()) else "assert_values.c cannot be read")


def slug(heading):
    """The anchor that GitHub and others generate for a heading."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def anchors(path):
    text = FENCE.sub("", path.read_text())
    return {slug(heading) for heading in re.findall(r"^#+ +(.*?) *$", text, re.M)}


def dead_links(context, path):
    dead = []
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", path.read_text()))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        to = (path.parent / name).resolve() if name else path
        if not to.exists():
            dead.append(f"{target}: there is no such file")
        elif anchor and anchor not in anchors(to):
            dead.append(f"{target}: there is no such heading")
    return dead and "dead links\n" + "\n".join(dead)


def tutorial_files(examples, to):
    """What docs/tutorial.md copies before its first command."""
    shutil.copytree(examples / "hosts", f"{to}/hosts")
    shutil.copy(examples / "hosts/virt-smmuv3.dts", f"{to}/board.dts")
    shutil.copy(examples / "zcu102-ethernet.mach", to)


def run_all(context):
    result = Result()
    for path, text in made(context):
        if context.wanted in path.name:
            result.add(path.relative_to(context.root), up_to_date(context, path, text))
    empty = [code for code, _, _, text in registry(context) if not text.strip()]
    result.add("every message has a text", empty and "these have none: " + " ".join(empty))
    pages = documents(context.root)
    for page, problem in context.each(lambda page: dead_links(context, page), pages, str):
        result.add(f"links of {page.relative_to(context.root)}", problem)
    examples = [block for page in pages for block in blocks(context.root, page)]
    for block, problem in context.each(lambda block: check(context, block), examples, lambda block: block.name):
        result.add(block.name, problem)
    for page in pages:
        for name, problem in sessions.check(context, page, lambda to: tutorial_files(context.root / "examples", to)):
            result.add(name, problem)
    if context.wanted in "every word has an example":
        result.add("every word has an example", examples_complete(context))
    if context.wanted in "attributes":
        result.add("attributes", attributes(context))
    if context.wanted in "grammar":
        result.add("grammar", grammar_agrees(context, examples))
    return result
