"""What the room's two state machines take and give: inputs, in the order of time, and effects, in the order of doing.

Links are numbers: the client's machine chooses them when it connects, the server's driver when it accepts.
"""

from dataclasses import dataclass
from typing import Any

from roomcheck.reference.wire import Message

STATE_CALLBACK = "onRoomStateChanged"
USERS_CALLBACK = "onRoomUserUpdate"

# Inputs and effects are values that nobody changes, but not frozen: a frozen dataclass takes twice as long to make
# (0.28 against 0.14 us), and twenty minutes in a simulation make two thousand of them.

# --- inputs -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class SdkCall:
    """The application calls the client's SDK: loginRoom, logoutRoom, switchRoom."""

    operation: str
    arguments: dict[str, str]


@dataclass(slots=True)
class Opened:
    """The link was accepted."""

    link: int


@dataclass(slots=True)
class Received:
    """A message came; None: a line that is no message."""

    link: int
    message: Message | None


@dataclass(slots=True)
class Lost:
    """The link ended: FIN, RST, or it never came about. Not told of a link that the machine itself closed."""

    link: int


@dataclass(slots=True)
class Tick:
    """Time has passed."""


# --- effects ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Connect:
    """Open this link to the server (client)."""

    link: int


@dataclass(slots=True)
class Send:
    link: int
    message: Message


@dataclass(slots=True)
class Close:
    """Send what was handed over, then close; nothing more is told of the link."""

    link: int


@dataclass(slots=True)
class Tell:
    """Fire this callback of the SDK (client)."""

    callback: str
    fields: dict[str, Any]


@dataclass(slots=True)
class Refuse:
    """The call is refused with this code and changes nothing (client)."""

    code: int


ClientInput = SdkCall | Opened | Received | Lost | Tick
ServerInput = Opened | Received | Lost | Tick
Effect = Connect | Send | Close | Tell | Refuse
