# SPDX-License-Identifier: MIT
"""Clocks whose rate nobody reads or sets: what a driver's clock is written to is only ever switched on and off.

A member is followed through the files that share a header with the driver's. Whatever else happens to it is a doubt, and the
answer no.
"""

import re

SWITCHES = (r"clk_(?:bulk_)?(?:prepare_enable|disable_unprepare|prepare|unprepare|enable|disable|put)|devm_clk_put|IS_ERR|"
            r"IS_ERR_OR_NULL|PTR_ERR|PTR_ERR_OR_ZERO|ARRAY_SIZE|(?:devm_)?clk_bulk_get\w*|__clk_is_enabled")
# Calls that use rates of a clock that they find by themselves.
BY_DEVICE = re.compile(r"dev_pm_opp|devm_pm_opp|devfreq|clk_notifier|assigned-clock|clk_bulk_set|of_clk_set_defaults")


class Rates:
    def __init__(self, kernel):
        self.kernel = kernel
        self.scopes, self.answers, self.texts = {}, {}, {}
        self.headers = {}

    def matter(self, target):
        """Whether the rate of the clock that is written to `target` (see Fact) matters, or may matter."""
        if target not in self.answers:
            self.answers[target] = not self.switched_only(*target)
        return self.answers[target]

    def switched_only(self, path, function, left):
        file = self.kernel.files[path]
        if any(BY_DEVICE.search(text) for text in self.scope(file)[:1]):
            return False
        if not left:
            return True
        left = left.lstrip("&*")
        member = re.fullmatch(r".*(?:->|\.)(\w+)(?:\[[^\]]*\])*", left)
        if member is None:
            variable = re.fullmatch(r"(\w+)(?:\[[^\]]*\])*", left)
            item = next((item for item in file.parse() if item.name == function and item.kind == "function"), None)
            if variable is None or item is None or variable[1] in re.findall(r"\w+", item.head):
                return False
            return self.harmless(item.body, rf"(?<![\w>.])[&*]*{variable[1]}\b(?:\[[^\]]*\])*")
        name = member[1]
        pattern = rf"[\w>.\[\]&*-]*(?:->|\.){name}\b(?:\[[^\]]*\])*"
        return all(self.harmless(text, pattern) for text in self.scope(file) if name in text)

    def scope(self, file):
        """The texts that can see what the file's headers declare."""
        if file.path not in self.scopes:
            folder = file.path.rpartition("/")[0] + "/"
            if folder not in self.headers:
                self.headers[folder] = [(path, set(re.findall(r'^#include\s+"([^"]+)"', other.raw, re.M)))
                                        for path, other in self.kernel.files.items() if path.startswith(folder)]
            mine = next(names for path, names in self.headers[folder] if path == file.path)
            paths = [file.path] + [path for path, names in self.headers[folder] if names & mine and path != file.path]
            texts = []
            for path in paths:
                self.kernel.files[path].parse()
                texts.append(self.kernel.files[path].text)
            self.scopes[file.path] = texts + [self.kernel.include(file, name) for name in sorted(mine)]
        return self.scopes[file.path]

    @staticmethod
    def harmless(text, pattern):
        for use in re.finditer(pattern, text):
            before, after = text[max(0, use.start() - 120):use.start()], text[use.end():use.end() + 40]
            if re.search(r"\bstruct\s+$", before):
                continue
            if re.match(r"\s*=(?!=)|\s*\.id\s*=|\[[^\]]*\]\.id\s*=", after):
                continue
            if re.search(rf"\b(?:{SWITCHES})\s*\((?:[^();]*,)?\s*$", before) and re.match(r"\s*[,)]", after):
                continue
            argument = re.search(r"\w\s*\(\s*$", re.sub(r"\bif\s*\(", "@", before))
            condition = re.search(r"(?:[(!]|&&|\|\||\bif\s*\()\s*!?$", before) and re.match(r"\s*(?:\)|&&|\|\|)", after)
            if condition and not argument:
                continue
            declared = re.search(r"\b(?:struct|clk|clk_bulk_data)\b[\s*]*(?:\w+\s*(?:=[^,;]*)?,\s*\*?)*$", before)
            if declared and re.match(r"\s*[;,\[=]", after):
                continue
            return False
        return True
