"""The stream of a run: one JSON object a line, complete up to a crash.

The first line is {"record": "run", ...}, written before anything is started; then {"record": "room", ...} once the room
has answered, one {"record": "case", ...} for each result in the order in which they became final, and
{"record": "end", ...}. A stream without its end was cut short. Pure ASCII, so no text of a room can harm a terminal
that shows it.
"""

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from enum import StrEnum
from typing import Any, TextIO

from roomcheck.errors import HarnessError
from roomcheck.model.checked import made
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, Wait, When
from roomcheck.model.verdict import Blame, CaseResult, Check, Finding, Outcome, RunFooter, RunHeader, Verdict, Window

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
        self._write({"record": "case", **result_data(result)})

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


def result_data(result: CaseResult) -> dict[str, Any]:
    """A result as plain data."""
    return {**asdict(result), "schedule": result.schedule and schedule_data(result.schedule)}


def schedule_data(schedule: Schedule) -> dict[str, Any]:
    """A schedule as plain data, exactly."""
    data = asdict(schedule)
    for step, plain in zip(schedule.steps, data["steps"], strict=True):
        plain["act"]["act"] = _ACT_NAMES[type(step.act)]
    return data


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
        except (ValueError, RecursionError) as e:
            broken = ValueError(f"line {number} is not JSON: {e}")
            continue
        try:
            if not isinstance(data, dict):
                raise ValueError("it is no object")  # noqa: TRY301, TRY004
            match data.pop("record", None):
                case "run":
                    header = _header(data)
                case _ if header is None:
                    raise ValueError("the first line must be {'record': 'run', ...}")  # noqa: TRY301
                case "room":
                    header = replace(header, room=str(data.get("room")), toxiproxy=str(data.get("toxiproxy")))
                case "case":
                    results.append(read_result(data))
                case "end":
                    footer = made(RunFooter, _with(data, {"died": _tuple}))
                case other:
                    raise ValueError(f"unknown record {other!r}")  # noqa: TRY301
        except ValueError as e:
            raise ValueError(f"line {number} is not a record of a run: {e}") from e
    if header is None:
        raise ValueError("no line {'record': 'run', ...}")
    return header, results, footer


def _header(data: dict[str, Any]) -> RunHeader:
    version = data.pop("version", None)
    if version != VERSION:
        raise ValueError(f"version {version} is not {VERSION}")
    return made(RunHeader, _with(data, {"unhidden": _tuple, "inferred": _tuple}))


def read_result(data: dict[str, Any]) -> CaseResult:
    """What `result_data` gave. ValueError: it does not fit."""
    makers: dict[str, Callable[[Any], Any]] = {
        "outcome": _named(Outcome), "blame": _named(Blame), "verdict": _verdict, "schedule": read_schedule,
        "requirements": _tuple, "log": _tuple,
    }  # fmt: skip
    return made(CaseResult, _with(data, makers))


def _verdict(data: Any) -> Verdict:
    return made(Verdict, _with(data, {
        "outcome": _named(Outcome),
        "findings": _each(lambda f: made(Finding, _with(f, {"misses": _tuple, "window": _window}))),
        "checks": _each(lambda c: made(Check, _with(c, {"outcome": _named(Outcome)}))),
        "leniency": _tuple,
    }))  # fmt: skip


def _window(data: Any) -> Window:
    return made(Window, _with(data, {}))


def read_schedule(data: Any) -> Schedule:
    """What `schedule_data` gave. ValueError: it does not fit."""
    return made(Schedule, _with(data, {
        "members": _each(lambda m: made(Member, _with(m, {}))),
        "rooms": _tuple,
        "steps": _each(lambda s: made(Step, _with(s, {"act": _act, "when": lambda w: made(When, _with(w, {}))}))),
    }))  # fmt: skip


def _act(data: Any) -> Call | Admin | Fault | Heal | Wait:
    named = _with(data, {"kind": _named(FaultKind)})
    kind = named.pop("act", None)
    if not isinstance(kind, str) or kind not in _ACTS:
        raise ValueError(f"unknown act {kind!r}")
    act: Call | Admin | Fault | Heal | Wait = made(_ACTS[kind], named)
    return act


def _with(data: Any, makers: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The object with those of its values made that are there and not null."""
    if not isinstance(data, dict):
        raise ValueError(f"{str(data)[:80]!r} is no object")  # noqa: TRY004
    return {k: makers[k](v) if k in makers and v is not None else v for k, v in data.items()}


def _named(kind: type[StrEnum]) -> Callable[[Any], StrEnum]:
    return lambda value: kind(str(value))


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _each(maker: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: tuple(maker(v) for v in value) if isinstance(value, list) else value
