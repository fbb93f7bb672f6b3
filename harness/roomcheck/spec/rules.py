"""The rules of a spec's views: what leads a member, or what is known of it, from one state to the next.

Everything is looked at even where something is wrong, so that one reading finds every mistake.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from roomcheck.spec.contract import TWINS, Cause, CauseKind, Rule, Sign, Unless, View
from roomcheck.spec.interface import Callback, Operation
from roomcheck.spec.presence import presence_view
from roomcheck.spec.problems import Problems
from roomcheck.spec.reader import Node
from roomcheck.spec.shape import ConnectionShape, RuleShape, SpecShape
from roomcheck.spec.vocabulary import FIXED, Binding, Step, Vocabulary, states_of
from roomcheck.spec.where import Where


class Rulebook(Vocabulary):
    """A vocabulary, and the views that are written in it."""

    def __init__(self, doc: Node, shape: SpecShape, problems: Problems, binding: Binding) -> None:
        super().__init__(doc, shape, problems, binding)
        self.rules: dict[int, RuleShape] = {}
        self.by_server: frozenset[str] = frozenset()  # states that only the server can tell, in the view at hand
        self.views: tuple[View, ...] = (self._connection(self.shape.connection),)
        if shape.presence is not None:
            self.views = (*self.views, presence_view(self, shape.presence))

    # --- views ------------------------------------------------------------------------------------------------------

    def _connection(self, shape: ConnectionShape) -> View:
        at = ("connection",)
        states = states_of(shape)
        for state in shape.told:
            self.expect_name(state, states, "state", self.doc.at((*at, "told")).key(state))
        self.by_server = self.names_in(shape.server_tells, states, "state", *at, "server tells")
        signs = self._signs(shape)
        told = {state: value for state in states if not isinstance(value := shape.told.get(state, state), dict)}
        return View(
            name="connection",
            signs=signs,
            told={state: told.get(state, state) for state in states},
            initial=shape.initial,
            rules=tuple(
                each for i, rule in enumerate(shape.rules) for each in self._rules(states, rule, signs, *at, "rules", i)
            ),
            otherwise=self.requirement(shape.otherwise, self.where(*at, "otherwise")),
            where=self.doc.key("connection"),
        )

    def _signs(self, shape: ConnectionShape) -> dict[str, Sign]:
        """What tells each state: a value of the field of `callback`, or a callback of its own with a pattern."""
        at = ("connection",)
        callback = self._by_field(shape)
        signs: dict[str, Sign] = {}
        for state in states_of(shape):
            value = shape.told.get(state, state)
            if isinstance(value, dict):
                ((name, pattern),) = value.items()
                patterns: tuple[dict[str, Any], ...] = ({},)
                if self.expect_name(name, self.callbacks, "callback", self.doc.at((*at, "told", state)).key(name)):
                    patterns = self.patterns(pattern, self.callbacks[name], *at, "told", state, name)
                signs[state] = Sign(name, patterns[0], patterns[1:])
            elif callback is not None and shape.state is not None:
                signs[state] = Sign(callback.name, {shape.state: value})
        for i, rule in enumerate(shape.rules):
            if rule.to is not None and rule.to not in signs and not rule.silent and not self.problems.lost:
                text = f"no callback tells {rule.to}: give `callback` and `state`, or the callback under `told`"
                self.problems.add(self.where(*at, "rules", i, "to"), text)
                signs[rule.to] = Sign("", {})
        return signs

    def _by_field(self, shape: ConnectionShape) -> Callback | None:
        """The callback whose field tells the states that have none of their own."""
        at = ("connection",)
        if (shape.callback is None) is not (shape.state is None):
            given, lacking = ("callback", "state") if shape.state is None else ("state", "callback")
            if lacking not in self.problems.lost:
                self.problems.add(self.doc.at(at).key(given), f"`{given}` needs `{lacking}`")
        if shape.callback is None:
            return None
        callback = self.callbacks.get(shape.callback)
        if callback is None:
            self.problems.unknown(self.where(*at, "callback"), "callback", shape.callback, self.callbacks)
        elif shape.state is not None:
            self.expect_name(shape.state, callback.fields, f"field of {callback.name}", self.where(*at, "state"))
        return callback or Callback(shape.callback, None, None, {})

    def _rules(self, states: Collection[str], rule: RuleShape, signs: Mapping[str, Sign], *at: Step) -> Iterator[Rule]:
        """A rule; one for each state, where its cause names a group of another device's states."""
        causes = self._causes(rule.cause, self.where(*at, "cause"))
        first = self._rule(states, rule, causes[0] if causes else None, signs, *at)
        yield first
        for cause in causes[1:]:
            number = len(self.rules) + 1
            self.rules[number] = rule
            yield replace(first, id=number, cause=cause, text=self._told(rule, cause))

    def _rule(
        self, states: Collection[str], rule: RuleShape, cause: Cause | None, signs: Mapping[str, Sign], *at: Step
    ) -> Rule:
        where = self.where(*at)
        from_ = self.names_in(rule.from_, states, "state", *at, "from")
        self._rule_makes_sense(rule, *at)
        unless = tuple(
            Unless(found, self.duration(settle, *at, "unless", name))
            for name, settle in rule.unless.items()
            for found in self._cancellers(name, cause, self.doc.at((*at, "unless")).key(name))
        )
        self.when(rule.when, *at)
        after, within, about = self.window(rule, *at)
        number = len(self.rules) + 1
        self.rules[number] = rule
        return Rule(
            id=number,
            from_=from_,
            cause=cause or Cause(CauseKind.ENTERED),
            to=rule.to,
            pattern=self.pattern(rule.with_ or {}, self._telling(rule.to, signs), *at, "with"),
            after=after,
            within=within,
            about=about,
            unless=unless,
            given=self._given(rule.given or {}, cause, *at, "given"),
            provided=self._provided(rule.provided or {}, cause, *at, "provided"),
            answer=self.answer(rule.answer, *at, "answer") if rule.answer is not None else None,
            silent=rule.silent,
            optional=bool(rule.optional),
            whenever=rule.optional in ("whenever", "repeatedly"),
            repeated=rule.optional == "repeatedly",
            while_up=self._from_server(rule, *at) or rule.while_ is not None,
            immediately=rule.immediately,
            requirement=self.requirement(rule.for_, self.where(*at, "for")),
            text=self._told(rule, cause),
            where=where,
            armed_in=self.names_in(rule.cause_in, states, "state", *at, "cause in"),
        )

    def _told(self, rule: RuleShape, cause: Cause | None) -> str:
        """What a rule wants, by its cause, for people: `RECONNECTED after RECONNECTING`."""
        places = self.any_of(rule.from_)
        what = rule.to or "the answer"
        if cause is None or cause.kind is CauseKind.ENTERED:
            return f"{what} after {places}"
        return f"{what} upon {_UPON.get(cause.kind, '{}').format(cause.name)} while {places}"

    def _telling(self, state: str | None, signs: Mapping[str, Sign]) -> Callback:
        """The callback that tells a state."""
        name = signs[state].callback if state is not None and state in signs else ""
        return self.callbacks.get(name, Callback(name, None, None, {}))

    def _from_server(self, rule: RuleShape, *at: Step) -> bool:
        """Whether what the rule tells can only come over a link that is up."""
        if rule.silent or rule.to not in self.by_server:
            return False
        if rule.while_ is not None:
            self.problems.add(self.doc.at(at).key("while"), f"{rule.to} stands in `server tells`; leave `while` out")
        return True

    def _rule_makes_sense(self, rule: RuleShape, *at: Step) -> None:
        """What the keys of a rule must be to each other."""
        node = self.doc.at(at)
        for key in ("with", "answer", "given", "provided"):
            child = node.child(key)
            if child is not None and child.value == {}:
                self.problems.add(child.where, f"`{key}` is empty; leave it out")
        if (rule.to is None) is (rule.answer is None):
            self.problems.add(node.where, "a rule has either `to` or `answer`")
        elif rule.silent and rule.answer is not None:
            self.problems.add(node.key("silent"), "an answer is not silent")
        idle = [key for key in ("with", "after", "within", "about", "unless", "immediately") if key in node.keys]
        if rule.silent:
            timed = ("after", "within", "about") if rule.cause == CauseKind.ENTERED else ()
            said: dict[str, str] = {key: key for key in idle if key not in timed}
            if rule.cause_in:
                said["cause in"] = "cause in"
            if isinstance(rule.optional, str):
                said["optional"] = f"optional: {rule.optional}"
            for key, words in said.items():
                text = f"a silent rule moves at once and tells nothing; `{words}` has no meaning"
                if rule.cause == CauseKind.ENTERED:
                    text = f"a silent rule tells nothing; `{words}` has no meaning"
                self.problems.add(node.key(key), text)
            if timed and rule.after is not None and rule.about is None:
                self._is_due(rule, node)
        elif rule.answer is not None:
            for key in idle:
                self.problems.add(node.key(key), f"an answer is judged when the call returns; `{key}` has no meaning")
        elif rule.immediately:
            self._immediately(rule, node)
        elif rule.about is None:
            self._is_due(rule, node)

    def _is_due(self, rule: RuleShape, node: Node) -> None:
        if rule.optional and rule.within is None:
            self.problems.add(node.key("optional"), "`optional` needs `within`, else what is on its way is never due")
        elif rule.after is not None and rule.within is None:
            self.problems.add(node.key("after"), "`after` needs `within`, else nothing is ever due")

    def _immediately(self, rule: RuleShape, node: Node) -> None:
        if rule.cause != CauseKind.ENTERED:
            self.problems.add(
                node.key("immediately"), "`immediately` follows what told the state: its cause is `entered`"
            )
        for key in [key for key in ("cause in", "after", "about", "unless", "while", "optional") if key in node.keys]:
            self.problems.add(
                node.key(key), f"what comes immediately comes next, whatever happens; `{key}` has no meaning"
            )
        if rule.to in self.by_server:
            text = f"{rule.to} stands in `server tells`, so its link may be lost before it; it cannot come immediately"
            self.problems.add(node.key("immediately"), text)

    def _causes(self, text: str, where: Where) -> list[Cause]:
        """A cause; several for a group of another device's states; none for what is no cause."""
        if text in FIXED:
            return [Cause(FIXED[text])]
        head, _, argument = text.partition(".")
        operation = self.operations.get(head)
        if operation is not None:
            return [self._act(operation, argument, where)]
        for kind in sorted(TWINS, key=len, reverse=True):
            name = text.removeprefix(f"{kind} ").strip()
            if name == text:
                continue
            if name in self.groups:
                return [Cause(kind, state) for state in states_of(self.shape.connection) if state in self.groups[name]]
            self.expect_name(name, {*self.own_states, *self.groups}, "state", where)
            return [Cause(kind, name)]
        self.problems.unknown(where, "cause", text, [*FIXED, *self.operations])
        return []

    def _act(self, operation: Operation, argument: str, where: Where) -> Cause:
        name = operation.name
        if operation.admin:
            if argument:
                self.problems.add(where, f"{name} is an act of the backend; write it without .{argument}")
            return Cause(CauseKind.ADMIN, name)
        if argument:
            self.expect_name(argument, operation.rooms, f"room of {name}", where)
        elif len(operation.rooms) != 1:
            rooms = " or ".join(f"{name}.{room}" for room in operation.rooms)
            self.problems.add(where, f"which room? write {rooms}" if rooms else f"{name} concerns no room")
        return Cause(CauseKind.CALL, f"{name}.{argument}" if len(operation.rooms) > 1 else name)

    def _cancellers(self, text: str, own: Cause | None, where: Where) -> list[Cause]:
        """What calls a rule off; never its own cause, which happens once for each time that it is armed."""
        causes = self._causes(text, where)
        if own in causes and own != Cause(CauseKind.ENTERED):
            self.problems.add(where, f"{text!r} is what arms this rule, and cannot call it off")
        if any(cause.kind is CauseKind.ENTERED for cause in causes):
            self.problems.add(where, "`entered` calls nothing off: a rule ends when its state is left")
        return causes

    def _given(self, given: Mapping[str, Sequence[Any]], cause: Cause | None, *at: Step) -> dict[str, tuple[Any, ...]]:
        """Arguments of the call that led to a state; of the cause, if that is a call."""
        called = self._called(cause)
        return self.given(given, [called] if called else self.operations.values(), *at)

    def _provided(
        self, provided: Mapping[str, Sequence[str]], cause: Cause | None, *at: Step
    ) -> dict[str, frozenset[str]]:
        called = self._called(cause)
        if provided and cause is not None and called is None:
            self.problems.add(self.doc.at(at[:-1]).key("provided"), "`provided` needs a call as the cause")
        node = self.doc.at(at)
        for name in provided if called else ():
            self.expect_name(name, called.rooms if called else (), "room argument", node.key(name))
        return {
            name: self.names_in(states, self.own_states, "state", *at, name) for name, states in provided.items()
        }  # fmt: skip

    def _called(self, cause: Cause | None) -> Operation | None:
        if cause is None or cause.kind is not CauseKind.CALL:
            return None
        return self.operations[cause.name.partition(".")[0]]


_UPON = {
    CauseKind.LINK_DOWN: "the loss of the link",
    CauseKind.LINK_UP: "the return of the link",
    CauseKind.SERVER_DOWN: "the end of the server",
    CauseKind.TWIN: "{} on another device",
    CauseKind.TWIN_IN: "another device in {}",
    CauseKind.TWIN_HERE: "{} on another device in the same room",
    CauseKind.TWIN_HERE_IN: "another device in {} in the same room",
}
