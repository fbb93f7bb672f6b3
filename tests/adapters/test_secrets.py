"""What an adapter says of its secrets is not said on."""

import asyncio
import sys

import pytest

from roomcheck.adapters import AdapterHost
from roomcheck.adapters.carrier import TAIL_LINES
from roomcheck.adapters.printed import UNREAD
from roomcheck.errors import AdapterError

SECRET = "planted-" + "x1y2" * 20
PART = SECRET[30:50]
LINE = "z" * 99 + "\n"


def said(code: str, env: dict[str, str], *more: str, dial: bool = False) -> str:
    """What is complained of a program that does not get past hello."""
    command = [sys.executable, "-c", code, *more]
    start = AdapterHost.listen(command, env=env) if dial else AdapterHost.start(command, env=env)
    with pytest.raises(AdapterError) as e:
        asyncio.run(start)
    return str(e.value)


@pytest.mark.parametrize("lines", [0, TAIL_LINES - 1, TAIL_LINES])
def test_free_text_is_shown_without_it(lines: int) -> None:
    """Whether the line with the secret is shown or not."""
    code = (
        f"import os, sys; sys.stderr.write('a' + os.environ['A_TOKEN'] + {LINE!r} * {lines} + 'the end'); sys.exit(3)"
    )
    text = said(code, {"A_TOKEN": SECRET})

    assert "the end" in text
    assert PART not in text
    assert ("[hidden: A_TOKEN]" in text) is (lines < TAIL_LINES)


def test_one_long_line_of_free_text_is_shown_without_it() -> None:
    """The end of it, from behind the place where the secret was cut."""
    for shift in range(0, len(SECRET), 7):
        filler = UNREAD - len(SECRET) + shift
        code = f"import os, sys; sys.stderr.write(os.environ['A_TOKEN'] + 'z' * {filler}); sys.exit(3)"

        assert "1y2x1y2" not in said(code, {"A_TOKEN": SECRET})


def test_a_line_that_is_no_message_is_shown_without_it() -> None:
    """Also where only its beginning is shown, and that ends in the middle of the secret."""
    text = said("import os; print('y' * 150 + os.environ['A_TOKEN'])", {"A_TOKEN": SECRET})

    assert "is not a message of the protocol" in text
    assert "planted" not in text


def test_its_command_is_shown_without_it() -> None:
    """What stands behind an option that says so."""
    text = said("import sys; sys.exit(3)", {}, "--app-secret", SECRET)

    assert "--app-secret [hidden: app-secret]" in text
    assert PART not in text


def test_the_token_for_dialling_is_not_shown() -> None:
    """It is made anew each time, and is in the environment of the program alone."""
    code = "import os, sys; print('I have ' + os.environ['ROOMCHECK_TOKEN']); sys.exit(3)"

    assert "I have [hidden: ROOMCHECK_TOKEN]" in said(code, {}, dial=True)
