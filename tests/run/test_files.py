"""How many cases at once the open files are enough for, and that want of them accuses nobody."""

import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from roomcheck.errors import HarnessError
from roomcheck.model.schedule import Member, Schedule
from roomcheck.report.exitcode import AS_EXPECTED, HARNESS
from roomcheck.run.files import BASE, LINK, NEEDLESS, bears, none_starved, outgoing_ports, raise_limit
from roomcheck.spec.case import Case
from support.runs import run, write_target

ONE = Case("c", "c", "C", None, Schedule((Member("A", "A"),), (), (), 0), (), ())
THREE = replace(ONE, schedule=Schedule(tuple(Member(n, n) for n in "ABC"), (), (), 0))


@pytest.mark.parametrize(
    ("limit", "ports", "cases", "endpoints", "at_once"),
    [
        (BASE + LINK, NEEDLESS, [ONE], 1, 1),
        (BASE + 3 * LINK - 1, NEEDLESS, [ONE], 1, 2),
        (BASE + 6 * LINK, NEEDLESS, [ONE, THREE], 1, 2),
        (BASE + 6 * LINK, NEEDLESS, [ONE, THREE], 2, 1),
        (1024, NEEDLESS, [THREE], 1, 40),
        (1024, 5 * LINK, [ONE], 1, 5),
        (1 << 20, NEEDLESS, [], 0, ((1 << 20) - BASE) // LINK),
    ],
)
def test_as_many_cases_as_the_widest_leaves_room_for(
    limit: int, ports: int, cases: list[Case], endpoints: int, at_once: int
) -> None:
    """Each link of a member to an endpoint takes a few files of Toxiproxy."""
    assert bears(limit, ports, cases, endpoints) == at_once


def test_too_few_for_one_case_is_said_before_it_is_played() -> None:
    """With what to do."""
    with pytest.raises(HarnessError, match="may open 64 files here and one case needs 72: `ulimit -n 1024`"):
        bears(64, NEEDLESS, [THREE], 1)
    with pytest.raises(
        HarnessError, match="there are 16 ports for outgoing connections here and one case needs 24: `sys"
    ):
        bears(NEEDLESS, 16, [THREE], 1)


def test_how_many_ports_there_are_is_the_systems_to_say(tmp_path: Path) -> None:
    """Where it does not, they are enough."""
    said = tmp_path / "range"
    said.write_text("40000\t40015\n", encoding="ascii")

    assert outgoing_ports(said) == 16
    assert outgoing_ports(tmp_path / "nowhere") == NEEDLESS


@pytest.mark.parametrize(("soft", "hard", "then"), [(100, 5_000, 5_000), (4_000, 4_000, 4_000)])
def test_the_limit_is_raised_as_far_as_it_may_be(soft: int, hard: int, then: int) -> None:
    """What we start inherits it."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if allowed != resource.RLIM_INFINITY and allowed < hard:
        pytest.skip("less is allowed here")
    code = (
        f"import resource, subprocess, sys; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        "from roomcheck.run.files import raise_limit\n"
        "print(raise_limit(), flush=True); subprocess.run(['sh', '-c', 'ulimit -n'], check=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [str(then)] * 2


def test_raising_what_is_high_enough_changes_nothing() -> None:
    """It may be asked more than once."""
    assert raise_limit() == raise_limit()


@pytest.mark.parametrize(
    ("adapter", "server", "says"),
    [
        ("x\nOSError: [Errno 24] Too many open files: 'x'", [], "the adapter was not allowed to open more files"),
        ("", ["Error: accept EMFILE"], "the server was not allowed to open more files"),
        ("x\nRuntimeError: can't start new thread", [], "the adapter was not allowed to start more threads"),
    ],
    ids=["adapter", "server", "threads"],
)
def test_a_program_that_lacks_something_accuses_nobody(adapter: str, server: list[str], says: str) -> None:
    """Its last words say that it had none."""
    with pytest.raises(HarnessError, match=says):
        none_starved(adapter, server)
    none_starved("all is well", ["listening"])


@pytest.mark.parametrize(("limit", "code"), [(256, AS_EXPECTED), (50, HARNESS)])
def test_a_run_with_few_files_accuses_nobody(limit: int, code: int, tmp_path: Path) -> None:
    """Fewer cases at once, or one line."""
    words = f"ulimit -n {limit}; exec {sys.executable} -m roomcheck run -q --scale 100 -k logout"
    done = subprocess.run(["sh", "-c", words], cwd=tmp_path, capture_output=True, text=True, check=False)
    stream = (tmp_path / "roomcheck-report" / "run.ndjson").read_text(encoding="utf-8").splitlines()
    outcomes = {r["outcome"] for r in map(json.loads, stream) if r["record"] == "case"}

    assert done.returncode in (code, 2), done.stdout + done.stderr  # 2: this machine was too late to tell
    assert outcomes <= {"conforms", "inconclusive"}
    if code == HARNESS:
        assert done.stderr.startswith("roomcheck: a process may open 50 files here")


def test_an_adapter_that_cannot_start_for_want_of_a_thread_is_the_machines_fault(tmp_path: Path) -> None:
    """Exit 5, not 3: it broke nothing."""
    adapter = """["{python}", -c, 'raise RuntimeError("can" + chr(39) + "t start new thread")']"""
    done = run(["run", "--target", str(write_target(tmp_path, adapter=adapter)), "-k", "login-alone"], tmp_path)

    assert done.code == HARNESS, done.err
    assert "the adapter was not allowed to start more threads" in done.err
