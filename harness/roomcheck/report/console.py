"""What a person sees: progress while cases run, then what was found and what was checked.

On a terminal there is a progress bar; in a CI log there are plain lines, one for each case that did not conform and
one for each tenth of the run. Nothing of a room's text is read as markup.
"""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self, TextIO, cast

from rich.console import Console as Screen
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from roomcheck.judge.coverage import Coverage
from roomcheck.model.time import show_duration
from roomcheck.model.verdict import CaseResult, Outcome, RunFooter, RunHeader
from roomcheck.report.exitcode import VIOLATION
from roomcheck.report.explain import EXPECTED, explain, headline, speed_text
from roomcheck.report.output import Output
from roomcheck.report.text import clipped, visible

SEARCH_SAID = 30.0  # seconds between two lines in a log about a search that does not know how many it will play
EXPLAINED = 10  # findings in full; every requirement that was broken is explained once
LISTED = 20  # other bad cases, one line each
LENIENT = 5
LOG_WIDTH = 120  # of a table where no terminal says how wide it is
NAMED = 10  # requirements that were not checked, by name
TENTHS = 10
REFRESH = 2  # a second; drawing the bar takes 1 ms (2 cores) of the process that must not be late
NO_VERDICT = "no verdict"
COLUMNS = (Outcome.CONFORMS, Outcome.VIOLATES, Outcome.INCONCLUSIVE, Outcome.NOT_APPLICABLE)
STYLE = {Outcome.CONFORMS: "green", Outcome.VIOLATES: "red", Outcome.INCONCLUSIVE: "yellow", None: "magenta"}
MEANING = {
    0: "as expected",
    1: "the room violates its contract",
    2: "inconclusive: this machine could not tell",
    3: "the adapter broke its protocol, or died",
    4: "nothing was checked, or the target could not run or died",
    5: "the harness or the machine failed",
    130: "interrupted",
}


class Console:
    """The run on standard output. Use it in a `with`, so that a progress bar is gone whatever happens."""

    def __init__(self, *, quiet: bool = False, file: TextIO | None = None) -> None:
        self._file = Output(file or sys.stdout)
        self._quiet = quiet
        width = None if self._file.isatty() else LOG_WIDTH
        screen = cast("TextIO", self._file)
        self._screen = Screen(file=screen, width=width, markup=False, highlight=False, emoji=False)
        self._header: RunHeader | None = None
        self._cases = 0
        self._done = 0
        self._findings = 0
        self._searching = False
        self._said = 0.0  # when a line told how a search goes on
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_progress()

    @property
    def lost(self) -> str:
        """Why standard output could not be written, in one line; empty while it can."""
        return self._file.lost

    def start(self, header: RunHeader) -> None:
        """The run begins (again, where the room became known later)."""
        self._header = header
        self._cases = header.cases
        if self._quiet:
            return
        speed = speed_text(header.scale)
        room = f" ({header.room})" if header.room else ""
        file = f" ({header.file})" if header.file else ""
        self._say(f"{header.spec} {header.revision}{file} on {header.target}{room}, Toxiproxy {header.toxiproxy}")
        self._say(f"{f'{header.cases} cases' if header.cases else 'schedules by time'}, {speed}")
        if self._file.isatty() and not self._screen.is_dumb_terminal and self._progress is None:
            self._progress = Progress(
                TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                console=self._screen, transient=True, refresh_per_second=REFRESH,
            )  # fmt: skip
            self._task = self._progress.add_task("playing", total=header.cases)
            self._progress.start()

    def speed(self, scale: float) -> None:
        """Cases begin at another speed from now on."""
        if not self._quiet:
            self._say(f"this machine is late: cases begin {speed_text(scale)} from now on")

    def case(self, result: CaseResult) -> None:
        """A case has its final result."""
        if bad(result):
            self._findings += 1
            self._say(headline(result), STYLE[result.outcome])
        if not self._searching:
            self._count(self._done + 1)

    def _count(self, done: int) -> None:
        """So many cases are done; a search by time does not know of how many."""
        before, self._done = self._done, done
        if self._progress is not None:
            self._progress.update(self._task, completed=done)
        elif not self._quiet and self._cases and done * TENTHS // self._cases > before * TENTHS // self._cases:
            self._say(f"{done}/{self._cases} cases, {_count(self._findings, 'finding')}")

    def tick(self, running: int, done: int) -> None:
        """How many cases run at this moment, and how many are done."""
        self._done = max(self._done, done)
        if self._progress is not None:
            self._progress.update(
                self._task, completed=self._done, description=f"{running} running, {_count(self._findings, 'finding')}"
            )

    def searched(self, played: int, seconds: float) -> None:
        """How a search goes on, which reports findings of one kind once, and long after they were played."""
        self._searching = True
        self._count(played)
        text = f"{60 * played / max(seconds, 0.001):.0f} a minute, {_count(self._findings, 'finding')}"
        if self._progress is not None:
            self._progress.update(self._task, completed=played, description=text)
        elif not self._quiet and not self._cases and seconds - self._said >= SEARCH_SAID:
            self._said = seconds
            self._say(f"{played} played, {text}")

    def goes_on(self, text: str) -> None:
        """What a search does now."""
        if self._progress is not None:
            self._progress.update(self._task, description=text)
        elif not self._quiet:
            self._say(text)

    def confirming(self, kind: str, schedules: int) -> None:
        """So many schedules violate in one way, which is looked at for a minute or two before it is told."""
        if not self._quiet:
            self._say(f"{kind}: {_count(schedules, 'schedule')} violated, played again and made shorter now")

    def covered(self, coverage: Coverage | None) -> None:
        """What random schedules met of the contract, and what never fired."""
        if coverage is None or self._quiet:
            return
        self._end_progress()
        self._say("")
        rules = len(coverage.rules)
        self._say(
            f"met: {_count(len(coverage.triples), '(state, cause, fault) triple')}, {_count(rules, 'rule')} fired"
        )
        for title, names in (("never fired", coverage.silent_rules()), ("not exercised", coverage.unexercised())):
            if names:
                more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
                self._say(f"{title}: {'; '.join(names[:NAMED])}{more}")

    def finish(self, results: Sequence[CaseResult], footer: RunFooter, paths: Mapping[str, Path]) -> None:
        """The summary: findings explained, what was checked, lateness, blame, where the reports are."""
        self._end_progress()
        if self._header is not None:
            self._explain([r for r in results if bad(r)], self._header)
            if not self._quiet:
                self._table(results, self._header)
                self._lenient(results)
            for entry in self._header.unhidden:
                self._say(f"not hidden in the reports: {entry}", "yellow")
        self._totals(results, footer)
        for name, path in paths.items():
            self._say(f"{name + ':':<10} {path}")
        self._say(
            f"{meaning(results, footer)} (exit code {footer.exit_code})", "green" if footer.exit_code == 0 else "red"
        )

    def _explain(self, wrong: Sequence[CaseResult], header: RunHeader) -> None:
        """Each requirement once, by its shortest case; then the names of the others."""
        groups: dict[str, list[CaseResult]] = {}
        for result in sorted(wrong, key=_weight):
            groups.setdefault(_group(result), []).append(result)
        shown = [group[0] for group in groups.values()][:EXPLAINED]
        for result in shown:
            self._say("")
            head, *lines = explain(result, header)
            self._say(head, STYLE[result.outcome])
            for line in lines:
                self._say(line)
        others = [r for group in groups.values() for r in group if not any(r is s for s in shown)]
        if others:
            self._say("")
            self._say(f"{_count(len(others), 'more case')} that did not conform:")
        for result in others[:LISTED]:
            self._say(f"  {headline(result)}: {_group(result)}")
        if len(others) > LISTED:
            self._say(f"  and {len(others) - LISTED} more, see the reports")

    def _table(self, results: Sequence[CaseResult], header: RunHeader) -> None:
        counts = by_requirement(results)
        table = Table(title=None, box=None, pad_edge=False, header_style="bold")
        table.add_column("requirement", no_wrap=True)
        table.add_column("level")
        for name in (*(o.value for o in COLUMNS), NO_VERDICT):
            table.add_column(name, justify="right")
        for requirement, count in sorted(counts.items()):
            cells = [Text(str(count[o] or "-"), STYLE.get(o, "") if count[o] else "dim") for o in (*COLUMNS, None)]
            level = header.levels.get(requirement, "")
            table.add_row(Text(visible(requirement)), Text(visible(level)), *cells)
        if counts:
            self._say("")
            self._screen.print(table)
        unchecked = sorted(set(header.sentences) - set(counts))
        if unchecked:
            names = ", ".join(unchecked) if len(unchecked) <= NAMED else f"{len(unchecked)} more requirements"
            self._say(f"not checked in this run: {names}")

    def _lenient(self, results: Sequence[CaseResult]) -> None:
        texts = list(dict.fromkeys(t for r in results if r.verdict for t in r.verdict.leniency))
        for text in texts[:LENIENT]:
            self._say(f"lenient: {text}")
        if len(texts) > LENIENT:
            self._say(f"lenient: and {len(texts) - LENIENT} more, see the reports")

    def _totals(self, results: Sequence[CaseResult], footer: RunFooter) -> None:
        outcomes = Counter(r.outcome for r in results if not r.known)
        parts = [f"{outcomes[o]} {o.value}" for o in COLUMNS if outcomes[o]]
        known = sum(bool(r.known) for r in results)
        parts += [_count(known, EXPECTED)] if known else []
        parts += [f"{outcomes[None]} {NO_VERDICT}"] if outcomes[None] else []
        self._say("")
        if not footer.complete:
            done = self._done if self._searching else len(results)
            of = f" of {self._cases}" if self._cases else ""
            what = "schedules were played" if self._searching else "cases have a result"
            self._say(f"not complete: {done}{of} {what}", "red")
        self._say(f"{_count(len(results), 'case')} in {footer.seconds:.1f} s: {', '.join(parts) or 'none'}")
        blamed = Counter(r.blame.value for r in results if r.blame and not r.known)
        if blamed:
            self._say(f"blame: {', '.join(f'{name} {count}' for name, count in blamed.most_common())}")
        scales = Counter(r.scale for r in results if r.scale)
        if len(scales) > 1:
            each = (f"{count} {speed_text(scale)}" for scale, count in sorted(scales.items(), reverse=True))
            self._say(f"decided: {', '.join(each)}")
        again = sum(r.attempts > 1 for r in results)
        tries = f"; {_count(again, 'case')} ran more than once" if again else ""
        self._say(
            f"lateness of this machine: {show_duration(footer.lateness_p99)} (99 %), "
            f"{show_duration(footer.lateness_max)} at worst{tries}"
        )

    def _say(self, text: str, style: str = "") -> None:
        """One line as it is, never wrapped, in whatever the output can encode."""
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        safe = visible(text).encode(encoding, "backslashreplace").decode(encoding)
        self._screen.print(Text(safe, style), soft_wrap=True)

    def _end_progress(self) -> None:
        if self._progress is not None:
            with contextlib.suppress(OSError, ValueError):  # the terminal is gone: nothing is left to clean
                self._progress.stop()
            self._progress = None


def meaning(results: Iterable[CaseResult], footer: RunFooter) -> str:
    """What the exit code says, in words."""
    violates = any(r.outcome is Outcome.VIOLATES and not r.known for r in results)
    if footer.exit_code == VIOLATION and not violates:
        return "the list of known failures does not hold"
    return MEANING.get(footer.exit_code, "")


def bad(result: CaseResult) -> bool:
    """Whether a person should look at it."""
    return not result.known and result.outcome not in (Outcome.CONFORMS, Outcome.NOT_APPLICABLE)


def by_requirement(results: Iterable[CaseResult]) -> dict[str, Counter[Outcome | None]]:
    """Requirement -> in how many cases it ended how; the worst of a case's checks counts, None is no verdict."""
    worst = (Outcome.VIOLATES, Outcome.INCONCLUSIVE, Outcome.CONFORMS, Outcome.NOT_APPLICABLE)
    counts: dict[str, Counter[Outcome | None]] = {}
    for result in results:
        ended: dict[str, Outcome | None] = dict.fromkeys(result.requirements)
        if result.verdict is None and result.outcome is Outcome.NOT_APPLICABLE:
            ended = dict.fromkeys(result.requirements, Outcome.NOT_APPLICABLE)
        for check in result.verdict.checks if result.verdict else ():
            if check.requirement is not None:
                known = ended.get(check.requirement)
                outcome = check.outcome
                ended[check.requirement] = outcome if known is None else min(known, outcome, key=worst.index)
        for requirement, outcome_ in ended.items():
            counts.setdefault(requirement, Counter())[outcome_] += 1
    return counts


def _weight(result: CaseResult) -> tuple[bool, int]:
    """Violations first, short schedules first."""
    return result.outcome is not Outcome.VIOLATES, len(result.schedule.steps) if result.schedule else 0


def _group(result: CaseResult) -> str:
    """What bad cases have in common: the broken requirement, or who is to blame."""
    findings = result.verdict.findings if result.verdict else ()
    if findings and findings[0].requirement:
        return findings[0].requirement
    return clipped(result.message, 100)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
