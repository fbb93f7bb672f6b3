"""The cases as items, under one collector whose name is the spec's id: `vendor/contract::scenario/fault`.

An item waits for its result in its set-up, where pytest counts what goes wrong as an error, and fails in its call,
where it counts as a failure: so a case without a verdict is an error, and never a failure of the room.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

import pytest

from roomcheck.model.verdict import CaseResult, Outcome
from roomcheck.report.exitcode import checks
from roomcheck.report.known import KnownFailures
from roomcheck.spec.case import Case

NOTHING = "nothing was checked: no rule of the spec was armed by what was done"


@dataclass(frozen=True, slots=True)
class Cases:
    """What can be collected of a spec: cases, and those that do not apply to the target, with the reason.

    `asked`: case -> the requirements that it is played for.
    """

    spec: str
    file: Path
    cases: Sequence[Case]
    asked: Mapping[str, Sequence[str]]
    absent: Sequence[CaseResult]
    known: KnownFailures

    def stale(self) -> Iterator[tuple[str, str]]:
        """(name, what is wrong) of each entry of known failures that fits no case at all."""
        ids = [*(c.id for c in self.cases), *(self._name(r) for r in self.absent)]
        for entry in () if self.known.paired else self.known.entries:
            if not any(fnmatchcase(case, entry.case) for case in ids):
                name = f"{Path(entry.where.file).name}:{entry.where.line}"
                yield name, f"{entry.where}: {self.spec} has no case {entry.case!r}: mend or remove the entry"

    def weigh(self, result: CaseResult) -> tuple[CaseResult, str]:
        """The result, marked if it is a known failure, and what no longer holds of the entries that fit its case."""
        entries = tuple(e for e in self.known.entries if fnmatchcase(self._name(result), e.case))
        known = replace(self.known, entries=entries)
        stale = "\n".join(f"{r.file}:{r.line}: {r.message}" for r in known.stale([result], whole=False))
        return known.mark(result), stale

    def _name(self, result: CaseResult) -> str:
        return result.case.removeprefix(f"{self.spec}/")


class Player(Protocol):
    """Where an item gets its result and the words for it."""

    def result(self, item: "CaseItem") -> CaseResult:
        """Wait for it."""

    def explain(self, result: CaseResult) -> str:
        """Why it did not conform."""


def part_of(nodeid: str, parts: int) -> int:
    """Which of so many workers plays a case; its id alone decides."""
    return zlib.crc32(nodeid.encode()) % parts


class SpecCollector(pytest.Collector):
    """All cases of a spec, or those that were named (`ids`)."""

    def __init__(self, *, cases: Cases, player: Player, ids: Iterable[str] | None, **rest: Any) -> None:
        super().__init__(**rest)
        self.cases = cases
        self.player = player
        self.ids = None if ids is None else frozenset(ids)

    def collect(self) -> Iterator[pytest.Item]:
        items = list(self._items())
        unknown = (self.ids or frozenset()) - {item.name for item in items}
        if unknown:
            raise self.CollectError(f"{self.name} has no case {', '.join(sorted(unknown))}: `roomcheck list` shows all")
        yield from (item for item in items if self.ids is None or item.name in self.ids)

    def _items(self) -> Iterator[pytest.Item]:
        for case in self.cases.cases:
            yield CaseItem.from_parent(self, name=case.id, case=case, asked=self.cases.asked[case.id])
        for result in self.cases.absent:
            name = result.case.removeprefix(f"{self.name}/")
            yield AbsentItem.from_parent(self, name=name, reason=result.message)
        for name, text in self.cases.stale():
            yield StaleItem.from_parent(self, name=name, text=text)


class CaseItem(pytest.Item):
    """One case. It is played beside the others; what takes time here is waiting for it."""

    parent: SpecCollector

    def __init__(self, *, case: Case, asked: Sequence[str], **rest: Any) -> None:
        super().__init__(**rest)
        self.case = case
        self.outcome: CaseResult | None = None
        for requirement in asked:
            self.add_marker(requirement)
            self.user_properties.append(("requirement", requirement))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, max(0, self.case.where.line - 1), f"{self.parent.name}::{self.name}"

    def setup(self) -> None:
        result = self.outcome = self.parent.player.result(self)
        if result.outcome is Outcome.NOT_APPLICABLE:
            pytest.skip(result.message)
        if result.outcome in (None, Outcome.INCONCLUSIVE):
            pytest.fail(self.parent.player.explain(result), pytrace=False)
        if not checks([result]):
            pytest.fail(f"{result.case}: {NOTHING}", pytrace=False)

    def runtest(self) -> None:
        assert self.outcome is not None
        result, stale = self.parent.cases.weigh(self.outcome)
        if stale:
            pytest.fail(stale, pytrace=False)
        if result.known:
            pytest.xfail(result.known)
        if result.outcome is Outcome.VIOLATES:
            pytest.fail(self.parent.player.explain(result), pytrace=False)


class AbsentItem(pytest.Item):
    """A case that this target cannot be asked."""

    def __init__(self, *, reason: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.reason = reason

    def runtest(self) -> None:
        pytest.skip(self.reason)


class StaleItem(pytest.Item):
    """An entry of known failures that fits no case."""

    def __init__(self, *, text: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.text = text

    def runtest(self) -> None:
        pytest.fail(self.text, pytrace=False)
