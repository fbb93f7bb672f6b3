"""Settings are checked before they reach a server that some of them would kill."""

from typing import Any

import pytest

from roomcheck.errors import UsageError
from roomcheck.model.fault import FaultKind, read_settings


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
