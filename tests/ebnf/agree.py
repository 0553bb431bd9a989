#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that grammar/mach.ebnf and machc's parser agree.

    agree.py --parser COMMAND [--seed N] [--count N] [FILE.mach | DIRECTORY]...

Recognises every .mach file with the EBNF (Earley's algorithm over the characters), and makes COMMAND (such as
"build/machc --syntax", or parse_only of tests/unit) parse random sentences that are generated from the EBNF.
"""

import argparse
import pathlib
import random
import re
import shlex
import subprocess
import sys
import tempfile

# Messages about values, which an EBNF cannot express: numbers too large, missing files, division by zero.
NOT_SYNTAX = {"E0110", "E0111", "E0118", "E0120", "E0122", "E0126", "E0131", "E0132"}


# ---- reading the EBNF: rules of ("lit", s), ("ref", name), ("seq", [...]), ("alt", [...]), (op, x) ----


def read_ebnf(text):
    token = re.compile(
        r"\s+|/\*.*?\*/|(?P<def>[A-Za-z-]+)\s*::=|(?P<lit>'[^']*')|(?P<name>[A-Za-z-]+)|(?P<regex>/(?:[^/\\\n]|\\.)+/)|(?P<op>[()|?*+])",
        re.S,
    )
    tokens, at = [], 0
    while at < len(text):
        m = token.match(text, at)
        if not m:
            sys.exit(f"mach.ebnf: cannot read {text[at:at + 40]!r}")
        if m.lastgroup:
            tokens.append((m.lastgroup, m[m.lastgroup]))
        at = m.end()
    tokens.append(("end", ""))
    rules, words, i = {}, {}, 0

    def alternatives(i):
        items = []
        while True:
            x, i = sequence(i)
            items.append(x)
            if tokens[i] != ("op", "|"):
                return (items[0] if len(items) == 1 else ("alt", items)), i
            i += 1

    def sequence(i):
        items = []
        while tokens[i][0] in ("lit", "name") or tokens[i] == ("op", "("):
            kind, s = tokens[i]
            if kind == "op":
                x, i = alternatives(i + 1)
                if tokens[i] != ("op", ")"):
                    sys.exit(f"mach.ebnf: `)` expected, found {tokens[i][1]!r}")
            else:
                x = ("lit", s[1:-1]) if kind == "lit" else ("ref", s)
            i += 1
            while tokens[i][0] == "op" and tokens[i][1] in "?*+":
                x = (tokens[i][1], x)
                i += 1
            items.append(x)
        return ("seq", items), i

    while tokens[i][0] == "def":
        name = tokens[i][1]
        if name in rules or name in words:
            sys.exit(f"mach.ebnf: {name} is there twice")
        if tokens[i + 1][0] == "regex":
            words[name] = tokens[i + 1][1][1:-1]
            i += 2
        else:
            rules[name], i = alternatives(i + 1)
    if tokens[i][0] != "end":
        sys.exit(f"mach.ebnf: unexpected {tokens[i][1]!r}")
    return rules, words


def names_in(x):
    if x[0] == "ref":
        yield x[1]
    elif x[0] != "lit":
        for y in x[1] if isinstance(x[1], list) else [x[1]]:
            yield from names_in(y)


def literals_in(x):
    if x[0] == "lit":
        yield x[1]
    elif x[0] != "ref":
        for y in x[1] if isinstance(x[1], list) else [x[1]]:
            yield from literals_in(y)


# ---- recognising ----


class Recogniser:
    """Earley's algorithm. A symbol is the name of a rule or a compiled expression that matches a word."""

    def __init__(self, rules, words):
        self.rules, self.nullable = {}, set()
        self.words = {name: re.compile(r) for name, r in words.items()}
        self.blank = re.compile(r"(?:\s|%s)*" % words["COMMENT"])
        self.fresh = 0
        for name, x in rules.items():
            self.rules[name] = [self.flat(y) for y in (x[1] if x[0] == "alt" else [x])]
        grown = True
        while grown:
            grown = False
            for name, bodies in self.rules.items():
                if name not in self.nullable and any(all(s in self.nullable for s in b) for b in bodies):
                    self.nullable.add(name)
                    grown = True

    def flat(self, x):
        if x[0] == "seq":
            return tuple(self.symbol(y) for y in x[1])
        return (self.symbol(x),)

    def symbol(self, x):
        if x[0] == "lit":
            tail = r"(?![A-Za-z0-9_-])" if x[1][-1].isalnum() else ""
            return re.compile(re.escape(x[1]) + tail)
        if x[0] == "ref":
            return self.words.get(x[1], x[1])
        self.fresh += 1
        name = f"{x[0]}{self.fresh}"
        if x[0] == "alt":
            self.rules[name] = [self.flat(y) for y in x[1]]
        elif x[0] == "seq":
            self.rules[name] = [self.flat(x)]
        elif x[0] == "?":
            self.rules[name] = [(), self.flat(x[1])]
        else:
            one = self.symbol(x[1])
            self.rules[name] = [(one,) if x[0] == "+" else (), (name, one)]
        return name

    def run(self, text, start):
        """None if the text is a sentence, else the offset of the first word that does not fit."""
        first = self.blank.match(text).end()
        sets = {first: {}}
        agenda = [first]
        waiting = {}  # (position, name of the rule) -> items that wait for it
        seen = set()
        while agenda:
            at = min(agenda)
            agenda.remove(at)
            items = sets[at]
            if at == first:
                for body in self.rules[start]:
                    items[(start, body, 0, at)] = None
            todo = list(items)
            predicted = set()
            scanned = {}

            def add(item):
                if item not in items:
                    items[item] = None
                    todo.append(item)

            while todo:
                item = todo.pop()
                name, body, dot, origin = item
                if dot == len(body):
                    if (name, origin) in seen and origin == at:
                        continue
                    for n, b, d, o in list(waiting.get((origin, name), ())):
                        add((n, b, d + 1, o))
                    continue
                symbol = body[dot]
                if isinstance(symbol, str):
                    waiting.setdefault((at, symbol), []).append(item)
                    if symbol not in predicted:
                        predicted.add(symbol)
                        for b in self.rules[symbol]:
                            add((symbol, b, 0, at))
                    if symbol in self.nullable:
                        add((name, body, dot + 1, origin))
                    # Already completed here with length 0: `nullable` handles it.
                else:
                    if symbol not in scanned:
                        m = symbol.match(text, at)
                        scanned[symbol] = self.blank.match(text, m.end()).end() if m and m.end() > at else None
                    to = scanned[symbol]
                    if to is not None:
                        if to not in sets:
                            sets[to] = {}
                            agenda.append(to)
                        sets[to][(name, body, dot + 1, origin)] = None
            last = at
        end = sets.get(len(text), {})
        if any(n == start and d == len(b) and o == first for n, b, d, o in end):
            return None
        return last


# ---- making sentences ----


class Maker:
    def __init__(self, rules, words, rng):
        self.rules, self.words, self.rng = rules, words, rng
        self.keywords = {s for x in rules.values() for s in literals_in(x) if s[0].isalpha()}
        self.height = {}
        grown = True
        while grown:
            grown = False
            for name, x in rules.items():
                h = self.low(x)
                if h is not None and self.height.get(name, h + 1) > h:
                    self.height[name] = h
                    grown = True

    def low(self, x):
        """The height of the lowest tree for x, or None if it is not known yet."""
        if x[0] == "lit" or (x[0] == "ref" and x[1] in self.words) or x[0] in "?*":
            return 0
        if x[0] == "ref":
            return self.height[x[1]] + 1 if x[1] in self.height else None
        if x[0] == "+":
            return self.low(x[1])
        heights = [self.low(y) for y in x[1]]
        if x[0] == "alt":
            heights = [h for h in heights if h is not None]
            return min(heights) if heights else None
        return None if None in heights else max(heights, default=0)

    def make(self, x, room, out):
        rng = self.rng
        if x[0] == "lit":
            out.append(x[1])
        elif x[0] == "ref":
            if x[1] in self.words:
                out.append(self.word(x[1]))
            else:
                self.make(self.rules[x[1]], room - 1, out)
        elif x[0] == "seq":
            for y in x[1]:
                self.make(y, room, out)
        elif x[0] == "alt":
            fit = [y for y in x[1] if self.low(y) <= room] or [min(x[1], key=self.low)]
            self.make(rng.choice(fit), room, out)
        else:
            n = {"?": rng.randrange(2), "*": rng.choice((0, 1, 1, 2, 3)), "+": rng.choice((1, 1, 2))}[x[0]]
            if room <= 0 or self.low(x[1]) > room:
                n = 1 if x[0] == "+" else 0
            for _ in range(n):
                self.make(x[1], room, out)

    def word(self, name):
        rng = self.rng
        if name == "STRING":
            parts = ["a", "serial@", "{{", "{n}", "{ n + 1 }", "{a.b:x}", "{n ? 1 : 2:x}", "\\n", "\\x41", "\\\\", "}", " "]
            return '"%s"' % "".join(rng.choice(parts) for _ in range(rng.randrange(4)))
        if name == "REFPATH":
            return rng.choice(["&{/}", "&{/soc/i2c@1,0}", "&{label/child}"])
        if name == "DTS-INCLUDE":
            return rng.choice(['/include/ "a.dtsi"', '/include/"/dev/null"'])
        if name == "DTS-STRING":
            return rng.choice(['""', '"okay"', '"a\\0b"', '"{ /* }"', '"\\q"'])
        while True:
            parser = getattr(re, "_parser", None)
            if parser is None:  # before Python 3.11
                import sre_parse as parser
            s = self.regex(parser.parse(self.words[name]))
            if s not in self.keywords and not s.startswith(("//", "/*")):
                return s

    def regex(self, tree):
        rng, out = self.rng, []
        for op, arg in tree:
            op = str(op)
            if op == "LITERAL":
                out.append(chr(arg))
            elif op == "NOT_LITERAL":
                out.append("a" if arg != ord("a") else "b")
            elif op == "IN":
                negated = str(arg[0][0]) == "NEGATE"
                inside = set()
                for kind, a in arg:
                    if str(kind) == "LITERAL":
                        inside.add(chr(a))
                    elif str(kind) == "RANGE":
                        inside.update(map(chr, range(a[0], a[1] + 1)))
                pool = sorted(set(map(chr, range(33, 127))) - inside) if negated else sorted(inside)
                out.append(rng.choice(pool))
            elif op == "MAX_REPEAT":
                low, high, sub = arg
                for _ in range(rng.randint(low, max(low, min(int(high), low + 3)))):
                    out.append(self.regex(sub))
            elif op == "SUBPATTERN":
                out.append(self.regex(arg[-1]))
            elif op == "BRANCH":
                out.append(self.regex(rng.choice(arg[1])))
            else:
                sys.exit(f"mach.ebnf: {op} in a regular expression is not supported here")
        return "".join(out)

    def sentence(self, start):
        out = []
        for _ in range(self.rng.choice((1, 3, 9))):
            self.make(self.rules[start], self.rng.randrange(4, 13), out)
        blanks = [" "] * 12 + ["\n", "\n    ", "\t", " /* x */ ", " // y\n"]
        return "".join(word + self.rng.choice(blanks) for word in out)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    parser = argparse.ArgumentParser(description="Checks that the EBNF and the parser agree.")
    parser.add_argument("--parser", help="command that reads the file given to it and shows what is wrong with it")
    parser.add_argument("--ebnf", default=root / "grammar/mach.ebnf", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--count", type=int, default=500, help="random sentences to try")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    args = parser.parse_args()

    rules, words = read_ebnf(args.ebnf.read_text())
    failed = 0
    known = set(rules) | set(words)
    used = {"file", "COMMENT"}.union(*(names_in(x) for x in rules.values()))
    for name in sorted(used - known):
        print(f"mach.ebnf: {name} is used and not defined")
        failed += 1
    for name in sorted(known - used):
        print(f"mach.ebnf: {name} is defined and not used")
        failed += 1
    if failed:
        return 1

    recogniser = Recogniser(rules, words)
    files = []
    for path in args.files:
        files += sorted(path.rglob("*.mach")) if path.is_dir() else [path]
    for path in files:
        text = path.read_text()
        at = recogniser.run(text, "file")
        if at is not None:
            line = text.count("\n", 0, at) + 1
            column = at - (text.rfind("\n", 0, at) + 1) + 1
            print(f"{path}:{line}:{column}: not in the EBNF from here: {text[at:at + 40]!r}")
            failed += 1
    print(f"{len(files)} files recognised" if not failed else f"{failed} of {len(files)} files not recognised")

    if args.parser:
        seed = args.seed if args.seed is not None else random.randrange(1 << 32)
        print(f"{args.count} random sentences, seed {seed}")
        maker = Maker(rules, words, random.Random(seed))
        bad = 0
        with tempfile.TemporaryDirectory() as tmp:
            for i in range(args.count):
                path = pathlib.Path(tmp, "sentence.mach")
                path.write_text(maker.sentence("file"))
                done = subprocess.run([*shlex.split(args.parser), path], capture_output=True, text=True, errors="replace", check=False)
                codes = set(re.findall(r"\[([EWF]\d{4})\]", done.stdout + done.stderr)) - NOT_SYNTAX
                if codes or done.returncode not in (0, 1):
                    bad += 1
                    if bad <= 5:
                        print(f"--- sentence {i}, exit status {done.returncode}")
                        print(path.read_text())
                        print(done.stdout + done.stderr)
        print(f"{bad} sentences not accepted")
        failed += bad
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
