# SPDX-License-Identifier: MIT
"""What becomes of a function when something is not there: its statements are followed with what the call gave instead.

A value that is followed is "err" (ERR_PTR), "null", "neg" (a negative number) or "zero". Conditions about other things have no
answer; then neither branch is followed.
"""

import functools
import re

import acquire
from cstatements import calls

VALUE = "absent__"  # stands for a call's value
# Errors that are not the one of a property that is not there.
OTHER_ERRORS = {"EPROBE_DEFER", "ENOMEM", "ENOSYS", "EOPNOTSUPP", "ENOTSUPP", "EBUSY", "EPERM", "EAGAIN", "EINTR"}
WRAPPERS = re.compile(r"^(?:unlikely|likely|WARN_ON|WARN_ON_ONCE|BUG_ON)\s*\((.*)\)$", re.S)
TRUE_WITH_A_NODE = re.compile(
    r"^(?:[\w>.-]*\bof_node|np|node|dn|dev_of_node\(.*\)|dev_fwnode\(.*\)|IS_ENABLED\(CONFIG_OF\)|is_of_node\(.*\)|has_fwnode|"
    r"of_match_node\(.*\)|of_match_device\(.*\)|of_id|match|of_have_populated_dt\(\)|fwnode|of_node)$", re.S)
FALSE_WITH_A_NODE = re.compile(
    r"^(?:has_acpi_companion\(.*\)|ACPI_(?:HANDLE|COMPANION)\(.*\)|is_acpi_\w+\(.*\)|dev_get_platdata\(.*\)|"
    r"[\w>.-]*\bplatform_data|IS_ENABLED\(CONFIG_ACPI\)|x86_match_\w+\(.*\)|!?IS_BUILTIN\(CONFIG_ACPI\))$", re.S)
LIMIT = 400


@functools.lru_cache(maxsize=65536)
def squeezed(text):
    return re.sub(r"\s+", "", text)


@functools.lru_cache(maxsize=65536)
def parts(text, operator):
    """A condition, taken apart at an operator outside of parentheses."""
    found, depth, start, at = [], 0, 0, 0
    while at < len(text):
        char = text[at]
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == '"':
            at = text.find('"', at + 1)
            if at < 0:
                break
        elif depth == 0 and text.startswith(operator, at):
            found.append(text[start:at])
            start = at = at + len(operator)
            continue
        at += 1
    return found + [text[start:]]


@functools.lru_cache(maxsize=65536)
def unwrapped(text):
    """Without parentheses around all of it."""
    text = text.strip()
    while text.startswith("("):
        depth = 0
        for at, char in enumerate(text):
            depth += (char == "(") - (char == ")")
            if depth == 0:
                break
        if at != len(text) - 1:
            break
        text = text[1:-1].strip()
    return text


def assignments(text):
    """(left side, right side) of each assignment, or declaration with a value, in an expression statement."""
    for part in parts(text, ","):
        found = re.match(r"\s*(.*?[\w\])])\s*(?<![=!<>|&+*/^%-])=(?!=)\s*(.*)$", part, re.S)
        if found:
            left = found[1]
            if re.match(r"[\w\s*]+[\s*]\w+$", left) and not left.lstrip().startswith("*"):
                left = re.search(r"\w+$", left)[0]
            left = re.sub(r"^(?:const\s+)?(?:struct|unsigned|enum)\s.*?(\w+)$", r"\1", left, flags=re.S)
            yield squeezed(left), found[2].strip()


class Absence:
    """Follows values through a function. `function` has labels and text, `known` answers conditions about other things."""

    def __init__(self, function, known, tracked, code, prop=None, same=None):
        self.function, self.known, self.code, self.prop, self.same = function, known, code, prop, same
        self.tracked = dict(tracked)
        self.codes = {}  # errors that variables hold
        self.result = code  # the error that the function returns
        self.once = set(tracked)
        self.steps = 0
        self.written = set()
        self.start = 0
        self.perhaps = False  # left with an error under a condition that nobody knows
        self.early = False  # left without an error, before the function's own end

    # conditions

    def truth(self, text):
        """Whether a condition holds: True, False or None."""
        text = unwrapped(text)
        for operator, wins in ("||", True), ("&&", False):
            several = parts(text, operator)
            if len(several) > 1:
                answers = [self.truth(part) for part in several]
                if wins in answers:
                    return wins
                return None if None in answers else not wins
        wrapped = WRAPPERS.match(text)
        if wrapped and unwrapped("(" + wrapped[1] + ")") == wrapped[1].strip():
            return self.truth(parts(wrapped[1], ",")[0])
        if text.startswith("!") and not text.startswith("!="):
            answer = self.truth(text[1:])
            return None if answer is None else not answer
        compared = re.match(r"(.*?[^<>=!-])\s*(==|!=|<=|>=|<|>)(?![<>=])\s*(.*)$", text, re.S)
        if compared and "->" not in compared[2]:
            answer = self.comparison(squeezed(unwrapped(compared[1])), compared[2], squeezed(unwrapped(compared[3])))
            if answer is not None:
                return answer
        else:
            answer = self.atom(squeezed(text))
            if answer is not None:
                return answer
        return self.known(text)

    def assigned(self, text):
        """The variable of `(ret = value)`, or the text."""
        found = re.match(r"(.*[\w\])])=(?!=)(.*)$", text)
        if found and not re.search(r"[=!<>]$", found[1]):
            self.assign(found[1], found[2])
            return found[2] if found[2] in self.tracked else found[1]
        return text

    def atom(self, text):
        text = self.assigned(text)
        kind = self.tracked.get(text)
        if kind:
            return kind in ("err", "neg")
        found = re.fullmatch(r"(IS_ERR|IS_ERR_OR_NULL|PTR_ERR_OR_ZERO|IS_ERR_VALUE|PTR_ERR|gpio_is_valid)\((.*)\)", text)
        if found:
            kind = self.tracked.get(self.assigned(found[2]))
            if kind is None:
                return None
            if found[1] == "gpio_is_valid":
                return False if kind == "neg" else None
            return kind in ("err", "neg") or found[1] == "IS_ERR_OR_NULL" and kind == "null"
        if text in self.rates():
            return False
        return None

    def rates(self):
        """Variables that hold the rate of a clock that is not there."""
        return {rate for rate, clock in self.function.rates.items() if clock in self.once} if self.prop == "clocks" else ()

    def comparison(self, left, operator, right):
        if left == "NULL" or re.fullmatch(r"-?\d+", left):
            left, right = right, left
            operator = operator.translate(str.maketrans("<>", "><"))
        left = self.assigned(left)
        found = re.fullmatch(r"(?:PTR_ERR|PTR_ERR_OR_ZERO)\((.*)\)", left)
        kind = self.tracked.get(left) or found and self.tracked.get(found[1])
        if kind is None and left in self.rates():
            kind = "zero"
        if kind is None:
            return None
        error = re.fullmatch(r"-(E[A-Z0-9_]+)", right)
        if error or right.startswith("ERR_PTR(-"):
            name = error[1] if error else right[9:-1]
            code = self.codes.get(left) or found and self.codes.get(found[1]) or self.code
            if kind in ("null", "zero"):
                equal = False
            elif name in OTHER_ERRORS or code and code != name:
                equal = False
            else:
                equal = True
            return equal if operator == "==" else not equal if operator == "!=" else None
        if right in ("NULL", "0", "NO_IRQ", "0U") or re.fullmatch(r"\d+", right):
            number = int(right) if right.isdigit() else 0
            value = -1 if kind in ("err", "neg") else 0
            if kind == "err" and right != "NULL" and not found:
                return None
            return {"==": value == number, "!=": value != number, "<": value < number, ">": value > number,
                    "<=": value <= number, ">=": value >= number}[operator]
        if operator in ("<", "<=") and kind in ("neg", "zero"):
            return True
        if operator in (">", ">=") and kind in ("neg", "zero"):
            return False
        if operator in ("!=",) and kind in ("neg", "zero"):
            return True
        return None

    # values

    def value(self, text):
        """What an expression gives with the values that are followed, or None."""
        text = squeezed(unwrapped(text))
        text = re.sub(r"^\((?:struct)?\w+\**\)", "", text)
        if text in self.tracked:
            return self.tracked[text]
        if re.fullmatch(r"-E[A-Z0-9_]+|ERR_PTR\(-E[A-Z0-9_]+\)", text):
            return "neg" if text[0] == "-" else "err"
        condition, *rest = parts(text, "?")
        if rest:
            rest = "?".join(rest)
            answer = self.truth(condition)
            first, _, second = rest.rpartition(":")
            if answer is None:
                return None
            return self.value((first or condition) if answer else second)
        found = re.match(r"(\w+)\((.*)\)$", text)
        if not found:
            return None
        name, arguments = found[1], parts(found[2], ",")
        if name in ("PTR_ERR", "PTR_ERR_OR_ZERO", "dev_err_probe"):
            inner = self.value(arguments[1] if name == "dev_err_probe" and len(arguments) > 1 else arguments[0])
            return "neg" if inner in ("neg", "err") else None
        if name in ("ERR_PTR", "ERR_CAST", "dev_err_ptr_probe", "dev_err_cast_probe"):
            return "err"
        if name in acquire.PASSES and any(squeezed(argument) in self.tracked for argument in arguments):
            return acquire.PASSES[name]
        if self.prop and self.same and self.same(name, arguments):
            return acquire.find(name).fails
        return None

    def assign(self, left, right):
        value = self.value(right)
        code = self.error(right)
        self.codes.pop(left, None)
        if value and code:
            self.codes[left] = code
        self.written.add(left)
        if value:
            self.tracked[left] = value
            self.once.add(left)
        elif left != VALUE:
            self.tracked.pop(left, None)
            self.once.discard(left)

    def error(self, text):
        """The error that an expression gives, if it is certain."""
        found = re.search(r"(?<!= )-(E[A-Z][A-Z0-9_]*)\b", text) if "?" not in text else None
        if found:
            return found[1]
        words = set(re.findall(r"[\w>.\[\]-]+", text))
        return next((code for name, code in self.codes.items() if name in words), None)

    # statements

    def follow(self, frames):
        """"error" or "fine": how the function ends. `frames` are lists of statements, the innermost first; a frame is (list,
        whether a break leaves it)."""
        frames = list(frames)
        while frames:
            items, breaks = frames.pop(0)
            for at, statement in enumerate(items):
                self.steps += 1
                if self.steps > LIMIT:
                    return "fine"
                kind = statement.kind
                if kind == "expr":
                    self.expression(statement.text)
                elif kind == "return":
                    return self.returned(statement)
                elif kind == "goto":
                    rest = self.function.labels.get(statement.text)
                    return self.follow(rest) if rest is not None else "fine"
                elif kind == "block":
                    frames[:0] = [(statement.body, False), (items[at + 1:], breaks)]
                    break
                elif kind == "if":
                    answer = self.truth(statement.text)
                    if answer is None:
                        self.unknown(statement)
                    else:
                        frames[:0] = [(statement.body if answer else statement.other, False), (items[at + 1:], breaks)]
                        break
                elif kind in ("break", "continue"):
                    while frames and not breaks:
                        _, breaks = frames.pop(0)
                    break
                elif kind in ("loop", "switch"):
                    self.forget(statement.body)
        return "fine"

    def expression(self, text):
        if re.match(r"\s*(?:panic|BUG)\s*\(", text):
            return
        for left, right in assignments(text):
            self.assign(left, right)

    def unknown(self, statement):
        """Under a condition that nobody knows: it counts if it is about the value."""
        if any(mentions(statement.text, name) for name in self.tracked):
            inner = Absence(self.function, self.known, self.tracked, self.code, self.prop, self.same)
            inner.steps, inner.start, inner.written = self.steps + LIMIT // 4, self.start, set(self.written)
            if inner.follow([(statement.body, False)]) == "error":
                self.perhaps = True
        self.forget(statement.body)
        self.forget(statement.other)

    def forget(self, items):
        for statement in items:
            if statement.kind == "expr":
                for left, _ in assignments(statement.text):
                    self.tracked.pop(left, None)
            self.forget(statement.body)
            self.forget(statement.other)

    def returned(self, statement):
        text = statement.text
        self.result = self.error(text) or self.code
        negative = "?" not in text and re.search(r"(?<![\w)\s-])\s*-(?:E[A-Z]+|\d+)\b", " " + text)
        if self.value(text) in ("neg", "err") or negative:
            return "error"
        plain = squeezed(unwrapped(text))
        if plain in self.tracked:  # null or zero
            return "null"
        if plain in ("NULL", "false"):
            return "null"
        if re.fullmatch(r"[A-Za-z_]\w*", plain) and plain not in self.written and self.function.last_error(plain, self.start):
            return "error"
        if any(mentions(text, name) for name in self.tracked) and not calls(text):
            return "error"
        self.early = statement not in self.function.statements
        return "fine"


def mentions(text, name):
    return re.search(r"(?<![\w>.])" + re.escape(name) + r"(?![\w\[]|->|\.)", squeezed(text)) is not None
