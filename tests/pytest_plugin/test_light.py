"""What the plugin costs whoever does not use it: nothing."""

import json
import sys
from pathlib import Path

import pytest

from support.pytests import NOT_OURS, pytests

OTHERS = """
import json, sys

def test_nothing_is_loaded():
    with open("loaded.json", "w") as file:
        json.dump(sorted(sys.modules), file)
"""
HEAVY = {"hypothesis", "jinja2", "lark", "pydantic", "requests", "rich", "yaml", "click", "toxiproxy", "asyncio"}


def test_an_unused_plugin_loads_itself_only(pytester: pytest.Pytester) -> None:
    """The thin module and its package, nothing else of roomcheck and nothing of what it needs."""
    pytester.makepyfile(test_others=OTHERS)

    done = pytester.run(sys.executable, "-m", "pytest", "-p", "no:xdist", *NOT_OURS)

    loaded = set(json.loads((pytester.path / "loaded.json").read_text(encoding="utf-8")))
    done.assert_outcomes(passed=1)
    assert {name for name in loaded if name.partition(".")[0] == "roomcheck"} == {
        "roomcheck", "roomcheck.pytest_plugin",
    }  # fmt: skip
    assert not {name.partition(".")[0] for name in loaded} & HEAVY


def test_a_fixture_of_the_same_name_is_the_users(pytester: pytest.Pytester) -> None:
    """A project that has a `room` of its own keeps it."""
    pytester.makeconftest("import pytest\n\n@pytest.fixture\ndef room(): return 'mine'\n")
    pytester.makepyfile("def test_room(room): assert room == 'mine'")

    assert pytests([], pytester.path).outcomes == {"passed": 1}


def test_a_room_without_a_target_is_an_error_that_says_so(pytester: pytest.Pytester) -> None:
    """In one line."""
    pytester.makepyfile("def test_room(room): pass")

    done = pytests([], pytester.path)

    assert done.outcomes == {"error": 1}
    assert "the fixture `room` needs a room: pytest --room-target FILE" in done.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--room-spec", "zego-express/room-status"], "--room-spec needs --room-target"),
        (["--room-target", "nowhere.yaml"], "there is no target 'nowhere.yaml'"),
        (["--room-target", "reference", "--room-spec", "nobody/nothing"], "there is no spec 'nobody/nothing'"),
        (["--room-target", "broken.yaml"], "broken.yaml:1:10: this is no YAML"),
    ],
)
def test_options_that_do_not_fit_are_one_error(words: list[str], says: str, tmp_path: Path) -> None:
    """Exit 4, before anything is collected."""
    (tmp_path / "broken.yaml").write_text("target: [", encoding="utf-8")

    done = pytests(words, tmp_path)

    assert done.code == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {says}" in done.err
    assert "Traceback" not in done.err
