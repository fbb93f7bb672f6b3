"""Known failures against what a run found: which violations are expected, and which entries no longer hold.

A list that grows stale hides bugs, so every entry must go on failing: one whose case passes however often it is played
again, that matches nothing or that is too old is itself a failure, told as a result of its own, so that every report
and the exit code know of it. What is seen only `sometimes` (a race) may pass, and holds until it is too old.

Entries for the same `case` are what may be seen of it: one of them must be.

The first finding decides: what a room tells after it went wrong is not lawful or unlawful on its own.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import PurePath

from roomcheck.model.names import did_you_mean
from roomcheck.model.verdict import Blame, CaseResult, Finding, Outcome
from roomcheck.report.text import visible
from roomcheck.spec.known import Known

KNOWN_FAILURES = "known failures"  # the scenario of results that tell of the list itself
_MEASURED = re.compile(r"[-+]?\d+(\.\d+)?\s*(us|ms|s|min|h)\b")


@dataclass(frozen=True, slots=True)
class KnownFailures:
    """The entries for one spec, as of a day (an ISO date).

    Not `pinned`: other versions are played than those of the list. `paired`: each entry is of one part, which other
    parts may give other cases. `requirements`: those of the spec, if they are known.
    """

    spec: str
    entries: tuple[Known, ...]
    today: str
    pinned: bool = True
    paired: bool = False
    requirements: Collection[str] = ()

    def mark(self, result: CaseResult) -> CaseResult:
        """The result, with the reason where its violation is expected."""
        for entry in self.entries:
            if not self._expired(entry) and self._fits(entry, result) and _is(entry, result):
                link = f", {entry.link}" if entry.link else ""
                return replace(result, known=f"{entry.reason} ({entry.owner}{link}, until {entry.expires})")
        return result

    def lists(self, case: str) -> bool:
        """Whether a case (its id without the spec) is expected to fail each time."""
        always = (entry for entry in self.entries if not entry.sometimes and not self._expired(entry))
        return any(fnmatchcase(case, entry.case) for entry in always)

    def stale(self, results: Sequence[CaseResult], *, whole: bool) -> Iterator[CaseResult]:
        """A result for each entry that does not hold. `whole`: no case was left out, so each must meet a failure.

        None where other versions were played: they may have mended what the list is about.
        """
        for entry in self.entries if self.pinned else ():
            text = self._wrong(entry, results, whole=whole)
            if text:
                file = PurePath(entry.where.file)
                place = f"{f'{file.parent.name}/' if self.paired else ''}{file.name}:{entry.where.line}"
                yield CaseResult(
                    case=f"{self.spec}/{KNOWN_FAILURES}/{place}", scenario=KNOWN_FAILURES, title="A known failure",
                    fault=None, outcome=None, blame=Blame.LIST, message=text, verdict=None, seconds=0.0, attempts=1,
                    file=entry.where.file, line=entry.where.line,
                )  # fmt: skip

    def kept(self, results: Sequence[CaseResult]) -> list[Known]:
        """The entries that still hold, or of which this run cannot tell; expired ones too, a person must renew them."""
        return [e for e in self.entries if not self._stale(e, results, whole=True)]

    def new(self, results: Iterable[CaseResult], kept: Sequence[Known], expires: str) -> list[Known]:
        """An entry for each violation that none of the kept ones explains."""
        return [
            Known(
                case=self._name(result),
                requirement=finding.requirement or "",
                seen=signature(finding),
                reason="Not looked at yet",
                owner="nobody yet",
                expires=expires,
            )
            for result in results
            if (finding := _first(result)) is not None
            and not any(self._fits(entry, result) and _is(entry, result) for entry in kept)
        ]

    def _wrong(self, entry: Known, results: Sequence[CaseResult], *, whole: bool) -> str:
        if self._expired(entry):
            return f"the entry for {entry.case} expired on {entry.expires}: {entry.reason} ({entry.owner})"
        return self._stale(entry, results, whole=whole)

    def _stale(self, entry: Known, results: Sequence[CaseResult], *, whole: bool) -> str:
        fitting = [r for r in results if self._fits(entry, r)]
        if self.paired and all(r.outcome is Outcome.NOT_APPLICABLE for r in fitting):
            return ""
        if self.requirements and not self.paired and entry.requirement not in {*self.requirements, ""}:
            near = did_you_mean(entry.requirement, self.requirements)
            return (
                f"{self.spec} has no requirement {entry.requirement!r}{near}: mend or remove the entry for {entry.case}"
            )
        passed = [self._name(r) for r in fitting if r.outcome is Outcome.CONFORMS]
        if entry.sometimes and fitting:
            return ""
        if passed:
            return f"{', '.join(passed)} passed, although {entry.case} is a known failure: remove the entry"
        alike = [e for e in self.entries if e.case == entry.case or e.sometimes]
        if whole and not any(_open(r) or any(self._fits(e, r) and _is(e, r) for e in alike) for r in fitting):
            return f"{self._instead(entry, fitting, results)}: mend or remove the entry"
        return ""

    def _instead(self, entry: Known, fitting: Sequence[CaseResult], results: Iterable[CaseResult]) -> str:
        """What came of an entry that matched no failure."""
        if not fitting:
            return f"{self.spec} has no case {entry.case!r}{did_you_mean(entry.case, map(self._name, results))}"
        failed = [(self._name(r), finding) for r in fitting if (finding := _first(r)) is not None]
        if not failed:
            why = f": {fitting[0].message}" if fitting[0].message else ""
            return f"{entry.case} does not apply to this target{why}"
        name, finding = failed[0]
        now = f"{finding.requirement or 'no requirement'}: {finding.view}: {signature(finding)}"
        return f"{name} fails otherwise than listed ({entry.requirement}: {entry.seen}), now {now}"

    def _expired(self, entry: Known) -> bool:
        return entry.expires < self.today

    def _name(self, result: CaseResult) -> str:
        return result.case.removeprefix(f"{self.spec}/")

    def _fits(self, entry: Known, result: CaseResult) -> bool:
        return fnmatchcase(self._name(result), entry.case)


def signature(finding: Finding) -> str:
    """What a finding says before the first thing that was measured, which would be another one in the next run."""
    text = visible(finding.seen)
    measured = _MEASURED.search(text)
    return (text[: measured.start()] if measured else text).rstrip(" ;,:(") or finding.view


def _first(result: CaseResult) -> Finding | None:
    """The finding of a violation."""
    if result.outcome is not Outcome.VIOLATES or result.verdict is None:
        return None
    return next(iter(result.verdict.findings), None)


def _is(entry: Known, result: CaseResult) -> bool:
    """Whether it is this failure."""
    finding = _first(result)
    if finding is None or entry.requirement != (finding.requirement or ""):
        return False
    return entry.seen in f"{finding.view}: {visible(finding.seen)}"


def _open(result: CaseResult) -> bool:
    """Whether this run says nothing of the case."""
    return result.outcome in (None, Outcome.INCONCLUSIVE)
