#!/usr/bin/env python3
"""Holds the public headers to the IDL of webrtc-pc: a member that the IDL has and a class lacks is a failure.

    check_idl.py FOLDER-OF-IDL-FILES [HEADERS]

Interfaces are classes, attributes are members `x()` (and `setX()` unless they are read-only, or plain members of event
structs), event handlers are members `onx`, dictionaries are structs with members, enumerations are enum classes whose
values have '_' for '-' (and a trailing one where C++ reserves the word). Constructors are not looked at. What is different
on purpose is in EXCEPTIONS.
"""

import pathlib
import re
import sys

SPECIFICATION = "webrtc.idl"

# At most ten, each with its reason. A name alone stands for all of the interface, dictionary or callback.
EXCEPTIONS = {
    r"RTC\w+EventInit": "events are structs with public members, made as they are: they need no dictionary to be made from",
    r"RTCOfferAnswerOptions": "an empty base, of which RTCOfferOptions and RTCAnswerOptions inherit nothing",
    r"RTCRtpCodingParameters": "its one member is flattened into RTCRtpEncodingParameters, so that this stays an aggregate",
    r"RTCSessionDescriptionCallback|RTCPeerConnectionErrorCallback": "legacy overloads with callbacks, optional: a Promise has .then()",
}
MAX_EXCEPTIONS = 10

RESERVED = {"new", "default", "delete", "class", "register", "explicit"}


def without_comments(text):
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


# ---- The IDL ---------------------------------------------------------------------------------------------------------


class Definition:
    def __init__(self, kind, name, base):
        self.kind, self.name, self.base = kind, name, base
        self.members = []  # (what, name): what is attribute, readonly, handler, operation, member or value


def read_idl(text):
    """The definitions of a file, partial ones merged into the one that they add to."""
    definitions = {}
    text = without_comments(text)
    pattern = re.compile(r"\b(partial\s+)?(interface|dictionary|enum)\s+(\w+)\s*(?::\s*(\w+))?\s*\{(.*?)\}\s*;", re.S)
    for match in pattern.finditer(text):
        _, kind, name, base, body = match.groups()
        definition = definitions.setdefault(name, Definition(kind, name, base))
        if kind == "enum":
            definition.members += [("value", value) for value in re.findall(r'"([^"]*)"', body)]
            continue
        for line in body.split(";"):
            line = re.sub(r"\[[^\]]*\]", " ", line)  # extended attributes
            line = " ".join(line.split())
            if not line or line.startswith("constructor"):
                continue
            if kind == "dictionary":
                declaration = line.split("=")[0].split()
                definition.members.append(("member", declaration[-1]))
            elif "attribute " in line:
                attribute = line.split()[-1]
                what = "readonly" if "readonly " in line else "handler" if "EventHandler" in line else "attribute"
                definition.members.append((what, attribute))
            elif "maplike<" in line:
                definition.members += [("operation", name) for name in ("size", "has", "get", "begin", "end")]
            elif "(" in line:
                # Lines of one operation may have been cut at no ';' inside it: its name is before the first parenthesis
                # that follows a word (a union in front of it has none).
                found = re.search(r"(\w+)\s*\((?!.*\bor\b[^()]*\)\s*\w+\s*\()", line)
                definition.members.append(("operation", found.group(1)))
    return definitions


# ---- The headers -----------------------------------------------------------------------------------------------------


def body_after(text, start):
    """What is inside the braces that open at or after `start`."""
    open_ = text.index("{", start)
    depth = 0
    for at in range(open_, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[open_ + 1 : at]
    raise ValueError("unbalanced braces")


def public_part(kind, body):
    """A class without its private parts; nested braces (inline functions) do not matter to who looks for names."""
    parts = re.split(r"^\s*(public|private|protected):", body, flags=re.M)
    visible = parts[0] if kind == "struct" else ""
    for label, part in zip(parts[1::2], parts[2::2]):
        if label == "public":
            visible += part
    return visible


def read_headers(folder):
    """Classes by name: their base names and the words of their public part; enumerations by name: their enumerators."""
    classes, enums = {}, {}
    for path in sorted(folder.glob("*.hpp")):
        text = without_comments(path.read_text())
        for match in re.finditer(r"\b(class|struct)\s+(\w+)\s*(?:final\s*)?(:[^;{]*)?\{", text):
            kind, name, bases = match.groups()
            words = public_part(kind, body_after(text, match.end() - 1))
            names = re.findall(r"(?:public\s+)?(\w+)(?:<[^>]*>)?\s*(?:,|$)", (bases or ":")[1:])
            classes[name] = (names, words)
        for match in re.finditer(r"\benum\s+class\s+(\w+)[^;{]*\{", text):
            enums[match.group(1)] = set(re.findall(r"\w+", body_after(text, match.end() - 1)))
        for match in re.finditer(r"\busing\s+(\w+)\s*=\s*(\w+)\s*;", text):
            if match.group(2) in classes:
                classes[match.group(1)] = ([match.group(2)], "")
    return classes, enums


def has(classes, name, expression):
    """Whether the public part of a class, or of what it inherits, matches."""
    if name not in classes:
        return False
    bases, words = classes[name]
    return re.search(expression, words) is not None or any(has(classes, base, expression) for base in bases)


def declared(what, name):
    """What a declaration of the member looks like."""
    member = rf"\b{name}\b"
    if what == "operation":
        return rf"{member}\s*\("
    if what == "handler":
        return rf"EventHandler<\w+>\s+{name}\b"
    if what in ("attribute", "readonly"):
        return rf"{member}\s*(\(\s*\)|;|=|\{{)"
    return rf"{member}\s*(;|=|\{{)"


def missing(definitions, classes, enums):
    for definition in definitions.values():
        name = definition.name
        if definition.kind == "enum":
            if name not in enums:
                yield name
                continue
            for _, value in definition.members:
                enumerator = value.replace("-", "_") + ("_" if value in RESERVED else "")
                if enumerator not in enums[name]:
                    yield f"{name}.{value}"
            continue
        if name not in classes:
            yield name
            continue
        for what, member in definition.members:
            if not has(classes, name, declared(what, member)):
                yield f"{name}.{member}"
            setter = "set" + member[0].upper() + member[1:]
            if what == "attribute" and not has(classes, name, declared("operation", setter)):
                yield f"{name}.{member} (no {setter}())"


def main(idl, headers):
    if len(EXCEPTIONS) > MAX_EXCEPTIONS:
        print(f"{len(EXCEPTIONS)} exceptions, at most {MAX_EXCEPTIONS} are allowed")
        return 1
    definitions = read_idl((idl / SPECIFICATION).read_text())
    classes, enums = read_headers(headers)
    members = sum(len(definition.members) for definition in definitions.values())
    if len(definitions) < 70 or members < 320:  # the specification grows: less was not read
        print(f"only {len(definitions)} definitions with {members} members were read of {SPECIFICATION}")
        return 1
    proof = read_idl("partial interface RTCRtpSender { undefined nothing(); attribute DOMString track; };")
    if list(missing(proof, classes, enums)) != ["RTCRtpSender.nothing", "RTCRtpSender.track (no setTrack())"]:
        print("what is missing is not seen")
        return 1
    failures = [name for name in missing(definitions, classes, enums) if not any(re.fullmatch(e, name) for e in EXCEPTIONS)]
    for name in failures:
        print(f"{SPECIFICATION} has {name}, the headers have not")
    print(f"{len(definitions)} definitions, {members} members, {len(EXCEPTIONS)} exceptions, {len(failures)} missing")
    return 1 if failures else 0


if __name__ == "__main__":
    root = pathlib.Path(__file__).resolve().parent.parent
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else root / "include/peerage"))
