"""Where the windows of an expected sequence lay in a trace: for pictures."""

from collections.abc import Iterator
from dataclasses import dataclass

from roomcheck.judge.hypothesis import Mode
from roomcheck.judge.sequence import received, walk
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Gap, Told, Trace
from roomcheck.spec.contract import Case, Contract, Entry


@dataclass(frozen=True, slots=True)
class Window:
    """When an observer had to be told something: `after` to `before` (microseconds) after the label `of`.

    `anchor` is when the label was, `told` when it was told: None where it was not, or where that cannot be said.
    """

    observer: str
    text: str
    of: str
    anchor: Instant
    after: int
    before: int
    told: Instant | None
    met: bool


def windows(contract: Contract, trace: Trace, case: Case | None) -> tuple[Window, ...]:
    """The windows of the case's lines, of those entries that were met and of the one where each line was refused."""
    return tuple(_windows(contract, trace, case)) if case else ()


def _windows(contract: Contract, trace: Trace, case: Case) -> Iterator[Window]:
    acts = (r for r in trace.records if not isinstance(r, Told | Answered | Gap))
    labels = {r.label: r.at for r in acts if r.label}
    for line in case.lines:
        events = received(contract, trace, line)
        walked = walk(line, events, labels, Mode.WIDE, trace.patience, trace.end)
        known = {**labels, **dict(walked.best.labels)}
        for i, (entry, _) in enumerate(walked.best.met):
            # an open line skips events, so which of them met the entry is not known
            yield from _window(line.observer, entry, known, None if line.open else events[i].at, met=True)
        if walked.entry is not None:
            entry = walked.entry
            wrong = (e.at for e in events if e.at.hi == walked.at and (e.view, e.value) == (entry.view, entry.value))
            yield from _window(line.observer, entry, known, next(wrong, None), met=False)


def _window(
    observer: str, entry: Entry, labels: dict[str, Instant], told: Instant | None, *, met: bool
) -> Iterator[Window]:
    if entry.of in labels and entry.within is not None:
        anchor, before = labels[entry.of], entry.after + entry.within
        yield Window(observer, entry.text, entry.of, anchor, entry.after, before, told, met)
