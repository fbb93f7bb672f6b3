"""Every message of the protocol, as a type; the published JSON Schema is made from these.

Both sides ignore fields that they do not know: what is added later must not break an adapter that was written today.
Checking an event costs about 3 us (2 cores of a shared machine, pydantic 2.14), so it is always on.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.json_schema import models_json_schema

VERSION = 1
LINE_LIMIT = 1 << 20  # bytes of one line; an SDK's payload is cut to 16 KiB by the kits long before

FARTHEST = 1 << 62  # of a time, a count or an id: 146,000 years of microseconds
Status = Literal["ok", "refused", "unsupported", "indefinite", "adapter-error"]


class Message(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


# --- harness to adapter -----------------------------------------------------------------------------------------------


class Request(Message):
    id: Annotated[int, Field(description="Echoed in the result.")]


class Hello(Request):
    """The first message, answered at once: the adapter chooses a version within the range and says who it is."""

    type: Literal["hello"] = "hello"
    protocol: Annotated[list[int], Field(min_length=2, max_length=2, description="Lowest and highest version.")]
    harness: Annotated[str, Field(description="Version of roomcheck.")]
    constants: Annotated[dict[str, int], Field(description="Microseconds that this run uses, by the spec's names.")]


class Begin(Request):
    """A case begins; answered at once."""

    type: Literal["begin"] = "begin"
    case: str


class Open(Request):
    """Make a client, answered when it exists; it is not logged in.

    `member` is its name in all further messages and is never used again after `close`.
    """

    type: Literal["open"] = "open"
    member: str
    user: Annotated[str, Field(description="The user's name in the room.")]
    endpoints: Annotated[
        dict[str, str],
        Field(description="host:port for each endpoint that hello asked for: the client uses these and no others."),
    ]
    credentials: dict[str, Any] = {}
    options: dict[str, Any] = {}


class Call(Request):
    """Call the SDK, answered as soon as the SDK's call has returned; what comes of it arrives as events."""

    type: Literal["call"] = "call"
    member: str
    operation: Annotated[str, Field(description="As the spec names it; an unknown one is answered `unsupported`.")]
    arguments: dict[str, Any] = {}


class Admin(Request):
    """An act of the room's backend, such as kicking a user, answered when the backend has answered."""

    type: Literal["admin"] = "admin"
    operation: str
    arguments: dict[str, Any] = {}
    endpoints: Annotated[dict[str, str], Field(description="The room's own addresses, past no proxy.")] = {}


class State(Request):
    """Read the SDK's own view of its state, answered at once."""

    type: Literal["state"] = "state"
    member: str


class Barrier(Request):
    """Answered once every callback that had fired (at this member, or at all) is written."""

    type: Literal["barrier"] = "barrier"
    member: str | None = None


class Ping(Request):
    """Answered at once, if possible from another thread than the SDK's; the nonce comes back in the fields."""

    type: Literal["ping"] = "ping"
    nonce: int


class Close(Request):
    """End the client, answered when it is gone; it is told nothing more."""

    type: Literal["close"] = "close"
    member: str


class End(Request):
    """The case is over; answered at once."""

    type: Literal["end"] = "end"
    case: str


class Bye(Request):
    """Answer at once, end everything, and exit within two seconds."""

    type: Literal["bye"] = "bye"


REQUESTS: dict[str, type[Request]] = {
    "hello": Hello,
    "begin": Begin,
    "open": Open,
    "call": Call,
    "admin": Admin,
    "state": State,
    "barrier": Barrier,
    "ping": Ping,
    "close": Close,
    "end": End,
    "bye": Bye,
}


# --- adapter to harness -----------------------------------------------------------------------------------------------


class Result(Message):
    """The answer to the request of this id. Results may overtake each other; results and events are one stream."""

    type: Literal["result"]
    id: Annotated[int, Field(strict=False, ge=0, le=FARTHEST)]  # "7" for 7 is accepted: it is clear what was meant
    status: Status
    fields: dict[str, Any] = {}
    time: Annotated[
        int | None,
        Field(
            ge=-FARTHEST,
            le=FARTHEST,
            description="When it was written, on the clock that stamps events; needed where that is its own.",
        ),
    ] = None


class Event(Message):
    """A callback of the SDK."""

    type: Literal["event"]
    member: str
    n: Annotated[int, Field(ge=1, le=FARTHEST, description="Counts the member's callbacks from 1 without a gap.")]
    time: Annotated[
        int,
        Field(
            ge=-FARTHEST,
            le=FARTHEST,
            description="Microseconds of the clock that hello names, read as the callback's first statement.",
        ),
    ]
    spread: Annotated[
        int, Field(ge=0, le=FARTHEST, description="By how many microseconds it may have been earlier.")
    ] = 0
    callback: str
    fields: dict[str, Any]
    raw: Annotated[Any, Field(description="The payload as the SDK gave it, at most 16 KiB.")] = None


class Log(Message):
    """A line for the case's log."""

    type: Literal["log"]
    text: str


class Dial(Message):
    """The first line of an adapter that dials the harness: the one-time token that it was given."""

    type: Literal["dial"]
    token: str


def _named(implementation: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(implementation.get("name"), str):
        raise ValueError("'name' is missing: reports say which implementation was judged")  # noqa: TRY004
    return implementation


class Info(Message):
    """The fields of hello's result."""

    protocol: Literal[1]
    implementation: Annotated[
        dict[str, Any],
        AfterValidator(_named),
        Field(description="name, version, language...", json_schema_extra={"required": ["name"]}),
    ]
    capabilities: dict[str, Any] = {}
    endpoints: list[str] = []
    clock: Annotated[
        Literal["monotonic", "own"],
        Field(description="The clock of `time`: the machine's monotonic one, or (browsers) the adapter's own."),
    ] = "monotonic"


Incoming = Result | Event | Log
INCOMING: TypeAdapter[Incoming] = TypeAdapter(Annotated[Incoming, Field(discriminator="type")])


def schemas() -> dict[str, Any]:
    """One JSON Schema with every message under `$defs`; a line of either direction fits it."""
    outgoing = list(REQUESTS.values())
    incoming: list[type[BaseModel]] = [Result, Event, Log, Dial]
    everything: list[type[BaseModel]] = [*outgoing, *incoming, Info]
    _, document = models_json_schema([(m, "validation") for m in everything])
    for request in outgoing:
        document["$defs"][request.__name__]["required"] = [
            name for name, field in request.model_fields.items() if name == "type" or field.is_required()
        ]
    document["$defs"]["ToAdapter"] = {"oneOf": [{"$ref": f"#/$defs/{m.__name__}"} for m in outgoing]}
    document["$defs"]["FromAdapter"] = {"oneOf": [{"$ref": f"#/$defs/{m.__name__}"} for m in incoming]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "roomcheck adapter protocol, version 1",
        "description": "One line of JSON: a request of the harness, or what an adapter says.",
        "oneOf": [{"$ref": "#/$defs/ToAdapter"}, {"$ref": "#/$defs/FromAdapter"}],
        **document,
    }


def schema_text() -> str:
    """The file specs/schema/adapter-protocol.schema.json."""
    return json.dumps(schemas(), indent=2) + "\n"
