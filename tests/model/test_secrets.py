"""Which values are secrets, and that nothing of them is left in what is shown."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Member
from roomcheck.model.secrets import LEAST, Secrets
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Told, Trace

VALUE = "s3cr3t/+\"'value"
HIDDEN = "[hidden: ROOM_TOKEN]"
SECRETS = Secrets.of({"ROOM_TOKEN": VALUE})


@pytest.mark.parametrize(
    "name",
    ["TOKEN", "ROOM_TOKEN", "APP_SECRET", "DB_PASSWORD", "API_KEY", "APIKEY", "ZEGO_SERVER_SECRET", "api_key", "APP_SIGN",
     "CERTIFICATE", "AGORA_APP_CERTIFICATE", "JWT", "GH_PAT", "PAT", "KEYS", "SIGNING_KEYS", "BASIC_AUTH", "COOKIES"],
)  # fmt: skip
def test_names_that_say_so_are_secret(name: str) -> None:
    """As CI systems and vendors name them."""
    assert Secrets.of({name: "abcdef"}).text("x abcdef y") == f"x [hidden: {name}] y"


@pytest.mark.parametrize(
    "name",
    [
        "HOME",
        "MONKEY",
        "KEYBOARD",
        "PATH",
        "DESIGN",
        "KEY_FILE",
        "AUTHOR",
        "SSH_KEY_PATH",
        "TOKENS_SEEN",
        "PASSWORDLESS",
    ],
)
def test_other_names_are_not(name: str) -> None:
    """A path or a word that many texts hold would ruin them."""
    assert Secrets.of({name: "abcdef"}).values == ()


def test_what_cannot_be_hidden_is_known_with_the_reason() -> None:
    """Without its value."""
    secrets = Secrets.of(
        {"A_TOKEN": "abc", "B_TOKEN": "", "C_KEY": "onRoom", "D_KEY": "abcdef\nxyz", "E_KEY": "secret"}
    )

    assert secrets.but(["onRoomState", "other"]).unhidden == (
        "A_TOKEN: fewer than 6 characters stand in too many places",
        "C_KEY: the contract itself says its value",
        "D_KEY: fewer than 6 characters stand in too many places",
    )
    assert secrets.but(["onRoomState"]).text("onRoom abcdef") == "onRoom [hidden: D_KEY]"


def test_a_target_may_name_others() -> None:
    """Whatever they are called."""
    assert Secrets.of({"COLOUR": "abcdef"}, names=["COLOUR"]).text("abcdef") == "[hidden: COLOUR]"


@pytest.mark.parametrize("command", [["--token", "abcdef"], ["-x", "--app-secret=abcdef", "y"], ["--key", "abcdef"]])
def test_options_of_commands_are_secret(command: list[str]) -> None:
    """What follows an option that is named like a secret."""
    assert "abcdef" not in Secrets.of({}, commands=[command]).text("run with abcdef")


@pytest.mark.parametrize("command", [["--token"], ["--port", "abcdef"], ["--key", "{room}"], ["token", "abcdef"], []])
def test_other_arguments_are_not(command: list[str]) -> None:
    """Nor a placeholder, which will be a port."""
    assert Secrets.of({}, commands=[command]).values == ()


@given(st.text(st.characters(codec="utf-8"), min_size=LEAST, max_size=20).map(str.strip), st.text(max_size=5))
def test_nothing_of_a_value_is_left(value: str, around: str) -> None:
    """As it is, and as JSON, Python and URLs write it."""
    secrets = Secrets.of({"A_TOKEN": value})
    if len(value) < LEAST:
        return
    for form in (value, json.dumps(value)[1:-1], repr(value)[1:-1], quote(value, safe="")):
        assert form not in secrets.text(around + form + around).replace("[hidden: A_TOKEN]", "")


def test_the_password_of_an_address_is_secret() -> None:
    """Of a proxy or a database, whatever the variable is called; the rest of the address can be shown."""
    secrets = Secrets.of({"SOME_URL": "redis://ci:planted@host:1/0", "OTHER": "http://host:8080/a:bcdefgh@x"})

    assert secrets.text("redis://ci:planted@host:1/0") == "redis://ci:[hidden: SOME_URL]@host:1/0"
    assert [name for _, name in secrets.values] == ["[hidden: SOME_URL]"]


def test_a_value_that_is_no_text_does_no_harm() -> None:
    """The environment may hold any bytes."""
    value = b"s\xe9cr\xe9t-value".decode(errors="surrogateescape")

    assert Secrets.of({"A_TOKEN": value}).text(f"x{value}s%E9cr%E9t-value") == "x[hidden: A_TOKEN][hidden: A_TOKEN]"


def test_a_secret_of_several_lines_is_hidden_line_by_line() -> None:
    """Programs are read by lines, so a key file is never seen whole."""
    secrets = Secrets.of({"A_KEY": "first-line\nsecond-line"})

    assert secrets.text("   second-line\n   first-line") == "   [hidden: A_KEY]\n   [hidden: A_KEY]"


def test_of_two_that_begin_alike_the_longer_goes_first() -> None:
    """Else a part of it would be left."""
    secrets = Secrets.of({"A_TOKEN": "abcdef", "B_TOKEN": "abcdefgh"})

    assert secrets.text("abcdefgh abcdef") == "[hidden: B_TOKEN] [hidden: A_TOKEN]"


def test_short_values_are_left() -> None:
    """A password of one letter cannot be hidden."""
    assert Secrets.of({"A_TOKEN": "x" * (LEAST - 1)}).values == ()


def test_words_of_the_contract_are_left() -> None:
    """What is judged must not change because somebody's password is one of its words."""
    secrets = Secrets.of({"A_PASSWORD": "LOGINED", "B_PASSWORD": "LOGINED-1"}).but(["LOGINED", "LOGOUT"])

    assert secrets.text("LOGINED LOGINED-1") == "LOGINED [hidden: B_PASSWORD]"


def test_values_are_cleaned_at_any_depth() -> None:
    """Also keys; what is no text stays."""
    value = {VALUE: [1, None, {"deep": (VALUE, True)}], "n": 2.5}

    assert SECRETS.plain(value) == {HIDDEN: [1, None, {"deep": [HIDDEN, True]}], "n": 2.5}


def trace(*records: Told | Answered | Called | Faulted) -> Trace:
    return Trace("s", "c", None, (Member("A", "A"),), {"A": "a"}, {"R": "r"}, records, 9)


def test_what_the_room_told_is_cleaned_in_a_trace() -> None:
    """Callbacks, fields, answers; the harness's own acts stay as they are."""
    at = Instant(1, 1)
    call, fault = Called(1, "A", "login", {"token": "valid"}, at), Faulted("A", FaultKind.CUT, at)
    cleaned = SECRETS.trace(
        trace(
            call, Answered(1, "A", "refused", {"why": VALUE}, at), fault, Told("A", 1, f"on{VALUE}", {"x": VALUE}, at)
        )
    )

    assert cleaned == trace(
        call, Answered(1, "A", "refused", {"why": HIDDEN}, at), fault, Told("A", 1, f"on{HIDDEN}", {"x": HIDDEN}, at)
    )


def test_without_secrets_a_trace_stays_the_same() -> None:
    """And costs nothing."""
    one = trace()

    assert Secrets().trace(one) is one
