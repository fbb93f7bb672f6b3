"""Ports that are given to proxies."""

import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from roomcheck.errors import HarnessError
from roomcheck.faults import free_port
from roomcheck.faults.ports import BLOCK, BLOCKS, FIRST, LAST, Ports

MANY = "from roomcheck.faults import free_port; print(*(free_port() for _ in range(300)), flush=True); input()"


def elsewhere(blocks: int) -> range:
    """Ports that no run is given, so that nobody is disturbed."""
    start = 10_000 + BLOCK * secrets.randbelow(90)
    return range(start, start + blocks * BLOCK)


@pytest.fixture
def ports() -> Iterator[Ports]:
    """Those of one more process."""
    some = Ports()
    yield some
    some.close()


def test_a_port_that_was_given_is_not_given_again(ports: Ports) -> None:
    """Its proxy may be disabled, so that the port is free, and a member may be retrying it."""
    given = [ports.give() for _ in range(3000)]

    assert len(set(given)) == len(given)
    assert all(FIRST <= port < LAST for port in given)


def test_after_thousands_the_oldest_comes_again(ports: Ports) -> None:
    """A long search has more proxies than the machine has ports, and must leave some to others."""
    given = [ports.give() for _ in range(10_000)]
    apart = 3000  # of nearly 4000; somebody else may have some of them

    assert len(set(given)) <= BLOCKS * (BLOCK - 1)
    assert all(len(set(given[i : i + apart])) == apart for i in range(0, 7000, 100))


def test_a_port_that_somebody_has_is_not_given() -> None:
    """Whoever it is."""
    ports = Ports(elsewhere(1))
    with socket.socket() as other:
        taken = ports.give()
        other.bind(("127.0.0.1", taken))

        assert taken not in {ports.give() for _ in range(5 * BLOCK)}
    ports.close()


def test_two_runs_at_once_are_not_given_the_same_port() -> None:
    """Neither knows what the other was given; a member that retries would reach the other's room."""
    words = [sys.executable, "-c", MANY]
    runs = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    given = [{*map(int, run.stdout.readline().split())} for run in runs if run.stdout is not None]
    given.append({free_port() for _ in range(300)})
    for run in runs:
        run.communicate("\n")

    assert len(set[int]().union(*given)) == sum(map(len, given)) == 5 * 300


def test_blocks_that_are_given_back_are_for_others() -> None:
    """A machine that runs for months has ports; while none is left, the error says so."""
    place = elsewhere(2)
    first, second, third = Ports(place), Ports(place), Ports(place)
    first.give()
    second.give()

    with pytest.raises(HarnessError, match=r"every block of 100 ports .* is in use: end other runs"):
        third.give()
    first.close()
    assert third.give() in place
    second.close()
    third.close()
