"""An adapter that breaks its protocol is blamed as what it is, never the room, and costs no other case its verdict."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from roomcheck.model.verdict import Blame, Outcome
from roomcheck.report.exitcode import ADAPTER as ADAPTERS
from roomcheck.report.exitcode import AS_EXPECTED, VIOLATION
from support.chosen import asked
from support.runs import ADAPTER, SERVER, Done, patterns, run, sure, write_target

TESTS = Path(__file__).parents[1]
HEALTHY, HURT = "login-alone", "logout"

BREAKS = {  # what the adapter does at the logout -> what must be said of it
    "hangs": "it still answers pings, so this one call hangs",
    "crashes": "ended with status 11",
    "prints": "is not a message of the protocol",
    "loses a callback": "some are lost",
    "swallows": "its SDK swallowed that: KeyError: 'roomID' at broken_adapter.py:",
    "raises": "the SDK has no such room",
}
CLOSES = {  # what it does at a close -> what must be said of it
    "never closes": "no answer to close",
    "raises at close": "{'error': 'RuntimeError: the SDK is gone'}",
}
STARTS = {  # adapters of tests/adapters/hostile.py that do not get as far as a case
    "lazy": "instead of 'unsupported'",
    "exits": "no licence file",
    "banner": "welcome to the SDK",
    "other-version": "protocol",
}

NIGHT = {
    "never closes",
    "prints",
    "loses a callback",
    "raises",
    "banner",
    "other-version",
}  # tests/adapters has each, without a run

Runs = Mapping[str, Future[Done]]


def chosen(names: Iterable[str]) -> list[Any]:
    """These as parameters."""
    return [pytest.param(name, marks=pytest.mark.night if name in NIGHT else ()) for name in names]


def command(program: Path, name: str) -> str:
    """The adapter's command as YAML."""
    return f"['{{python}}', '{program}', '{name}']"


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pool: ThreadPoolExecutor) -> Runs:
    """One run for each adapter that is asked for, and for the crashing one: a case that it plays well, and one that it breaks."""

    def start(program: Path, name: str) -> Future[Done]:
        folder = tmp_path_factory.mktemp(name.replace(" ", "-"))
        target = write_target(folder, adapter=command(program, name))
        words = ["run", "--target", str(target), *patterns(HEALTHY, HURT)]
        return pool.submit(sure, lambda: run(words, folder))

    programs = dict.fromkeys([*BREAKS, *CLOSES], TESTS / "end_to_end" / "broken_adapter.py")
    programs |= dict.fromkeys(STARTS, TESTS / "adapters" / "hostile.py")
    names = asked(request, __file__) | {"crashes"}
    wanted = {name: program for name, program in programs.items() if name in names}
    return {name: start(program, name) for name, program in wanted.items()}


@pytest.mark.parametrize("name", chosen(BREAKS))
def test_a_broken_case_is_the_adapters_and_the_others_keep_their_verdict(name: str, runs: Runs) -> None:
    """Exit 3, one error that says what was wrong, and the verdict of the healthy case."""
    done = runs[name].result()

    assert done.code == ADAPTERS, done.out + done.err
    results = done.reports.results
    assert (results[HURT].outcome, results[HURT].blame) == (None, Blame.ADAPTER)
    assert BREAKS[name] in results[HURT].message
    assert results[HEALTHY].outcome is Outcome.CONFORMS
    assert [error.type for error in done.reports.errors()] == ["adapter"]


@pytest.mark.parametrize("name", chosen(CLOSES))
def test_members_that_are_not_closed_are_told_in_one_line(name: str, runs: Runs) -> None:
    """They cost no case its verdict, and the run ends."""
    done = runs[name].result()

    assert done.code == AS_EXPECTED, done.out + done.err
    assert {result.outcome for result in done.reports.results.values()} == {Outcome.CONFORMS}
    (said,) = [line for line in done.err.splitlines() if "not closed" in line]
    assert said.startswith("roomcheck: members of 2 cases were not closed; ")
    assert CLOSES[name] in said


def test_what_a_crashing_sdk_said_last_is_shown(runs: Runs) -> None:
    """Its free text stands in the case's message."""
    assert "segmentation fault in the SDK" in runs["crashes"].result().reports.results[HURT].message


@pytest.mark.parametrize("name", chosen(STARTS))
def test_an_adapter_that_cannot_be_trusted_from_the_start_ends_the_run(name: str, runs: Runs) -> None:
    """Exit 3 and one message on stderr; no case is judged, and the reports say so."""
    done = runs[name].result()

    assert done.code == ADAPTERS, done.out + done.err
    assert done.err.startswith("roomcheck: adapter")
    assert STARTS[name] in done.err
    assert "Traceback" not in done.err
    assert not done.reports.results
    assert (done.reports.footer.exit_code, done.reports.footer.complete) == (ADAPTERS, False)
    assert [e.message for e in done.reports.errors()] == ["the run ended early: 0 of 2 cases have a result"]


def test_what_adapter_and_server_printed_stands_beside_a_finding(tmp_path: Path) -> None:
    """Their last lines within the case's time, so that an exception that an SDK swallowed is seen."""
    talk = "while sleep 0.05; do echo %s; done"
    adapter = f'[sh, -c, \'({talk % "swallowed by the SDK"}) >&2 & exec "$0" "$@"\', {ADAPTER[1:-1]}, --defect, kick-wrong-code]'
    server = f'[sh, -c, \'echo before; ({talk % "the room is busy"}) & exec "$0" "$@"\', {SERVER[1:-1]}, --defect, kick-wrong-code]'
    target = write_target(tmp_path, adapter=adapter, server=server)

    done = sure(
        lambda: run(["run", "--target", str(target), *patterns("kick", HEALTHY)], tmp_path),
        lambda done: done.code == VIOLATION,
    )

    assert done.code == VIOLATION, done.out + done.err
    told = done.reports.results["kick"].log
    assert set(told) == {"adapter: swallowed by the SDK", "server: the room is busy"}
    assert "  adapter  swallowed by the SDK\n" in done.out
    assert "  server   the room is busy\n" in done.out
    assert not done.reports.results[HEALTHY].log
