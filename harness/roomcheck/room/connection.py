"""What one member is told about itself in one room: the rules of an own view, played forwards.

A rule whose cause comes is an *obligation* (or, where it is optional, a permission) with a moment that the policy picks
in its window. A room may have decided a callback before it tells it: meanwhile it acts by its new state, `head`, while
the member still knows the old one, `state`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from roomcheck.room.agenda import Agenda
from roomcheck.room.breaks import MARGIN, Break, Kind
from roomcheck.room.link import ModelLink
from roomcheck.room.policy import Decisions, Timing
from roomcheck.room.wishes import NEVER
from roomcheck.spec.contract import TWINS, Cause, CauseKind, Rule, Unless, View

NOTHING: Mapping[str, Any] = {}
BY_ITSELF = (CauseKind.ADMIN, *TWINS)  # what the server tells unasked
MOMENTS = [kind for kind in TWINS if not kind.lasts]
AHEAD = 0.25  # so often a callback is decided before it is told, in a room that does more than it must
MOST = 12  # times that what may come comes, so that a rule that leads back to its own state comes to an end
HORIZON = 2  # what may come at any time comes within so many of its windows


class Rules:
    """A view's rules by what calls them off."""

    def __init__(self, view: View, asked: Collection[str]) -> None:
        """`asked`: the states that a member is told only when it has asked to be in."""
        self.view = view
        self.unasked = {r.id for r in view.rules if r.cause.kind in BY_ITSELF and r.to not in asked}
        self.off: dict[tuple[CauseKind, str], dict[int, Unless]] = {}
        # nothing is on its way for longer than the shortest time in which something is owed
        self.lag = min((r.within for r in view.rules if r.within and not r.silent and not r.optional), default=0)
        for rule in view.rules:
            for unless in rule.unless:
                self.off.setdefault((unless.cause.kind, unless.cause.name), {}).setdefault(rule.id, unless)


class Host(Protocol):
    """What a connection needs of the room."""

    @property
    def agenda(self) -> Agenda:
        """The room's time."""

    @property
    def decisions(self) -> Decisions:
        """What its policy decides."""

    @property
    def broken(self) -> Break | None:
        """What it does wrong."""

    def answer(self, rule: Rule) -> Mapping[str, Any]:
        """What a call is answered with by this rule."""

    def tell(self, connection: "Connection", rule: Rule, *, amiss: bool) -> None:
        """The member is told what the rule says. `amiss`: when the rule does not say, if its window is broken."""

    def decides(self, connection: "Connection", state: str, told: int) -> None:
        """The member will be told a state at that time."""

    def knows(self, connection: "Connection", state: str) -> None:
        """The member has taken the state that it was told."""

    def moves(self, connection: "Connection", state: str) -> None:
        """The member has taken a state silently."""

    def wanted(self, connection: "Connection", rule: Rule) -> bool | None:
        """Whether the scenario expects the member to be told this, if it says so."""

    def earliest(self, connection: "Connection", rule: Rule) -> int:
        """When the scenario expects it at the earliest: NEVER before the step that it counts from."""

    def kept(self, rule: Rule) -> None:
        """Something came by this rule."""

    def twin_in(self, connection: "Connection", cause: Cause) -> int | None:
        """Since when another device of the user is in a state, if one is."""


@dataclass(slots=True, eq=False)
class Obligation:
    """An armed rule: when its cause came, from when its window counts, and whether the room will tell it."""

    rule: Rule
    cause: int
    base: int
    args: Mapping[str, Any]
    key: tuple[object, ...]
    willing: bool
    version: int = 0  # of its plan
    due: int = NEVER  # when it must have been told, if it must
    waits: bool = False  # for a step of the scenario
    bound: int = NEVER  # until then it may be told
    excused: bool = False  # another rule allows it when it is told
    next_only: bool = False  # it was called off too late: it comes before anything else, or not at all


class Connection:
    """One member in one room."""

    def __init__(self, host: Host, rules: Rules, member: str, room: str, link: ModelLink) -> None:
        self.host = host
        self.rules = rules
        self.view = rules.view
        self.member = member
        self.room = room
        self.link = link
        self.state = self.head = self.view.initial
        self.args = NOTHING
        self.armed: list[Obligation] = []
        self.ahead: Obligation | None = None  # decided and not told yet
        self.called_off: list[tuple[Obligation, int]] = []  # by a change of the link that must last until then
        self.times: dict[int, int] = {}  # rule -> how often it was armed
        self._enter(self.view.initial, NOTHING, 0)

    # --- causes -----------------------------------------------------------------------------------------------------

    def cause(
        self,
        kind: CauseKind,
        name: str = "",
        args: Mapping[str, Any] = NOTHING,
        provided: Callable[[Rule], bool] = lambda _rule: True,
    ) -> dict[str, Any]:
        """Something happens that may concern this member; returns what a call must be answered with."""
        level = kind in (CauseKind.LINK_DOWN, CauseKind.LINK_UP)
        if level:
            self._recall()
        off = self.rules.off.get((kind, name))
        if off:
            self._call_off(off)
        answer: dict[str, Any] = {}
        head = self.head
        for rule in self.view.by_cause.get((kind, name), ()):
            if head in rule.armed_in and provided(rule):
                answer |= self._arm(rule, self.host.agenda.now, args or self.args)
        if level:
            for obligation in self.armed:
                if obligation.rule.while_up:
                    self._plan(obligation)
        return answer

    def _arm(self, rule: Rule, cause: int, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """The rule's cause came; returns the answer that it demands."""
        if not rule.asks_for(args):
            return NOTHING
        decisions, now = self.host.decisions, self.host.agenda.now
        self.times[rule.id] = time = self.times.get(rule.id, 0) + 1
        key = (rule.id, self.member, self.room, time)
        if rule.answer is not None:
            return self.host.answer(rule)
        wanted = None if rule.silent else self.host.wanted(self, rule)
        eager = decisions.policy.eagerness
        willing = not rule.optional or (time <= MOST and decisions.wished(eager, wanted, "comes", *key, now=now))
        obligation = Obligation(rule, cause, now, args, key, willing)
        if rule.silent and not rule.lapses:
            if willing:
                self._move(obligation)
            return NOTHING
        for unless in rule.unless:
            since = self.link.since if unless.cause.kind is self.link.level[0] else None
            if unless.cause.kind.lasts:
                since = self.host.twin_in(self, unless.cause)
            if since is not None:
                gone = now - since
                if gone > unless.settle or not decisions.wished(0.5, wanted, "is on", *key, now=now):
                    return NOTHING
        before = next((o for o in self.armed if o.rule.id == rule.id), None)
        if before is not None and rule.cause.kind is not CauseKind.CALL:
            if before.rule is rule and (not rule.optional or rule.whenever or rule.after):
                return NOTHING
            self.armed.remove(before)
        self.armed.append(obligation)
        self._plan(obligation)
        return NOTHING

    def _call_off(self, off: Mapping[int, Unless]) -> None:
        """What is called off in time does not come; what may have been decided before comes, or does not."""
        now = self.host.agenda.now
        self.called_off = [(o, until) for o, until in self.called_off if o.rule.id not in off]
        for obligation in list(self.armed):
            rule = obligation.rule
            unless = off.get(rule.id)
            if unless is None or obligation not in self.armed:
                continue
            self.armed.remove(obligation)
            if now + unless.settle < obligation.cause + rule.after:
                if unless.settle:
                    self.called_off.append((obligation, now + unless.settle))
            elif (
                obligation.willing
                and self.ahead is None
                and self.state in rule.from_
                and not self._waits(rule)
                and not self._next()
                and self._wished(obligation, "was decided")
            ):
                self._still_comes(obligation)

    def _wished(self, obligation: Obligation, what: str) -> bool:
        wanted = self.host.wanted(self, obligation.rule)
        return self.host.decisions.wished(0.5, wanted, what, *obligation.key, now=self.host.agenda.now)

    def _still_comes(self, obligation: Obligation) -> None:
        """It had been decided when it was called off, or comes where that was too late for it."""
        rule, now = obligation.rule, self.host.agenda.now
        earliest = max(now, obligation.cause + rule.after)
        if earliest > now:  # until then something else may come
            obligation.next_only = True
            self.armed.append(obligation)
            self._plan(obligation)
            return
        due = (now if rule.whenever or rule.while_up else obligation.base + rule.after) + rule.within
        if due >= now:
            latest = max(now, min(due, now + self.rules.lag))
            moment = self.host.decisions.when(now, latest, "still comes", *obligation.key, now=now)
            self._decide(obligation, self._distorted(obligation, moment, due))

    def _recall(self) -> None:
        """The link changed back before it was surely off."""
        off, self.called_off = self.called_off, []
        now = self.host.agenda.now
        for obligation, until in off:
            if now <= until and self._wished(obligation, "is on again"):
                self.armed.append(obligation)
                self._plan(obligation)

    # --- obligations ------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """A step begins that something may have waited for."""
        for obligation in self.armed:
            if obligation.rule.optional and obligation.waits:
                self._plan(obligation)

    def _plan(self, obligation: Obligation) -> None:
        """Pick the moment, as far as it can be told now."""
        obligation.version += 1
        obligation.due = NEVER
        rule = obligation.rule
        if rule.silent:
            self._plan_lapse(obligation)
            return
        if not obligation.willing or self.ahead or self.state not in rule.from_ or self._waits(rule):
            return
        if not rule.immediately and self._next():
            return
        decisions, now, key = self.host.decisions, self.host.agenda.now, obligation.key
        # a prompt room waits for the scenario also with what it owes; others show where its windows are too narrow
        waits = rule.optional or decisions.policy.timing is Timing.PROMPT
        expected = self.host.earliest(self, rule) if waits else 0
        obligation.waits = rule.optional and expected == NEVER
        if obligation.waits:
            return
        base = max(obligation.base, self.link.since) if rule.while_up else obligation.base
        due = base + rule.after + rule.within
        earliest = max(now, obligation.cause + rule.after, expected if rule.optional else min(expected, due))
        if rule.whenever:
            due = earliest + HORIZON * rule.within
        else:
            if due < earliest and rule.optional:
                return
            due = max(due, earliest)
            if not rule.optional:
                obligation.due = due
        if not rule.optional and self.host.wanted(self, rule) is False:
            told = due  # something else may come before
        else:
            told = decisions.when(earliest, due, "comes", *key, now=now, at_once=rule.optional)
        told = self._distorted(obligation, told, due)
        decided = told
        if decisions.whether(min(AHEAD, decisions.policy.eagerness), "is decided before", *key, now=now):
            decided = decisions.when(max(earliest, told - self.rules.lag), told, "is decided before", *key, now=now)
        version = obligation.version

        def decide() -> None:
            if obligation.version == version and obligation in self.armed:
                self._decide(obligation, told)

        self.host.agenda.at(min(decided, told), decide)

    def _plan_lapse(self, obligation: Obligation) -> None:
        """What lapses by itself does so in its window."""
        rule, now, version = obligation.rule, self.host.agenda.now, obligation.version
        earliest, due = obligation.cause + rule.after, obligation.base + rule.after + rule.within

        def lapse() -> None:
            if obligation.version == version and obligation in self.armed and self.head in rule.from_:
                self._move(obligation)

        if obligation.willing and due >= now:
            decide = self.host.decisions.when
            self.host.agenda.at(decide(max(now, earliest), due, "lapses", *obligation.key, now=now), lapse)

    def _waits(self, rule: Rule) -> bool:
        """Whether only the server can tell it, and cannot now: an answer takes a link that is whole both ways."""
        return rule.while_up and (self.link.deaf or (self.link.mute and rule.id not in self.rules.unasked))

    def _distorted(self, obligation: Obligation, moment: int, due: int) -> int:
        """The moment, in a room that breaks this rule's window."""
        broken, rule = self.host.broken, obligation.rule
        obligation.bound = due
        if broken is None or broken.rule != rule.id or rule.whenever:  # whenever: of a link that is only mute
            return moment
        if broken.kind is Kind.LATE:
            return due + MARGIN
        if broken.kind is Kind.EARLY:
            return max(self.host.agenda.now, obligation.cause + rule.after - MARGIN)
        return moment

    def _decide(self, obligation: Obligation, told: int) -> None:
        """From now on the room acts by the new state; the member is told later, or now."""
        self.head = obligation.rule.to or ""
        self.ahead = obligation
        others = [o for o in self.armed if o is not obligation]
        obligation.excused = any(self._allows(o, obligation.rule, told) for o in others)
        self.armed = [o for o in others if self.head in o.rule.armed_in]
        if obligation.rule.repeated and self.head in obligation.rule.armed_in:
            self._arm(obligation.rule, obligation.cause, obligation.args)
        told = min([told, *(o.due for o in others)])  # nothing that is owed lapses because of this
        if told <= self.host.agenda.now:
            self._tell(obligation)
        else:
            for waiting in self.armed:
                waiting.version += 1
            self.host.decides(self, self.head, told)
            self.host.agenda.at(told, lambda: self._tell(obligation))

    def _next(self) -> Obligation | None:
        """What comes immediately, before anything else."""
        return next((o for o in self.armed if o.rule.immediately and self.state in o.rule.from_), None)

    def hurry(self) -> None:
        """Something else of the room is about to be told: what comes immediately comes before it."""
        if self.ahead is not None and self.ahead.rule.immediately:
            self._tell(self.ahead)
        elif self.ahead is None and (obligation := self._next()):
            self._decide(obligation, self.host.agenda.now)

    def _allows(self, other: Obligation, rule: Rule, moment: int) -> bool:
        """Whether another rule lets the same come then."""
        wanted, earliest = other.rule, other.cause + other.rule.after
        if wanted.to != rule.to or self.state not in wanted.from_ or dict(wanted.pattern) != dict(rule.pattern):
            return False
        return earliest <= moment and (wanted.whenever or moment <= other.base + wanted.after + wanted.within)

    def _tell(self, obligation: Obligation) -> None:
        if self.ahead is not obligation:  # it came sooner
            return
        self.ahead = None
        self.host.kept(obligation.rule)
        now = self.host.agenda.now
        state, told = self.head, obligation.rule.to or ""
        early, late = now < obligation.cause + obligation.rule.after, now > obligation.bound
        # whatever else might lead to the same; but which of two devices came last may not be certain
        overdue = late and not obligation.rule.optional and obligation.rule.cause.kind not in MOMENTS
        amiss = overdue or ((early or late) and not obligation.excused)
        self.host.tell(self, obligation.rule, amiss=amiss)
        self._enter(state, self._args(obligation), now, waited=obligation.rule.immediately)
        self.host.knows(self, told)
        if state != told:
            self.host.moves(self, state)

    def _args(self, obligation: Obligation) -> Mapping[str, Any]:
        """The arguments of the last call: of this one, or of one that came before what it did not lead to."""
        return obligation.args if obligation.rule.cause.kind is CauseKind.CALL else self.args

    def _move(self, obligation: Obligation) -> None:
        """To another state, and nothing is told."""
        to = obligation.rule.to or ""
        self.host.kept(obligation.rule)
        if self.ahead:
            self.head = to
            self.armed = [o for o in self.armed if o is not obligation and to in o.rule.armed_in]
        else:
            self._enter(to, self._args(obligation), self.host.agenda.now)
            self.host.moves(self, to)

    def _enter(self, state: str, args: Mapping[str, Any], now: int, *, waited: bool = False) -> None:
        """The member knows its new state. `waited`: it came immediately, and nothing else could come before."""
        waited = waited or self._next() is not None
        before, self.state, self.head = self.state, state, state
        self.args = args
        self.armed = [o for o in self.armed if state in o.rule.armed_in and not o.next_only]
        for obligation in self.armed:
            if state in obligation.rule.from_ and (waited or before not in obligation.rule.from_):
                obligation.base = now  # its window counts from where it may be told
        self.called_off = [(o, until) for o, until in self.called_off if state in o.rule.armed_in]
        for by, cause in (((CauseKind.ENTERED, ""), now), (self.link.level, self.link.since)):
            for rule in self.view.by_cause.get(by, ()):
                if state in rule.armed_in and self.state == state:
                    self._arm(rule, cause, args)
        for obligation in self.armed:
            self._plan(obligation)
