"""Where the windows of an expected sequence lay in a trace, as far as they were kept: for pictures.

Those that were not kept stand in the judge's findings.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from roomcheck.judge.hypothesis import Mode
from roomcheck.judge.sequence import received, walk, window_of
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Gap, Told, Trace
from roomcheck.model.verdict import Window
from roomcheck.spec.case import Case, Entry
from roomcheck.spec.contract import Contract


@dataclass(frozen=True, slots=True)
class Kept:
    """A window of an entry that an observer received in it, after the moment `anchor` of its label.

    `received` is when: None where that cannot be said.
    """

    observer: str
    entry: Entry
    window: Window
    anchor: Instant
    received: Instant | None


def kept(contract: Contract, trace: Trace, case: Case) -> Iterator[Kept]:
    """The windows of the entries that each of the case's lines met."""
    acts = (r for r in trace.records if not isinstance(r, Told | Answered | Gap))
    labels = {r.label: r.at for r in acts if r.label}
    for line in case.lines:
        events = received(contract, trace, line)
        walked = walk(line, events, labels, Mode.WIDE, trace.patience, trace.end)
        known = {**labels, **dict(walked.best.labels)}
        for i, (entry, _) in enumerate(walked.best.met):
            if entry.of in known and entry.within is not None:
                # an open line skips events, so which of them met the entry is not known
                at = None if line.open else events[i].at
                yield Kept(line.observer, entry, window_of(entry, known[entry.of]), known[entry.of], at)
