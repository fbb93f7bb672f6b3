"""What is concluded from sockets, and that hostile adapters are blamed as adapters."""

import asyncio

import pytest

from roomcheck.cli.confirm import _judged, confirm
from roomcheck.cli.playing import Bound, Choice
from roomcheck.model.verdict import Blame, CaseResult, Finding, Outcome, Verdict
from roomcheck.reference.hostile import HOSTILE
from roomcheck.report.matrix import Ending, Kind, Row
from roomcheck.report.traces import TraceFolder

SAID: dict[str, str | tuple[str, ...]] = {
    "lazy": "instead of 'unsupported'",
    "lying": "claimed it at hello",
    "gappy": "some are lost",
    "noisy": "is not a message of the protocol",
    "late": "hello",
    "hanging": ("this one call hangs", "the whole program hangs"),  # its pongs may be late on a busy machine
    "crashing": "ended with status 11",
    "flooding": (
        "it floods",
        "this one call hangs",
        "the whole program hangs",
    ),  # what a busy machine sees first is the call that it drowns
}
ROW = Row("x", Kind.CLIENT, "", "", ("Q-1", "Q-2"), Ending.CAUGHT)


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """All of them at once, since most of their time is spent waiting."""
    folder = tmp_path_factory.mktemp("hostile")
    plan = Bound.of(Choice()).plan(print, TraceFolder(folder, every=False), jobs=8)
    rows: dict[str, Row] = {}
    asyncio.run(confirm(plan, [], HOSTILE, lambda row: rows.update({row.name: row})))
    return rows


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_adapter_is_blamed_and_the_room_is_not(name: str, adapters: dict[str, Row]) -> None:
    """And it is said what it did."""
    row = adapters[name]

    assert row.ending is Ending.CAUGHT
    said = SAID[name]
    assert any(words in row.message for words in ([said] if isinstance(said, str) else said)), row.message
    assert not any(played.requirements for played in row.real)


def result(outcome: Outcome | None, *requirements: str) -> CaseResult:
    findings = tuple(Finding(name, "A", 0, "", "") for name in requirements)
    verdict = Verdict(outcome, findings) if outcome else None
    return CaseResult("s/t/case", "case", "", None, outcome, None if outcome else Blame.HARNESS, "", verdict, 0.0, 1)


@pytest.mark.parametrize(
    ("results", "ending"),
    [
        ([result(Outcome.VIOLATES, "Q-9", "Q-2"), result(Outcome.CONFORMS)], Ending.CAUGHT),
        ([result(Outcome.VIOLATES, "Q-9"), result(Outcome.CONFORMS)], Ending.MISNAMED),
        ([result(Outcome.VIOLATES, "Q-9"), result(Outcome.INCONCLUSIVE, "Q-1")], Ending.DOUBTFUL),
        ([result(Outcome.CONFORMS), result(None)], Ending.BROKEN),
        ([result(Outcome.CONFORMS)], Ending.MISSED),
        ([], Ending.CAUGHT),
    ],
)
def test_what_sockets_show_counts_for_more_than_virtual_time(results: list[CaseResult], ending: Ending) -> None:
    """Doubt before a wrong name, and a right name before everything."""
    assert _judged(ROW, results).ending is ending
