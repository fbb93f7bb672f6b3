"""Scenarios -> cases: the schedule, the expected sequences, and one case for each fault that a scenario lists."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from roomcheck.model.fault import EFFECT, Effect, FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, Wait, When
from roomcheck.spec import expressions
from roomcheck.spec.case import ANYONE, AnyOf, Case, Entry, Expectation, Item, Unordered
from roomcheck.spec.contract import View
from roomcheck.spec.expressions import ExpressionError
from roomcheck.spec.interface import Callback, Operation
from roomcheck.spec.reader import Node
from roomcheck.spec.rules import Rulebook
from roomcheck.spec.shape import ItemShape, LineShape, ScenarioShape, ScheduleShape, StepShape
from roomcheck.spec.stories import scenes
from roomcheck.spec.vocabulary import KINDS, Words
from roomcheck.spec.vocabulary import Step as PathStep
from roomcheck.spec.where import Where

SERVER = "server"
_ACTS = ("fault", "heal", "admin", "wait")
_STEP_KEYS = frozenset(field.alias or name for name, field in StepShape.model_fields.items())
_ENTRY_KEYS = frozenset(field.alias or name for name, field in ItemShape.model_fields.items())
_RESERVED = _STEP_KEYS | {SERVER, ANYONE}
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_DEVICE = re.compile(r"[A-Z][0-9]*\Z")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


class Draft(NamedTuple):
    """A case, and what it needs of a target: option values, kinds of fault, operations."""

    case: Case
    when: Mapping[str, str]
    kinds: frozenset[str]
    operations: frozenset[str]


def drafts(words: Rulebook) -> list[Draft]:
    """Every case of the spec, whatever the target may lack."""
    out: list[Draft] = []
    seen: dict[str, int] = {}
    for shape, at in scenes(words):
        where = words.where(*at, "id")
        if shape.id in seen:
            words.problems.add(where, f"scenario {shape.id!r} is already in line {seen[shape.id]}")
        if not _ID.match(shape.id):
            words.problems.add(where, f"{shape.id!r} is no id; use letters, digits, '-', '_' and '.'")
        seen.setdefault(shape.id, where.line)
        out += _Scenario(words, shape, at).drafts()
    return out


class _Scenario:
    """One scenario."""

    def __init__(self, words: Rulebook, shape: ScenarioShape, at: tuple[PathStep, ...]) -> None:
        self.words = words
        self.shape = shape
        self.at = at
        self.problems = words.problems
        advice = "give `kind`, or list `faults` of the scenario" if shape.faults is None else ""
        self.scene = Scene(words, shape, at, advice)
        self.rooms = self.scene.rooms
        self.users = self.scene.users
        words.when(shape.when, *at)
        self.watch = words.watch if shape.watch is None else words.duration(shape.watch, *at, "watch")
        node = words.doc.at((*at, "for"))
        self.requirements = tuple(words.requirement(name, node.key(name)) or name for name in shape.for_)

    def drafts(self) -> Iterator[Draft]:
        """One case for each fault of the axis; one without if there is none."""
        shape = self.shape
        bare = [step for step in shape.schedule if step.fault is not None and step.kind is None]
        node = self.words.doc.at((*self.at, "faults"))
        for kind in shape.faults or ():
            self.words.expect_name(kind, KINDS, "fault", node.key(kind))
            fits = any((step.fault == SERVER) is (kind == FaultKind.SERVER_RESTART) for step in bare)
            if kind in KINDS and not fits:
                self.problems.add(node.key(kind), f"no step takes the fault {kind!r}: write {_faulting(kind)}")
        lawful: list[FaultKind | None] = [FaultKind(kind) for kind in shape.faults or () if kind in KINDS]
        for axis in lawful or [None]:
            yield self._draft(axis)

    def _draft(self, axis: FaultKind | None) -> Draft:
        shape, words = self.shape, self.words
        schedule = Steps(self.scene, axis)
        expected = _Expected(self, schedule)
        lines = tuple(expected.line(name, line) for name, line in shape.expect.items())
        steps = tuple(schedule.steps)
        acts = [step.act for step in steps]
        faults = [act for act in acts if isinstance(act, Fault)]
        case = Case(
            id=f"{shape.id}/{axis}" if axis else shape.id,
            scenario=shape.id,
            title=shape.title,
            fault=axis.value if axis else None,
            schedule=Schedule(
                members=self.scene.members(),
                rooms=tuple(self.rooms),
                steps=steps,
                watch=max(self.watch, expected.end + words.pace if expected.end else 0),
                pace=self.scene.pace,
            ),
            lines=lines,
            requirements=self.requirements,
            tags=tuple(shape.tags),
            own_server=shape.own_server or any(act.member is None for act in faults),
            where=words.where(*self.at),
        )
        operations = frozenset(act.operation for act in acts if isinstance(act, Call | Admin))
        return Draft(case, shape.when, frozenset(act.kind.value for act in faults), operations)


class Scene:
    """Who is there, in a scenario or in a schedule file. `advice`: what to do about a fault without `kind`."""

    def __init__(
        self, words: Words, shape: ScenarioShape | ScheduleShape, at: tuple[PathStep, ...], advice: str
    ) -> None:
        self.words = words
        self.problems = words.problems
        self.at = at
        self.advice = advice
        self.schedule = shape.schedule
        self.pace = None if shape.pace is None else words.duration(shape.pace, *at, "pace")
        self.rooms = shape.rooms
        self.users: dict[str, str] = {}  # member -> user
        self._people(shape.members or self._named())

    def members(self) -> tuple[Member, ...]:
        return tuple(Member(name, user) for name, user in self.users.items())

    def _named(self) -> list[dict[str, str]]:
        """Whom the steps name: A, B and C are users, A2 is another device of A."""
        names = {name for step in self.schedule for name in (step.fault, step.heal, *(step.model_extra or {})) if name}
        found = sorted(name for name in names if _DEVICE.match(name))
        return [{name: name[0] if name[0] in found else name} for name in found]

    def _people(self, members: list[dict[str, str]]) -> None:
        if not members and not self.problems.lost:
            self.problems.add(self.words.where(*self.at), "nobody is there: a step names a member, such as A")
        for i, entry in enumerate(members):
            ((name, user),) = entry.items()
            where = self.words.doc.at((*self.at, "members", i)).key(name)
            if name in _RESERVED or not _ALIAS.match(name):
                self.problems.add(where, f"{name!r} cannot be a member's name")
            elif name in self.users:
                self.problems.add(where, f"there are two members {name!r}")
            self.users.setdefault(name, user)
        for i, entry in enumerate(members):
            ((name, user),) = entry.items()
            if self.users.get(user) != user:
                where = self.words.where(*self.at, "members", i, name)
                self.problems.unknown(where, "user", user, set(self.users.values()) & set(self.users))
        for i, room in enumerate(self.rooms):
            if not _ALIAS.match(room) or room in self.rooms[:i]:
                self.problems.add(self.words.where(*self.at, "rooms", i), f"{room!r} is no room's name, or there twice")


def _faulting(kind: str) -> str:
    return "{fault: server}" if kind == FaultKind.SERVER_RESTART else "{fault: MEMBER} without `kind`"


class Steps:
    """The schedule under one fault, and when its labels are, as far as that is known before it is played."""

    def __init__(self, scene: Scene, axis: FaultKind | None) -> None:
        self.scene = scene
        self.words = scene.words
        self.problems = scene.problems
        self.axis = axis
        self.labels: dict[str, int] = {}  # label -> number of the step
        self.steps: list[Step] = []
        self.faulted: dict[str, set[str | None]] = {}  # who has a fault, and the endpoints that are down (None: all)
        for i, shape in enumerate(scene.schedule):
            self._step(i, shape)

    def since(self, label: str) -> int:
        """Microseconds that at least pass from a label's step to the last step."""
        pace = self.words.pace if self.scene.pace is None else self.scene.pace
        first = self.labels[label]
        reached = {first: 0}
        for i in range(first + 1, len(self.steps)):
            when = self.steps[i].when
            if when.label is None:
                reached[i] = reached[i - 1] + when.offset + pace
            else:
                anchor = self.labels[when.label]
                reached[i] = max(reached[i - 1], reached[anchor] + when.offset if anchor >= first else 0)
        return reached[len(self.steps) - 1]

    def _step(self, i: int, shape: StepShape) -> None:
        at = (*self.scene.at, "schedule", i)
        node = self.words.doc.at(at)
        when = self._when(shape, *at)
        act = self._act(shape, node, *at)
        if shape.as_ is not None:
            where = node.at(("as",)).where
            if shape.as_ in self.labels:
                self.problems.add(where, f"the label {shape.as_!r} is given twice")
            elif not _ALIAS.match(shape.as_):
                self.problems.add(where, f"{shape.as_!r} is no label; use letters, digits and _")
            self.labels.setdefault(shape.as_, len(self.steps))
        self.steps.append(Step(act, when, shape.as_))

    def _when(self, shape: StepShape, *at: PathStep) -> When:
        wait = self.words.duration(shape.wait, *at, "wait")
        if shape.at is None:
            return When(None, wait)
        try:
            label, offset = expressions.moment(shape.at, self.words.names)
        except ExpressionError as e:
            self.words.misfits(e, *at, "at")
            return When(None, wait)
        if not self.words.expect_name(label, self.labels, "label", self.words.where(*at, "at")):
            return When(None, wait)
        return When(label, self.words.scaled(offset) + wait)

    def _act(self, shape: StepShape, node: Node, *at: PathStep) -> Call | Admin | Fault | Heal | Wait:
        calls = dict(shape.model_extra or {})
        acts = [key for key in _ACTS if key in node.keys or getattr(shape, key) is not None]
        for name in [name for name in calls if name not in self.scene.users]:
            known = {*self.scene.users, *(_STEP_KEYS if acts or len(calls) > 1 else _ACTS)}
            what = "key" if acts or len(calls) > 1 else "member"
            self.problems.unknown(node.key(name), what, name, known)
            del calls[name]
            acts.append("")
        found = [act for act in acts if act] + list(calls)
        if len(found) > 1:
            self.problems.add(node.where, f"one act a step; here are {' and '.join(found)}")
        elif not found and not acts:
            self.problems.add(node.where, "a step needs an act: a member's call, fault, heal, admin or wait")
        for key in ("kind", "with", "endpoint"):
            if key in node.keys and "fault" not in node.keys:
                self.problems.add(node.key(key), f"`{key}` belongs to `fault`")
        if calls:
            member, call = next(iter(calls.items()))
            return self._call(member, call, *at, member)
        if shape.fault is not None:
            return self._fault(shape, shape.fault, *at)
        if shape.heal is not None:
            return self._heal(shape.heal, *at)
        return self._call(None, shape.admin, *at, "admin") if shape.admin is not None else Wait()

    # --- calls ------------------------------------------------------------------------------------------------------

    def _call(self, member: str | None, call: Any, *at: PathStep) -> Call | Admin | Wait:
        where = self.words.where(*at)
        if isinstance(call, dict) and "" in call and len(call) == 1:  # the short form of `admin`
            call = call[""]
        name, given = next(iter(call.items())) if isinstance(call, dict) and len(call) == 1 else (call, {})
        if not isinstance(name, str) or not isinstance(given, dict | None):
            self.problems.add(where, "a call is the name of an operation, or {operation: {argument: value}}")
            return Wait()
        known = [n for n, o in self.words.operations.items() if o.admin is (member is None)]
        if not self.words.expect_name(name, known, "operation" if member else "act", self.words.doc.at(at).key(name)):
            return Wait()
        arguments = self._arguments(self.words.operations[name], given or {}, where, *at, name)
        return Admin(name, arguments) if member is None else Call(member, name, arguments)

    def _arguments(self, operation: Operation, given: dict[str, Any], where: Where, *at: PathStep) -> dict[str, Any]:
        """Every argument: what is given, else the first room, and the first lawful value."""
        node = self.words.doc.at(at)
        known: dict[str, tuple[Any, ...]] = {
            **dict.fromkeys(operation.rooms, tuple(self.scene.rooms)),
            **dict.fromkeys(operation.users, tuple(self.scene.users.values())),
            **operation.args,
        }
        for name in given:
            self.words.expect_name(name, known, f"argument of {operation.name}", node.key(name))
        out = {}
        for name, lawful in known.items():
            if name not in given and name in operation.users:
                self.problems.add(where, f"{operation.name} needs {name!r}: a user")
            value = given.get(name, lawful[0])
            if value not in lawful:
                place = node.at((name,)).where
                self.problems.unknown(place, f"value of {name}", str(value), map(str, lawful))
            out[name] = value
        return out

    # --- faults -----------------------------------------------------------------------------------------------------

    def _target(self, name: str, key: str, *at: PathStep) -> str | None:
        """A member, or None for the server."""
        if name == SERVER:
            return None
        self.words.expect_name(name, {*self.scene.users, SERVER}, "member", self.words.where(*at, key))
        return name

    def _fault(self, shape: StepShape, name: str, *at: PathStep) -> Fault:
        member = self._target(name, "fault", *at)
        kind = self._kind(shape, member, *at)
        self._pile(name, kind, shape.endpoint, *at)
        if (kind is FaultKind.SERVER_RESTART) is not (member is None):
            key = "kind" if shape.kind is not None else "fault"
            self.problems.add(
                self.words.where(*at, key), f"{kind} is no fault of {'the server' if member is None else 'a member'}"
            )
        settings = {key: self._setting(value, *at, "with", key) for key, value in (shape.with_ or {}).items()}
        return Fault(member, kind, settings, shape.endpoint)

    def _pile(self, name: str, kind: FaultKind, endpoint: str | None, *at: PathStep) -> None:
        """A fault upon a fault: a link that is down can only be kept down."""
        down = self.faulted.setdefault(name, set())
        if EFFECT[kind] is Effect.DOWN:
            down.add(endpoint)
        elif down & {None, endpoint} or (down and endpoint is None):
            self.problems.add(
                self.words.where(*at), f"{kind} needs a link that is up, and an earlier fault keeps {name} down here"
            )

    def _kind(self, shape: StepShape, member: str | None, *at: PathStep) -> FaultKind:
        fallback = FaultKind.SERVER_RESTART if member is None else FaultKind.CUT
        if shape.kind is not None:
            known = self.words.expect_name(shape.kind, KINDS, "fault", self.words.where(*at, "kind"))
            return FaultKind(shape.kind) if known else fallback
        if self.axis is not None and (self.axis is FaultKind.SERVER_RESTART) is (member is None):
            return self.axis
        if member is not None and self.scene.advice:
            self.problems.add(self.words.where(*at), f"which fault? {self.scene.advice}")
        return fallback

    def _setting(self, value: Any, *at: PathStep) -> Any:
        """A duration becomes scaled microseconds; numbers stay, and so does a word that is no constant."""
        if not isinstance(value, str) or (value.isidentifier() and value not in self.words.names.known):
            return value
        try:
            quantity = expressions.evaluate(value, self.words.names)
        except ExpressionError as e:
            self.words.misfits(e, *at)
            return 0
        if quantity.duration:
            return self.words.scaled(quantity.value)
        return int(quantity.value) if quantity.value.denominator == 1 else float(quantity.value)

    def _heal(self, name: str, *at: PathStep) -> Heal:
        member = self._target(name, "heal", *at)
        if name not in self.faulted:
            self.problems.add(self.words.where(*at, "heal"), f"{name} has no fault here to be healed of")
        self.faulted.pop(name, None)
        return Heal(member)


class _Expected:
    """The lines of a case. `end`: microseconds after the last step when the last window closes."""

    def __init__(self, scene: _Scenario, schedule: Steps) -> None:
        self.scene = scene
        self.words = scene.words
        self.problems = scene.problems
        self.end = 0
        self.at_latest = {label: -schedule.since(label) for label in schedule.labels}  # after the last step

    def line(self, name: str, shape: LineShape) -> Expectation:
        """`A`, `B about A` or `C about anyone`, and what is listed under it."""
        at = (*self.scene.at, "expect", name)
        where = self.words.doc.at(at[:-1]).key(name)
        observer, _, about = name.partition(" about ")
        users = self.scene.users
        if self.words.expect_name(observer, users, "member", where) and about:
            self.words.expect_name(about, {*users.values(), ANYONE}, "user", where)
            if about == users[observer]:
                self.problems.add(where, f"{observer} is told of itself in the line {observer}")
        views = [v for v in self.words.views if (v.hearing is not None) is bool(about)]
        if not views and not self.problems.lost:
            self.problems.add(where, "the spec has no view for this line")
        if isinstance(self.words.doc.at(at).value, dict):
            at = (*at, "items")
        items = tuple(self._items(shape.items, views, at))
        return Expectation(observer, about or None, items, open=shape.others is not None, where=where)

    def _items(self, shapes: list[ItemShape], views: list[View], at: tuple[PathStep, ...]) -> Iterator[Item]:
        for i, shape in enumerate(shapes):
            yield from self._item(shape, views, (*at, i))

    def _item(self, shape: ItemShape, views: list[View], at: tuple[PathStep, ...]) -> Iterator[Item]:
        node = self.words.doc.at(at)
        group = next((key for key in ("any of", "unordered") if key in node.keys), None)
        if group:
            for key in node.keys:
                if key != group:
                    self.problems.add(node.key(key), f"{key!r} cannot stand beside `{group}`")
        if shape.any_of is not None:
            branches = enumerate(shape.any_of)
            yield AnyOf(tuple(tuple(self._items(b, views, (*at, "any of", i))) for i, b in branches))
        elif shape.unordered is not None:
            items = list(self._items(shape.unordered, views, (*at, "unordered")))
            if not all(isinstance(item, Entry) for item in items):
                self.problems.add(node.where, "`unordered` holds entries only")
            yield Unordered(tuple(item for item in items if isinstance(item, Entry)))
        elif group:
            self.problems.add(node.key(group), f"`{group}` is empty")
        else:
            yield from self._entry(shape, views, node, at)

    def _entry(self, shape: ItemShape, views: list[View], node: Node, at: tuple[PathStep, ...]) -> Iterator[Entry]:
        table = _values(views)
        names = shape.model_extra or {}
        known = [name for name in names if name in table]
        for name in names:
            if name not in table:
                hints = {*table, *_ENTRY_KEYS} if known else table
                self.problems.unknown(node.key(name), "key" if known else "state", name, hints)
        if len(known) > 1:
            self.problems.add(node.where, f"one state an entry; here are {' and '.join(known)}")
        elif not names:
            self.problems.add(node.where, "an entry needs the name of a state, `any of` or `unordered`")
        after, within, about = self._window(shape, node, at)
        requirement = self.words.requirement(shape.for_, node.at(("for",)).where)
        if not known:
            return
        name = known[0]
        view, state, only = table[name]
        told_by = view.told_by(state)
        callback = self.words.callbacks.get(told_by, Callback(told_by, None, None, {}))
        yield Entry(
            view=view.name,
            value=view.told[state],
            pattern={**only, **self._pattern(names[name], callback, (*at, name))},
            room=self._room(shape, callback, node),
            of=shape.of,
            after=after,
            within=None if shape.within is None and shape.about is None else within,
            about=about,
            label=shape.as_,
            optional=shape.optional,
            requirement=requirement,
            text=f"{name} in {shape.in_}" if shape.in_ else name,
            where=node.where,
        )

    def _room(self, shape: ItemShape, callback: Callback, node: Node) -> str | None:
        if shape.in_ is not None:
            self.words.expect_name(shape.in_, self.scene.rooms, "room", node.at(("in",)).where)
            if callback.room is None and callback.fields:
                self.problems.add(node.key("in"), f"{callback.name} names no room")
        return None if callback.room is None else shape.in_ or self.scene.rooms[0]

    def _pattern(self, given: Any, callback: Callback, at: tuple[PathStep, ...]) -> dict[str, Any]:
        """A pattern; the field that holds the users concerned is given as a list of their aliases."""
        node = self.words.doc.at(at)
        if not isinstance(given, dict | None):
            self.problems.add(node.where, "a state is followed by a pattern: {field: value}")
            return {}
        rest = dict(given or {})
        users = callback.about.steps[0][0] if callback.about else ""
        out: dict[str, Any] = {}
        if users in rest:
            aliases = rest.pop(users)
            out[users] = aliases = aliases if isinstance(aliases, list) else [aliases]
            for alias in aliases:
                where = node.at((users,)).key(str(alias))
                self.words.expect_name(str(alias), set(self.scene.users.values()), "user", where)
        return {**out, **self.words.pattern(rest, callback, *at)}

    def _window(self, shape: ItemShape, node: Node, at: tuple[PathStep, ...]) -> tuple[int, int, int]:
        """The window, checked with `of` and `as`, and noted for the end of observation."""
        after, within, about = self.words.window(shape, *at)
        if shape.of is None:
            for key in ("after", "within", "about"):
                if key in node.keys:
                    self.problems.add(node.key(key), f"`{key}` needs `of`: the label from which it counts")
        elif shape.within is None and shape.about is None:
            self.problems.add(node.key("of"), "`of` needs `within` or `about`, else nothing is ever due")
        latest = self.scene.watch
        if shape.of is not None and self.words.expect_name(
            shape.of, self.at_latest, "label", node.at(("of",)).where
        ):  # fmt: skip
            latest = self.at_latest[shape.of] + after + within
            self.end = max(self.end, latest)
        if shape.as_ is not None:
            if not _ALIAS.match(shape.as_):
                self.problems.add(node.at(("as",)).where, f"{shape.as_!r} is no label; use letters, digits and _")
            self.at_latest[shape.as_] = max(latest, self.at_latest.get(shape.as_, latest))
        return after, within, about


def _values(views: list[View]) -> dict[str, tuple[View, str, Mapping[str, Any]]]:
    """What may be named in a line, its state, and fields that it must have besides."""
    return {name: (view, *found) for view in reversed(views) for name, found in view.named.items()}
