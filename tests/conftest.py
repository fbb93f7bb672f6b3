"""What holds for every test: a busy machine is no reason to fail."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# 200 ms for one example, Hypothesis' own limit, was passed by the judge's properties on two cores under a load of 6.
# Drawn alike each time, on a machine that sets CI and on one that does not: the same code gives the same result.
settings.register_profile(
    "roomcheck",
    settings(deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]),
)
settings.load_profile("roomcheck")

# Some tests start `roomcheck` as a process, a hundred of them: a third of what that costs is compiling the package anew,
# and plugins of Hypothesis, of which trio (here for Selenium) brings one that imports trio and pytest.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["HYPOTHESIS_NO_PLUGINS"] = "1"

# Under nohup every process that a test starts would ignore it as well, and some tests send it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Folders of files that take longest. They come first, so that none of them is left alone at the end of a whole run.
LONGEST = ("end_to_end", "pytest_plugin", "docs", "ci", "cli", "prove", "second_room")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One that is not named stays behind these, where it was."""
    place = {Path(__file__).parent / folder: number for number, folder in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.parent, len(LONGEST)))
