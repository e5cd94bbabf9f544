#!/usr/bin/env python3
"""Holds the code to the design's layers.

Reads every #include of src/, sim/, signaling/, apps/ and include/ and fails on one that the layer's row does not name;
and on clocks, threads, locks and random devices outside runtime. Tests (*_test.cpp, folders named testing) may use
anything. The table in docs/design.md must say the same. Run it from anywhere: tools/check_layers.py [--self-test]
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

PROTOCOLS = {"crypto", "stun", "ice", "dtls", "srtp", "sctp", "rtp"}

# Who may include whom. Every layer may include itself and base. "include" is all of include/peerage/, a name with a
# slash is that one header.
TABLE = {
    "include": set(),
    "base": set(),
    "crypto": set(),
    "stun": {"crypto"},
    "ice": {"stun"},
    "dtls": {"crypto"},
    "srtp": {"crypto"},
    "sctp": set(),
    "datachannel": {"sctp"},
    "rtp": set(),
    "bwe": {"rtp"},
    "media": {"rtp", "peerage/frames.hpp"},
    "codecs": {"media", "peerage/frames.hpp", "peerage/codecs.hpp"},
    "sdp": set(),
    "jsep": {"sdp"},
    "transport": PROTOCOLS,
    # The engine names what goes through the transport: candidates, stream ids, packets.
    "engine": {"transport", "jsep", "datachannel", "bwe", "media", "peerage/frames.hpp"} | PROTOCOLS,
    # The API hands the body's DTLS factory and certificates down, and candidates and descriptions up.
    "api": {"engine", "jsep", "media", "sdp", "ice", "dtls", "crypto", "include"},
    "runtime": {"api", "dtls", "crypto", "include"},
    "sim": {"api", "dtls", "include"},
    "signaling": {"runtime", "include"},
    # A program: what it shows and records is made by the media layer's test pictures and files.
    "apps": {"include", "signaling", "media", "codecs"},
}

# What only runtime may touch, and where else each is right, with the reason.
FORBIDDEN = {
    "clock": re.compile(
        r"(?:_clock::now|\bgettimeofday\b|\bclock_gettime\b|(?:\bstd::|[^\w.>:])time\s*\(\s*(?:0|NULL|nullptr|&\w+)\s*\)"
        r"|\buv_now\b|\buv_hrtime\b|\buv_update_time\b|\buv_clock_gettime\b)"),
    "thread": re.compile(r"(?:\bstd::j?thread\b|\bstd::async\b|\bpthread_create\b|\buv_thread_\w+|\bstd::this_thread\b|\bsleep_for\b)"),
    "lock": re.compile(
        r"(?:\bstd::\w*mutex\b|\bstd::lock_guard\b|\bstd::unique_lock\b|\bstd::scoped_lock\b|\bstd::shared_lock\b"
        r"|\bstd::condition_variable\b|\bpthread_mutex\w*|\bstd::call_once\b|\bstd::atomic\b)"),
    "random": re.compile(r"(?:\bstd::random_device\b|\bgetrandom\b|\bRAND_bytes\b|/dev/u?random|\buv_random\b|\bs?rand\s*\(|\barc4random\w*)"),
}
ALLOWED = {
    ("src/crypto/system_random", "random"): "OpenSSL's generator behind RandomSource, for keys",
    ("sim/network_body", "lock"): "EventLoop::post() alone may be called by any thread",
}
RUNTIME = "src/runtime/"

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)


def is_test(path):
    return path.endswith("_test.cpp") or "/testing/" in path


def layer_of(path):
    """The layer that a file of the repository is in; None for what no rule is about."""
    parts = path.split("/")
    if parts[0] == "src":
        return parts[1]
    return parts[0] if parts[0] in TABLE else None


def included_layer(header):
    first = header.split("/")[0]
    if first == "peerage":
        return "include"
    return first if first in TABLE else None


def check_file(path, text):
    """The violations of one file as (line, sentence)."""
    problems = []
    layer = layer_of(path)
    if layer is None or is_test(path):
        return problems
    if layer not in TABLE:
        return [(1, f"the folder {layer} is in no row of the table in tools/check_layers.py")]
    allowed = TABLE[layer] | {layer, "base"}
    if layer == "include":
        allowed = {"include"}
    for match in INCLUDE.finditer(text):
        header = match.group(2)
        target = included_layer(header)
        if target is None or "/" not in header and match.group(1) == "<":
            continue
        if target not in allowed and header not in allowed:
            line = text.count("\n", 0, match.start(2)) + 1
            problems.append((line, f"{layer} may not include {header}"))
    if path.startswith(RUNTIME):
        return problems
    # Strings stay: a device is named in one.
    code = COMMENT_OR_STRING.sub(lambda m: m.group(0) if m.group(0)[0] == '"' else re.sub(r"[^\n]", " ", m.group(0)), text)
    for kind, pattern in FORBIDDEN.items():
        if any(path.startswith(place) and kind == what for place, what in ALLOWED):
            continue
        for match in pattern.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            problems.append((line, f"a {kind} outside runtime: {match.group(0).strip()}"))
    return problems


def check_page(text):
    """Where docs/design.md's table, `folder` | what | `layer`, `layer`, differs from TABLE."""
    rows = {}
    for folder, names in re.findall(r"^\| `([\w/]+)/` \|[^|]*\|([^|]*)\|$", text, re.M):
        layer = "include" if folder.startswith("include/") else folder.removeprefix("src/")
        rows[layer] = set(re.findall(r"`([^`]+)`", names))
    return [f"docs/design.md: the row of {layer} names {sorted(rows.get(layer, []))}, it may include {sorted(TABLE.get(layer, []))}"
            for layer in sorted(TABLE.keys() | rows.keys()) if rows.get(layer) != TABLE.get(layer)]


def self_test():
    cases = [
        ("src/ice/agent.cpp", '#include "stun/message.hpp"\n', 0),
        ("src/ice/agent.cpp", '#include "dtls/connection.hpp"\n', 1),
        ("src/ice/agent_test.cpp", '#include "dtls/connection.hpp"\n', 0),
        ("src/media/a.hpp", '#include "peerage/frames.hpp"\n', 0),
        ("src/media/a.hpp", '#include "peerage/promise.hpp"\n', 1),
        ("include/peerage/a.hpp", '#include "base/bytes.hpp"\n', 1),
        ("include/peerage/a.hpp", "#include <peerage/enums.hpp>\n", 0),
        ("src/unknown/a.hpp", "", 1),
        ("src/sctp/a.cpp", "auto t = std::chrono::steady_clock::now();\n", 1),
        ("src/sctp/a.cpp", "std::chrono::system_clock::time_point t;  // steady_clock::now()\n", 0),
        ("src/sctp/a.cpp", "auto t = time(nullptr);\n", 1),
        ("src/sctp/a.cpp", "void handle(Time time); x.time(0);\n", 0),
        ("src/runtime/a.cpp", "std::mutex m;\n", 0),
        ("signaling/a.cpp", "std::mutex m;\nstd::thread t;\n", 2),
        ("apps/a.cpp", 'open("/dev/urandom"); std::random_device d;\n', 2),
    ]
    failed = [case for case in cases if len(check_file(case[0], case[1])) != case[2]]
    for path, text, expected in failed:
        print(f"self-test: {path}: {text!r} should give {expected}, gives {check_file(path, text)}")
    page = "".join(f"| `src/{layer}/` | |{', '.join(f'`{name}`' for name in sorted(names))} |\n" for layer, names in TABLE.items())
    page = page.replace("src/include/", "include/peerage/")
    found = [len(check_page(page)), len(check_page(page.replace("`jsep`", ""))), len(check_page(page + "| `src/new/` | | |\n"))]
    if found != [0, 2, 1]:
        print(f"self-test: a right page and two wrong ones give {found} differences, not [0, 2, 1]")
    return not failed and found == [0, 2, 1]


def main():
    if not self_test():
        return 1
    if "--self-test" in sys.argv:
        return 0
    count = 0
    problems = check_page((ROOT / "docs/design.md").read_text(encoding="utf-8"))
    for folder in ("include", "src", "sim", "signaling", "apps"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".hpp", ".cpp", ".h") and path.is_file():
                name = path.relative_to(ROOT).as_posix()
                count += 1
                problems += [f"{name}:{line}: {what}" for line, what in check_file(name, path.read_text(encoding="utf-8"))]
    for problem in problems:
        print(problem)
    print(f"{count} files, {len(problems)} violations of the layers")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
