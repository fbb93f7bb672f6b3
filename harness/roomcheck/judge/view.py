"""One view as a nondeterministic timed automaton, simulated over intervals of time.

A *hypothesis* is one lawful story of what the room has decided so far: the state last told, the rules that are armed,
and callbacks that are decided but still on their way (`in_flight`). Each cause and each callback filters and advances
the set; when the set is empty the trace is refused, and the last rejections are the explanation.

Why armed rules and not one state with one anchor for each cause: a second fault on a lost link, a heal of a whole link,
a loss before the return was told, flapping at a window's edge are all lawful, and all of them need several rules armed
with anchors of their own.

Three values come from two runs (`Mode`). NARROW takes a window's edge as met only if it is met wherever in their
intervals the instants lie; WIDE if it can be met somewhere. Refused when WIDE violates, accepted when NARROW conforms.
A cause may explain every callback that is not surely before it: in 19 of 32 cuts a client was told before the
injector's call had returned, so the order of overlapping instants is settled in the room's favour in both modes.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple

from roomcheck.model.time import Instant, show_duration
from roomcheck.spec.contract import CauseKind, Rule, Unless, View

MAX_HYPOTHESES = 256  # more are not followed, and the view says nothing any more; random schedules peak at about 20
MAX_RAW = 8 * MAX_HYPOTHESES  # at one cause, before those are dropped that another one subsumes
FEW = 4  # hypotheses are compared one by one, more are sorted first


class Mode(Enum):
    """How a window's edge is read where the instants are uncertain."""

    NARROW = "narrow"
    WIDE = "wide"


class Truth(Enum):
    """Whether something was so when a call was made that overlaps what the member was told."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


class Reception(Enum):
    """Whether the observer of a view about others can be told anything."""

    LIVE = "live"
    DEAF = "deaf"  # its link is down or its list not yet due: anything may come, the list is checked afterwards
    OUT = "out"  # it is not in the room


# Looking a member up on its Enum costs 240 ns in Python 3.11, a global 20; these are looked up for every event.
LIVE, DEAF, OUT = Reception
LINK_DOWN, LINK_UP, ENTERED = CauseKind.LINK_DOWN, CauseKind.LINK_UP, CauseKind.ENTERED


# Values: never changed once made. Not frozen, as making one would take 590 ns and not 160, and no NamedTuples, as
# reading a field would take 16 ns and not 4 (five fields, Python 3.11); both happen for every event.


@dataclass(slots=True)
class Obligation:
    """An armed rule: the cause's interval, and the later of cause and entry into the rule's `from`."""

    rule: Rule
    cause: Instant
    base: Instant
    args: Mapping[str, Any]
    call: int = -1


@dataclass(slots=True)
class InFlight:
    """An obligation that the room has surely decided, and the state it leads to once told."""

    obligation: Obligation
    to: str


@dataclass(slots=True)
class Hypothesis:
    """One lawful story. `choices`: (rule, cause's begin, was it kept) of each race, for views that must agree.

    `called_off`: obligations that a change of the link cancels if it lasts until the given moment.
    """

    state: str
    entry: Instant
    args: Mapping[str, Any]
    armed: tuple[Obligation, ...] = ()
    in_flight: tuple[InFlight, ...] = ()
    choices: tuple[tuple[int, int, bool], ...] = ()
    called_off: tuple[tuple[Obligation, int], ...] = ()

    @property
    def head(self) -> str:
        """The state after everything that is on its way."""
        return self.in_flight[-1].to if self.in_flight else self.state


class Rejection(NamedTuple):
    """Why a hypothesis was refused: the distance to what would have been lawful (microseconds), and the sentence."""

    miss: int
    text: str
    rule: Rule | None
    requirement: str | None = None


@dataclass(slots=True)
class LinkState:
    """The subject's link: down or up since an instant."""

    down: bool
    since: Instant


class Tally:
    """What became of one rule in one view: how often armed and met, and the least distance to an edge."""

    __slots__ = ("armed", "margin", "met")

    def __init__(self) -> None:
        self.armed = 0
        self.met = 0
        self.margin: int | None = None

    def note(self, margin: int) -> None:
        """A distance to an edge: the least is kept."""
        if self.margin is None or margin < self.margin:
            self.margin = margin


NEVER = 1 << 62
EMPTY: Mapping[str, Any] = {}
START = Instant(0, 0)


def later(a: Instant, b: Instant) -> Instant:
    """The later of two uncertain instants."""
    if a.lo >= b.lo:
        return a if a.hi >= b.hi else Instant(a.lo, b.hi)
    return b if b.hi >= a.hi else Instant(b.lo, a.hi)


def subsumes(a: Hypothesis, b: Hypothesis) -> bool:
    """Whether `a` lets the room do whatever `b`, in the same state with as many rules armed, lets it do.

    It does if they differ at most in that `a` waits longer.
    """
    if a.in_flight != b.in_flight or a.choices != b.choices or a.called_off != b.called_off or a.args != b.args:
        return False
    if a.entry.lo < b.entry.lo or a.entry.hi < b.entry.hi:
        return False
    for p, q in zip(a.armed, b.armed, strict=True):
        if p is not q and (
            p.rule is not q.rule
            or p.call != q.call
            or p.cause != q.cause
            or p.args != q.args
            or p.base.lo < q.base.lo
            or p.base.hi < q.base.hi
        ):
            return False
    return True


def sort_of(h: Hypothesis) -> tuple[Any, ...]:
    """What `subsumes` wants to be equal of two hypotheses, as far as it can be hashed."""
    return h.state, tuple([(p.rule.id, p.call) for p in h.armed])


def without(armed: Iterable[Obligation], one: Obligation) -> tuple[Obligation, ...]:
    """All of these but this very one."""
    return tuple([p for p in armed if p is not one])


def staying(armed: Iterable[Obligation], state: str) -> tuple[Obligation, ...]:
    """Those whose rules stay armed when the view takes this state."""
    return tuple([p for p in armed if state in p.rule.armed_in])


def asked_with(given: Mapping[str, tuple[Any, ...]], args: Mapping[str, Any]) -> bool:
    """Whether the call that led here had what a rule wants of it."""
    for name, values in given.items():  # noqa: SIM110 - as above
        if args.get(name) not in values:
            return False
    return True


def fits(pattern: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Whether every field that the pattern names has that value."""
    for name, value in pattern.items():  # noqa: SIM110 - all() costs twice as much, for every callback
        if name not in fields or fields[name] != value:
            return False
    return True


def told_twice(view: View, state: str, value: Any) -> bool:
    """Whether this is what stands already: no scenario is about that, but for what the view says of all its news."""
    return bool(view.told[state] == value)


def _waiting(armed: Iterable[Obligation], at: Instant) -> tuple[Obligation, ...]:
    """These, with the time for them not before the state was told."""
    return tuple([Obligation(p.rule, p.cause, later(p.base, at), p.args, p.call) for p in armed])


def _still_off(called_off: Iterable[tuple[Obligation, int]], state: str) -> tuple[tuple[Obligation, int], ...]:
    return tuple([c for c in called_off if state in c[0].rule.armed_in])


def _provided(rules: Iterable[Rule], provided: Callable[[Rule], Truth]) -> list[tuple[Rule, Truth]]:
    return [(rule, provided(rule) if rule.provided else Truth.YES) for rule in rules]


class Effects(NamedTuple):
    """What a cause can do in a view."""

    arms: Mapping[str, tuple[Rule, ...]]  # by the state in which it comes
    cancels: Mapping[int, Unless]  # by the rule that it calls off
    asking: tuple[Rule, ...] = ()  # all that it arms, if one of them asks for the state in another room


NOTHING = Effects({}, {})


def by_state(rules: Iterable[Rule]) -> dict[str, tuple[Rule, ...]]:
    """These rules, by the states in which their cause may come."""
    out: dict[str, tuple[Rule, ...]] = {}
    for rule in rules:
        for state in rule.armed_in:
            out[state] = (*out.get(state, ()), rule)
    return out


class Rules:
    """A view's rules by what arms them, prepared once for all instances of the view."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.effects: dict[tuple[CauseKind, str], Effects] = {}
        for cause in {c for rule in view.rules for c in (rule.cause, *(u.cause for u in rule.unless))}:
            armed = [rule for rule in view.rules if rule.cause == cause]
            self.effects[cause.kind, cause.name] = Effects(
                arms=by_state(armed),
                cancels={rule.id: u for rule in view.rules for u in reversed(rule.unless) if u.cause == cause},
                asking=tuple(armed) if any(rule.provided for rule in armed) else (),
            )
        # whether the link is down -> state -> the rules that entering it arms: by `entered`, by the link's level
        self.on_entry: tuple[dict[str, tuple[list[Rule], list[Rule]]], ...] = {}, {}
        for down, level in ((True, LINK_DOWN), (False, LINK_UP)):
            for state in view.told:
                entered, same = (
                    [r for r in view.rules if r.cause.kind is k and state in (r.from_ if r.silent else r.armed_in)]
                    for k in (ENTERED, level)
                )
                self.on_entry[down][state] = entered, same
        # how long the link may have been as it is for a rule to come still that this level calls off: up, down
        self.settles: dict[int, tuple[int | None, int | None]] = {}
        for rule in view.rules:
            whole, broken = (
                next((u.settle for u in rule.unless if u.cause.kind is kind), None) for kind in (LINK_UP, LINK_DOWN)
            )
            if whole is not None or broken is not None:
                self.settles[rule.id] = whole, broken
        self.told = {r.id: view.told[r.to] for r in view.rules if r.to is not None}
        self.again = {  # what may be told of who was told the same before
            self.told[r.id] for r in view.rules
            if r.id in self.told and not r.silent and self.told[r.id] in {view.told[state] for state in r.from_}
        }  # fmt: skip
        self.foreseen = any(rule.silent and rule.from_ != rule.armed_in for rule in view.rules)


class Simulation:
    """One instance of a view, fed in time order; `rejections` is empty as long as the trace is accepted."""

    __slots__ = (
        "alone", "check_at", "extra", "fresh", "gave_up", "heard", "hypotheses", "link", "mode", "name", "narrow",
        "raw", "reception", "refused_at", "rejections", "rules", "tallies", "told", "view",
    )  # fmt: skip

    def __init__(
        self, name: str, rules: Rules, mode: Mode, *, extra: int = 0, link: LinkState | None = None, alone: bool = False
    ) -> None:
        """`extra`: how long (microseconds) after its due time a callback's absence proves something.

        `alone`: no other view must agree with it, so that the outcomes of races need not be remembered.
        """
        self.name = name
        self.rules = rules
        self.view = rules.view
        self.mode = mode
        self.narrow = mode is Mode.NARROW
        self.extra = 0 if self.narrow else extra
        self.alone = alone
        self.link = link or LinkState(down=False, since=START)
        self.reception = LIVE
        self.told: Any = self.view.told[self.view.initial]
        self.tallies: defaultdict[int, Tally] = defaultdict(Tally)
        self.rejections: list[Rejection] = []
        self.refused_at = 0
        self.gave_up = False  # there were more lawful stories than can be followed: nothing is refused any more
        self.fresh = False  # the list started empty: nobody is told twice until it is due
        self.raw = 0  # stories that were thought of at one cause
        self.check_at = NEVER  # nothing can be overdue before
        self.heard = False  # whether anything was told
        self.hypotheses = self._enter(Hypothesis(self.view.initial, START, EMPTY), self.view.initial, START, EMPTY)

    @property
    def refused(self) -> bool:
        """Whether no lawful story is left."""
        return bool(self.rejections)

    # --- what happens to the view -------------------------------------------------------------------------------

    def cause(
        self,
        kind: CauseKind,
        name: str,
        at: Instant,
        args: Mapping[str, Any] = EMPTY,
        *,
        call: int = -1,
        provided: Callable[[Rule], Truth] = lambda _rule: Truth.YES,
    ) -> None:
        """A call, an act, a change of the link, or news of somebody's own view.

        `provided`: whether the member is, in the other room of its call, where the rule wants it.
        """
        level = kind is LINK_DOWN or kind is LINK_UP
        arms, cancels, asking = effects = self.rules.effects.get((kind, name), NOTHING)
        if self.rejections or self.gave_up or (effects is NOTHING and not level):
            return
        if at.hi > self.check_at or self.reception is not LIVE:
            self._expire(at)
        if level:
            self.link = LinkState(down=kind is LINK_DOWN, since=at)
        doubtful: set[int] = set()
        if asking:
            known = _provided(asking, provided)
            arms = by_state(rule for rule, truth in known if truth is not Truth.NO)
            doubtful = {rule.id for rule, truth in known if truth is Truth.MAYBE}
        self.raw = 0
        decides = bool(arms) and not level and self.reception is LIVE  # else what was decided was told by `_drift`
        out: list[Hypothesis] = []
        for hypothesis in self.hypotheses:
            stories: Iterable[Hypothesis] = (hypothesis,)
            if level:
                if hypothesis.called_off:
                    stories = self._recall(hypothesis, at)
            elif decides and hypothesis.armed:
                stories = self._decide(hypothesis, arms, at)
            for decided in stories:
                kept = self._cancel(decided, cancels, at) if cancels and (decided.armed or decided.called_off) else None
                for story in (decided,) if kept is None else kept:
                    rules = arms.get(story.in_flight[-1].to if story.in_flight else story.state)
                    if rules is None:
                        out.append(story)
                    else:
                        out += self._arm_all(story, rules, at, args, call, doubtful)
        if self.reception is OUT:  # whatever was decided has happened, unheard, and is nobody's to agree on
            out = [
                Hypothesis(n.state, at, n.args, n.armed, n.in_flight, (), n.called_off) for n in self._unheard(out, at)
            ]
        self._keep(out)

    def callback(self, value: Any, fields: Mapping[str, Any], at: Instant) -> None:
        """The observer was told `value` (in the view's field) with these fields."""
        self.heard = True
        if self.rejections or self.gave_up:
            return
        if self.reception is not LIVE:
            if self.reception is OUT:
                self._refuse(at, [Rejection(0, f"{value} came while the observer is not in the room", None)])
            elif self.fresh and value == self.told and value not in self.rules.again:
                self._refuse(at, [Rejection(0, f"{value} came twice while the list was being told", None)])
            self.told = value
            return
        rejections = self._expire(at) if at.hi > self.check_at else []
        out: list[Hypothesis] = []
        for hypothesis in self.hypotheses:
            out += self._told(hypothesis, value, fields, at, rejections)
        if not out and self.hypotheses:
            self._refuse(at, rejections)
        self.told = value
        self._keep(out)

    def answer(self, call: int, status: str, fields: Mapping[str, Any], at: Instant) -> None:
        """The call that armed a rule with `answer` has returned."""
        if self.rejections or self.gave_up:
            return
        rejections: list[Rejection] = []
        out = []
        given = {"status": status, **fields}
        for h in self.hypotheses:
            asked = [p for p in h.armed if p.call == call and p.rule.answer is not None]
            if not asked:
                out.append(h)
                continue
            bad = next((p for p in asked if not fits(p.rule.answer or {}, given)), None)
            if bad is not None:
                rejections.append(Rejection(0, f"{bad.rule.text}: the answer was {given}", bad.rule))
                continue
            for p in asked:
                self._met(p, at)
            out.append(replace(h, armed=tuple([p for p in h.armed if p not in asked])))
        if not out:
            self._refuse(at, rejections)
        self._keep(out)

    def hear(self, reception: Reception, at: Instant, *, fresh: bool | None = None) -> None:
        """The observer came, went deaf, is back with its list due now, or left.

        `fresh`: its list starts empty (True), or what was told of it before may be told again (False).
        """
        if self.rejections or self.gave_up:
            return
        if fresh is not None:
            self.fresh = fresh
        if fresh:
            self.told = self.view.told[self.view.initial]
        if reception is self.reception:
            return
        if self.reception is LIVE:
            self._expire(at)
            self._keep(self._unheard(self.hypotheses, at))
        self.reception = reception
        if reception is LIVE:
            self.fresh = False
            self._drift(at)
            agreeing = [h for h in self.hypotheses if self.view.told[h.state] == self.told]
            if not agreeing and self.hypotheses:
                lawful = sorted({str(self.view.told[h.state]) for h in self.hypotheses})
                text = f"the list says {self.told}, lawful is {' or '.join(lawful)}"
                self._refuse(at, [Rejection(0, text, None)])
            self.hypotheses = agreeing

    def finish(self, end: int) -> None:
        """Observation ended: whatever was surely due by then and never came is refused."""
        if not self.rejections and not self.gave_up and self.reception is LIVE:
            self._expire(Instant(end, end))

    # --- steps of one hypothesis ----------------------------------------------------------------------------------

    def _told(
        self, h: Hypothesis, value: Any, fields: Mapping[str, Any], at: Instant, rejections: list[Rejection]
    ) -> list[Hypothesis]:
        """What becomes of one story; nothing, and a rejection for each reason, if the callback does not fit it."""
        if h.in_flight:
            obligation, to = h.in_flight[0].obligation, h.in_flight[0].to
            if not self._matches(obligation, value, fields, at, rejections):
                return []
            self._met(obligation, at)
            rest = h.in_flight[1:]
            waiting = _waiting(h.armed, at) if h.armed else ()
            onward = Hypothesis(to, at, obligation.args, waiting, rest, h.choices, h.called_off)
            return [onward] if rest else self._enter(onward, to, at, obligation.args)
        out: list[Hypothesis] = []
        found = False
        told, state = self.rules.told, h.state
        for obligation in h.armed:
            rule = obligation.rule
            if rule.to is not None and told[rule.id] == value and state in rule.from_:
                found = True
                if self._matches(obligation, value, fields, at, rejections):
                    self._met(obligation, at)
                    out += self._enter(h, rule.to, at, obligation.args, obligation)
        if not found:
            twice = self.view.otherwise if told_twice(self.view, h.state, value) else None
            rejections.append(Rejection(1 << 62, f"{value} has no cause while {h.state}{self._owed(h)}", None, twice))
        return out

    def _matches(
        self, p: Obligation, value: Any, fields: Mapping[str, Any], at: Instant, rejections: list[Rejection]
    ) -> bool:
        rule = p.rule
        if self.rules.told[rule.id] != value:
            rejections.append(Rejection(1 << 61, f"{value} came where {rule.text} was on its way", rule))
            return False
        if rule.pattern and not fits(rule.pattern, fields):
            seen = {k: fields.get(k) for k in rule.pattern}
            rejections.append(Rejection(0, f"{rule.text}: told with {seen}, required {dict(rule.pattern)}", rule))
            return False
        if rule.after:
            early = rule.after + (p.cause.hi - at.lo if self.narrow else p.cause.lo - at.hi - self.extra)
            if early > 0:
                since = show_duration(at.hi - p.cause.lo)
                text = f"{rule.text}: came {since} after its cause, {show_duration(early)} too early"
                rejections.append(Rejection(early, text, rule))
                return False
        if rule.optional and not rule.whenever and not (rule.while_up and self.link.down):
            base = later(p.base, self.link.since) if rule.while_up else p.base
            late = at.hi - base.lo if self.narrow else at.lo - base.hi - self.extra
            late -= rule.after + rule.within
            if late > 0:
                text = f"{rule.text}: came {show_duration(late)} after it may come"
                rejections.append(Rejection(late, text, rule))
                return False
        if rule.while_up and self.link.down:
            gone = at.lo - self.link.since.hi - rule.within
            if gone > 0:
                rejections.append(
                    Rejection(gone, f"{rule.text}: told {show_duration(gone)} too long after the link was lost", rule)
                )
                return False
        return True

    def _enter(
        self, h: Hypothesis, state: str, at: Instant, args: Mapping[str, Any], met: Obligation | None = None
    ) -> list[Hypothesis]:
        """The view takes a new state, told or silently: drop what is `met` or does not belong there, arm what does."""
        kept = []
        for p in h.armed:
            rule = p.rule
            if p is met or state not in rule.armed_in:
                continue
            if state in rule.from_ and h.state not in rule.from_:  # its time begins where it may be told
                p = Obligation(rule, p.cause, later(p.base, at), p.args, p.call)  # noqa: PLW2901
                if not (rule.silent or rule.optional) and rule.answer is None:
                    self.check_at = min(self.check_at, p.base.lo + rule.after + rule.within)
            kept.append(p)
        off = _still_off(h.called_off, state) if h.called_off else ()
        out = [Hypothesis(state, at, args, tuple(kept), (), h.choices, off)]
        entered, level = self.rules.on_entry[self.link.down][state]
        for rule in entered:
            out = self._arm_each(out, rule, at, at, args, -1, at)
        if level:
            since = self.link.since
            base = later(since, at)
            for rule in level:
                out = self._arm_each(out, rule, since, base, args, -1, at)
        return self._catch_up(out, at) if self.rules.foreseen else out

    def _arm_all(
        self,
        h: Hypothesis,
        rules: Iterable[Rule],
        at: Instant,
        args: Mapping[str, Any],
        call: int,
        doubtful: Collection[int] = (),
    ) -> list[Hypothesis]:
        out = [h]
        base = later(at, h.entry)
        args = args or h.args
        for rule in rules:
            armed = self._arm_each(out, rule, at, base, args, call, at)
            out = [*out, *armed] if doubtful and rule.id in doubtful else armed
        return out

    def _arm_each(
        self,
        stories: list[Hypothesis],
        rule: Rule,
        cause: Instant,
        base: Instant,
        args: Mapping[str, Any],
        call: int,
        now: Instant,
    ) -> list[Hypothesis]:
        if len(stories) == 1:
            return self._arm(stories[0], rule, cause, base, args, call, now)
        out = []
        for story in stories:
            out += self._arm(story, rule, cause, base, args, call, now)
        return out

    def _arm(
        self, h: Hypothesis, rule: Rule, cause: Instant, base: Instant, args: Mapping[str, Any], call: int, now: Instant
    ) -> list[Hypothesis]:
        if rule.given and not asked_with(rule.given, args):
            return [h]
        if rule.silent and h.head in rule.from_:
            moved = self._move_silently(h, rule.to or "", now, args)
            return [h, *moved] if rule.optional else moved
        waiting = h.armed
        for p in waiting:
            if p.rule is rule and p.call == call:
                if not (rule.silent or rule.optional) or rule.whenever or rule.after:
                    return [h]
                waiting = without(waiting, p)  # what may come may come longer now
                break
        if rule.answer is None and not rule.silent:
            self.tallies[rule.id].armed += 1
            if not rule.optional:
                due = base.lo + rule.after + rule.within
                if due < self.check_at:  # noqa: PLR1730 - min() costs three times as much
                    self.check_at = due
        obligation = Obligation(rule, cause, base, args, call)
        armed = Hypothesis(h.state, h.entry, h.args, (*waiting, obligation), h.in_flight, h.choices, h.called_off)
        if (settles := self.rules.settles.get(rule.id)) is not None:
            settle = settles[self.link.down]
            if settle is not None:
                return [h] if now.lo - self.link.since.hi > settle else [h, armed]
        return [armed]

    def _move_silently(self, h: Hypothesis, to: str, at: Instant, args: Mapping[str, Any]) -> list[Hypothesis]:
        if h.in_flight:
            armed = staying(h.armed, to)
            in_flight = (*h.in_flight[:-1], InFlight(h.in_flight[-1].obligation, to))
            moved = [Hypothesis(h.state, h.entry, h.args, armed, in_flight, h.choices, h.called_off)]
            return self._catch_up(moved, at) if self.rules.foreseen else moved
        return self._enter(h, to, at, args)

    def _catch_up(self, stories: Iterable[Hypothesis], at: Instant) -> list[Hypothesis]:
        """The silent moves whose causes came before (`cause in`), where the view is now where they begin."""
        out: list[Hypothesis] = []
        todo = list(stories)
        while todo:
            h = todo.pop()
            head = h.head
            p = next((p for p in h.armed if p.rule.silent and head in p.rule.from_), None)
            if p is None:
                out.append(h)
                continue
            rule = p.rule
            rest = Hypothesis(h.state, h.entry, h.args, without(h.armed, p), h.in_flight, h.choices, h.called_off)
            past = at.hi - p.cause.lo if self.narrow else at.lo - p.cause.hi - self.extra
            if past > rule.within:
                todo.append(rest)
                continue
            out += self._move_silently(rest, rule.to or "", at, p.args)
            if rule.optional:
                todo.append(rest)
        return out

    def _decide(self, h: Hypothesis, arms: Mapping[str, tuple[Rule, ...]], at: Instant) -> list[Hypothesis]:
        """The story as it is, and the stories where armed callbacks were decided before this cause came.

        Only those in which the cause meets other rules: the others are told apart by what is heard.
        """
        out = [h]
        head = h.in_flight[-1].to if h.in_flight else h.state
        for p in h.armed:
            rule = p.rule
            if head not in rule.from_ or rule.answer is not None:
                continue
            opened = p.cause.hi + rule.after <= at.lo if self.narrow else p.cause.lo + rule.after <= at.hi
            if opened and self._may_be_decided(p):
                self.raw += 1
                if self.raw > MAX_RAW:
                    self._give_up()
                    return out
                for flown in self._fly(h, p, at):
                    first, *others = self._decide(flown, arms, at)
                    if arms.get(first.head) != arms.get(head):
                        out.append(first)
                    out += others
        return out

    def _may_be_decided(self, p: Obligation) -> bool:
        """Whether its window can have opened: not, if it needs a link that has been down since before."""
        return not (p.rule.while_up and self.link.down and p.cause.lo + p.rule.after > self.link.since.hi)

    def _fly(self, h: Hypothesis, p: Obligation, at: Instant) -> list[Hypothesis]:
        """The room has decided `p` by `at`; what may come whenever it likes is told within its window from there."""
        to = p.rule.to or ""
        armed = staying(without(h.armed, p), to)
        decided = Obligation(p.rule, p.cause, later(p.base, at), p.args, p.call) if p.rule.whenever else p
        in_flight = (*h.in_flight, InFlight(decided, to))
        flown = [Hypothesis(h.state, h.entry, h.args, armed, in_flight, h.choices, h.called_off)]
        return self._catch_up(flown, at) if self.rules.foreseen else flown

    def _recall(self, h: Hypothesis, at: Instant) -> list[Hypothesis]:
        """The link changed back: what the last change called off may not have been yet, so both futures are lawful."""
        state, entry, args, obligations, in_flight, choices, off = (
            h.state,
            h.entry,
            h.args,
            h.armed,
            h.in_flight,
            h.choices,
            h.called_off,
        )
        out = [Hypothesis(state, entry, args, obligations, in_flight, choices)]
        for p, until in off:
            if at.lo <= until:
                out += [Hypothesis(state, entry, args, (*o.armed, p), in_flight, choices) for o in out]
        return out

    def _cancel(self, h: Hypothesis, cancels: Mapping[int, Unless], at: Instant) -> list[Hypothesis]:
        """`unless`: surely in time, the rule is off; in doubt, both futures are lawful."""
        if h.called_off:
            off = tuple([(p, t) for p, t in h.called_off if p.rule.id not in cancels])
            h = Hypothesis(h.state, h.entry, h.args, h.armed, h.in_flight, h.choices, off)
        out = [h]
        for p in h.armed:
            unless = cancels.get(p.rule.id)
            if unless is None:
                continue
            if self.narrow:
                raced = at.lo + unless.settle >= p.cause.hi + p.rule.after
            else:
                raced = at.hi + unless.settle >= p.cause.lo + p.rule.after
            until = at.hi + max(unless.settle, p.rule.recalled_within)
            off = ((p, until),) if unless.settle and not raced else ()
            nxt = []
            for o in out:
                others = without(o.armed, p)
                if len(others) == len(o.armed):
                    nxt.append(o)
                    continue
                gone = Hypothesis(o.state, o.entry, o.args, others, o.in_flight, o.choices, o.called_off)
                if not raced:
                    nxt.append(replace(gone, called_off=(*o.called_off, *off)) if off else gone)
                elif not self._may_be_decided(p):
                    nxt.append(gone)
                elif self.alone or p.rule.optional:  # what no observer need be told of is nothing to agree on
                    nxt += [gone, *self._fly(o, p, at)]
                else:
                    nxt += [
                        replace(story, choices=(*o.choices, (p.rule.id, p.cause.lo, kept)))
                        for story, kept in ((gone, False), *((flown, True) for flown in self._fly(o, p, at)))
                    ]
            out = nxt
        return out

    def _unheard(self, stories: Iterable[Hypothesis], at: Instant) -> list[Hypothesis]:
        """The observer goes deaf: what is on its way happens unheard."""
        out: list[Hypothesis] = []
        for h in stories:
            out += (
                self._enter(replace(h, in_flight=()), h.head, at, h.in_flight[-1].obligation.args)
                if h.in_flight
                else (h,)
            )
        return out

    # --- time -------------------------------------------------------------------------------------------------------

    def _due(self, p: Obligation) -> Instant | None:
        """When it must surely have been told; None while its clock stands still or nothing is owed."""
        rule = p.rule
        if rule.optional or rule.answer is not None:
            return None
        base = p.base
        if rule.while_up:
            if self.link.down:
                return None
            base = later(base, self.link.since)
        span = rule.after + rule.within
        return Instant(base.lo + span, base.hi + span)

    def _overdue(self, p: Obligation, at: Instant, *, in_flight: bool = False) -> int:
        """By how many microseconds it is too late at `at`; 0 or less: it is not."""
        due = self._due(p)
        if due is None:
            if not in_flight or p.rule.answer is not None:
                return 0
            if p.rule.while_up and self.link.down:
                return 0
            span = p.rule.after + p.rule.within
            base = later(p.base, self.link.since) if p.rule.while_up else p.base
            due = Instant(base.lo + span, base.hi + span)
        return at.hi - due.lo if self.narrow else at.lo - due.hi - self.extra

    def _expire(self, at: Instant) -> list[Rejection]:
        """Drop the hypotheses whose callbacks are overdue at this instant; refuse when none is left."""
        rejections: list[Rejection] = []
        if self.reception is not LIVE:
            self._drift(at)
            return rejections
        if at.hi <= self.check_at:
            return rejections
        check_at = NEVER
        out = []
        for h in self.hypotheses:
            late: tuple[int, Obligation] | None = None
            for p in h.armed:
                due = p.base.lo + p.rule.after + p.rule.within
                if due < check_at:  # noqa: PLR1730 - as above
                    check_at = due
                if at.hi <= due or h.head not in p.rule.from_:
                    continue
                over = self._overdue(p, at)
                if over > 0 and (late is None or over > late[0]):
                    late = (over, p)
            for f in h.in_flight:
                p = f.obligation
                check_at = min(check_at, p.base.lo + p.rule.after + p.rule.within)
                over = self._overdue(p, at, in_flight=True)
                if over > 0 and (late is None or over > late[0]):
                    late = (over, p)
            if late is None:
                out.append(h)
            else:
                over, p = late
                rejections.append(
                    Rejection(
                        over,
                        f"{p.rule.text}: did not come; it was due within {show_duration(p.rule.after + p.rule.within)}"
                        f", and {show_duration(over)} after it was due there was nothing",
                        p.rule,
                    )
                )
        self.check_at = check_at
        if not out and self.hypotheses:
            self._refuse(at, rejections)
        self.hypotheses = out
        return rejections

    def _drift(self, at: Instant) -> None:
        """While nobody listens, whatever may have been decided may have happened, whatever is overdue has."""
        seen: list[Hypothesis] = []
        near: defaultdict[tuple[Any, ...], list[Hypothesis]] = defaultdict(list)
        todo = list(self.hypotheses)
        while todo:
            h = todo.pop()
            same = near[sort_of(h)]
            if h in same:
                continue
            if len(seen) == MAX_HYPOTHESES or len(todo) > MAX_RAW:
                self._give_up()
                return
            stays = True
            for p in h.armed:
                if p.cause.lo + p.rule.after <= at.hi and h.state in p.rule.from_:
                    due = self._due(p)
                    when = Instant(p.cause.lo + p.rule.after, min(at.hi, due.hi) if due else at.hi)
                    others = tuple(o for o in h.armed if o is not p)
                    todo += self._enter(
                        replace(h, armed=others),
                        p.rule.to or "",
                        Instant(min(when.lo, when.hi), max(when.lo, when.hi)),
                        p.args,
                    )
                    if due is not None and at.lo > due.hi + self.extra:
                        stays = False
            if stays:
                seen.append(h)
                same.append(h)
        self.hypotheses = seen

    # --- bookkeeping ------------------------------------------------------------------------------------------------

    def _met(self, p: Obligation, at: Instant) -> None:
        rule = p.rule
        tally = self.tallies[rule.id]
        tally.met += 1
        if rule.after:
            tally.note(at.lo - p.cause.hi - rule.after)
        if rule.optional or rule.answer is not None or (rule.while_up and self.link.down):
            return
        since = max(p.base.lo, self.link.since.lo) if rule.while_up else p.base.lo
        tally.note(since + rule.after + rule.within - at.hi)

    def _owed(self, h: Hypothesis) -> str:
        owed = [p.rule.text for p in h.armed if p.rule.answer is None and not p.rule.silent]
        return f"; what may come: {'; '.join(owed[:3])}" if owed else "; nothing may come"

    def _refuse(self, at: Instant, rejections: list[Rejection]) -> None:
        ranked = sorted(rejections, key=lambda d: (d.rule is None or d.rule.optional or not d.rule.requirement, d.miss))
        self.rejections = ranked or [Rejection(0, "no lawful story is left", None)]
        self.refused_at = at.hi
        self.hypotheses = []

    def _keep(self, hypotheses: list[Hypothesis]) -> None:
        """Go on with these, without those that another one subsumes."""
        if self.rejections or self.gave_up:
            return
        if len(hypotheses) > MAX_RAW:
            self._give_up()
            return
        if len(hypotheses) > 1:
            kept: list[Hypothesis] = []
            places: list[int] = []  # in `kept`, of those that may be like this one
            near: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
            few = len(hypotheses) <= FEW
            for h in hypotheses:
                if not few:
                    places = near[sort_of(h)]
                for i in places:
                    k = kept[i]
                    if h.state != k.state or len(h.armed) != len(k.armed):
                        continue
                    if subsumes(k, h):
                        break
                    if subsumes(h, k):
                        kept[i] = h
                        break
                else:
                    places.append(len(kept))
                    kept.append(h)
            if len(kept) > MAX_HYPOTHESES:
                self._give_up()
                return
            hypotheses = kept
        self.hypotheses = hypotheses

    def _give_up(self) -> None:
        self.gave_up = True
        self.hypotheses = []
