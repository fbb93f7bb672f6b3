"""Settings become toxics, and closes are held before bytes are."""

from roomcheck.faults.catalogue import armed, degraded
from roomcheck.model.fault import FaultKind


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
