# SPDX-License-Identifier: MIT
"""diagnostics: all formats contain the same messages for tests/errors, and each format is valid.

SARIF is validated with the schema of its version 2.1.0 from the npm package @microsoft/jest-sarif, which is downloaded
once with `npm pack` and kept in ~/.cache/machc.
"""

import collections
import hashlib
import json
import os
import pathlib
import re
import shutil
import tarfile
import tempfile

from . import Result, difference, run
from .errors import expectation, messages
from .schemas import python

PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
MEMBER = "package/lib/schemas/sarif-2.1.0-rtm.5.json"
SHA256 = "2d99159ae54a3eea97f81781cff48780548657c35949f4b7f25e99a2ba4de4f8"

# --fix does not guess what DMA can reach. The first have one fix, and then compile; the others have none, or several.
CURED = ["E0609-misspelt.mach", "E0614-none-misspelt.mach", "E0616-all-unsafe.mach", "E0616-statement-of-its-own.mach",
         "E0620-no-such-region-name.mach", "E0620-no-such-region.mach", "E0629-one-vcpu.mach",
         "E0640-msi-bank-not-at-a-page.mach", "E0640-size-not-pages.mach", "E0646-window-start.mach",
         "E0648-all-that-lies-in-it.mach", "E0648-window-is-no-power-of-two.mach",
         "E0648-window-not-at-its-size.mach", "E0653-no-subwindow-for-the-bank.mach",
         "E0653-too-few-subwindows.mach", "E0655-one-liodn.mach"]
UNSURE = ["E0609-no-such-operation.mach", "E0629-no-such-vcpu.mach", "E0638-nothing-said.mach",
          "E0640-offset-not-pages.mach",
          "E0648-wider-would-reach-more.mach", "E0648-window-beyond-36-bits.mach", "E0651-not-aligned-on-the-host.mach",
          "E0655-liodn-index-beyond-the-list.mach", "E0704-as-near-as-another.mach"]

VALIDATE = """
import json, sys, jsonschema
schema, document = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:])
validator = jsonschema.validators.validator_for(schema)(schema)
for problem in list(validator.iter_errors(document))[:5]:
    print("/".join(map(str, problem.absolute_path)), problem.message[:300])
"""


def sarif_schema():
    """(path, None), or (None, why it is not available)"""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "machc")
    path = cache / "sarif-2.1.0-rtm.5.json"
    if not path.exists():
        if not shutil.which("npm"):
            return None, "npm is not there, which fetches SARIF's schema"
        with tempfile.TemporaryDirectory() as directory:
            done = run("npm", "pack", "--silent", PACKAGE, cwd=directory, timeout=60)
            packed = list(pathlib.Path(directory).glob("*.tgz"))
            if done.status != 0 or not packed:
                return None, f"npm cannot fetch {PACKAGE}"
            data = tarfile.open(packed[0]).extractfile(MEMBER).read()
        cache.mkdir(parents=True, exist_ok=True)
        whole = cache / f"sarif.{os.getpid()}"
        whole.write_bytes(data)
        whole.replace(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        return None, f"{path} is not what it was: delete it"
    return path, None


def valid(interpreter, schema, document):
    """None, or the violations of the schema."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "document.json")
        path.write_text(json.dumps(document))
        done = run(interpreter, "-c", VALIDATE, schema, path)
    said = done.out.decode("utf-8", "replace") + done.err
    return said and "is not valid\n" + said


# ---- the content of each format, as (severity, "file:line:column" or "-", code, text) ----


def place_text(p):
    if not p:
        return "-"
    return f"{p['file']}:{p['line']}:{p['column']}" if "line" in p else p["file"]


def from_json(document):
    severity = {"fault": "fault of machc"}
    return [(severity.get(m["severity"], m["severity"]), place_text(m.get("place")), m["code"], m["text"].split("\n")[0])
            for m in document["messages"]]


def unquote(text):
    return re.sub(r"%([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), text)


def characters(folder, file, line, column):
    """Converts a column in characters to one in bytes."""
    text = (folder / file).read_bytes().split(b"\n")[line - 1].decode("utf-8", "surrogateescape")
    return len(text[:column - 1].encode("utf-8", "surrogateescape")) + 1


def from_sarif(document, folder):
    said = []
    for r in document["runs"][0]["results"]:
        where = "-"
        if "locations" in r:
            physical = r["locations"][0]["physicalLocation"]
            where = unquote(physical["artifactLocation"]["uri"])
            if region := physical.get("region"):
                column = characters(folder, where, region["startLine"], region["startColumn"])
                where += f":{region['startLine']}:{column}"
        said.append((r["level"], where, r["ruleId"], r["message"]["text"].split("\n")[0]))
    return said


def from_github(text, folder):
    said = []
    for line in text.splitlines():
        match = re.fullmatch(r"::(error|warning) ([^:]*)::(.*)", line)
        if not match:
            said.append(("not a command", line, "", ""))
            continue
        properties = dict(item.split("=", 1) for item in match[2].split(","))
        properties = {name: unquote(value) for name, value in properties.items()}
        where = properties.get("file", "-")
        if "line" in properties:
            column = properties.get("col")
            where += f":{properties['line']}:"
            where += str(characters(folder, properties["file"], int(properties["line"]), int(column))) if column else "?"
        said.append((match[1], where, properties["title"][:5], unquote(match[3]).split("\n")[0]))
    return said


def same(what, want, got, loose=False):
    """loose: GitHub's format has no column for ranges of several lines, and its text may have more at the end."""
    if len(want) != len(got):
        return f"{what} has {len(got)} messages, text has {len(want)}"
    for a, b in zip(want, got):
        if loose:
            b = (b[0], a[1] if b[1].endswith(":?") and a[1].startswith(b[1][:-1]) else b[1], b[2],
                 a[3] if b[3].startswith(a[3]) else b[3])
        if a[1:] != b[1:] or a[0].replace("fault of machc", "error") != b[0].replace("fault of machc", "error"):
            return f"{what} differs\n- {a}\n+ {b}"
    return None


def from_text(err):
    lines = [line for line in err.splitlines() if messages("", line)]
    return [(kind, place, code, re.sub(r"^.*?: (?:error|warning|fault of machc): (.*) \[.*\]$", r"\1", line))
            for line in lines for kind, place, code in messages("", line)]


# ---- tests ----


def files_of(folder):
    """All files except one that is slow and runs once, in the suite errors."""
    return sorted(path.name for path in folder.glob("*.mach") if not path.name.startswith("E0211"))


def all_messages(context, result):
    """Every file of tests/errors in one call, in every format."""
    folder = context.root / "tests/errors"
    names = files_of(folder)
    command = [context.machc, "--check", "--max-errors", "0"]
    text = run(*command, *names, cwd=folder)
    said = {form: run(*command, f"--diagnostics={form}", *names, cwd=folder) for form in ("json", "sarif", "github")}
    result.add("exit statuses", None if all(d.status == text.status == 1 for d in said.values()) else "differ")
    want = from_text(text.err)
    result.add("text", None if len(want) > 500 else f"has {len(want)} messages")
    ours, sarif = json.loads(said["json"].out), json.loads(said["sarif"].out)
    result.add("json", same("json", want, from_json(ours)))
    result.add("sarif", same("sarif", want, from_sarif(sarif, folder)))
    result.add("github", same("github", want, from_github(said["github"].out.decode(), folder), loose=True))
    jobs = [run(*command, f"-j{n}", f"--diagnostics={form}", *names, cwd=folder)
            for form in ("text", "sarif") for n in (1, 7)]
    result.add("the same with any -j", None if jobs[0].err == jobs[1].err == text.err and
               jobs[2].out == jobs[3].out == said["sarif"].out else "differs")
    last = [line for line in text.err.splitlines() if line.startswith("machc: ")][-1]
    counts = re.fullmatch(r"machc: (\d+) files: (\d+) fine, (\d+) with warnings, (\d+) with errors "
                          r"\((\d+) errors, (\d+) warnings\)", last)
    result.add("summary", None if counts and int(counts[1]) == len(names) == sum(int(counts[i]) for i in (2, 3, 4)) and
               int(counts[5]) == ours["errors"] and int(counts[6]) == ours["warnings"] else last)
    return ours, sarif


def rules(sarif):
    driver = sarif["runs"][0]["tool"]["driver"]
    known = {rule["id"] for rule in driver["rules"]}
    used = {r["ruleId"] for r in sarif["runs"][0]["results"]}
    if known != used:
        return f"rules without results or the other way round: {sorted(known ^ used)}"
    empty = [rule["id"] for rule in driver["rules"] if not rule["fullDescription"]["text"] or not rule["help"]["text"]]
    return empty and f"no description: {empty}"


def fingerprints(sarif):
    return collections.Counter(
        (r["ruleId"], r["partialFingerprints"]["machc/v1"]) for r in sarif["runs"][0]["results"])


# Codes whose message depends on the file.
MOVED = {
    "E0001": "tells the offset of a byte of the file itself",
    "E0132": "tells the size of the file itself",
    "E0218": "tells the offset of a byte of the file itself",
    "E0227": "stands at the first line, whatever that is",
}


def shifted(context, sarif):
    """Fingerprints do not change with lines before the text or other indentation; no two results share one."""
    names = files_of(context.root / "tests/errors")
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory, "errors")
        shutil.copytree(context.root / "tests/errors", folder)
        pathlib.Path(directory, "hosts").symlink_to(context.root / "tests/hosts")
        for name in names:
            data = (folder / name).read_bytes()
            (folder / name).write_bytes(b"\n// another line\n\n" + re.sub(rb"(?m)^(    )", rb"\t  ", data))
        done = run(context.machc, "--check", "--diagnostics=sarif", *names, cwd=folder)
    before, after = fingerprints(sarif), fingerprints(json.loads(done.out))
    twice = [key for key, n in before.items() if n > 1]
    if twice:
        return f"two results have the same: {twice[:5]}"
    changed = {key for key in before - after if key[0] not in MOVED}
    return changed and f"changed: {sorted(changed)[:10]}"


def special(context, result):
    """Special characters of a format, in a name and in a text."""
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        name = "a b,c:d%41.mach"
        (folder / name).write_bytes('/* é\u202e */ machine "x%\\t\\"y" : nö {}\n'.encode() + b"\xff\n")
        said = {form: run(context.machc, "--check", f"--diagnostics={form}", name, cwd=folder)
                for form in ("text", "json", "sarif", "github")}
        want = from_text(said["text"].err)
        for form in ("json", "sarif", "github"):
            try:
                got = {"json": lambda: from_json(json.loads(said["json"].out)),
                       "sarif": lambda: from_sarif(json.loads(said["sarif"].out), folder),
                       "github": lambda: from_github(said["github"].out.decode(), folder)}[form]()
                problem = same(form, want, got, loose=form == "github")
            except (ValueError, KeyError, IndexError, OSError) as error:
                problem = f"{error!r}\n{said[form].out.decode('utf-8', 'replace')}"
            result.add(f"{form}: special characters", problem)
        blank = run(context.machc, "--check", "--diagnostics=sarif", "-", stdin=b"", cwd=folder)
        result.add("sarif: standard input, nothing to say", None if
                   json.loads(blank.out)["runs"][0]["results"] is not None else "no results")


def files(context, result):
    """--diagnostics=FORMAT:FILE"""
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        (folder / "x.mach").write_text("machine x : nope {}\n")
        plain = run(context.machc, "--check", "x.mach", cwd=folder)
        done = run(context.machc, "--check", "--diagnostics=sarif:x.sarif", "--diagnostics=json:x.json", "x.mach",
                   cwd=folder)
        direct = run(context.machc, "--check", "--diagnostics=sarif", "x.mach", cwd=folder)
        result.add("files besides the text", None if done.status == 1 and done.err == plain.err and not done.out and
                   (folder / "x.sarif").read_bytes() == direct.out and json.loads((folder / "x.json").read_text())
                   and not direct.err else done.err)
        done = run(context.machc, "--check", "--diagnostics=sarif:x.mach", "x.mach", cwd=folder)
        result.add("not over the input", None if done.status == 2 and (folder / "x.mach").read_text().startswith("machine")
                   else done.err)
        done = run(context.machc, "--check", "--diagnostics=sarif:no/x.sarif", "x.mach", cwd=folder)
        result.add("a file that cannot be written", None if done.status == 2 and "no/x.sarif" in done.err else done.err)


# ---- fixes ----


def messages_of(context, folder, args, name):
    done = run(context.machc, *args, "--diagnostics=json", name, cwd=folder)
    return json.loads(done.out)["messages"] if done.out else None


def spoken(message):
    return message["code"], message["text"]


def fixed(context, folder, name):
    """--fix applies the fixes of the messages, which are gone afterwards. None if there is nothing to fix, else (problem,)"""
    args = expectation(folder / name)[1] or ["--check"]
    if any(arg.startswith(("-o", "-c", "-O", "--emit", "--fix")) for arg in args):
        return None
    before = messages_of(context, folder, args, name)
    own = [m for m in before or [] if "fix" in m and all(e["place"]["file"] == name for e in m["fix"])]
    if not own:
        return None
    old = (folder / name).read_bytes()
    mode = (folder / name).stat().st_mode
    done = run(context.machc, *args, "--fix", name, cwd=folder)
    after = messages_of(context, folder, args, name)
    left = {spoken(m) for m in after}
    told = re.findall(r"(?m)^.*:\d+:\d+: fixed: .* \[(\w+)\]$", done.err)
    gone = [m for m in own if spoken(m) not in left]
    if len(gone) != len(own):
        still = [spoken(m) for m in own if spoken(m) in left]
        return (f"--fix leaves {still}\n{done.err}\n{(folder / name).read_text('utf-8', 'replace')}",)
    if {m["code"] for m in own} - set(told):
        return (f"not told: {told}\n{done.err}",)
    known = {m["code"] for m in own}
    worse = [spoken(m) for m in after if m["code"].startswith("E01") and m["code"] not in known and
             spoken(m) not in {spoken(m) for m in before}]
    if worse:
        return (f"is broken now: {worse}\n{(folder / name).read_text('utf-8', 'replace')}",)
    if (folder / name).stat().st_mode != mode:
        return ("has another mode now",)
    if any("fix" in m and all(e["place"]["file"] == name for e in m["fix"]) for m in after):
        return ("there is more to fix",)
    again = run(context.machc, *args, "--fix", name, cwd=folder)
    if " fixed: " in again.err or (folder / name).read_bytes() == old:
        return (f"not the same twice\n{again.err}",)
    return (None,)


def stored(context, path, data):
    """A file that --fix has changed, with what is stored of it."""
    if context.update:
        path.write_bytes(data)
    want = path.read_bytes() if path.is_file() else b""
    return None if want == data else difference(want.decode("utf-8", "replace"), data.decode("utf-8", "replace"), str(path.relative_to(context.root)))


def fixes(context, result):
    """Every file of tests/errors whose messages have fixes; tests/errors/fixed/ has what becomes of it."""
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory, "errors")
        shutil.copytree(context.root / "tests/errors", folder)
        pathlib.Path(directory, "hosts").symlink_to(context.root / "tests/hosts")
        codes, clean = set(), 0
        for name in UNSURE:
            sure = any("fix" in m for m in messages_of(context, folder, ["--check"], name))
            result.add(f"--fix {name}: which cure is not sure", sure and "has a fix")
        # Files with their own options are tried one by one; of the others, only those that have something to fix.
        names = files_of(folder)
        plain = [name for name in names if not expectation(folder / name)[1]]
        done = run(context.machc, "--check", "--diagnostics=json", *plain, cwd=folder)
        fixable = {edit["place"]["file"] for m in json.loads(done.out)["messages"] for edit in m.get("fix", [])}
        names = [name for name in names if name not in plain or name in fixable]
        for name, answer in zip(names, context.pool.map(lambda name: fixed(context, folder, name), names)):
            if answer is None:
                continue
            result.add(f"--fix {name}", answer[0])
            result.add(f"--fix {name}: what it writes", stored(context, context.root / "tests/errors/fixed" / name, (folder / name).read_bytes()))
            codes.add(name[:5])
            clean += not any(m["severity"] != "warning" for m in messages_of(context, folder, ["--check"], name) or [])
        for name in CURED:
            left = messages_of(context, folder, ["--check", "-Wno-beyond-known-kernels"], name)
            result.add(f"--fix {name}: it compiles then", None if left == [] else f"{left}")
        result.add("many codes have fixes", None if len(codes) >= 55 else f"only {len(codes)}")
        result.add("most files compile then", None if clean >= 60 else f"only {clean}")


def warnings(context):
    """Every warning can be disabled, or turned into an error, by its name. Each name belongs to one message."""
    listed = [line.split()[:2] for line in run(context.machc, "--explain=list").out.decode().splitlines()]
    names = [name for _, name in listed]
    if len(set(names)) != len(names) or any(not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names):
        return "names are not unique, or not in small letters"
    clash = [name for code, name in listed if code[0] == "W" and re.match("no-|error", name)]
    if clash:
        return f"-Wno-NAME and -Werror=NAME would mean something else: {clash}"
    for code, name in [item for i, item in enumerate(listed) if item[0][0] == "W" or i % 40 == 0]:
        for option in (f"-W{name}", f"-Wno-{name}", f"-Werror={name}"):
            done = run(context.machc, option, "--syntax", "-", stdin=b"")
            if (done.status == 0) != (code[0] == "W"):
                return f"{option} ({code}): exit status {done.status}\n{done.err}"
    folder = context.root / "tests/errors"
    for path in sorted(folder.glob("W*.mach")):
        code, args = path.name[:5], expectation(path)[1] or ["--check"]
        if not any(found == code for _, _, found in expectation(path)[0]) or expectation(path)[5]:
            continue
        name = dict(listed)[code]
        for option, kind, status in (("-w", None, 0), (f"-Wno-{name}", None, 0), ("-Werror", "error", 1),
                                     (f"-Werror={name}", "error", 1)):
            done = run(context.machc, *args, option, path.name, cwd=folder)
            kinds = {k for k, _, c in messages(path.name, done.err) if c == code}
            if kinds != ({kind} if kind else set()) or (kind and done.status != status):
                return f"{path.name} {option}: {kinds}, exit status {done.status}\n{done.err}"
    return None


def run_all(context):
    result = Result()
    result.add("warnings", warnings(context))
    fixes(context, result)
    ours, sarif = all_messages(context, result)
    result.add("sarif: rules", rules(sarif))
    result.add("sarif: fingerprints", shifted(context, sarif))
    special(context, result)
    files(context, result)
    interpreter = python()
    for what, schema, document in (("json", (context.root / "schemas/json/diagnostics.schema.json", None), ours),
                                   ("sarif", sarif_schema(), sarif)):
        path, why = schema
        if not interpreter:
            path, why = None, "python3-jsonschema is not there"
        if why:
            result.skip(f"{what} against its schema", why)
        else:
            result.add(f"{what} against its schema", valid(interpreter, path, document))
    return result
