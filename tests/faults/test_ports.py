"""Ports that are given to proxies."""

import socket

from roomcheck.faults import free_port
from roomcheck.faults.ports import FIRST, LAST


def test_a_port_that_was_given_is_not_given_again() -> None:
    """Its proxy may be disabled, so that the port is free, and a member may be retrying it."""
    ports = [free_port() for _ in range(3000)]
    assert len(set(ports)) == len(ports)
    assert all(FIRST <= port < LAST for port in ports)


def test_after_thousands_the_oldest_may_come_again() -> None:
    """A long search has more proxies than the machine has ports."""
    ports = [free_port() for _ in range(13_000)]
    assert len(set(ports)) < len(ports)
    assert all(len(set(ports[i : i + 8000])) == 8000 for i in range(0, 5000, 500))


def test_a_port_that_somebody_has_is_not_given() -> None:
    """Whoever it is."""
    with socket.socket() as other:
        taken = free_port()
        other.bind(("127.0.0.1", taken))
        assert taken not in {free_port() for _ in range(500)}
