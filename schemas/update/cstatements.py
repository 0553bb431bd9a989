# SPDX-License-Identifier: MIT
"""The body of a C function as a list of statements. Comments and what a macro contains are blanks already (csource.py)."""

import functools
import re

# An identifier with arguments that no semicolon follows is a loop of the kernel's: for_each_child_of_node(a, b) { ... }.
KEYWORD = re.compile(r"(if|for|while|do|switch|case|default|return|goto|else|break|continue|scoped_guard|\w*for_each\w*)\b")
LABEL = re.compile(r"([A-Za-z_]\w*)\s*:(?!:)")
BRACKETS = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|[()\[\]{};]')
CALL = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|'
                  r"((?:\w+(?:\[[^\[\]]*\])?\s*(?:->|\.)\s*)*\w+)\s*\(|[()\[\]{},]")
SPACE = re.compile(r"\s*")
MAX_DEPTH = 60


class Statement:
    """`kind` is expr, if, loop, switch, block, return, goto, label, case, break or continue. `text` is the expression, condition
    or name; `body` and `other` (else) are lists of statements; `at` is the place in the function's body."""

    __slots__ = ("kind", "text", "body", "other", "at")

    def __init__(self, kind, at, text="", body=(), other=()):
        self.kind, self.at, self.text, self.body, self.other = kind, at, text, body, other


def preprocessed(text):
    """Without directives: of #if the first branch, of #ifndef and #if 0 the other one."""
    out, taken = [], []
    continued = False
    for line in text.split("\n"):
        directive = re.match(r"\s*#\s*(\w+)(.*)", line)
        if directive or continued:
            continued = line.endswith("\\")
            word = directive[1] if directive else ""
            if word in ("if", "ifdef", "ifndef"):
                taken.append(not (word == "ifndef" or re.match(r"\s*(0\b|!)", directive[2])))
            elif word in ("else", "elif") and taken:
                taken[-1] = not taken[-1]
            elif word == "endif" and taken:
                taken.pop()
            out.append(" " * len(line))
        else:
            out.append(line if all(taken) else " " * len(line))
    return "\n".join(out)


class Parser:
    def __init__(self, text):
        self.text = text
        self.close = {}
        self.ends = []
        stack = []
        for token in BRACKETS.finditer(text):
            char = token[0]
            if char in "([{":
                stack.append(token.start())
            elif char in ")]}" and stack:
                self.close[stack.pop()] = token.start()
            elif char == ";":
                self.ends.append((token.start(), len(stack), stack[-1] if stack else -1))
        self.next_end = {}
        self.depth = 0

    def skip(self, at):
        return SPACE.match(self.text, at).end()

    def semicolon(self, at, end):
        """The end of an expression that begins at `at`."""
        while at < end:
            token = BRACKETS.search(self.text, at, end)
            if token is None:
                return end
            if token[0] == ";":
                return token.start()
            if token[0] in "([{":
                at = self.close.get(token.start(), end - 1) + 1
            elif token[0] == "}":
                return token.start()
            else:
                at = token.end()
        return end

    def arguments(self, at):
        """(text between the parentheses that begin at or behind `at`, the place after them)"""
        at = self.skip(at)
        if at >= len(self.text) or self.text[at] != "(" or at not in self.close:
            return "", at
        return self.text[at + 1:self.close[at]], self.close[at] + 1

    def many(self, at, end):
        found = []
        at = self.skip(at)
        while at < end:
            statement, at = self.one(at, end)
            if statement is not None:
                found.append(statement)
            at = self.skip(at)
        return found

    def inner(self, at, end):
        """The statement that a condition or a loop holds, as a list."""
        at = self.skip(at)
        if at >= end:
            return [], end
        statement, after = self.one(at, end)
        if statement is None:
            return [], after
        return (statement.body if statement.kind == "block" else [statement]), after

    def one(self, at, end):
        self.depth += 1
        try:
            return (None, end) if self.depth > MAX_DEPTH else self.parse(at, end)
        finally:
            self.depth -= 1

    def parse(self, at, end):
        text = self.text
        if text[at] == ";":
            return None, at + 1
        if text[at] == "{":
            close = min(self.close.get(at, end), end)
            return Statement("block", at, body=self.many(at + 1, close)), close + 1
        if text[at] == "}":
            return None, at + 1
        word = KEYWORD.match(text, at)
        if word:
            made = self.keyword(word[1], at, word.end(), end)
            if made:
                return made
        label = LABEL.match(text, at)
        if label and label.end() < end:
            return Statement("label", at, label[1]), label.end()
        stop = self.semicolon(at, end)
        return Statement("expr", at, text[at:stop]), stop + 1

    def keyword(self, word, start, at, end):
        if word == "if":
            condition, at = self.arguments(at)
            body, at = self.inner(at, end)
            other = []
            peek = self.skip(at)
            if re.compile(r"else\b").match(self.text, peek):
                other, at = self.inner(peek + 4, end)
            return Statement("if", start, condition, body, other), at
        if word == "do":
            body, at = self.inner(at, end)
            stop = self.semicolon(at, end)
            # The body runs once at least.
            return Statement("block", start, "", body), stop + 1
        if word == "switch":
            condition, at = self.arguments(at)
            body, at = self.inner(at, end)
            return Statement("switch", start, condition, body), at
        if word in ("case", "default"):
            stop = re.compile(r":").search(self.text, at, end)
            stop = stop.end() if stop else end
            return Statement("case", start, self.text[at:stop - 1].strip()), stop
        if word in ("return", "goto", "break", "continue"):
            stop = self.semicolon(at, end)
            return Statement(word, start, self.text[at:stop].strip()), stop + 1
        if word == "else":
            body, at = self.inner(at, end)
            return Statement("block", start, "", body), at
        arguments, after = self.arguments(at)
        follows = self.text[self.skip(after):self.skip(after) + 1]
        if word not in ("for", "while") and follows in (";", ",", "=", ")", ""):
            return None
        body, at = self.inner(after, end)
        return Statement("block" if word == "scoped_guard" else "loop", start, f"{word}({arguments})", body), at


def statements(body):
    text = preprocessed(body)
    return Parser(text).many(0, len(text))


@functools.lru_cache(maxsize=65536)
def calls(text):
    """(name, [arguments], place, what stands before it) for each call in an expression, the inner ones first."""
    stack, found = [], []
    for token in CALL.finditer(text):
        char = token[0][-1]
        if token[0][0] in "\"'":
            continue
        if char in "([{":
            stack.append((token[1] if token[1] else None, token.start(), [token.end()]))
        elif char == "," and stack:
            stack[-1][2].append(token.end())
        elif char in ")]}" and stack:
            name, start, starts = stack.pop()
            if name:
                ends = [at - 1 for at in starts[1:]] + [token.start()]
                arguments = [text[a:b].strip() for a, b in zip(starts, ends)]
                found.append((re.sub(r"\s", "", name), arguments, start, token.end()))
    return found
