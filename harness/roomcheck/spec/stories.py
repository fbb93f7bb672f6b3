"""Standard stories: what every vendor's page tells, as scenarios made from a contract's own words.

Who comes, is cut off, leaves, is removed. A schedule takes its times from the contract's presence and rules, so that
each story has its course there: a blink is over before anybody need notice, an absence is half as long as the server's
patience, or longer. A story that a contract cannot play is left out. A scenario that says which `story` it tells takes
from it what it does not say itself, and is played in its place.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from roomcheck.spec.contract import TWINS, CauseKind, End, Presence, View
from roomcheck.spec.rules import Rulebook
from roomcheck.spec.shape import STORIES, ScenarioShape, StoriesShape
from roomcheck.spec.vocabulary import Step

AT = "stories"
BROKEN = ["cut", "reset", "stall", "ghost"]
DEGRADED = ["latency", "throttle", "slice"]
SURELY = 11, 10  # so much longer than the time after which something is known


class _Times(NamedTuple):
    """Microseconds: a lost link is noticed, the room is reached again, news comes, all by the contract as it is bound.

    `early` and `late`: when the server gives up who is silent; `retries`: for how long a client tries to come back.
    """

    noticed: int
    back: int
    delivery: int
    early: int
    late: int
    retries: int


def scenes(words: Rulebook) -> Iterator[tuple[ScenarioShape, tuple[Step, ...]]]:
    """Every scenario and where it stands: those of the file, then each story that none of them tells."""
    made = {name: ScenarioShape.model_validate(story) for name, story in _made(words).items()}
    told = {shape.story for shape in words.shape.scenarios}
    for i, own in enumerate(words.shape.scenarios):
        at = ("scenarios", i)
        story = made.get(str(own.story))
        shape = story.model_copy(update={key: getattr(own, key) for key in own.model_fields_set}) if story else own
        lacks = [key for key in ("id", "title", "schedule") if not getattr(shape, key)]
        if own.story is not None and story is None and words.problems.found:
            continue  # it may be a mistake elsewhere that nobody can play it
        if not lacks:
            yield shape, at
        elif words.problems.lost & {"story", "stories", lacks[0]}:
            continue  # that is wrong, and reported
        elif own.story is None:
            words.problems.add(words.where(*at), f"{lacks[0]!r} is missing here, and there is no `story` that has it")
        elif words.shape.stories is None:
            words.problems.add(words.where(*at, "story"), "the contract has no `stories` that say who enters how")
        else:
            words.problems.add(words.where(*at, "story"), f"this contract cannot play the story {own.story!r}")
    for name, shape in made.items():
        if name not in told:
            yield shape, (AT,)


def _made(words: Rulebook) -> dict[str, dict[str, Any]]:
    """The stories that the contract can play, each as the map that a scenario would be."""
    shape = words.shape.stories
    if shape is None or not _known(words, shape):
        return {}
    view = next((v for v in words.views if v.presence), None)
    return {
        name: {"id": f"story-{name.replace(' ', '-')}", "for": list(shape.for_.get(name, ())), **made}
        for name, made in _Stories(words, shape, view).all()
        if name not in shape.not_
    }


def _known(words: Rulebook, shape: StoriesShape) -> bool:
    """Whether all that it names is there."""
    calls = [name for name, operation in words.operations.items() if not operation.admin]
    kicks = [name for name, operation in words.operations.items() if operation.admin and operation.users]
    fine = True
    for key, call, known in (("enter", shape.enter, calls), ("leave", shape.leave, calls), ("kick", shape.kick, kicks)):
        if call is not None:
            node = words.doc.at((AT, key))
            name = call if isinstance(call, str) else next(iter(call))
            fine &= words.expect_name(name, known, "act" if key == "kick" else "operation", node.key(name))
    for key, names in (("not", shape.not_), ("for", shape.for_)):
        for name in names:
            fine &= words.expect_name(name, STORIES, "story", words.doc.at((AT, key)).key(name))
    for story, names in shape.for_.items():
        for name in names:
            where = words.doc.at((AT, "for", story)).key(name)
            fine &= words.requirement(name, where) in words.requirements
    return fine


class _Stories:
    """Each story as the map that a scenario would be; two others are there where news goes to all of them."""

    def __init__(self, words: Rulebook, shape: StoriesShape, view: View | None) -> None:
        self.words = words
        self.enter, self.leave, self.kick = shape.enter, shape.leave, shape.kick
        self.view = view
        self.times = self._times(view.presence, view) if view and view.presence else None

    def all(self) -> Iterator[tuple[str, dict[str, Any]]]:
        enter = self.enter
        a, b, c, again = {"A": enter, "as": "T0"}, {"B": enter}, {"C": enter}, {"A": enter, "as": "T6"}
        yield "alone", self._made("A enters an empty room", [a])
        yield "with people", self._made("A enters where B and C are", [b, c, a])
        if self.leave is not None:
            yield "leave", self._made("A leaves, and enters again", [b, c, a, {"A": self.leave, "as": "L"}, again])
        if self.kick is not None:
            yield "kick", self._made("A is removed, and enters again", [b, c, a, self._removed(), again])
        if self._knows_devices():
            yield "second device", self._made("A enters on another device", [b, a, {"A2": enter, "as": "T7"}])
        if self._counts_devices() and self.leave is not None:
            steps = [b, a, {"A2": enter}, {"A": self.leave}, {"A2": self.leave, "as": "L"}]
            yield "one device leaves", self._made("A leaves on one of two devices, then on the other", steps)
        slow: list[dict[str, Any]] = [b, a, {"fault": "A"}, {"fault": "B"}, c]
        if self.leave is not None:
            slow.append({"C": self.leave})
        yield "slow link", self._made("The links of A and B are slow, or choppy", slow, DEGRADED)
        if self.times is not None:
            yield from self._outages(self.times)

    def _outages(self, times: _Times) -> Iterator[tuple[str, dict[str, Any]]]:
        enter, moment = self.enter, times.back // 20
        begin: list[dict[str, Any]] = [{"B": enter}, {"A": enter, "as": "T0"}, {"fault": "A", "as": "T3"}]
        known = times.noticed * SURELY[0] // SURELY[1]
        watch = times.noticed + times.back + 2 * times.delivery
        told = times.late + 2 * times.delivery

        def heal(after: int) -> dict[str, Any]:
            return {"heal": "A", "at": self._at(after), "as": "T5"}

        if times.late:
            title = "A is cut off for longer than the server waits, and comes back"
            yield "away long", self._made(title, [{"C": enter}, *begin, heal(told)], BROKEN, watch)
        if times.early:
            title = "A is cut off for less time than the server waits, and comes back"
            steps = [*begin, heal(times.early // 2)]
            yield "away short", self._made(title, steps, BROKEN, max(watch, told))
        yield "blink", self._made("A's link is broken for a moment", [*begin, heal(moment)], ["cut", "reset"], watch)
        if times.retries:
            back = max(times.noticed + times.retries, told) + times.delivery
            steps = [*begin, heal(back), {"A": enter, "as": "T6"}]
            yield "never back", self._made("A is cut off until it gives up, and enters again", steps, BROKEN)
        if self.leave is not None:
            leaves = {"A": self.leave, "at": self._at(known), "as": "L"}
            steps = [*begin, leaves, heal(max(known, told) + times.delivery)]
            title = "A leaves while it is cut off"
            yield "leave while away", self._made(title, steps, ["cut", "stall", "ghost"], watch)
        if self.kick is not None:
            steps = [*begin, {**self._removed(), "at": self._at(known)}, heal(known + 2 * times.delivery)]
            yield "kick while away", self._made("A is removed while it is cut off", steps, BROKEN, watch)
        if self._knows_devices():
            enters = {"A2": enter, "at": self._at(known), "as": "T7"}
            steps = [*begin, enters, heal(known + times.back + times.delivery)]
            title = "A enters on another device while it is cut off"
            yield "second device while away", self._made(title, steps, ["cut", "stall", "ghost"], watch)
        if self._counts_devices() and self.leave is not None and times.late:
            steps = [{"B": enter}, {"A2": enter}, *begin[1:], {"A2": self.leave, "at": self._at(told), "as": "L"}]
            title = "One of A's two devices is cut off for longer than the server waits, then the other leaves"
            yield "one device is lost", self._made(title, steps, BROKEN, watch)
        ends = {"heal": "server", "at": self._at(moment), "as": "T5"}
        waits = {"wait": "0s", "at": self._at(moment + times.noticed + times.back)}
        restart: list[dict[str, Any]] = [{"B": enter}, {"A": enter}, {"fault": "server", "as": "T3"}]
        restart += [ends, waits, {"C": enter}]
        title = "The server restarts while A and B are there, and C enters"
        yield "server restart", {**self._made(title, restart, ["server-restart"], watch), "own server": True}

    def _made(
        self, title: str, schedule: list[dict[str, Any]], faults: list[str] | None = None, watch: int = 0
    ) -> dict[str, Any]:
        """`watch`: at least so long after the last step."""
        made: dict[str, Any] = {"title": title, "schedule": schedule}
        if faults:
            made["faults"] = faults
        if watch > self.words.watch:
            made["watch"] = self._text(watch)
        return made

    def _removed(self) -> dict[str, Any]:
        operation = self.words.operations[str(self.kick)]
        return {"admin": {operation.name: dict.fromkeys(operation.users, "A")}, "as": "K"}

    def _at(self, after: int) -> str:
        return f"T3 + {self._text(after)}"

    def _text(self, length: int) -> str:
        """As it would stand in the file: what is bound is faster by the scale."""
        return f"{round(length * self.words.scale)}us"

    def _knows_devices(self) -> bool:
        """Whether the contract says anything of two members of one user."""
        presence = self.view.presence if self.view else None
        shape = self.words.shape.presence
        return any(rule.cause.kind in TWINS for view in self.words.views for rule in view.rules) or (
            presence is not None
            and shape is not None
            and (
                any(ending.kind is End.ELSEWHERE for ending in presence.endings)
                or presence.counted
                or presence.observers.shared
                or shape.session.replaced is not None
            )
        )

    def _counts_devices(self) -> bool:
        """Whether a session lasts until the last device of its user is gone."""
        return self.view is not None and self.view.presence is not None and self.view.presence.counted

    # --- times ------------------------------------------------------------------------------------------------------

    def _times(self, presence: Presence, view: View) -> _Times:
        given = self._arguments()
        loss = next(
            (
                ending
                for ending in presence.endings
                if ending.kind is End.LOSS and all(given.get(n) in values for n, values in ending.given.items())
            ),
            None,
        )
        early = loss.after if loss else 0
        late = loss.after + loss.within if loss else 0
        return _Times(presence.noticed, presence.back, presence.delivery, early, late, self._retries(view))

    def _arguments(self) -> Mapping[str, Any]:
        """What the call of `enter` has, the first lawful value where it does not say."""
        call = self.enter
        name = call if isinstance(call, str) else next(iter(call))
        given = {} if isinstance(call, str) else call[name] or {}
        return {**{n: values[0] for n, values in self.words.operations[name].args.items()}, **given}

    def _retries(self, view: View) -> int:
        """After how long a member that is cut off has surely given up; 0 if it never does."""
        hearing = view.hearing
        assert hearing is not None
        inside = hearing.states | hearing.away
        return max(
            (
                rule.after + rule.within
                for own in self.words.views
                if own.hearing is None
                for rule in own.rules
                if rule.from_ & hearing.away
                and rule.to is not None
                and rule.to not in inside
                and rule.cause.kind in (CauseKind.ENTERED, CauseKind.LINK_DOWN)
                and not (rule.optional or rule.while_up or rule.silent)
            ),
            default=0,
        )
