"""What client and server of the reference room share: the lines between them, the codes, tokens and timings.

A conversation, one JSON object a line; `S` is the server:

    S: {"t": "hello"}
    C: {"t": "login", "user", "device", "n", "room", "token", "session"}    session: the one to resume, or null
    S: {"t": "in", "n", "session", "users", "whole"} | {"t": "no", "n", "code"} | {"t": "out", "code"}
                    whole: whether those that are not in `users` are surely gone; else {"t": "list", "users"} follows
    C: {"t": "hb"}, S: {"t": "hb"}      S: {"t": "add", "user"}, {"t": "del", "user"}, {"t": "out", "code"}
    C: {"t": "bye"}, S: {"t": "gone"}   C: {"t": "kick", "user", "room"}, S: {"t": "done"}

The server speaks first, so that a login never waits in the buffers of a broken link and arrives as a ghost when the
link is whole again. `n` grows with each login of a device: of two that arrive out of order the older is ignored.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OK = 0
ALREADY_IN_ROOM = 1002001
NOT_IN_ROOM = 1002002
BAD_TOKEN = 1002033
LOGGED_IN_ELSEWHERE = 1002050
INTERRUPTED = 1002051
RETRY_TIMEOUT = 1002053
KICKED = 1002055

Message = dict[str, Any]

HEARTBEAT: Message = {"t": "hb"}
LINE_LIMIT = 65_536  # bytes; the longest lawful line, a list of 500 users of 64 bytes, is about 34,000
EXPIRY_DIGITS = 18  # microseconds of 30,000 years
_HEARTBEAT_LINE = b'{"t":"hb"}'


def encode(message: Message) -> bytes:
    """The message as one line."""
    if message is HEARTBEAT:  # nearly all lines are this one
        return _HEARTBEAT_LINE + b"\n"
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message | None:
    """The line's message; None if it is no JSON object."""
    if line == _HEARTBEAT_LINE:
        return HEARTBEAT
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def make_token(user: str, expires: int) -> str:
    """A token for this user until `expires`, in microseconds of the clock that the server's machine is given."""
    return f"{expires}:{_seal(user, expires)}"


def token_is_genuine(token: str, user: str) -> bool:
    """Whether the token was made for this user, expired or not."""
    expires, _, seal = token.partition(":")
    return expires.isdecimal() and len(expires) <= EXPIRY_DIGITS and seal == _seal(user, int(expires))


def token_expiry(token: str) -> int:
    """When a genuine token expires."""
    return int(token.partition(":")[0])


def _seal(user: str, expires: int) -> str:
    return f"{zlib.crc32(f'reference|{user}|{expires}'.encode()):08x}"


HEARTBEAT_INTERVAL = 10_000_000


@dataclass(frozen=True, slots=True)
class Timings:
    """Every duration of the room, in microseconds. The defaults are the contract's in real time."""

    beat: int = HEARTBEAT_INTERVAL * 3 // 4  # between two heartbeats
    silence: int = 22_500_000  # without a sign of the server, after which the link counts as lost
    retry_interval: int = 5_000_000
    heartbeat_timeout: int = 90_000_000  # without a sign of the client, after which the server drops it
    retry_timeout: int = 1_200_000_000


def timings(constants: Mapping[str, int]) -> Timings:
    """The timings that a run wants, from the contract's constants by name; what is missing keeps its default."""
    d = Timings()
    interval = constants.get("heartbeat_interval", HEARTBEAT_INTERVAL)
    # three heartbeats, and 7.5 s of 30 s less than what the contract allows for noticing
    silence = constants["loss_detection"] * 3 // 4 if "loss_detection" in constants else interval * 9 // 4
    return Timings(
        beat=interval * 3 // 4,  # the contract says how seldom a client may speak, and a beat may be late
        silence=silence,
        retry_interval=constants.get("retry_interval", d.retry_interval),
        heartbeat_timeout=constants.get("heartbeat_timeout", d.heartbeat_timeout),
        retry_timeout=constants.get("retry_timeout", d.retry_timeout),
    )
