"""`roomcheck bisect` on a regression that was planted: from version 3 on a kick is told with a wrong code."""

from pathlib import Path

import pytest

from cli.test_bisect import SCHEDULE
from support.parts import CLIENT, SERVER, write_part
from support.runs import run

PLANTED = SERVER.replace(
    '["{python}", -m, roomcheck.reference.server, --port, "{room}"]',
    '[sh, -c, \'case {hall} in [12]) ;; *) d="--defect kick-wrong-code";; esac; '
    'exec "$0" -m roomcheck.reference.server $d --port "$1"\', "{python}", "{room}"]',
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A server in five versions, of which one cannot be installed, and a client."""
    install = """install: {steps: [[sh, -c, 'test {hall} != 4 || { echo gone from the registry; exit 1; }']]}"""
    write_part(tmp_path, "hall", PLANTED, f"pins: {{hall: ['1', '2', '3', '4', '5']}}\n{install}")
    write_part(tmp_path, "door", CLIENT)
    (tmp_path / "s.yaml").write_text(SCHEDULE, encoding="utf-8")
    return tmp_path


def test_a_planted_regression_is_found(folder: Path) -> None:
    """The first version that has it is named, and so is the one before."""
    done = run(["bisect", "s.yaml", "--target", "hall+door", "-n", "1"], folder)

    assert done.code == 0, done.out + done.err
    assert done.out.splitlines()[-1] == "ZX-KICK-1 shows from 3 on; 2, the one before, does not show it"


@pytest.mark.night
def test_a_version_that_cannot_be_installed_is_passed_over(folder: Path) -> None:
    """tests/cli shows what is made of it, without a run."""
    passed = run(["bisect", "s.yaml", "--target", "hall+door", "-n", "2", "--versions", "2,4,5"], folder)
    assert "gone from the registry" in passed.out
    assert passed.out.splitlines()[-1] == "ZX-KICK-1 shows from one of these on: 4, 5; 2 does not show it"
    assert passed.code == 2
