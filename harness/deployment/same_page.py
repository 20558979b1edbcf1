"""Whether arms give the same page, where no two answers are the same to the byte: tokens, clocks, "2 seconds ago". Pure.

Each arm has answered several times. What looks like a token or a time is covered, and so is every word that differs between the
answers of one arm; what is left has to be the same on all arms. A page whose answers differ in how many words they have says
nothing to compare: it needs a text that every answer contains.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from typing import Final

from harness.samples import Page
from harness.scenario.request import Request

COVERED: Final = (
    re.compile(r"\b[A-Za-z0-9]{64}\b"),  # Django's masked CSRF token, in inputs and in scripts
    re.compile(r"\b\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\b"),
    re.compile(r"\b1[5-9]\d{8}(\d{3})?(\.\d+)?\b"),  # seconds, or milliseconds, since 1970
    re.compile(r"\b\d+\s+(milli)?(second|minute|hour)s?\b"),
)

WORDS: Final = re.compile(r"\w+|\W")

COVER: Final = "…"

SLACK: Final = 64
"""Bytes by which an answer may be shorter or longer than those seen, where words differ: 9 seconds become 10."""

SHOWN: Final = 6
"""Lines of a difference."""

Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Seen:
    """What the answers of all arms come to."""

    page: Page | None  # what is correct under load; None: nothing was answered
    faults: Mapping[str, str]  # arm → why it cannot be measured
    note: str = ""  # what could not be compared
    text: "Text | None" = None  # of a page whose answers differ in some words: the others


@dataclass(frozen=True)
class Text:
    """What the answers of a page have in common, by which one that comes later can be judged."""

    words: tuple[str, ...]  # COVER where they differ
    ignore: tuple[str, ...]

    def differs(self, body: bytes) -> str:
        """How this answer differs from all that were seen before; empty: it does not."""
        words = WORDS.findall(covered(body, self.ignore))
        if len(words) != len(self.words):
            return f"{len(words)} words and signs, not {len(self.words)}"
        other = [(was, now) for was, now in zip(self.words, words, strict=True) if was not in (COVER, now)]
        return f"{other[0][1][:40]!r} instead of {other[0][0][:40]!r}" if other else ""


def settle(asked: Request, answers: Mapping[str, Sequence[Answer] | str]) -> Seen:
    """What a correct answer is, and which arms do not give it. `answers`: arm → its answers, or why there are none."""
    faults, bodies = _sorted_out(asked, answers)
    every = [body for some in bodies.values() for body in some]
    if not every:
        return Seen(None, faults)
    page = Page(
        status=tuple(asked.status),
        contains=tuple(text.encode() for text in asked.contains),
        lacks=tuple(text.encode() for text in asked.lacks),
    )
    if len(set(every)) == 1 and covered(every[0], asked.ignore) == every[0].decode("utf-8", "replace"):
        return Seen(replace(page, body=every[0]), faults)  # without a clock that would go on while it is measured
    texts = {arm: [WORDS.findall(covered(body, asked.ignore)) for body in some] for arm, some in bodies.items()}
    if any(len({len(words) for words in several}) > 1 for several in texts.values()):
        if asked.contains:
            return Seen(page, faults, "answers differ in length, so that only `contains` and `lacks` are checked")
        why = "verification: its answers differ in length: give a text that every one of them has, as `contains`"
        return Seen(None, faults | dict.fromkeys(texts, why))
    lengths = max(0, min(map(len, every)) - SLACK), max(map(len, every)) + SLACK
    agreed, different = _different(texts)
    return Seen(replace(page, lengths=lengths), faults | different, text=Text(agreed, tuple(asked.ignore)))


def _sorted_out(
    asked: Request, answers: Mapping[str, Sequence[Answer] | str]
) -> tuple[dict[str, str], dict[str, list[bytes]]]:
    """Arm → why its answers are none that count; arm → their bodies."""
    faults, bodies = dict[str, str](), dict[str, list[bytes]]()
    for arm, told in answers.items():
        fault = told if isinstance(told, str) else next((why for one in told if (why := wrong(asked, one))), "")
        if fault or isinstance(told, str):
            faults[arm] = fault
        else:
            bodies[arm] = [body for _, body in told]
    return faults, bodies


def _different(texts: Mapping[str, Sequence[Sequence[str]]]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The page of most arms in words, and arm → how its page differs from it. `texts`: arm → the words of its answers."""
    kept = {arm: _common(several) for arm, several in texts.items()}
    hidden = {place for words in kept.values() for place, word in enumerate(words) if word == COVER}
    plain = {arm: _hide(words, hidden) for arm, words in kept.items()}
    agreed = Counter(plain.values()).most_common(1)[0][0]
    whole = "".join(agreed)
    return agreed, {arm: _difference("".join(words), whole) for arm, words in plain.items() if words != agreed}


def wrong(asked: Request, answer: Answer) -> str:
    """What is wrong with an answer by itself; empty: nothing."""
    status, body = answer
    if status not in asked.status:
        expected = " or ".join(map(str, asked.status))
        return f"verification: HTTP {status}, expected {expected}: {excerpt(body)}"
    for text in asked.contains:
        if text.encode() not in body:
            return f"verification: {text!r} is not in the answer: {excerpt(body)}"
    for text in asked.lacks:
        if text.encode() in body:
            return f"verification: {text!r} is in the answer, which lacks it where it is right"
    return ""


def covered(body: bytes, ignore: Sequence[str]) -> str:
    """The text with what differs from answer to answer covered: tokens, times, and what the scenario names."""
    text = body.decode("utf-8", "replace")
    for pattern in (*COVERED, *map(re.compile, ignore)):
        text = pattern.sub(COVER, text)
    return text


def _common(several: Sequence[Sequence[str]]) -> list[str]:
    """The words of an arm's answers, with those covered that differ between them."""
    return [words[0] if len(set(words)) == 1 else COVER for words in zip(*several, strict=True)]


def _hide(words: Sequence[str], places: set[int]) -> tuple[str, ...]:
    return tuple(COVER if place in places else word for place, word in enumerate(words))


def _difference(text: str, agreed: str) -> str:
    lines = list(unified_diff(agreed.splitlines(), text.splitlines(), "most arms", "this arm", n=0, lineterm=""))
    told = [line if len(line) <= 100 else line[:99] + "…" for line in lines[2 : 2 + SHOWN]]
    return "verification: another page than on most arms:\n" + "\n".join(told)


def excerpt(body: bytes) -> str:
    """The beginning of a body, for a message."""
    text = body.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= 80 else text[:77] + "…")
