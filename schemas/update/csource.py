# SPDX-License-Identifier: MIT
"""Linux's C, as far as the scripts of this folder read it: definitions, tables of compatible strings, drivers; and where the
sources come from.

C is read with regular expressions. The kernel's style makes that work: a definition begins and ends in the first column.
"""

import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KERNELS = [("bookworm", "6.1"), ("trixie", "6.12")]
FOLDERS = ("drivers", "sound", "arch")
BINDINGS = "Documentation/devicetree/bindings"

# AMBA drivers match by the identity that the hardware has, not by compatible: their bindings link the two
# (Documentation/devicetree/bindings/: arm/arm,coresight-*.yaml, memory-controllers/, serial/pl011.yaml).
AMBA = {
    "memory-pl172": ["arm,pl172", "arm,pl175", "arm,pl176"],
    "pl353-smc": ["arm,pl353-smc-r2p1"],
    "uart-pl011": ["arm,pl011"],
    "coresight-catu": ["arm,coresight-catu"],
    "coresight-cpu-debug": ["arm,coresight-cpu-debug"],
    "coresight-cti": ["arm,coresight-cti", "arm,coresight-cti-v8-arch"],
    "coresight-dynamic-funnel": ["arm,coresight-dynamic-funnel"],
    "coresight-dynamic-replicator": ["arm,coresight-dynamic-replicator"],
    "coresight-etb10": ["arm,coresight-etb10"],
    "coresight-etm3x": ["arm,coresight-etm3x"],
    "coresight-etm4x": ["arm,coresight-etm4x"],
    "coresight-stm": ["arm,coresight-stm"],
    "coresight-tmc": ["arm,coresight-tmc"],
    "coresight-tpda": ["qcom,coresight-tpda"],
    "coresight-tpdm": ["qcom,coresight-tpdm"],
    "coresight-tpiu": ["arm,coresight-tpiu"],
}

COMPATIBLE = r"[A-Za-z0-9][A-Za-z0-9,._+#?/-]*"
FUNCTION = re.compile(r"^(?P<head>(?:[a-zA-Z_][\w \t*]*\n)?(?:[a-zA-Z_][^\n;{}=#\"(]*?[\s*])??(?P<name>\w+)\s*"
                      r"\((?P<args>[^;{}=]*?)\)[^;{}=\"()]*?)\n\{(?P<body>.*?)^\}", re.M | re.S)
OBJECT = re.compile(r"^(?P<head>(?!return\b|typedef\b)[a-zA-Z_][^;{}=()#\n\"]*?)\b(?P<name>\w+)\s*(?:\[[^\]]*\]\s*)*"
                    r"(?:__\w+(?:\([^)\n]*\))?\s*)*=\s*\{", re.M)
BRACE = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|[{}]')
DRIVER = re.compile(r"\b(\w+?)_driver(?:_t)?\b")
WORD = re.compile(r"[A-Za-z_]\w+")


def without_comments(text):
    """Comments become blanks; strings stay."""
    return re.sub(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*',
                  lambda m: m.group(0) if m.group(0)[0] == '"' else re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)


def initializer(text, start):
    """The text from behind an opening brace to the brace that closes it."""
    depth = 1
    for token in BRACE.finditer(text, start):
        if token[0] in "{}":
            depth += 1 if token[0] == "{" else -1
            if depth == 0:
                return text[start:token.start()]
    return text[start:]


class Definition:
    """A function, or an object with an initializer."""

    def __init__(self, match, kind, body):
        self.kind, self.name, self.head, self.body = kind, match["name"], match["head"], body
        self.static = bool(re.match(r"static\b", self.head))
        self.words = set(WORD.findall(body))


class File:
    def __init__(self, path, raw):
        self.path, self.raw = path, raw
        self._parsed = self._includes = None

    def includes(self):
        if self._includes is None:
            self._includes = re.findall(r'^#include\s+["<]([^">]+)[">]', self.raw, re.M)
        return self._includes

    def parse(self):
        if self._parsed is None:
            text = without_comments(self.raw)
            self.text = text
            self.defines = dict(re.findall(r'^#define[ \t]+(\w+)[ \t]+("[^"\n]*")', text, re.M))
            # What a macro contains is not a definition.
            plain = re.sub(r"^#define(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.M)
            self.plain = plain
            self._parsed = [Definition(match, "function", match["body"]) for match in FUNCTION.finditer(plain)]
            self._parsed += [Definition(match, "object", initializer(plain, match.end())) for match in OBJECT.finditer(plain)]
        return self._parsed


class Kernel:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        make = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL) = (\d+)", (self.folder / "Makefile").read_text(), re.M))
        self.version = f"{make['VERSION']}.{make['PATCHLEVEL']}"
        self.files = {}
        for top in FOLDERS:
            for path in sorted((self.folder / top).rglob("*.c")):
                if path.is_file():
                    name = path.relative_to(self.folder).as_posix()
                    self.files[name] = File(name, path.read_bytes().decode("utf-8", "replace"))
        self.tables = None
        self.headers, self.macros = {}, {}
        self.reasons = collections.defaultdict(list)

    def read(self, name):
        return without_comments((self.folder / name).read_text())

    def holding(self, *words):
        """The files that contain one of these words."""
        for file in self.files.values():
            if any(word in file.raw for word in words):
                yield file

    # Tables of compatible strings

    def string(self, file, token):
        """The value of a string, or of a macro for one."""
        token = token.strip()
        if token.startswith('"'):
            return "".join(re.findall(r'"([^"]*)"', token)) if re.fullmatch(r'(?:"[^"]*"\s*)+', token) else None
        file.parse()
        if token in file.defines:
            return file.defines[token].strip('"')
        if not re.fullmatch(r"\w+", token):
            return None
        for include in file.includes():
            value = self.defines(file, include).get(token)
            if value is not None:
                return value
        return None

    def include(self, file, name):
        """The text of a header that a file includes."""
        key = file.path.rpartition("/")[0], name
        if key not in self.headers:
            self.headers[key] = ""
            for path in (self.folder / file.path).parent / name, self.folder / "include" / name:
                if path.is_file():
                    self.headers[key] = path.read_text(errors="replace")
                    break
        return self.headers[key]

    def defines(self, file, name):
        """{macro: string} of a header; the first definition counts."""
        key = file.path.rpartition("/")[0], name
        if key not in self.macros:
            found = re.findall(r'^#define[ \t]+(\w+)[ \t]+"([^"\n]*)"', self.include(file, name), re.M)
            self.macros[key] = dict(reversed(found))
        return self.macros[key]

    def entries(self, file, body):
        """(compatible, text of the entry) for each entry of an of_device_id table."""
        depth, start, parts = 0, 0, []
        for at, char in enumerate(re.sub(r'"[^"\n]*"', lambda m: " " * len(m.group(0)), body)):
            if char in "{(":
                depth += 1
            elif char in "})":
                depth -= 1
            elif char == "," and depth == 0:
                parts.append(body[start:at])
                start = at + 1
        parts.append(body[start:])
        for part in parts:
            found = re.search(r"\.\s*compatible\s*=\s*((?:\"[^\"]*\"\s*)+|\w+)", part)
            name = None
            if found:
                name = self.string(file, found[1])
            elif ".name" not in part and ".type" not in part:
                # A macro makes the entry: the compatible is its first argument that looks like one.
                for text in re.findall(r'"([^"\n]+)"', part):
                    if re.fullmatch(COMPATIBLE, text):
                        yield text, part
                        break
            if name and re.fullmatch(COMPATIBLE, name):
                yield name, part

    def table(self, file, name):
        """The table of that name in a file, or the only one of that name that is not static."""
        for item in file.parse():
            if item.name == name and item.kind == "object" and "of_device_id" in item.head:
                return file, item
        if self.tables is None:
            self.tables = {}
            for other in self.holding("of_device_id"):
                if re.search(r"^(?:const )?struct of_device_id", other.raw, re.M):
                    for item in other.parse():
                        if item.kind == "object" and "of_device_id" in item.head and not item.static:
                            self.tables[item.name] = (other, item)
        return self.tables.get(name, (None, None))

    # Drivers

    def drivers(self, file):
        """(definition, bus, name, table's file, table) for each driver of a file."""
        for item in file.parse():
            if not is_driver(item):
                continue
            bus = DRIVER.search(item.head)
            name = None
            for found in re.findall(r"\.name\s*=\s*([^,\n}]+)", item.body):
                name = name or self.string(file, found)
            if name is None:
                name = pathlib.PurePosixPath(file.path).stem
            table = re.search(r"\.of_match_table\s*=\s*(?:of_match_ptr|of_match_node)?\s*\(?\s*&?(\w+)", item.body)
            yield (item, bus[1], name, *(self.table(file, table[1]) if table else (None, None)))

    def note(self, found, key, compatible, kind, path):
        found[key].add(compatible)
        self.reasons[compatible].append(f"{self.version}: {kind}: {path}: {' '.join(str(part) for part in key)}")


def is_driver(item):
    return item.kind == "object" and bool(DRIVER.search(item.head))


def merge(kernels, pick):
    """[(key, since, until, compatibles)] of what `pick` gives for each kernel, oldest first."""
    groups = collections.defaultdict(set)
    each = [(kernel.version, pick(kernel)) for kernel in kernels]
    for key in sorted({key for _, found in each for key in found}, key=repr):
        for compatible in sorted({c for _, found in each for c in found.get(key, ())}):
            there = [compatible in found.get(key, ()) for _, found in each]
            first, last = there.index(True), len(there) - 1 - there[::-1].index(True)
            if not all(there[first:last + 1]):
                raise SystemExit(f"{compatible}: not in a version between two that have it; the format cannot say so")
            since = each[first][0] if first else None
            until = each[last][0] if last + 1 < len(each) else None
            groups[key, since, until].add(compatible)
    return [(key, since, until, sorted(names)) for (key, since, until), names in groups.items()]


def entry(since, until, compatibles, **keys):
    made = {key.replace("_", "-"): value for key, value in keys.items() if value}
    if since:
        made["since"] = since
    if until:
        made["until"] = until
    return {**made, "compatible": compatibles}


def download():
    """The sources of KERNELS, unpacked below the cache."""
    sys.path.insert(0, str(ROOT / "tests"))
    from harness import debian
    trees = []
    apt = debian.Apt(debian.cache() / "apt-linux", [suite for suite, _ in KERNELS], ["amd64"])
    apt.update()
    for _, version in KERNELS:
        package = f"linux-source-{version}"
        tree = debian.cache() / f"{package}_{apt.fields(package)['Version']}"
        missing = [name for name in ("Makefile", "include", *FOLDERS, BINDINGS) if not (tree / name).exists()]
        if missing:
            deb = apt.download(package)
            raw = tree.with_name(tree.name + ".tmp")
            debian.unpack(deb, raw, "./usr/src/*")
            deb.unlink()
            subprocess.run(["tar", "xJf", raw / "usr/src" / f"{package}.tar.xz", "--wildcards",
                            *(f"{package}/{name}" for name in missing)], cwd=raw, check=True)
            for name in missing:
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (raw / package / name).rename(tree / name)
            subprocess.run(["rm", "-r", raw], check=True)
        trees.append(tree)
    return trees
