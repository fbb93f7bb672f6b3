"""pytest with the plugin, as its user runs it: a process of its own, what it said, its JUnit file, its processes."""

import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from junitparser import JUnitXml, TestCase

from roomcheck.resources import cache_dir
from support.forked import Forked
from support.runs import LIMIT, MARK, Reports, Running

SPEC = "zego-express/room-status"
CACHE = str(cache_dir())  # pytester gives every test a HOME of its own, where no Toxiproxy was built yet
NOT_OURS = ("-p", "no:hypothesispytest")  # it imports Hypothesis at the end of every run
FORKED = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # of what its process was forked with


@dataclass(frozen=True, slots=True)
class Ended:
    """A run of pytest that has ended. `outcomes`: what its last line counts."""

    code: int
    out: str
    err: str
    junit: Path

    @property
    def outcomes(self) -> dict[str, int]:
        last = next(line for line in reversed(self.out.splitlines()) if re.search(r"\bin \d+\.\d\ds", line))
        counts = re.findall(r"(\d+) (passed|failed|error|skipped|xfailed|deselected)", last)
        return {what: int(count) for count, what in counts}

    @property
    def cases(self) -> dict[str, TestCase]:
        """Each test's name -> what the JUnit file says of it."""
        return {case.name: case for suite in JUnitXml.fromfile(str(self.junit)) for case in suite}

    @property
    def wall(self) -> float:
        """The seconds that all tests took together."""
        return float(next(iter(JUnitXml.fromfile(str(self.junit)))).time)


def start(words: Sequence[str], cwd: Path) -> Running:
    """`pytest WORDS` in this folder; leaving the `with` ends it and all that it started."""
    mark = secrets.token_hex(8)
    env = {**os.environ, "ROOMCHECK_CACHE": CACHE, MARK: mark}
    process = Forked([*NOT_OURS, *FORKED, "--junitxml=junit.xml", *words], cwd, env, program="pytest")
    return Running(process, mark, Reports(cwd))


def pytests(words: Sequence[str], cwd: Path) -> Ended:
    """`pytest WORDS`, to its end; AssertionError if anything that it started outlives it."""
    with start(words, cwd) as running:
        out, err = running.process.communicate(timeout=LIMIT)
        assert not running.left()
    return Ended(running.process.wait(), out, err, cwd / "junit.xml")
