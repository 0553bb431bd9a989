# SPDX-License-Identifier: MIT
"""Finds the small changes that can be made to a C source: each is a line, and what stands in its place."""

import collections
import re

Change = collections.namedtuple("Change", "kind path line before after")  # `line` counts from 1, texts are whole lines

SWAPS = [
    ("compare", r" (==|!=|<=|>=|<|>) ", {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">"}),
    ("logic", r" (&&|\|\|) ", {"&&": "||", "||": "&&"}),
    ("arithmetic", r" ([-+*/%&|^]|<<|>>) ",
     {"+": "-", "-": "+", "*": "+", "/": "*", "%": "/", "&": "|", "|": "&", "^": "|", "<<": ">>", ">>": "<<"}),
    ("arithmetic", r" ([-+|&]=) ", {"+=": "-=", "-=": "+=", "|=": "&=", "&=": "|="}),
]
STATEMENT = re.compile(r"^ +(?:continue|break|[A-Za-z_][\w.>\[\]-]*(?:\(.*\)| [-+|&*/]?= [^{}]*|\+\+|--));$")


def blank(text):
    """The same text, of the same length, without comments, strings and directives."""
    def spaces(found):
        return re.sub(r"[^\n]", " ", found[0])
    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', spaces, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", spaces, text, flags=re.M)


def closing(code, opening):
    """Where the parenthesis at `opening` closes; -1: on another line."""
    depth = 0
    for i in range(opening, len(code)):
        depth += {"(": 1, ")": -1}.get(code[i], 0)
        if not depth:
            return i
    return -1


def of_line(code, line):
    """(kind, the line after the change), of one line of a function; `code` is the line without comments and strings."""
    for kind, pattern, others in SWAPS:
        for found in re.finditer(f"(?={pattern})", code):
            begin, end = found.span(1)
            yield kind, line[:begin] + others[code[begin:end]] + line[end:]
    # The -1 of an error is any negative number.
    for found in re.finditer(r"(?<!return -)(?<![\w.\[])(0x[0-9a-f]+|0|[1-9]\d*)(?![\w.])", code):
        number = int(found[1], 0)
        yield "off by one", line[:found.start()] + str(number + 1) + line[found.end():]
        if number:
            yield "off by one", line[:found.start()] + str(number - 1) + line[found.end():]
    for found in re.finditer(r"\b(true|false)\b", code):
        yield "constant", line[:found.start()] + {"true": "false", "false": "true"}[found[1]] + line[found.end():]
    for found in re.finditer(r"!(?=[\w(*])", code):
        yield "negation", line[:found.start()] + line[found.end():]
    for found in re.finditer(r"\b(?:if|while) (\()", code):
        end = closing(code, found.start(1))
        if end > 0:
            yield "negation", f"{line[:found.start(1)]}(!{line[found.start(1):end + 1]}){line[end + 1:]}"
    if STATEMENT.match(code.rstrip()) and code.count("(") == code.count(")"):
        yield "statement", re.sub(r"\S.*", ";", line)
    if (found := re.match(r"( +return )([^;]+);$", code.rstrip())) and found[2] not in ("0", "false", "NULL"):
        yield "result", f"{found[1]}0;"
        if not re.fullmatch(r"-?\d+|true|[A-Z_]+", found[2]):
            yield "result", f"{found[1]}!({line[len(found[1]):line.rindex(';')]});"


def changes(root, path):
    """Every change of the source root/path, as Change. What stands outside of functions is data or a declaration."""
    text = (root / path).read_text()
    lines, codes, inside = text.split("\n"), blank(text).split("\n"), False
    found = []
    for number, (line, code) in enumerate(zip(lines, codes), 1):
        if code.startswith("{"):
            inside = True
        elif code.startswith("}"):
            inside = False
        elif inside and not re.match(r" +assert\(", code):
            found += [Change(kind, str(path), number, line, after) for kind, after in of_line(code, line)]
    return found
