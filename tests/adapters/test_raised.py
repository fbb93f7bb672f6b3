"""Which of the exceptions that an adapter printed are its own."""

from pathlib import Path

import pytest

from roomcheck.adapters.raised import raised_in

PYTHON = """\
connecting
Traceback (most recent call last):
  File "/usr/lib/sdk/events.py", line 40, in fire
    callback(event)
    ~~~~~~~~^^^^^^^
  File "{file}", line 12, in on_state
    room = event["room"]
KeyError: 'room'
connected
"""
NODE = """\
connecting
TypeError: event.room is not a function
    at Client.<anonymous> (file://{file}:12:31)
    at Client.emit (node:events:519:28)
    at file:///usr/lib/sdk/index.js:40:5
"""
WARNS = """\
Error: connection refused
    at Socket.<anonymous> (/usr/lib/sdk/index.js:7:1)
    at fire (file://{file}:12:31)
"""
CATCHES = PYTHON.replace("12, in on_state", "12, in call").replace(
    "KeyError", '  File "/usr/lib/sdk/client.py", line 7, in call\n    raise TimeoutError\nTimeoutError'
)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """An adapter's file."""
    file = tmp_path / "adapter.py"
    file.touch()
    (tmp_path / "node_modules").mkdir()
    return file


@pytest.mark.parametrize(
    ("printed", "said"),
    [(PYTHON, "KeyError: 'room' at {}:12"), (NODE, "TypeError: event.room is not a function at {}:12")],
    ids=["python", "node"],
)
@pytest.mark.parametrize("name", ["adapter.py", "more.py"])
def test_what_was_raised_in_its_own_files_is_its_own(printed: str, said: str, name: str, adapter: Path) -> None:
    """In the file of its command, or one beside it."""
    lines = printed.format(file=adapter.with_name(name)).splitlines()

    assert raised_in(["python", str(adapter), "--json"], lines) == said.format(name)


@pytest.mark.parametrize("printed", [WARNS, CATCHES, "all is well\n", ""], ids=["warns", "catches", "well", "nothing"])
def test_what_an_sdk_raised_is_not(printed: str, adapter: Path) -> None:
    """Though the adapter had called it."""
    assert raised_in(["python", str(adapter)], printed.format(file=adapter).splitlines()) == ""


def test_a_library_beside_the_adapter_is_not(adapter: Path) -> None:
    """Node keeps them there."""
    lines = NODE.format(file=adapter.parent / "node_modules" / "sdk.js").splitlines()
    assert raised_in(["node", str(adapter)], lines) == ""


def test_what_the_kit_refused_is_the_adapters(adapter: Path) -> None:
    """It was called with what cannot be told."""
    lines = PYTHON.format(file="/somewhere/roomcheck/adapter_kit/kit.py").splitlines()

    assert raised_in([str(adapter)], lines) == "KeyError: 'room' at kit.py:12"
    assert raised_in(["adapter"], lines) == ""
