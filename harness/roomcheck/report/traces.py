"""The folder of traces: one file for each case, in the format that `roomcheck judge` reads."""

from dataclasses import dataclass
from pathlib import Path

from roomcheck.model.trace import Trace, write_trace
from roomcheck.model.verdict import Outcome


@dataclass(slots=True)
class TraceFolder:
    """Where traces are kept. `every` False: only of cases that did not conform. `lost` says what could not be."""

    folder: Path
    every: bool = True
    lost: str = ""

    def keep(self, case: str, trace: Trace, outcome: Outcome | None) -> str:
        """Write the trace of this case's id; returns the file's name, or nothing."""
        if not self.every and outcome is Outcome.CONFORMS:
            return ""
        path = self.folder / f"{case.replace('/', '.')}.jsonl"
        try:
            path.write_text("\n".join(write_trace(trace)) + "\n", encoding="utf-8")
        except OSError as e:
            self.lost = f"cannot write {path}: {e}; free some space or choose another --report-dir"
            return ""
        return str(path)
