"""The matrix of servers and clients: how each pair ended, as a table for people and as data.

A pair that could not be installed, hung or crashed has a cell that says so: it is a result too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from roomcheck.model.verdict import CaseResult, Outcome
from roomcheck.report.exitcode import AS_EXPECTED, HARNESS, NOTHING, PRECEDENCE
from roomcheck.report.known import KNOWN_FAILURES
from roomcheck.report.text import visible
from roomcheck.spec.schemas import DIALECT

FORMAT = 1
NO_REQUIREMENT = "(no requirement)"


class State(StrEnum):
    """What became of a pair."""

    WAITING = "not played"
    UNFIT = "does not fit"
    NOT_INSTALLED = "not installed"
    PLAYED = "played"
    HUNG = "no end"
    DIED = "ended early"


@dataclass(slots=True)
class Pair:
    """One cell. `target` is what a command line takes; `violated`: requirement -> cases that broke it first.

    `stale` counts entries of the lists of known failures that do not hold.
    """

    server: str
    client: str
    target: str
    state: State = State.WAITING
    exit_code: int | None = None
    room: str = ""
    conforms: int = 0
    known: int = 0
    violates: int = 0
    inconclusive: int = 0
    no_verdict: int = 0
    stale: int = 0
    violated: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    stream: str = ""
    message: str = ""

    def take(self, results: Iterable[CaseResult]) -> None:
        """Count what was found."""
        self.conforms = self.known = self.violates = self.inconclusive = self.no_verdict = 0
        self.violated, self.stale = {}, 0
        for result in results:
            if result.scenario == KNOWN_FAILURES:
                self.stale += 1
                continue
            match result.outcome:
                case Outcome.CONFORMS:
                    self.conforms += 1
                case Outcome.INCONCLUSIVE:
                    self.inconclusive += 1
                case Outcome.VIOLATES if result.known:
                    self.known += 1
                case Outcome.VIOLATES:
                    self.violates += 1
                    first = next(iter(result.verdict.findings), None) if result.verdict else None
                    name = (first.requirement if first else None) or NO_REQUIREMENT
                    self.violated[name] = self.violated.get(name, 0) + 1
                case None:
                    self.no_verdict += 1

    @property
    def text(self) -> str:
        """The cell."""
        if self.state is not State.PLAYED:
            return self.state.value
        counts = (
            (self.violates, "violates"), (self.no_verdict, "without verdict"), (self.inconclusive, "inconclusive"),
            (self.stale, "known but not seen"), (self.known, "known"), (self.conforms, "conform"),
        )  # fmt: skip
        return ", ".join(f"{count} {word}" for count, word in counts if count) or "nothing checked"

    @property
    def code(self) -> int | None:
        """The exit code that it stands for; None of one that was not played yet."""
        match self.state:
            case State.WAITING:
                return None
            case State.PLAYED:
                return self.exit_code
            case State.HUNG | State.DIED:
                return HARNESS
            case _:
                return NOTHING


@dataclass(frozen=True, slots=True)
class Interop:
    """A contract, and every pair of its servers and clients."""

    contract: str
    servers: Sequence[str]
    clients: Sequence[str]
    pairs: Sequence[Pair]

    def exit_code(self) -> int:
        """The worst of all pairs, as for the cases of a run."""
        codes = {pair.code for pair in self.pairs}
        return next((code for code in PRECEDENCE if code in codes), AS_EXPECTED if codes - {None} else NOTHING)

    def lines(self) -> list[str]:
        """The table, and below it what is to be said of single pairs."""
        cells = {(pair.server, pair.client): pair.text for pair in self.pairs}
        rows = [["", *self.clients]] + [[s, *(cells.get((s, c), "") for c in self.clients)] for s in self.servers]
        shown = [[visible(text) for text in row] for row in rows]
        widths = [max(len(row[i]) for row in shown) for i in range(len(shown[0]))]
        table = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in shown
        ]
        return [*table, *(f"{pair.target}: {visible(said)}" for pair in self.pairs if (said := self._said(pair)))]

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {
            "format": FORMAT, "contract": self.contract, "servers": [*self.servers], "clients": [*self.clients],
            "exit_code": self.exit_code(),
            "pairs": [asdict(pair) for pair in self.pairs],
        }  # fmt: skip

    def _said(self, pair: Pair) -> str:
        broken = ", ".join(f"{name} ({count})" for name, count in sorted(pair.violated.items()))
        return "; ".join(filter(None, [f"violates {broken}" if broken else "", pair.message]))


def schema() -> dict[str, Any]:
    """The JSON Schema of matrix.json."""
    made = TypeAdapter(Interop).json_schema()
    first = {"format": {"const": FORMAT}, "exit_code": {"type": "integer"}}
    closed = {"required": [*first, *made["properties"]], "additionalProperties": False}
    made["$defs"]["Pair"] |= {"required": [*made["$defs"]["Pair"]["properties"]], "additionalProperties": False}
    return {
        "$schema": DIALECT,
        **made,
        "properties": first | made["properties"],
        **closed,
        "title": "roomcheck: a matrix",
    }
