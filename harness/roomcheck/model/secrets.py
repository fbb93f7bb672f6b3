"""What may stand in no trace, report, stream or log: the values of secrets, wherever a room or an adapter repeats them.

A target's programs get their credentials from the environment, as CI jobs hand them over. So what is secret is known:
the values of variables whose names end as such names do, of those that the target lists under `secrets`, the passwords
of addresses in any variable, and what stands in a command after an option with such a name.

A trace is cleaned when it leaves the player, before it is judged, so that a verdict is the same from the file; texts
are cleaned where they are made, before anything is cut short, since half a secret is no longer recognised. Values are
found as they are, and escaped as JSON, Python and URLs escape them; what a program encodes in another way (Base64, a
hash) is not known again.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Self

from roomcheck.model.trace import Answered, Record, Told, Trace

_NAMES = (
    "token secret password passwd passphrase credential apikey key sign signature certificate jwt pat auth cookie psk"
)
_NAME = re.compile(rf"(?:^|[_-])(?:{_NAMES.replace(' ', '|')})s?$", re.IGNORECASE)
_OPTION = re.compile(r"--?([A-Za-z0-9_-]+)(?:=(.*))?$", re.DOTALL)
_ADDRESS = re.compile(r"://[^/@:\s]*:([^/@\s]+)@")  # scheme://user:password@host
_RESERVED = re.compile(r"[^A-Za-z0-9_.~-]")  # what a URL escapes
_HOLE = re.compile(r"\{\w+\}")  # a placeholder, such as a port's
LEAST = 6  # characters; to hide a "1" or a "test" wherever it stands would ruin a report and protect nothing


@dataclass(frozen=True, slots=True)
class Secrets:
    """Each value with what is shown in its place, the longest first; and what cannot be hidden, with the reason."""

    values: tuple[tuple[str, str], ...] = ()
    unhidden: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, environ: Mapping[str, str], *, names: Iterable[str] = (), commands: Iterable[Sequence[str]] = ()
    ) -> Self:
        """Those of an environment (`names`: variables that are secret whatever they are called) and of commands."""
        listed = frozenset(names)
        found = {value: option for command in commands for option, value in _given(command)}
        found |= {word: name for name, value in environ.items() for word in _ADDRESS.findall(value)}
        found |= {value: name for name, value in environ.items() if name in listed or _NAME.search(name)}
        shown: dict[str, str] = {}
        short: set[str] = set()
        for value, name in found.items():
            for form in _forms(value):
                if len(form) >= LEAST:
                    shown.setdefault(form, f"[hidden: {name}]")
                elif form.strip():
                    short.add(f"{name}: fewer than {LEAST} characters stand in too many places")
        return cls(tuple(sorted(shown.items(), key=lambda pair: (-len(pair[0]), pair))), tuple(sorted(short)))

    def but(self, words: Iterable[str]) -> Self:
        """Without values that are a part of these words: what a contract says openly is no secret, and is judged."""
        known = tuple(words)
        said = {v for v in self.values if any(v[0] in word for word in known)}
        names = {shown.removeprefix("[hidden: ").removesuffix("]") for _, shown in said}
        told = {f"{name}: the contract itself says its value" for name in names}
        return type(self)(tuple(v for v in self.values if v not in said), tuple(sorted({*self.unhidden, *told})))

    def text(self, text: str) -> str:
        """The text without any of them."""
        for value, shown in self.values:
            if value in text:
                text = text.replace(value, shown)
        return text

    def plain(self, value: Any) -> Any:
        """A value of JSON without any of them, also in keys."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self.plain(key): self.plain(child) for key, child in value.items()}
            case list() | tuple():
                return [self.plain(child) for child in value]
            case _:
                return value

    def trace(self, trace: Trace) -> Trace:
        """The trace without any of them in what the room told and answered; the rest of it is the harness's own."""
        if not self.values:
            return trace
        return replace(trace, records=tuple(self._record(r) for r in trace.records))

    def _record(self, record: Record) -> Record:
        match record:
            case Told():
                return replace(record, callback=self.text(record.callback), fields=self.plain(record.fields))
            case Answered():
                return replace(record, fields=self.plain(record.fields))
            case _:
                return record


def _given(command: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Option and value, for the options of a command that are named like secrets: --token X, --token=X."""
    for part, following in zip_longest(command, command[1:], fillvalue=""):
        match = _OPTION.match(part)
        value = following if match and match[2] is None else match[2] if match else ""
        if match and _NAME.search(match[1]) and not _HOLE.search(value):
            yield match[1], value


def _forms(value: str) -> Iterable[str]:
    """As it is, its lines one by one (programs are read by lines), and as others escape it."""
    for line in dict.fromkeys((value, *value.splitlines())):
        yield from (line, json.dumps(line)[1:-1], json.dumps(line, ensure_ascii=False)[1:-1], repr(line)[1:-1])
        yield _RESERVED.sub(lambda m: "".join(f"%{b:02X}" for b in m[0].encode(errors="surrogateescape")), line)
