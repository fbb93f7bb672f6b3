"""The shapes of a spec file and of a target file: which keys there are and what kind of value each has.

What a name must mean is checked elsewhere. The JSON Schemas in specs/schema are made from these models, so that an
editor knows the keys too. Short forms (`ok: 0`, `from: IN`, `CAME`) are turned into their long form here.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    WithJsonSchema,
)

from roomcheck.spec.fit import show

FieldType = Literal["str", "int", "list", "any", "code"]


class Shape(BaseModel):
    """A map with a fixed set of keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _scalar(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise ValueError(f"expected one value, found {show(value)}")  # noqa: TRY004 - pydantic reports ValueErrors
    return value


def _expression(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _unless(value: Any) -> Any:
    if isinstance(value, str):
        return {value: "0s"}
    if isinstance(value, list) and all(isinstance(cause, str) for cause in value):
        return dict.fromkeys(value, "0s")
    return value


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | dict) else [value]


def _patterns(value: Any) -> Any:
    if isinstance(value, bool):
        return [{}] if value else []
    return [value] if isinstance(value, dict) else value


def _keyed(key: str) -> Callable[[Any], Any]:
    """The short form of a map that has one key that counts."""
    return lambda value: value if isinstance(value, dict) else {key: value}


Scalar = Annotated[
    Any, AfterValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})
]  # fmt: skip
Expression = Annotated[str, BeforeValidator(_expression, json_schema_input_type=str | int | float)]
Names = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str])]
Scalars = Annotated[list[Scalar], BeforeValidator(_as_list, json_schema_input_type=Scalar | list[Scalar])]
Pattern = dict[str, Any]


class SourceShape(Shape):
    document: str
    publisher: str
    url: str | None = None


class ConstantShape(Shape):
    value: Expression
    typical: bool = False
    says: str = ""


class CodeShape(Shape):
    value: Scalar
    says: str = ""


class OptionShape(Shape):
    one_of: list[str] = Field(alias="one of", min_length=1)
    default: str
    says: str = ""


class CallbackShape(Shape):
    room: str | None = None
    about: str | None = None
    fields: dict[str, FieldType]
    ignored: Annotated[
        list[dict[str, Scalars]],
        BeforeValidator(_patterns, json_schema_input_type=bool | dict[str, Scalars] | list[dict[str, Scalars]]),
    ] = []


class OperationShape(Shape):
    admin: bool = False
    rooms: list[str] = []
    users: list[str] = []
    args: dict[str, Annotated[list[Scalar], Field(min_length=1)]] = {}
    settles: Names = []
    settle_within: Expression | None = Field(default=None, alias="settle within")


LEVELS = ("must", "should", "may")
BASES = ("documented", "inferred")


def _one_of(keys: tuple[str, ...]) -> dict[str, Any]:
    return {"oneOf": [{"required": [key]} for key in keys]}


class RequirementShape(Shape):
    """A sentence under its level, and where it stands under its basis."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_one_of(LEVELS), _one_of(BASES)]})
    must: str | None = None
    should: str | None = None
    may: str | None = None
    documented: str | None = None
    inferred: str | None = None


class RuleShape(Shape):
    from_: Names = Field(alias="from", min_length=1)
    cause: str
    cause_in: Names = Field(default=[], alias="cause in")
    to: str | None = None
    answer: Pattern | None = None
    with_: Pattern | None = Field(default=None, alias="with")
    after: Expression | None = None
    within: Expression | None = None
    about: Expression | None = None
    unless: Annotated[
        dict[str, Expression],
        BeforeValidator(_unless, json_schema_input_type=str | list[str] | dict[str, Expression]),
    ] = {}
    given: dict[str, Scalars] | None = None
    provided: dict[str, Names] | None = None
    silent: bool = False
    immediately: bool = False
    optional: bool | Literal["whenever", "repeatedly"] = False
    while_: Literal["link up"] | None = Field(default=None, alias="while")
    when: dict[str, str] = {}
    for_: str | None = Field(default=None, alias="for")


def _sign(value: Any) -> Any:
    """One value of the field that tells states, or one callback with a pattern."""
    if isinstance(value, dict) and (len(value) != 1 or not isinstance(next(iter(value.values())), dict)):
        raise ValueError("expected a value, or one callback with a pattern as in {onLost: {}}")
    if isinstance(value, list):
        raise ValueError(f"expected one value, found {show(value)}")  # noqa: TRY004 - as above
    return value


Told = Annotated[
    Any,
    AfterValidator(_sign),
    WithJsonSchema({
        "anyOf": [
            {"type": ["string", "number", "boolean", "null"]},
            {"type": "object", "additionalProperties": {"type": "object"}, "minProperties": 1, "maxProperties": 1},
        ]
    }),
]  # fmt: skip


class ConnectionShape(Shape):
    """What a member is told about itself."""

    callback: str | None = None
    state: str | None = None
    told: dict[str, Told] = {}
    initial: str
    server_tells: Names = Field(default=[], alias="server tells")
    otherwise: str | None = None
    rules: list[RuleShape]


News = Annotated[dict[str, Pattern], Field(min_length=1, max_length=1)]


class ObserversShape(Shape):
    inside: Names = Field(min_length=1)
    cut_off: Names = Field(default=[], alias="cut off")
    list_within: Expression = Field(alias="list right within")
    shared: bool = Field(default=False, alias="devices of a user share")
    for_: str | None = Field(default=None, alias="for")
    newcomers: str | None = None


class WindowShape(Shape):
    """`within`, perhaps `after`, or `about`."""

    after: Expression | None = None
    within: Expression | None = None
    about: Expression | None = None


class ExpiryShape(Shape):
    """The own states that tell a member so, and how long after its request at the earliest."""

    told: Names = Field(min_length=1)
    after: Expression = "0s"


class EndingShape(Shape):
    """One of `request`, `act`, `silence`, `loss`, `expiry`, `elsewhere`."""

    request: Names = []
    act: str | None = None
    silence: Annotated[
        WindowShape, BeforeValidator(_keyed("within"), json_schema_input_type=WindowShape | str | int | float)
    ] | None = None  # fmt: skip
    loss: WindowShape | None = None
    expiry: Annotated[
        ExpiryShape, BeforeValidator(_keyed("told"), json_schema_input_type=ExpiryShape | str | list[str])
    ] | None = None  # fmt: skip
    elsewhere: Literal[True] | None = None
    with_: Pattern | None = Field(default=None, alias="with")
    given: dict[str, Scalars] | None = None
    again: bool = False
    told: Literal["always", "maybe"] = "always"
    earlier: str | None = None
    unheard: str | None = None
    when: dict[str, str] = {}
    for_: str | None = Field(default=None, alias="for")


class ReplacedShape(Shape):
    told_as: Annotated[
        list[Literal["nothing", "left then joined"]],
        BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
        Field(min_length=1),
    ] = Field(alias="told as")
    for_: str | None = Field(default=None, alias="for")


class SessionShape(Shape):
    requested_by: dict[str, dict[str, Scalars]] = Field(default={}, alias="requested by")
    opened_by: dict[str, str | None] = Field(alias="opened by", min_length=1)
    renewed_by: Names = Field(default=[], alias="renewed by")
    ended_by: list[EndingShape] = Field(alias="ended by", min_length=1)
    replaced: ReplacedShape | None = None
    until_last: str | None = Field(default=None, alias="until the last device")


class LinkShape(Shape):
    speaks_every: Expression = Field(default="0s", alias="speaks every")
    one_way: Expression = Field(default="0s", alias="one way")
    noticed: Expression = Field(alias="loss noticed within")
    back: Expression = Field(alias="back within")


class ListShape(Shape):
    oneself: Literal["included", "left out", "either"] = "either"


class PresenceShape(Shape):
    joined: News | None = None
    left: News | None = None
    lists: Annotated[
        dict[str, ListShape],
        BeforeValidator(
            lambda value: {value: {}} if isinstance(value, str) else value,
            json_schema_input_type=str | dict[str, ListShape],
        ),
    ] = {}
    oneself: Literal["left out", "either"] = "left out"
    observers: ObserversShape
    otherwise: str | None = None
    session: SessionShape
    delivery: Expression = Field(alias="delivered within")
    told_by: Literal["server", "member"] = Field(default="server", alias="told by")
    link: LinkShape


class StepShape(Shape):
    """One act: fault, heal, admin, wait, or the name of a member with its call."""

    model_config = ConfigDict(extra="allow")
    fault: str | None = None
    kind: str | None = None
    with_: dict[str, Scalar] | None = Field(default=None, alias="with")
    endpoint: str | None = None
    heal: str | None = None
    admin: Annotated[
        dict[str, Any], BeforeValidator(_keyed(""), json_schema_input_type=str | dict[str, Any])
    ] | None = None  # fmt: skip
    wait: Expression | None = None
    at: Expression | None = None
    as_: str | None = Field(default=None, alias="as")


class ItemShape(Shape):
    """`any of`, `unordered`, or the name of a state with its pattern."""

    model_config = ConfigDict(extra="allow")
    any_of: list[list["Item"]] | None = Field(default=None, alias="any of", min_length=1)
    unordered: list["Item"] | None = Field(default=None, min_length=1)
    in_: str | None = Field(default=None, alias="in")
    after: Expression | None = None
    within: Expression | None = None
    about: Expression | None = None
    of: str | None = None
    as_: str | None = Field(default=None, alias="as")
    optional: bool = False
    for_: str | None = Field(default=None, alias="for")


def _entry(value: Any) -> Any:
    return {value: {}} if isinstance(value, str) else value


Item = Annotated[ItemShape, BeforeValidator(_entry, json_schema_input_type=str | ItemShape)]
ItemShape.model_rebuild()


class LineShape(Shape):
    items: list[Item]
    others: Literal["allowed"] | None = None


MemberName = Annotated[
    dict[str, str],
    BeforeValidator(
        lambda value: {value: value} if isinstance(value, str) else value, json_schema_input_type=str | dict[str, str]
    ),
    Field(min_length=1, max_length=1),
]
Line = Annotated[LineShape, BeforeValidator(_keyed("items"), json_schema_input_type=list[Item] | LineShape)]


Story = Literal[
    "alone", "with people", "blink", "away short", "away long", "never back", "leave", "leave while away", "kick",
    "kick while away", "second device", "second device while away", "one device leaves",
    "one device is lost", "slow link", "server restart",
]  # fmt: skip
STORIES = get_args(Story)


class ScenarioShape(Shape):
    """A schedule and what must come of it. With `story` it has from that story what it does not say itself."""

    story: Story | None = None
    id: str = ""
    title: str = ""
    for_: Names = Field(default=[], alias="for")
    tags: list[str] = []
    when: dict[str, str] = {}
    members: list[MemberName] = []
    rooms: list[str] = Field(default=["R"], min_length=1)
    faults: list[str] | None = Field(default=None, min_length=1)
    own_server: bool = Field(default=False, alias="own server")
    pace: Expression | None = None
    watch: Expression | None = None
    schedule: list[StepShape] = Field(default=[], min_length=1)
    expect: dict[str, Line] = {}


StoryCall = str | Annotated[dict[str, dict[str, Any] | None], Field(min_length=1, max_length=1)]


class StoriesShape(Shape):
    """The calls and the act that the standard stories are told with."""

    enter: StoryCall
    leave: StoryCall | None = None
    kick: str | None = None
    not_: Names = Field(default=[], alias="not")
    for_: dict[str, Names] = Field(default={}, alias="for")


class ScheduleShape(Shape):
    """A schedule file. `found`: what a run says of it, such as the requirement and what was seen."""

    spec: str
    title: str = ""
    found: dict[str, Any] = {}
    members: list[MemberName] = Field(min_length=1)
    rooms: list[str] = Field(default=["R"], min_length=1)
    schedule: list[StepShape] = Field(min_length=1)
    pace: Expression | None = None
    watch: Expression


class KnownEntryShape(Shape):
    case: str
    requirement: str
    seen: str
    reason: str
    owner: str
    link: str = ""
    with_: str = Field(default="", alias="with")
    sometimes: bool = False
    expires: str


class KnownShape(RootModel[list[KnownEntryShape]]):
    """A list of known failures."""


class SpecShape(Shape):
    spec: str
    title: str
    revision: str
    extends: str | None = None
    source: SourceShape | None = None
    constants: dict[
        str,
        Annotated[
            ConstantShape,
            BeforeValidator(_keyed("value"), json_schema_input_type=ConstantShape | str | int | float),
        ],
    ] = {}
    codes: dict[
        str, Annotated[CodeShape, BeforeValidator(_keyed("value"), json_schema_input_type=CodeShape | Scalar)]
    ] = {}
    options: dict[str, OptionShape] = {}
    callbacks: dict[str, CallbackShape] = Field(min_length=1)
    operations: dict[str, OperationShape] = Field(min_length=1)
    pace: Expression = "0s"
    watch: Expression | None = None
    tolerance: Expression | None = None
    requirements: dict[str, RequirementShape] = {}
    groups: dict[str, Annotated[Names, Field(min_length=1)]] = {}
    connection: ConnectionShape
    presence: PresenceShape | None = None
    stories: StoriesShape | None = None
    scenarios: list[ScenarioShape] = []


class BrowserShape(Shape):
    script: str
    page: str | None = None
    backend: str | None = None
    flags: list[str] = []


class AdapterShape(Shape):
    command: list[str] | None = Field(default=None, min_length=1)
    dial: bool = False
    browser: BrowserShape | None = None


class ServerShape(Shape):
    command: list[str] = Field(min_length=1)
    ready_within: Expression = Field(default="10s", alias="ready within")


class InstallShape(Shape):
    needs: dict[str, str] = {}
    steps: list[Annotated[list[str], Field(min_length=1)]] = Field(min_length=1)


Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class PairShape(Shape):
    constants: dict[str, Expression] = {}
    options: dict[str, str] = {}
    lacks: list[str] = []


class TargetShape(Shape):
    target: str
    title: str = ""
    spec: str
    with_: str | None = Field(default=None, alias="with")
    pairs: dict[str, PairShape] = {}
    install: InstallShape | None = None
    pins: dict[str, Annotated[Names, Field(min_length=1)]] = {}
    versions: dict[str, Annotated[list[str], Field(min_length=1)]] = {}
    adapter: AdapterShape | None = None
    server: ServerShape | None = None
    endpoints: dict[str, str] = {}
    internet: list[Annotated[str, Field(pattern=r"^\S+$")]] | None = None
    constants: dict[str, Expression] = {}
    options: dict[str, str] = {}
    scale: Annotated[float, Field(gt=0)] | None = None
    jobs: Annotated[int, Field(gt=0)] | None = None
    faults: list[str] | None = None
    lacks: list[str] = []
    secrets: list[Variable] = []
    proxies: list[Variable] = []
    credentials: list[Variable] = []
