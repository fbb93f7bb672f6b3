"""What the names of a spec mean: constants, codes, options, callbacks, operations, requirements.

Everything is looked at even where something is wrong, so that one reading finds every mistake.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction
from itertools import product
from typing import Any, TypeVar

from roomcheck.model.fault import FaultKind
from roomcheck.spec import expressions
from roomcheck.spec.contract import CauseKind, Requirement
from roomcheck.spec.expressions import ExpressionError, Quantity
from roomcheck.spec.interface import Callback, Operation, Path
from roomcheck.spec.problems import Problems
from roomcheck.spec.reader import Node
from roomcheck.spec.shape import (
    BASES,
    LEVELS,
    ConnectionShape,
    ItemShape,
    OperationShape,
    RequirementShape,
    RuleShape,
    SpecShape,
    WindowShape,
)
from roomcheck.spec.where import Where

Step = str | int
Said = TypeVar("Said")
KINDS = tuple(kind.value for kind in FaultKind)
STATUSES = ("ok", "refused", "unsupported", "indefinite")
MAX_CHAIN = 40  # constants that build on each other

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PATH = re.compile(r"[^.\[\]]+(\[\])?(\.[^.\[\]]+(\[\])?)*\Z")
_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "list": (list,)}
FIXED = {kind.value: kind for kind in (
    CauseKind.LINK_DOWN, CauseKind.LINK_UP, CauseKind.SERVER_DOWN, CauseKind.ENTERED
)}  # fmt: skip


@dataclass(slots=True)
class Binding:
    """What a target says: constants (text or microseconds), options, how much faster, and where it says so."""

    constants: Mapping[str, str | int] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    scale: float = 1.0
    places: Mapping[str, Where] = field(default_factory=dict)


class Words:
    """What the names and durations of a file mean, and where it is wrong. A spec and a schedule file both have them.

    `scale`: how much faster than documented; durations come out scaled.
    """

    operations: Mapping[str, Operation]
    pace: int

    def __init__(self, doc: Node, problems: Problems, names: expressions.Names, scale: Fraction) -> None:
        self.doc = doc
        self.problems = problems
        self.names = names
        self.scale = scale
        self.groups: dict[str, frozenset[str]] = {}  # names for several states
        self._durations: dict[str, int] = {}  # what was read once is not read again

    # --- places and problems ----------------------------------------------------------------------------------------

    def where(self, *path: Step) -> Where:
        return self.doc.at(path).where

    def expect_name(self, name: str, known: Collection[str], what: str, where: Where) -> bool:
        """Report a name that is not known."""
        if name in known:
            return True
        self.problems.unknown(where, what, name, known)
        return False

    def names_in(self, names: Iterable[str], known: Collection[str], what: str, *path: Step) -> frozenset[str]:
        """The known ones of a list of names; the others are reported where each stands. A group is its members."""
        node = self.doc.at(path)
        out: set[str] = set()
        for name in names:
            if name in self.groups:
                out |= self.groups[name] & set(known)
            elif self.expect_name(name, {*known, *self.groups}, what, node.key(name)):
                out.add(name)
        return frozenset(out)

    def keyed_by(
        self, given: Mapping[str, Said], known: Collection[str], what: str, *path: Step
    ) -> dict[str, tuple[str, Said]]:
        """What is said of each known name, and by which key: its own, or else a group's."""
        node = self.doc.at(path)
        out: dict[str, tuple[str, Said]] = {}
        for key, value in sorted(given.items(), key=lambda one: one[0] not in self.groups):
            for name in sorted(self.names_in([key], known, what, *path)):
                before, _ = out.get(name, (key, value))
                if before != key and key in self.groups:
                    self.problems.add(node.key(key), f"{name} stands in {before} and in {key}; say it by its own name")
                out[name] = key, value
        return out

    # --- expressions ------------------------------------------------------------------------------------------------

    def misfits(self, error: ExpressionError, *path: Step) -> None:
        """Report what is wrong in an expression, at its column of the file."""
        node = self.doc.at(path)
        for column, message in error.misfits:
            start = node.where.column + node.quoted
            self.problems.add(Where(node.where.file, node.where.line, start + column), message)

    def duration(self, text: str | None, *path: Step) -> int:
        """Scaled microseconds; 0 if it is absent or wrong."""
        if text is None:
            return 0
        if text not in self._durations:
            try:
                exact = expressions.duration(text, self.names)
            except ExpressionError as e:
                self.misfits(e, *path)
                return 0
            if exact < 0:
                self.problems.add(self.where(*path), f"{text} is negative")
                return 0
            self._durations[text] = self.scaled(exact)
        return self._durations[text]

    def scaled(self, exact: Fraction) -> int:
        return round(exact / self.scale)


class Vocabulary(Words):
    """The names of one spec under one binding, as values of the contract. Windows are scaled, constants too."""

    def __init__(self, doc: Node, shape: SpecShape, problems: Problems, binding: Binding) -> None:
        super().__init__(doc, problems, expressions.Names(shape.constants, self._use), Fraction(binding.scale))
        self.shape = shape = self._corrected(shape)
        self.binding = binding
        self.used: set[str] = set()  # constants and codes that something mentions
        self.verified: set[str] = set()  # requirements that a rule, an entry or a scenario is for
        self._values: dict[str, Quantity | None] = {}
        self._open: list[str] = []
        self.constants = self._constants()
        self.pace = self.duration(shape.pace, "pace")
        self.watch = self._watch(shape)
        self.tolerance = self.duration(shape.tolerance, "tolerance")
        self.about = False  # whether any window is about a time
        self.codes = {name: code.value for name, code in shape.codes.items()}
        self.options = self._options()
        self.requirements = self._requirements()
        self.callbacks = {name: self._callback(name) for name in shape.callbacks}
        self.own_states = set(states_of(shape.connection))
        self.groups = {name: self._group(name, states) for name, states in shape.groups.items()}
        self.operations = {name: self._operation(name, o) for name, o in shape.operations.items()}

    def _watch(self, shape: SpecShape) -> int:
        """How long a case goes on after its last step: if nothing says so, until lists are right and news has come."""
        if shape.watch is not None or shape.presence is None:
            return self.duration(shape.watch, "watch")
        at, presence = "presence", shape.presence
        news = self.duration(presence.delivery, at, "delivered within")
        lists = self.duration(presence.observers.list_within, at, "observers", "list right within")
        link = presence.link
        back = self.duration(link.noticed, at, "link", "loss noticed within")
        back += self.duration(link.back, at, "link", "back within")
        return max(lists, back) + 2 * news

    def _corrected(self, shape: SpecShape) -> SpecShape:
        """The shape without the misspelt states that rules lead to: each is reported where it is misspelt."""
        connection = shape.connection
        meant = {name: what for name, what in misspelt(shape).items() if what not in self.problems.lost}
        if connection.initial in meant:
            self._misspelt(connection.initial, meant, "connection", "initial")
        rules = list(connection.rules)
        for i, rule in enumerate(rules):
            if rule.to in meant:
                self._misspelt(rule.to, meant, "connection", "rules", i, "to")
                rules[i] = rule.model_copy(update={"to": meant[rule.to]})
        initial = meant.get(connection.initial, connection.initial)
        whole = connection.model_copy(update={"initial": initial, "rules": rules})
        return shape.model_copy(update={"connection": whole})

    def _misspelt(self, name: str, meant: Mapping[str, str], *path: Step) -> None:
        self.problems.unknown(self.where(*path), "state", name, {meant[name]})

    # --- requirements and options -------------------------------------------------------------------------------------

    def requirement(self, name: str | None, where: Where) -> str | None:
        """A requirement that something is for."""
        if name is not None and self.expect_name(name, self.requirements, "requirement", where):
            self.verified.add(name)
        return name

    def when(self, conditions: Mapping[str, str], *path: Step) -> None:
        """Check `when: {option: value}`."""
        node = self.doc.at((*path, "when"))
        for name, value in conditions.items():
            if self.expect_name(name, self.shape.options, "option", node.key(name)):
                known = self.shape.options[name].one_of
                self.expect_name(value, known, f"value of {name}", node.at((name,)).where)

    def holds(self, conditions: Mapping[str, str]) -> bool:
        """Whether the options are as `when` wants them."""
        return all(self.options.get(name) == value for name, value in conditions.items())

    # --- constants ----------------------------------------------------------------------------------------------------

    def _use(self, name: str) -> Quantity | None:
        self.used.add(name)
        return self._constant(name)

    def _constant(self, name: str) -> Quantity | None:
        if name in self._values:
            return self._values[name]
        place: tuple[Step, ...] = ("constants", name, "value")
        if name in self._open:
            circle = " -> ".join([*self._open[self._open.index(name) :], name])
            self.problems.add(self.where(*place), f"{name} is defined by way of itself: {circle}")
            return None
        if len(self._open) > MAX_CHAIN:
            self.problems.add(self.where(*place), f"more than {MAX_CHAIN} constants that build on each other")
            return None
        self._open.append(name)
        given = self.binding.constants.get(name)
        try:
            if isinstance(given, int):
                value = Fraction(given)
            else:
                value = expressions.duration(given or self.shape.constants[name].value, self.names)
            if value < 0:
                raise ExpressionError([(0, f"{name} is negative")])  # noqa: TRY301 - reported like the others
            self._values[name] = Quantity(value, duration=True)
        except ExpressionError as e:
            self._values[name] = None
            if given is None:
                self.misfits(e, *place)
            else:
                for _, message in e.misfits:
                    self.problems.add(self._place("constants", name), f"{name}: {message}")
        self._open.pop()
        return self._values[name]

    def _place(self, section: str, name: str) -> Where:
        return self.binding.places.get(f"{section}.{name}", self.where(section))

    def _constants(self) -> dict[str, int]:
        if not self.scale > 0:
            self.problems.add(self.where(), f"the scale {self.binding.scale:g} is not above 0")
            self.scale = Fraction(1)
        for name in self.binding.constants:
            self.expect_name(name, self.shape.constants, "constant", self._place("constants", name))
        out = {}
        for name in self.shape.constants:
            if not _NAME.match(name):
                where = self.doc.at(("constants",)).key(name)
                self.problems.add(where, f"{name!r} cannot stand in an expression; use letters, digits and _")
            value = self._constant(name)
            out[name] = self.scaled(value.value) if value else 0
        return out

    def window(self, shape: RuleShape | ItemShape | WindowShape, *at: Step) -> tuple[int, int, int]:
        """`after`, `within` and `about`: what comes about a time comes so much earlier or later."""
        if shape.about is None:
            return self.duration(shape.after, *at, "after"), self.duration(shape.within, *at, "within"), 0
        self.about = True
        node = self.doc.at(at)
        for key in ("after", "within"):
            if key in node.keys:
                self.problems.add(node.key(key), f"`about` is the whole window; leave `{key}` out")
        if self.shape.tolerance is None:
            text = "`about` needs the contract's `tolerance`: how much earlier or later is still about then"
            self.problems.add(node.key("about"), text)
        about = self.duration(shape.about, *at, "about")
        after = max(0, about - self.tolerance)
        return after, about + self.tolerance - after, about

    # --- small things -----------------------------------------------------------------------------------------------

    def _options(self) -> dict[str, str]:
        out = {}
        for name, option in self.shape.options.items():
            self.expect_name(option.default, option.one_of, f"value of {name}", self.where("options", name, "default"))
            out[name] = option.default
        for name, value in self.binding.options.items():
            place = self._place("options", name)
            if self.expect_name(name, self.shape.options, "option", place):
                self.expect_name(value, self.shape.options[name].one_of, f"value of {name}", place)
                out[name] = value
        return out

    def _requirements(self) -> dict[str, Requirement]:
        out: dict[str, Requirement] = {}
        for name, shape in self.shape.requirements.items():
            level, says = self._only(shape, LEVELS, name)
            basis, cite = self._only(shape, BASES, name)
            where = self.doc.at(("requirements",)).key(name)
            out[name] = Requirement(name, level, basis, cite, says, where)
        return out

    def _only(self, shape: RequirementShape, keys: Sequence[str], name: str) -> tuple[str, str]:
        """The one of these keys that a requirement has, and its text."""
        node = self.doc.at(("requirements", name))
        found = [(key, text) for key in node.keys if key in keys and (text := getattr(shape, key)) is not None]
        if len(found) > 1:
            self.problems.add(node.key(found[1][0]), f"{name} has `{found[0][0]}` already")
        elif not found and not self.problems.lost & set(node.keys):
            self.problems.add(node.where, f"{name} needs one of `{'`, `'.join(keys)}`")
        return found[0] if found else (keys[0], "")

    def _path(self, text: str | None, fields: Collection[str], *path: Step) -> Path | None:
        if text is None:
            return None
        if not _PATH.match(text):
            self.problems.add(self.where(*path), f"{text!r} is no path such as roomID or users[].userID")
            return None
        steps = tuple((part.removesuffix("[]"), part.endswith("[]")) for part in text.split("."))
        self.expect_name(steps[0][0], fields, "field", self.where(*path))
        return Path(steps)

    def _callback(self, name: str) -> Callback:
        shape = self.shape.callbacks[name]
        at = ("callbacks", name)
        room = self._path(shape.room, shape.fields, *at, "room")
        about = self._path(shape.about, shape.fields, *at, "about")
        ignored = []
        for i, pattern in enumerate(shape.ignored):
            here = (*at, "ignored", i)
            for f in pattern:
                self.expect_name(f, shape.fields, f"field of {name}", self.doc.at(here).key(f))
            types = {f: shape.fields.get(f, "any") for f in pattern}
            ignored.append(
                {f: tuple([self.literal(v, types[f], *here, f) for v in values]) for f, values in pattern.items()}
            )
        return Callback(name, room, about, dict(shape.fields), tuple(ignored))

    def any_of(self, names: Iterable[str]) -> str:
        """These states, and those of these groups, for people: `LOST or BACK`."""
        return " or ".join(dict.fromkeys(state for name in names for state in self.shape.groups.get(name, [name])))

    def _group(self, name: str, states: Sequence[str]) -> frozenset[str]:
        where = self.doc.at(("groups",)).key(name)
        if name in self.own_states:
            self.problems.add(where, f"{name} is a state already; call the group otherwise")
        return self.names_in(states, self.own_states, "state", "groups", name)

    def _operation(self, name: str, shape: OperationShape) -> Operation:
        at = ("operations", name)
        arguments = [*shape.rooms, *shape.users, *shape.args]
        if len(set(arguments)) < len(arguments):
            self.problems.add(self.doc.at(("operations",)).key(name), f"{name} has two arguments of one name")
        settles = self.names_in(shape.settles, self.own_states, "state", *at, "settles")
        if settles and shape.settle_within is None:
            self.problems.add(self.where(*at, "settles"), "`settles` needs `settle within`")
        return Operation(
            name=name,
            admin=shape.admin,
            rooms=tuple(shape.rooms),
            users=tuple(shape.users),
            args={argument: tuple(values) for argument, values in shape.args.items()},
            settles=settles,
            settle_within=self.duration(shape.settle_within, *at, "settle within"),
        )

    # --- patterns ---------------------------------------------------------------------------------------------------

    def pattern(self, given: Mapping[str, Any], callback: Callback, *path: Step) -> dict[str, Any]:
        """A pattern on a callback's fields, codes by their value. Rooms and users are no business of a pattern."""
        return {
            name: self.literal(value, kind, *path, name) for name, value, kind in self._fits(given, callback, *path)
        }

    def patterns(self, given: Mapping[str, Any], callback: Callback, *path: Step) -> tuple[dict[str, Any], ...]:
        """As `pattern`; where a field holds one value, a list is several that it may have."""
        each = []
        for name, value, kind in self._fits(given, callback, *path):
            values = value if isinstance(value, list) and value and kind not in ("list", "any") else [value]
            each.append([(name, self.literal(one, kind, *path, name)) for one in values])
        return tuple([dict(one) for one in product(*each)])

    def _fits(self, given: Mapping[str, Any], callback: Callback, *path: Step) -> Iterator[tuple[str, Any, str]]:
        """The fields of a pattern that the callback has, with what is said of them and their types."""
        if callback.name not in self.callbacks:
            return
        node = self.doc.at(path)
        own = {steps.steps[0][0]: what for steps, what in ((callback.room, "room"), (callback.about, "users")) if steps}
        for name, value in given.items():
            if not self.expect_name(name, callback.fields, f"field of {callback.name}", node.key(name)):
                continue
            if name in own:
                self.problems.add(node.key(name), f"{name!r} names the {own[name]}, which differ in every run")
                continue
            yield name, value, callback.fields[name]

    def literal(self, value: Any, kind: str, *path: Step) -> Any:
        """A value that a field of this type can have."""
        if kind == "code":
            if isinstance(value, str) and value in self.codes:
                self.used.add(value)
                return self.codes[value]
            if isinstance(value, str) and value not in self.codes.values():
                self.problems.unknown(self.where(*path), "code", value, self.codes)
            if isinstance(value, list | dict):
                self.problems.add(self.where(*path), f"{value!r} cannot be in a field of type {kind}")
        elif kind in _TYPES and (not isinstance(value, _TYPES[kind]) or isinstance(value, bool)):
            self.problems.add(self.where(*path), f"{value!r} cannot be in a field of type {kind}")
        return value

    def given(
        self, given: Mapping[str, Sequence[Any]], operations: Iterable[Operation], *at: Step
    ) -> dict[str, tuple[Any, ...]]:
        """Arguments of a call of one of these operations, each with the values that count."""
        lawful: dict[str, list[Any]] = {}
        for operation in operations:
            for argument, allowed in operation.args.items():
                lawful.setdefault(argument, []).extend(allowed)
        node = self.doc.at(at)
        for name, values in given.items():
            if self.expect_name(name, lawful, "argument", node.key(name)):
                for value in values:
                    if value not in lawful[name]:
                        where = node.at((name,)).key(str(value))
                        self.problems.unknown(where, f"value of {name}", str(value), map(str, lawful[name]))
        return {name: tuple(values) for name, values in given.items()}

    def answer(self, given: Mapping[str, Any], *path: Step) -> dict[str, Any]:
        """A pattern on a call's answer: its status, and fields as callbacks have them."""
        types = {name: kind for callback in self.callbacks.values() for name, kind in callback.fields.items()}
        out = {}
        for name, value in given.items():
            if name == "status":
                self.expect_name(str(value), STATUSES, "status", self.where(*path, name))
            out[name] = self.literal(value, types.get(name, "any"), *path, name)
        return out


def misspelt(shape: SpecShape) -> dict[str, str]:
    """States that only a rule leads to, and what they are called everywhere else."""
    connection = shape.connection
    leads = Counter(rule.to for rule in connection.rules if rule.to is not None)
    named = Counter(_states_named(shape))
    out: dict[str, str] = {}
    for name in named.keys() - leads.keys() - {connection.initial, *shape.groups, *shape.operations}:
        alone = [to for to in leads if to not in named and leads[to] < named[name]]
        out |= dict.fromkeys(get_close_matches(name, alone, n=1), name)
    begins = {state for rule in connection.rules for name in rule.from_ for state in shape.groups.get(name, [name])}
    if connection.initial not in begins:  # nothing could ever happen
        for close in get_close_matches(connection.initial, begins, n=1):
            out[connection.initial] = close
    return out


def _states_named(shape: SpecShape) -> Iterator[str]:
    """Every state that something refers to, each time."""
    for rule in shape.connection.rules:
        yield from (*rule.from_, *rule.cause_in)
        for states in (rule.provided or {}).values():
            yield from states
    yield from (*shape.connection.told, *shape.connection.server_tells)
    for states in (*shape.groups.values(), *(operation.settles for operation in shape.operations.values())):
        yield from states
    if shape.presence is not None:
        observers, session = shape.presence.observers, shape.presence.session
        yield from (*observers.inside, *observers.cut_off)
        yield from (*session.requested_by, *session.opened_by, *session.renewed_by)
        for ending in session.ended_by:
            yield from ending.request


def states_of(view: ConnectionShape) -> dict[str, None]:
    """The states of the connection in the order in which the file leads to them."""
    return dict.fromkeys([view.initial, *(rule.to for rule in view.rules if rule.to is not None)])
