"""The proof that the harness finds what is wrong: the reference room with one defect breaks its requirement, for real.

Every run is `roomcheck run --defect NAME` on the shortest case that shows it. The runs go on side by side while the
tests wait for theirs, since most of a run is waiting for the room.
"""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from roomcheck.model.verdict import Outcome
from roomcheck.reference.defects import DEFECTS
from support.chosen import asked
from support.runs import Done, patterns, run, sure, write_target

# topic, defect, the case that shows it, and the requirement that it breaks
KILLS = [
    ("case 3", "retries-never-end", "never-back/cut", "ZX-RECONNECT-6"),
    ("case 3", "reconnect-failed-early", "never-back/stall", "ZX-RECONNECT-6"),
    ("case 3", "reconnect-failed-wrong-code", "never-back/reset", "ZX-RECONNECT-6"),
    ("case 3", "second-outage-silent", "several-outages/cut", "ZX-RECONNECT-7"),
    ("case 2", "leave-never-told", "back-after-heartbeat-timeout/cut", "ZX-RECONNECT-4"),
    ("case 2", "return-not-announced", "back-after-heartbeat-timeout/ghost", "ZX-RECONNECT-5"),
    ("case 1", "leave-at-disconnect", "back-before-heartbeat-timeout/cut", "ZX-RECONNECT-3"),
    ("case 1", "never-reconnected", "back-before-heartbeat-timeout/reset", "ZX-RECONNECT-2"),
    ("codes", "reconnecting-wrong-code", "blink/cut", "ZX-RECONNECT-1"),
    ("codes", "reconnected-with-error", "back-before-heartbeat-timeout/stall", "ZX-RECONNECT-2"),
    ("slow links", "reconnecting-on-slow-link", "late-link", "ZX-QUIET-1"),
    ("kick", "kick-forgotten", "kick-while-cut-off/cut", "ZX-KICK-3"),
    ("kick", "kick-wrong-code", "kick", "ZX-KICK-1"),
    ("kick", "no-delete-after-kick", "kick", "ZX-KICK-2"),
    ("logout", "logout-failed-silent", "logout-twice", "ZX-LOGOUT-2"),
    ("logout", "no-delete-after-logout", "logout", "ZX-MEMBERS-3"),
    ("login", "logined-twice", "login-alone", "ZX-LOGIN-2"),
    ("login", "login-failed-wrong-code", "wrong-token", "ZX-LOGIN-3"),
    ("login", "double-login-accepted", "login-twice", "ZX-LOGIN-6"),
    ("duplicate login", "duplicate-login-wrong-code", "same-user-in-the-same-room", "ZX-TWIN-1"),
    ("switch", "switch-misses-logout", "switch-room", "ZX-SWITCH-1"),
    ("switch", "switch-stays-behind", "switch-there-and-back", "ZX-MEMBERS-3"),
    ("members", "newcomer-not-announced", "login-into-a-room-with-people", "ZX-MEMBERS-1"),
    ("members", "double-add", "login-into-a-room-with-people", "ZX-MEMBERS-2"),
    ("members", "list-names-self", "login-into-a-room-with-people", "ZX-MEMBERS-5"),
]
# Not told, wrongly told, and what another is told. Virtual time shows every defect, see
# tests/simulate/test_defects.py, and the night each of these here: a run on sockets costs as much as fifty simulated ones.
GATE = {"never-reconnected", "kick-wrong-code", "newcomer-not-announced"}
CONFORMING = "none"
SCALE = 60  # at 100 a machine that is busy three times over is often too late to tell
# 20 min of retries wait for nothing that 3 min do not show
SHORT_RETRIES = "constants:\n  retry_timeout: 3min\n"

Runs = Mapping[str, Future[Done]]


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pool: ThreadPoolExecutor) -> Runs:
    """The runs of the tests that were selected, by defect."""
    target = write_target(tmp_path_factory.mktemp("target"), scale=SCALE, more=SHORT_RETRIES)

    def start(defect: str, cases: tuple[str, ...]) -> Future[Done]:
        more = [] if defect == CONFORMING else ["--defect", defect]
        words = ["run", "--target", str(target), *more, *patterns(*cases)]
        folder = tmp_path_factory.mktemp(defect)
        return pool.submit(sure, lambda: run(words, folder))

    wanted = {defect: (case,) for _, defect, case, _ in KILLS if defect in asked(request, __file__)}
    conforming = tuple(dict.fromkeys(case for (case,) in wanted.values()))
    return {defect: start(defect, cases) for defect, cases in {CONFORMING: conforming, **wanted}.items()}


@pytest.mark.parametrize(
    ("topic", "defect", "case", "requirement"),
    [pytest.param(*kill, id=kill[1], marks=() if kill[1] in GATE else pytest.mark.night) for kill in KILLS],
)
def test_the_defect_breaks_its_requirement(topic: str, defect: str, case: str, requirement: str, runs: Runs) -> None:
    """The run exits 1, and JUnit and stream name the case and the requirement, and no other case."""
    done = runs[defect].result()

    assert done.code == 1, done.out + done.err
    assert {name: r.outcome for name, r in done.reports.results.items()} == {case: Outcome.VIOLATES}
    failures = done.reports.failures()
    assert set(failures) == {f"zego-express/room-status/{case}"}
    assert requirement in failures.popitem()[1], done.out
    verdict = done.reports.results[case].verdict
    assert verdict is not None
    assert requirement in {finding.requirement for finding in verdict.findings}


def test_the_room_without_a_defect_keeps_them_all(runs: Runs) -> None:
    """The same cases on the same target, not one finding: what failed above failed for its defect."""
    done = runs[CONFORMING].result()

    assert done.code == 0, done.out + done.err
    assert {r.outcome for r in done.reports.results.values()} == {Outcome.CONFORMS}
    assert set(done.reports.results) == {result for one in runs.values() for result in one.result().reports.results}


def test_there_are_defects_of_every_kind() -> None:
    """Twelve at least, all of them known, and every topic that a room can fail in."""
    assert {topic for topic, _, _, _ in KILLS} == {
        "login", "case 1", "case 2", "case 3", "kick", "logout", "switch", "members", "codes", "slow links",
        "duplicate login",
    }  # fmt: skip
    assert {defect for _, defect, _, _ in KILLS} > GATE
    assert len({defect for _, defect, _, _ in KILLS} & set(DEFECTS)) == len(KILLS)
    assert len(KILLS) >= 12
