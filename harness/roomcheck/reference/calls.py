"""What the contract's operations are to the reference room, without I/O: the adapter's words and the simulation's."""

from collections.abc import Callable, Mapping
from typing import Any

from roomcheck.reference.client_machine import State
from roomcheck.reference.events import STATE_CALLBACK, USERS_CALLBACK
from roomcheck.reference.wire import (
    ALREADY_IN_ROOM,
    BAD_TOKEN,
    INTERRUPTED,
    KICKED,
    LOGGED_IN_ELSEWHERE,
    NOT_IN_ROOM,
    OK,
    RETRY_TIMEOUT,
    Message,
    make_token,
)

ENDPOINT = "room"
OPERATIONS = ("loginRoom", "logoutRoom", "switchRoom")
ADMIN = ("kick",)
TOKENLESS = ("logoutRoom",)
DONE = "done"  # the server's answer to the backend

DAY = 86_400_000_000
TOKENS: dict[str, Callable[[str, int], str]] = {  # the contract's words for tokens -> a token for this user, now
    "valid": lambda user, now: make_token(user, now + DAY),
    "wrong": lambda _user, _now: "wrong",
    "expired": lambda user, now: make_token(user, now - 1),
}

# Callback -> field -> what the conforming room may put there. Fields that are not listed hold names.
TELLS: dict[str, dict[str, frozenset[Any]]] = {
    STATE_CALLBACK: {
        "reason": frozenset({*(state.value for state in State), "LOGOUT_FAILED"}),
        "errorCode": frozenset({OK, NOT_IN_ROOM, BAD_TOKEN, LOGGED_IN_ELSEWHERE, INTERRUPTED, RETRY_TIMEOUT, KICKED}),
    },
    USERS_CALLBACK: {"updateType": frozenset({"ADD", "DELETE"})},
}
REFUSAL: dict[str, frozenset[Any]] = {"errorCode": frozenset({ALREADY_IN_ROOM, NOT_IN_ROOM})}  # of a call, the same way


def arguments(operation: str, given: Mapping[str, Any], user: str, now: int) -> dict[str, str]:
    """The SDK's arguments for a call of the contract: the word for a token becomes a token."""
    if operation in TOKENLESS:
        return dict(given)
    word = given.get("token", "valid")
    return {**given, "token": TOKENS[word](user, now) if word in TOKENS else word}


def admin_message(operation: str, given: Mapping[str, Any]) -> Message:
    """What the backend says to the server. KeyError if an argument is missing."""
    return {"t": operation, "user": given["user"], "room": given["room"]}


def refusal(code: int) -> dict[str, int]:
    """The fields of a call's result when the SDK refuses it."""
    return {"errorCode": code}
