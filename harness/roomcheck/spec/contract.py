"""A contract: what a spec says once its constants, codes and options have values. All times are microseconds.

The judge, the runner and the reports read these values; only spec/ makes them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Schedule
from roomcheck.spec.case import Case
from roomcheck.spec.interface import Callback, Operation
from roomcheck.spec.where import NOWHERE, Where


@dataclass(frozen=True, slots=True)
class Requirement:
    """One promise. level: must, should, may. basis: documented or inferred."""

    id: str
    level: str
    basis: str
    cite: str
    says: str
    where: Where = NOWHERE


MUTE = "mute"


class CauseKind(StrEnum):
    """What can arm a rule. MUTE is the name of a loss that passes what the server sends, and need not be noticed."""

    CALL = "call"  # the subject calls the operation (name: operation, or operation.argument for several rooms)
    ADMIN = "admin"  # the backend's act on the subject
    LINK_DOWN = "link down"  # level: the subject's link is down, or goes down
    LINK_UP = "link up"  # level
    SERVER_DOWN = "server down"  # edge
    ENTERED = "entered"  # the view enters the rule's `from`
    TWIN = "twin"  # another member of the same user is told `name`, in any room
    TWIN_IN = "twin in"  # level: another member of the same user is in the state `name`, in any room
    TWIN_HERE = "twin here"  # the same two, in the room of the subject
    TWIN_HERE_IN = "twin here in"

    @property
    def lasts(self) -> bool:
        """Whether it is another member's state, and not the moment of it."""
        return self in (CauseKind.TWIN_IN, CauseKind.TWIN_HERE_IN)


TWIN_IN_ROOM = {  # in which rooms another member is: of the subject's own, or any other
    True: (CauseKind.TWIN, CauseKind.TWIN_HERE, CauseKind.TWIN_IN, CauseKind.TWIN_HERE_IN),
    False: (CauseKind.TWIN, CauseKind.TWIN_IN),
}
TWINS = TWIN_IN_ROOM[True]


@dataclass(frozen=True, slots=True)
class Cause:
    kind: CauseKind
    name: str = ""

    def __str__(self) -> str:
        if self.kind in (CauseKind.CALL, CauseKind.ADMIN):
            return self.name
        return f"{self.kind} {self.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Unless:
    """Cancels a rule that was armed; the cancelling surely took effect only `settle` microseconds later."""

    cause: Cause
    settle: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """In a state of `from_`, after `cause`, the callback that moves the view to `to` comes within a window.

    The window is [cause + after, later of cause and entry into `from_` + after + within]; `about`: the one moment that
    the document gives for it, if it gives one (microseconds, as all times). `answer` instead of `to`: the
    call's own result must fit that pattern. `silent`: no callback, the state moves with the cause, or (after `entered`)
    at some time in the window. `optional`: may
    come, need not; `whenever`: at any time while it is armed, and told within the window once decided; `repeated`: and
    may come again. `armed_in`: states in which the cause may come, those of `from_` among them. `while_up`: its time
    runs only while the subject's link is up. `given`: the arguments of the call that led here. `provided`: room
    argument -> states in which the member must have been told to be there. `immediately`: nothing else of the room
    comes to the member between what told it the state of `from_` and this.
    """

    id: int
    from_: frozenset[str]
    cause: Cause
    to: str | None
    pattern: Mapping[str, Any]
    after: int = 0
    within: int = 0
    about: int = 0
    unless: tuple[Unless, ...] = ()
    given: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    provided: Mapping[str, frozenset[str]] = field(default_factory=dict)
    answer: Mapping[str, Any] | None = None
    silent: bool = False
    optional: bool = False
    whenever: bool = False
    repeated: bool = False
    while_up: bool = False
    immediately: bool = False
    requirement: str | None = None
    text: str = ""
    where: Where = NOWHERE
    armed_in: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "armed_in", self.from_ | self.armed_in)

    @property
    def lapses(self) -> bool:
        """Whether a state ends by itself after a time, and nothing is told."""
        return self.silent and self.after + self.within > 0

    def asks_for(self, args: Mapping[str, Any]) -> bool:
        """Whether the call that led here had these arguments among those that the rule wants."""
        return all(args.get(name) in values for name, values in self.given.items())


@dataclass(frozen=True, slots=True)
class Hearing:
    """When an observer can hear of others.

    It hears in `states`, may hear in `away` (its list may be stale there), and must have a right list `list_within`
    microseconds after it is back. `shared`: the members of a user share what comes for it, so that from when two of
    them have been there neither must have a right list.
    """

    states: frozenset[str]
    away: frozenset[str]
    list_within: int
    shared: bool = False


class End(StrEnum):
    """What can end a session."""

    REQUEST = "request"  # the member asked to leave, and is in one of `names`
    ACT = "act"  # the operation `names` of the backend, which crosses no link
    LOSS = "loss"  # the server has not heard the member for long enough
    EXPIRY = "expiry"  # the server ends it by itself, and tells its member one of `names`
    ELSEWHERE = "elsewhere"  # another session of the same user, in another room


@dataclass(frozen=True, slots=True)
class Ending:
    """One way in which a session ends, and the fields of the news of it. Not `owed`: the others need not be told.

    REQUEST: `unheard` is the requirement if the server need not have heard the request, and finds the member gone.
    LOSS: the server ends the session no earlier than `after` and no later than `after` plus `within` microseconds after
    the member's link was lost; `earlier` is the requirement that is broken before that. EXPIRY: no earlier than `after`
    microseconds after the request that opened it. `given`: arguments of the call
    that opened the session. `again`: its news may also come of a session that has ended by request.
    """

    kind: End
    names: frozenset[str] = frozenset()
    after: int = 0
    within: int = 0
    about: int = 0
    given: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    pattern: Mapping[str, Any] = field(default_factory=dict)
    again: bool = False
    owed: bool = True
    requirement: str | None = None
    unheard: str | None = None
    earlier: str | None = None
    text: str = ""
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Presence:
    """What the server knows of a user in a room, one session, and how the news of it travels to the members there.

    States are those that a member is told about itself; `observers` says when one hears of others. A session may be
    open from when a member is told one of `requested_by` (state or operation -> arguments of the call); it surely is
    open when the member is told one of `opened_by` (state -> requirement). A new session takes the place of an open one
    when its member is told one of `renewed_by`, or by another member of the same user: the others are then told nothing
    (`replaced_quietly`), or `left` and `joined` (`replaced_aloud`). Its own member opens an ended session again without
    a new request only if it ended by loss or with the server. `told_by_member`: the member itself sends the news that
    it has joined, once it is told so. All times are microseconds: news comes within `delivery`, in the order of what
    happened; a client notices a lost link within `noticed`, and is back within `back` once its link is whole.
    `list_requirement` is broken by an observer's list that is wrong when it is due, `first_list_requirement` by that of
    one that has just come. `lists`: callbacks that name all who are there, and whether the observer itself is among
    them. Where nothing else tells who comes and who goes, two changes in one delivery's time may be told by no list at
    all. `counted`: a session lasts until the last member of its user is gone, else `counted_requirement` is broken.
    `of_oneself`: a member may also be told that it has come or gone itself, as the others are.
    """

    observers: Hearing
    requested_by: Mapping[str, Mapping[str, tuple[Any, ...]]]
    opened_by: Mapping[str, str | None]
    renewed_by: frozenset[str]
    endings: tuple[Ending, ...]
    delivery: int
    noticed: int
    back: int
    told_by_member: bool = False
    replaced_quietly: bool = True
    replaced_aloud: bool = False
    replaced_requirement: str | None = None
    list_requirement: str | None = None
    first_list_requirement: str | None = None
    lists: Mapping[str, str] = field(default_factory=dict)  # callback -> included, left out, either
    of_oneself: bool = False
    counted: bool = False
    counted_requirement: str | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """What tells a state: this callback, with these values in its fields, or with others (`also`)."""

    callback: str
    fields: Mapping[str, Any]
    also: tuple[Mapping[str, Any], ...] = ()

    @property
    def patterns(self) -> tuple[Mapping[str, Any], ...]:
        """Each of these tells it."""
        return self.fields, *self.also


@dataclass(frozen=True)
class View:
    """What a member is told, one for each room: about itself, or (with `presence`) one for each other user.

    `signs` is what tells each state, `told` one value that stands for it: that of the field in which signs differ, the
    callback's name, or (where they differ in several fields) `joined` and `left`. `otherwise` is the requirement that a
    callback breaks which no rule explains. With `presence` there are no rules: its states are `present` and `absent`,
    and have no signs where only whole lists tell them.
    """

    name: str
    signs: Mapping[str, Sign]  # state -> what tells it
    told: Mapping[str, Any]  # state -> value
    initial: str
    rules: tuple[Rule, ...]
    presence: Presence | None = None
    otherwise: str | None = None
    where: Where = NOWHERE

    @cached_property
    def silent(self) -> frozenset[str]:
        """States that no callback tells: they are only entered silently, or to begin with."""
        told = {rule.to for rule in self.rules if not rule.silent}
        return frozenset(rule.to for rule in self.rules if rule.silent and rule.to and rule.to not in told)

    @cached_property
    def by_cause(self) -> Mapping[tuple[CauseKind, str], list[Rule]]:
        """Its rules, by the kind and the name of what arms them.

        A member that is only mute may take what it hears for a link that is whole: whether it notices is open.
        """
        out: dict[tuple[CauseKind, str], list[Rule]] = {}
        for rule in self.rules:
            out.setdefault((rule.cause.kind, rule.cause.name), []).append(rule)
        lost = out.get((CauseKind.LINK_DOWN, ""), ())
        out[CauseKind.LINK_DOWN, MUTE] = [replace(rule, optional=True, whenever=True) for rule in lost]
        return out

    def led_to(
        self, state: str, kind: CauseKind, name: str = "", args: Mapping[str, Any] | None = None
    ) -> Iterable[str]:
        """The states that a member in this one may take by this cause, if nothing else happens.

        `args`: of the call that it is, or that led here; None: whatever they are.
        """
        key = state, kind, name, args and tuple(args.items())
        if key not in self._led_to:
            known = self._led_to[key] = dict[str, None]()
            todo = [(state, kind, name)]
            if kind is CauseKind.LINK_UP:  # what waited for the link comes
                todo.append((state, CauseKind.ENTERED, ""))
            for at, by, of in todo:
                for rule in self.by_cause.get((by, of), ()):
                    if rule.to and rule.to not in known and at in rule.from_ and (args is None or rule.asks_for(args)):
                        known[rule.to] = None
                        todo.append((rule.to, CauseKind.ENTERED, ""))
        return self._led_to[key]

    @cached_property
    def _led_to(self) -> dict[object, dict[str, None]]:
        return {}

    @cached_property
    def callbacks(self) -> tuple[str, ...]:
        """The callbacks that tell its states."""
        return tuple(dict.fromkeys(sign.callback for sign in self.signs.values()))

    @cached_property
    def _signed(self) -> Mapping[str, tuple[tuple[Mapping[str, Any], str], ...]]:
        """Callback -> fields and state: those with most fields first."""
        signs = sorted(self.signs.items(), key=lambda item: -len(item[1].fields))
        return {
            name: tuple((fields, state) for state, s in signs if s.callback == name for fields in s.patterns)
            for name in self.callbacks
        }

    def state(self, callback: str, fields: Mapping[str, Any]) -> str | None:
        """The state that a callback tells: that of the sign with most fields, of equal ones the first."""
        for wanted, state in self._signed.get(callback, ()):
            for name, value in wanted.items():
                if name not in fields or fields[name] != value:
                    break
            else:
                return state
        return None

    def told_by(self, state: str) -> str:
        """The callback that tells this state, by itself or by a list."""
        return self.signs[state].callback if state in self.signs else next(iter(self.lists), "")

    @property
    def hearing(self) -> Hearing | None:
        """When an observer can hear of others."""
        return self.presence.observers if self.presence is not None else None

    @property
    def lists(self) -> Mapping[str, str]:
        """The callbacks that name all who are there."""
        return self.presence.lists if self.presence is not None else {}

    def ignores(self, callback: Callback, fields: Mapping[str, Any]) -> bool:
        """Whether a callback is none of its business."""
        return bool(callback.ignored) and callback.ignores(fields, stateless=self.state(callback.name, fields) is None)

    @cached_property
    def _telling(self) -> Mapping[str, tuple[str, ...]]:
        out = {}
        for name, signs in self._signed.items():
            names = dict.fromkeys(field for fields, _ in signs for field in fields)
            different = {field: len({repr(fields.get(field)) for fields, _ in signs}) for field in names}
            out[name] = tuple(sorted(names, key=lambda field: -different[field]))
        return out

    def telling(self, callback: str) -> tuple[str, ...]:
        """The fields of a callback that tell the state, the one in which states differ most first."""
        return self._telling[callback]

    def word(self, state: str, fields: Mapping[str, Any] | None = None) -> str:
        """What a text calls the news of this state: the value that came with these fields, or each that may come."""
        field, every = self._words[state]
        return every if field is None or fields is None else str(fields.get(field, every))

    def made_of(self, value: Any) -> str:
        """In brackets, the callback that tells what this value stands for, where that does not say the value itself."""
        sign = next((self.signs[s] for s, told in self.told.items() if told == value and s in self.signs), None)
        if sign is None or value in (sign.callback, *sign.fields.values()):
            return ""
        fields = ", ".join(f"{name} {told}" for name, told in sign.fields.items())
        return f" ({sign.callback}: {fields})" if fields else f" ({sign.callback})"

    def again(self, state: str, fields: Mapping[str, Any]) -> str:
        """What a text says of news that came when this was the last news already."""
        kind = self.word(state)
        return "twice" if self.word(state, fields) == kind else f"as one more {kind}"

    @cached_property
    def named(self) -> Mapping[str, tuple[str, Mapping[str, Any]]]:
        """What a line of a scenario may name: a state, and fields that must be told besides.

        States by their names, and by what they are told as; of news that has one of several values, each.
        """
        out: dict[str, tuple[str, Mapping[str, Any]]] = {}
        if self.presence is None:
            out |= {state: (state, {}) for state in self.told}
        for state, told in self.told.items():
            values = self.values(state)
            for name, value in values or (("", told),):
                out.setdefault(str(value), (state, {name: value} if len(values) > 1 else {}))
        return out

    def values(self, state: str) -> tuple[tuple[str, Any], ...]:
        """The field in which the signs of a state say what came, with each value that may come there."""
        sign, told = self.signs.get(state), self.told[state]
        if sign is None:
            return ()
        field = next((name for name, value in sign.fields.items() if value == told), None)
        return () if field is None else tuple(dict.fromkeys((field, one[field]) for one in sign.patterns))

    @cached_property
    def _words(self) -> Mapping[str, tuple[str | None, str]]:
        """State -> the field in which its signs say what came, and all values that may come there."""
        out: dict[str, tuple[str | None, str]] = {}
        for state, told in self.told.items():
            values = self.values(state)
            words = [str(value) for _, value in values] or [str(told)]
            out[state] = values[0][0] if values else None, " or ".join(words)
        return out

    def value(self, callback: str, fields: Mapping[str, Any]) -> Any:
        """What stands for what a callback tells, be it a state or not."""
        signs = self._signed[callback]
        state = signs[0][1] if len(signs) == 1 else self.state(callback, fields)
        if state is not None:
            return self.told[state]
        telling = self.telling(callback)
        if self.presence is None or len(telling) == 1:
            return fields.get(telling[0])
        told = [(self.told[state], sign.fields) for state, sign in self.signs.items() if sign.callback == callback]
        named = [f for f in telling if all(word == wanted.get(f) for word, wanted in told)]
        if named and fields.get(named[0]) in self.told.values():  # and something else is wrong
            return fields[named[0]]
        return ", ".join(f"{name} {fields.get(name)}" for name in telling)


SECOND_SESSION = "second session"  # of a user, beside its first: what a target may lack beside operations and faults
A_SERVER = "server without"  # and which variables: what a target may lack, beside operations


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything of one spec with all values in place.

    `faults` are the kinds that the target takes, `lacks` the operations of the spec that it does not have;
    SECOND_SESSION, where a user has only one; A_SERVER, with the reason, where there is none to reach.
    """

    spec: str
    revision: str
    title: str
    constants: Mapping[str, int]
    typical: frozenset[str]
    codes: Mapping[str, Any]
    options: Mapping[str, str]
    callbacks: Mapping[str, Callback]
    operations: Mapping[str, Operation]
    requirements: Mapping[str, Requirement]
    views: tuple[View, ...]
    cases: tuple[Case, ...]
    pace: int = 0  # between a step that has settled and the next one that names no moment
    scale: float = 1.0
    faults: frozenset[FaultKind] = frozenset(FaultKind)
    lacks: frozenset[str] = frozenset()

    @property
    def connection(self) -> View:
        """What a member is told about itself."""
        return self.views[0]

    @property
    def serverless(self) -> str:
        """Why there is no server, if there is none: then only what a client does without one can be played."""
        return next((entry for entry in self.lacks if entry.startswith(A_SERVER)), "")

    def pace_of(self, schedule: Schedule) -> int:
        """Microseconds between a step of this schedule that has settled and the next one, if that names no moment."""
        return self.pace if schedule.pace is None else schedule.pace
