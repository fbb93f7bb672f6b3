"""Settings are checked before they reach a server that some of them would kill."""

from typing import Any

import pytest

from roomcheck.errors import UsageError
from roomcheck.faults.catalogue import armed, degraded, read_settings
from roomcheck.model.fault import FaultKind


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (FaultKind.CUT, {"latency": 1}, "cut has no setting 'latency'; it has none"),
        (FaultKind.LATENCY, {"latencyy": 1}, "latency has no setting 'latencyy'; it has latency"),
        (FaultKind.LATENCY, {"latency": "100ms"}, "a whole number of microseconds, not '100ms'"),
        (FaultKind.LATENCY, {"latency": True}, "not True"),
        (FaultKind.THROTTLE, {"rate": -1}, "rate lies between 1 and"),
        (FaultKind.THROTTLE, {"rate": 0}, "rate lies between 1 and"),
        (FaultKind.THROTTLE, {"rate": 2**62}, "rate lies between 1 and"),
        (FaultKind.THROTTLE, {"rate": 0.5}, "a whole number, not 0.5"),
        (FaultKind.SLICE, {"size": 0}, "size lies between 1 and"),
        (FaultKind.SLICE, {"size": 3, "variation": 3}, "variation 3 must be smaller than size 3"),
        (FaultKind.TRUNCATE, {"bytes": 0}, "bytes lies between 1 and"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(kind: FaultKind, settings: dict[str, Any], message: str) -> None:
    """With its name, and what would fit."""
    with pytest.raises(UsageError, match=message):
        read_settings(kind, settings)


def test_what_is_not_said_has_a_default() -> None:
    """Every kind can be used without settings."""
    assert read_settings(FaultKind.CUT, {}) == {}
    assert set(read_settings(FaultKind.SLICE, {"size": 40})) == {"size", "variation", "delay"}


def test_a_latency_that_is_scaled_away_is_still_one() -> None:
    """Toxiproxy counts milliseconds: 0.2 ms become 1 ms, and no jitter ever."""
    toxics = degraded(FaultKind.LATENCY, {"latency": 200})
    assert [t.attributes for t in toxics] == [{"latency": 1, "jitter": 0}] * 2
    assert [t.stream for t in toxics] == ["upstream", "downstream"]


def test_closes_are_held_before_bytes_are_in_every_chain() -> None:
    """However many kinds a link is armed for, each toxic is there once, off, and slow_close precedes bandwidth."""
    names = [t.type for t in armed(set(FaultKind))]
    assert names == ["reset_peer", "slow_close", "slow_close", "bandwidth", "bandwidth"]
    assert not any(t.on for t in armed(set(FaultKind)))


def test_stall_and_throttle_do_not_share_a_toxic() -> None:
    """Both are bandwidths, and one link may have both."""
    names = {t.name for t in armed({FaultKind.STALL})}
    assert names.isdisjoint(t.name for t in degraded(FaultKind.THROTTLE, {"rate": 1}))
