"""The folder of traces: one file for each case, in the format that `roomcheck judge` reads."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from roomcheck.model.trace import Trace, read_trace, write_trace
from roomcheck.model.verdict import CaseResult, Outcome

REMEMBERED = 500  # conforming traces without a file, for their pictures; as text, which costs the collector nothing


@dataclass(slots=True)
class TraceFolder:
    """Where traces are kept. `every` False: only of cases that did not conform. `lost` says what could not be."""

    folder: Path
    every: bool = True
    lost: str = ""
    _remembered: dict[str, str] = field(default_factory=dict)

    @property
    def wants_conforming(self) -> bool:
        """Whether it still keeps traces that conform, as a file or for their pictures."""
        return self.every or len(self._remembered) < REMEMBERED

    def keep(self, case: str, trace: Trace, outcome: Outcome | None) -> str:
        """Write the trace of this case's id; returns the file's name, or nothing."""
        if not self.every and outcome is Outcome.CONFORMS:
            if len(self._remembered) < REMEMBERED:
                self._remembered[f"{trace.spec}/{case}"] = "\n".join(write_trace(trace))
            return ""
        path = self.folder / f"{case.replace('/', '.')}.jsonl"
        try:
            path.write_text("\n".join(write_trace(trace)) + "\n", encoding="utf-8")
        except OSError as e:
            self.lost = f"cannot write {path}: {e}; free some space or choose another --report-dir"
            return ""
        return str(path)

    def read(self, results: Iterable[CaseResult]) -> dict[str, Trace]:
        """The traces of these results as far as they were kept: the result's case -> its trace."""
        traces: dict[str, Trace] = {}
        for result in results:
            with contextlib.suppress(OSError, ValueError):  # a disk that is full has half a trace
                if result.trace_file:
                    text = Path(result.trace_file).read_text(encoding="utf-8")
                else:
                    text = self._remembered.get(result.case, "")
                if text:
                    traces[result.case] = read_trace(text.splitlines())
        return traces
