"""The stream of a run: one JSON object a line, complete up to a crash.

The first line is {"record": "run", ...}, written before anything is started; then {"record": "room", ...} once the room
has answered, one {"record": "case", ...} for each result in the order in which they became final, and
{"record": "end", ...}. A stream without its end was cut short. Pure ASCII, so no text of a room can harm a terminal
that shows it.
"""

import contextlib
import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any, TextIO

from roomcheck.errors import HarnessError
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, Wait, When
from roomcheck.model.verdict import Blame, CaseResult, Check, Finding, Outcome, RunFooter, RunHeader, Verdict

VERSION = 1
_ACTS: dict[str, type[Any]] = {"call": Call, "admin": Admin, "fault": Fault, "heal": Heal, "wait": Wait}
_ACT_NAMES = {cls: name for name, cls in _ACTS.items()}


class StreamWriter:
    """Writes and flushes line by line.

    A full disk must not cost the run its other reports: after the first failure nothing more is written, what is there
    stays, and `footer` raises the HarnessError.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lost: OSError | None = None

    def header(self, header: RunHeader) -> None:
        """The first line."""
        self._write({"record": "run", "version": VERSION, **asdict(header)})

    def room(self, room: str, toxiproxy: str) -> None:
        """Who answered, and through which Toxiproxy it is reached: what the header could not say yet."""
        self._write({"record": "room", "room": room, "toxiproxy": toxiproxy})

    def result(self, result: CaseResult) -> None:
        """One case."""
        data = asdict(result)
        if result.schedule is not None:
            for step, plain in zip(result.schedule.steps, data["schedule"]["steps"], strict=True):
                plain["act"]["act"] = _ACT_NAMES[type(step.act)]
        self._write({"record": "case", **data})

    def footer(self, footer: RunFooter) -> None:
        """The last line; HarnessError if any line could not be written."""
        self._write({"record": "end", **asdict(footer)})
        if self._lost is not None:
            name = getattr(self._file, "name", "the stream")
            raise HarnessError(f"cannot write {name}: {self._lost}; free some space or choose another --report-dir")

    def _write(self, data: dict[str, Any]) -> None:
        if self._lost is not None:
            return
        try:
            self._file.write(json.dumps(data, default=dict) + "\n")
            self._file.flush()
        except OSError as e:
            self._lost = e
            with contextlib.suppress(OSError):  # drops what is still buffered, so that closing it later is quiet
                self._file.close()


def read_stream(lines: Iterable[str]) -> tuple[RunHeader, list[CaseResult], RunFooter | None]:
    """The lines of a stream -> its values; the footer is None when the run did not end.

    A last line that was cut is left out. ValueError names any other line that does not fit.
    """
    header: RunHeader | None = None
    footer: RunFooter | None = None
    results: list[CaseResult] = []
    broken: ValueError | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if broken is not None:
            raise broken
        try:
            data = json.loads(line)
        except ValueError as e:
            broken = ValueError(f"line {number} is not JSON: {e}")
            continue
        try:
            match data.pop("record"):
                case "run":
                    header = _header(data)
                case "room" if header is not None:
                    header = replace(header, **data)
                case "case":
                    results.append(_result(data))
                case "end":
                    footer = RunFooter(**data)
                case other:
                    raise ValueError(f"unknown record {other!r}")  # noqa: TRY301
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            raise ValueError(f"line {number} is not a record of a run: {e}") from e
    if header is None:
        raise ValueError("no line {'record': 'run', ...}")
    return header, results, footer


def _header(data: dict[str, Any]) -> RunHeader:
    version = data.pop("version")
    if version != VERSION:
        raise ValueError(f"version {version} is not {VERSION}")
    return RunHeader(**data)


def _result(data: dict[str, Any]) -> CaseResult:
    outcome, blame, verdict, schedule = (data.pop(key) for key in ("outcome", "blame", "verdict", "schedule"))
    return CaseResult(
        **{**data, "requirements": tuple(data["requirements"]), "log": tuple(data["log"])},
        outcome=None if outcome is None else Outcome(outcome),
        blame=None if blame is None else Blame(blame),
        verdict=None if verdict is None else _verdict(verdict),
        schedule=None if schedule is None else _schedule(schedule),
    )


def _verdict(data: dict[str, Any]) -> Verdict:
    return Verdict(
        outcome=Outcome(data["outcome"]),
        findings=tuple(Finding(**{**f, "misses": tuple(f["misses"])}) for f in data["findings"]),
        checks=tuple(Check(**{**c, "outcome": Outcome(c["outcome"])}) for c in data["checks"]),
        leniency=tuple(data["leniency"]),
    )


def _schedule(data: dict[str, Any]) -> Schedule:
    return Schedule(
        members=tuple(Member(**m) for m in data["members"]),
        rooms=tuple(data["rooms"]),
        steps=tuple(Step(_act(s["act"]), When(**s["when"]), s["label"]) for s in data["steps"]),
        watch=data["watch"],
        pace=data.get("pace"),
    )


def _act(data: dict[str, Any]) -> Call | Admin | Fault | Heal | Wait:
    cls = _ACTS[data.pop("act")]
    if cls is Fault:
        data["kind"] = FaultKind(data["kind"])
    act: Call | Admin | Fault | Heal | Wait = cls(**data)
    return act
