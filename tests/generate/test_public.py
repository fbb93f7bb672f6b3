"""What `roomcheck` itself offers."""

import subprocess
import sys

import pytest

import roomcheck
from roomcheck.generate import schedules


def test_the_strategy_is_offered_by_the_package() -> None:
    """Under its own name; nothing else is."""
    assert roomcheck.schedules is schedules
    with pytest.raises(AttributeError, match="roomcheck.*has no attribute 'shedules'"):
        _ = roomcheck.shedules


def test_importing_the_package_is_cheap() -> None:
    """Hypothesis is imported by whoever asks for the strategy, not before."""
    program = "import sys, roomcheck; print('hypothesis' in sys.modules, 'yaml' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"False False\n"
