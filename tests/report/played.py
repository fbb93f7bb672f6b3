"""Runs of the ZEGO contract in virtual time, as the HTML report gets them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count, islice

from roomcheck.judge import judge
from roomcheck.judge.result import result_of
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import CaseResult, RunFooter, RunHeader
from roomcheck.reference import defects
from roomcheck.report.html import Pictures, write_html
from roomcheck.simulate import simulate
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from simulate.zego import contract

SCALE = 100.0


def zego(cases: Sequence[Case] = ()) -> Contract:
    """The contract with these cases in place of its own."""
    whole = contract(SCALE)
    return replace(whole, cases=tuple(cases)) if cases else whole


def some(*names: str) -> list[Case]:
    return [c for c in contract(SCALE).cases if c.id in names]


def many(number: int) -> list[Case]:
    """So many: the contract's own, again and again under new names."""
    copies = (replace(c, id=f"{c.id}.{i}") for i in count() for c in contract(SCALE).cases)
    return list(islice(copies, number))


def play(cases: Sequence[Case], defect: str | None = None) -> tuple[list[CaseResult], dict[str, Trace]]:
    """Results and traces."""
    bound = zego()
    results, traces = [], {}
    for case in cases:
        trace = simulate(bound, case, clients=defects.client(defect), server=defects.server(defect))
        result = result_of(bound, case, judge(bound, trace, case), repeat=f"roomcheck run -k {case.id}")
        results.append(result)
        traces[result.case] = trace
    return results, traces


def report(cases: Sequence[Case], results: Sequence[CaseResult], traces: dict[str, Trace]) -> str:
    """The file's text."""
    bound = zego(cases)
    header = RunHeader(
        target="reference", spec=bound.spec, revision=bound.revision, room="a room 1.0", toxiproxy="2.12.0",
        scale=SCALE, started="2026-11-24T02:00:00+00:00", roomcheck="0.1.0", cases=len(results),
        sentences={r.id: r.says for r in bound.requirements.values()},
        levels={r.id: r.level for r in bound.requirements.values()},
        cites={r.id: r.cite for r in bound.requirements.values()},
    )  # fmt: skip
    footer = RunFooter(1, 3.25, 3_000, 12_500, complete=True)
    return write_html(header, results, footer, Pictures(lambda _scale: bound, traces, lambda file: f"traces/{file}"))
