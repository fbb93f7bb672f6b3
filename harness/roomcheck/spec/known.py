"""Known failures as a file: what a room is known to break, why, and until when that is accepted.

```yaml
- case: back-*/cut # a case's id, or a pattern with * and ? that fits the whole of it
  requirement: ZX-RECONNECT-2
  seen: did not come # a part of what the judge's first finding says: another failure of the same case is a new one
  reason: The SDK retries without end on Android 9
  owner: the transport team
  link: https://tracker.example/1234
  with: some-server # (of a part) only where the part is played with this other one
  sometimes: true # a race: it may pass too
  expires: 2026-12-31 # the last day on which it is accepted
```
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

import yaml

from roomcheck.spec.fit import fit
from roomcheck.spec.problems import Problems
from roomcheck.spec.reader import read
from roomcheck.spec.shape import KnownShape
from roomcheck.spec.where import NOWHERE, Where

_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\Z")


@dataclass(frozen=True, slots=True)
class Known:
    """One entry. `expires` is an ISO date, so that two of them compare as text."""

    case: str
    requirement: str
    seen: str
    reason: str
    owner: str
    expires: str
    link: str = ""
    with_: str = ""
    sometimes: bool = False
    where: Where = NOWHERE


def load_known(text: str | bytes, file: str) -> tuple[Known, ...]:
    """The entries of a file. SpecError holds every problem."""
    problems = Problems()
    doc = read(text, file)
    shape = fit(KnownShape, doc, problems)
    problems.raise_any()
    assert shape is not None  # else `fit` has said why
    assert isinstance(doc.value, list)
    entries = []
    for node, entry in zip(doc.value, shape.root, strict=True):
        for name, value in (("case", entry.case), ("seen", entry.seen)):
            if not value.strip(" *") and not (name == "case" and value.strip() and entry.sometimes):
                problems.add(node.at((name,)).where, f"{name!r} says nothing, so this entry would hide every failure")
        for name, value in (("reason", entry.reason), ("owner", entry.owner)):
            if not value.strip():
                problems.add(node.at((name,)).where, f"{name!r} is empty; whoever reads this in a year must know")
        if not _DATE.match(entry.expires):
            problems.add(node.at(("expires",)).where, f"{entry.expires!r} is no date; write it as 2026-12-31")
        entries.append(Known(**entry.model_dump(), where=node.where))
    problems.raise_any()
    return tuple(entries)


def write_known(entries: Sequence[Known]) -> str:
    """YAML from which `load_known` makes the same entries."""
    return "".join(_entry(e) for e in entries) or "[]\n"


def rewrite_known(text: str, entries: Sequence[Known], keep: Collection[Known], new: Sequence[Known]) -> str:
    """The file without the entries that are not kept, and with new ones at its end.

    What was kept stays as it was written, comments above and beside it too; only where entries share a line (`[{...}]`)
    the whole is written anew.
    """
    lines = text.splitlines(keepends=True)
    begins = [_begin(lines, e.where.line - 1) for e in entries]
    if any(not lines[e.where.line - 1].lstrip().startswith("-") for e in entries) or len(set(begins)) < len(begins):
        return write_known([*(e for e in entries if e in keep), *new])
    ends = [*begins[1:], len(lines)][: len(begins)]
    head = lines[: begins[0]] if begins else [line for line in lines if line.strip() != "[]"]
    blocks = ["".join(lines[begin:end]) for begin, end in zip(begins, ends, strict=True)]
    kept = [block for entry, block in zip(entries, blocks, strict=True) if entry in keep]
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    return "".join([*head, *kept, *(_entry(e) for e in new)]) + "[]\n" * (not kept and not new)


def _begin(lines: Sequence[str], line: int) -> int:
    """Where an entry's text begins: comments directly above it are its own."""
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
    return line


def _entry(entry: Known) -> str:
    values = asdict(entry)
    del values["where"]
    return yaml.safe_dump(
        [
            {
                name.rstrip("_"): value
                for name, value in values.items()
                if value or name not in ("link", "with_", "sometimes")
            }
        ],
        sort_keys=False,
        allow_unicode=True,
        width=110,
    )
