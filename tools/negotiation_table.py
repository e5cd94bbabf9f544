#!/usr/bin/env python3
"""Writes docs/negotiation.md: each rule of the negotiation core and the tests that carry its number.

The numbers are those in the tests' names (Rule07_…). Run it after adding such a test: tools/negotiation_table.py
With --check it changes nothing and fails when the page is not what it would write.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/negotiation.md"

RULES = {
    1: "a change while operations are pending only sets a flag", 2: "many changes in one task give one event, later",
    3: "closed, pending operations, not stable: no event", 4: "an unneeded or a second event never fires",
    5: "restartIce() makes a negotiation due", 6: "the first data channel does", 7: "a stopping transceiver does",
    8: "a transceiver without m-section does", 9: "changed streams (msid) do", 10: "current offer: another direction does",
    11: "current answer: only a direction that the offer allowed does", 12: "a stopped transceiver's section must be rejected",
    13: "nothing else is due", 14: "what updates the flag, and what never does", 15: "reaching stable clears, then updates the flag",
    16: "the event comes after the promise's reactions", 17: "closed: operations reject", 18: "operations run one by one",
    19: "what is chained", 20: "the next operation starts before the caller's reaction, as in the browsers",
    21: "a rejected operation stops nothing", 22: "close() leaves promises pending", 23: "addIceCandidate() waits for a description",
    24: "states for createOffer() and createAnswer()", 25: "making a description changes nothing",
    26: "what changes meanwhile is in the offer", 27: "stopping in offers and answers", 28: "the BUNDLE tag",
    29: "when ICE credentials change", 30: "the version in o=", 31: "the implicit type", 32: "a changed description is refused",
    33: "an empty description", 34: "an answer forgets what was made", 35: "implicit rollback", 36: "none from pranswer states",
    37: "a second remote offer", 38: "where rollback is allowed", 39: "which error", 40: "changes while a description is applied",
    41: "what stable saves", 42: "answers make the pending pair current", 43: "the SCTP transport", 44: "bundled transports",
    45: "which transceiver a remote section takes", 46: "currentDirection", 47: "stopped transceivers and unused transports go",
    48: "the ICE role", 49: "encoding.codec is removed", 50: "the order of events in a task", 51: "candidates after the promise",
    52: "ICE events in one task", 53: "the end of gathering", 54: "SCTP and channel events", 55: "close() is silent",
    56: "when track fires", 57: "one track, one stream per id", 58: "losing receive mutes", 59: "an answer that ends receiving",
    60: "unmute and BYE", 61: "rollback restores", 62: "and takes the mid away", 63: "transceivers of a rolled-back offer",
    64: "remote tracks go back", 65: "and the event fires again", 66: "a restart survives", 67: "what restartIce() replaces",
    68: "a restart lost to glare", 69: "early candidates", 70: "the candidate is in the description", 71: "addIceCandidate()'s errors",
    72: "unasked credentials", 73: "canTrickleIceCandidates", 74: "setConfiguration()", 75: "addTrack()", 76: "direction and stop()",
    77: "replaceTrack()", 78: "setCodecPreferences()", 79: "payload types are not re-used", 80: "sendEncodings", 81: "simulcast in offers",
    82: "a remote offer for simulcast", 83: "answers that narrow the encodings", 84: "setParameters()", 85: "order and lines of sections",
    86: "bundle-only", 87: "bundle policies", 88: "bundles that fall", 89: "recycled sections", 90: "rtcp-mux-only, rtcp-mux, rtcp-rsize", 91: "setup",
    92: "fingerprint and tls-id", 93: "what an answer says", 94: "bandwidth lines", 95: "early media", 96: "valid, but not JSEP's",
    97: "perfect negotiation converges", 98: "an ignored offer changes nothing", 99: "an offer during SRD(answer)",
    100: "quiet after convergence",
}


def tests_by_rule():
    found = {number: set() for number in RULES}
    for path in sorted([*ROOT.glob("src/**/*_test.cpp"), *ROOT.glob("tests/**/*_test.cpp")]):
        for suite, name in re.findall(r"TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)", path.read_text()):
            for number in re.findall(r"Rule0*(\d+)", name):
                found[int(number)].add((str(path.relative_to(ROOT)), f"{suite}.{name}"))
    return found


def page():
    lines = ["# The rules of negotiation, and their tests", "",
             "What webrtc-pc and RFC 9429 say about negotiation as numbered rules, each with the tests that carry its number. "
             "`tools/negotiation_table.py` writes this page from the tests' names.", "",
             "Rule 20: the text starts the next operation from a reaction of the promise, after the caller's own; Chromium and "
             "Firefox start it as soon as the promise has settled. peerage does as the browsers do.", "",
             "| rule | what | tests |", "| --- | --- | --- |"]
    for number, tests in tests_by_rule().items():
        names = sorted(tests)
        shown = ", ".join(f"`{name}`" for _, name in names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        lines.append(f"| {number} | {RULES[number]} | {shown or 'open'} |")
    return "\n".join(lines) + "\n"


def main():
    if "--check" in sys.argv:
        if PAGE.read_text() != page():
            sys.exit("docs/negotiation.md is not what the tests say: run tools/negotiation_table.py")
        return
    PAGE.write_text(page())


main()
