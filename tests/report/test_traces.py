"""The folder of traces, and what can be read back from it."""

from dataclasses import replace
from pathlib import Path

import pytest

from report import samples
from report.played import play, some
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import CaseResult, Outcome
from roomcheck.report import traces as module
from roomcheck.report.traces import TraceFolder


def played() -> tuple[CaseResult, Trace]:
    results, traces = play(some("login-alone"))
    return results[0], traces[results[0].case]


def test_a_trace_is_read_back_from_its_file(tmp_path: Path) -> None:
    """As it was."""
    result, trace = played()
    folder = TraceFolder(tmp_path)
    file = folder.keep("login-alone", trace, Outcome.CONFORMS)

    assert file == str(tmp_path / "login-alone.jsonl")
    assert folder.read([replace(result, trace_file=file)]) == {result.case: trace}


def test_a_conforming_trace_without_a_file_is_remembered(tmp_path: Path) -> None:
    """A search writes only what did not conform; its pictures are drawn all the same."""
    result, trace = played()
    folder = TraceFolder(tmp_path, every=False)

    assert folder.keep("login-alone", trace, Outcome.CONFORMS) == ""
    assert list(tmp_path.iterdir()) == []
    assert folder.read([result]) == {result.case: trace}


def test_only_so_many_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search may go on for hours."""
    result, trace = played()
    monkeypatch.setattr(module, "REMEMBERED", 1)
    folder = TraceFolder(tmp_path, every=False)
    for case in ("login-alone", "login-twice"):
        folder.keep(case, trace, Outcome.CONFORMS)

    other = replace(result, case=result.case.replace("alone", "twice"))
    assert list(folder.read([result, other])) == [result.case]


def test_what_cannot_be_read_costs_its_picture_only(tmp_path: Path) -> None:
    """A file that is gone, one that is cut short, and a case that never had one."""
    result, trace = played()
    folder = TraceFolder(tmp_path)
    cut = Path(folder.keep("cut", trace, Outcome.VIOLATES))
    cut.write_text(cut.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    good = replace(result, trace_file=folder.keep("good", trace, None))
    lost = [samples.good("v/s/a/b"), replace(result, case="v/s/cut", trace_file=str(cut)), samples.absent()]

    assert list(folder.read([*lost, good])) == [good.case]
