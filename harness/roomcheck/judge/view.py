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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from roomcheck.judge.hypothesis import (
    EMPTY,
    MAX_HYPOTHESES,
    NEVER,
    START,
    Debt,
    Hypothesis,
    LinkState,
    Mode,
    Obligation,
    Rejection,
    Truth,
    fits,
    sort_of,
    subsumes,
)
from roomcheck.judge.rules import LINK_DOWN, LINK_UP, NOTHING, Rules, by_state
from roomcheck.judge.steps import MAX_RAW, Steps, comes_next, provided_for
from roomcheck.judge.windows import ON_ITS_WAY
from roomcheck.model.time import Instant, show_duration, show_window
from roomcheck.spec.contract import MUTE, CauseKind, Rule

FAR = 1 << 63  # of a reason that others go before: what may come was not even owed
FEW = 4  # hypotheses are compared one by one, more are sorted first


def _nearest(rejection: Rejection) -> tuple[int, int]:
    """Which rejection explains a refusal: of a rule that is broken, of what has no cause, of what was on its way.

    Whether something may have been on its way depends on how the instants of a run overlap, so it explains last: the
    same story is refused for the same reason each time.
    """
    rule = rejection.rule
    if rejection.miss == ON_ITS_WAY:
        return 2, 0
    return rule is None or rule.optional or not rule.requirement, rejection.miss


class Simulation(Steps):
    """One instance of a view, fed in time order; `rejections` is empty as long as the trace is accepted."""

    __slots__ = ("heard", "hypotheses", "name", "refused_at", "rejections", "told")

    def __init__(
        self,
        name: str,
        rules: Rules,
        mode: Mode,
        *,
        extra: int = 0,
        gaps: Sequence[Instant] = (),
        sooner: int | None = None,
        link: LinkState | None = None,
    ) -> None:
        """As Windows."""
        super().__init__(rules, mode, extra, gaps, sooner, link or LinkState(down=False, since=START))
        self.name = name
        self.told: Any = self.view.told[self.view.initial]
        self.rejections: list[Rejection] = []
        self.refused_at = 0
        self.heard = False  # whether anything was told
        self.hypotheses = self._enter(Hypothesis(self.view.initial, START, EMPTY), self.view.initial, START, EMPTY)

    @property
    def refused(self) -> bool:
        """Whether no lawful story is left."""
        return bool(self.rejections)

    def certain(self, at: Instant) -> str | None:
        """The state in which the member surely is at this moment, told or not."""
        stories = (
            [one for h in self.hypotheses for one in self._lapsed(h, at)] if self.rules.lapses else self.hypotheses
        )
        states = {h.moved or h.state for h in stories}
        if len(states) > 1 and at.hi > self.check_at:
            states = {h.moved or h.state for h in stories if not self._is_over(h, at)}
        return states.pop() if len(states) == 1 else None

    def stays(self, at: Instant) -> bool:
        """Whether nothing may have been decided by now that leads the member out of its state."""
        return not any(
            h.in_flight or any(p.rule.to not in (None, h.state) and p.cause.lo + p.rule.after <= at.hi for p in h.armed)
            for h in self.hypotheses
        )

    def _is_over(self, h: Hypothesis, at: Instant) -> bool:
        """Whether something should have come by now if this were so."""
        owed = [p for p in comes_next(h) or h.armed if h.head in p.rule.from_]
        return any(self._overdue(p, at) > 0 for p in owed) or any(
            self._overdue(f.obligation, at, in_flight=True) > 0 for f in h.in_flight
        )

    # --- what happens to the view -------------------------------------------------------------------------------------

    def cause(
        self,
        kind: CauseKind,
        name: str,
        at: Instant,
        args: Mapping[str, Any] = EMPTY,
        *,
        call: int = -1,
        provided: Callable[[Rule], Truth] = lambda _rule: Truth.YES,
        since: Instant | None = None,
    ) -> None:
        """A call, an act, a change of the link, or news of another member of the same user.

        `provided`: whether the member is, in the other room of its call, where the rule wants it. `since`: what calls
        rules off has surely held since then, so that nothing was decided that it would have called off.
        """
        held = since or at
        level = kind is LINK_DOWN or kind is LINK_UP
        arms, cancels, asking = effects = self.rules.effects.get((kind, name), NOTHING)
        if self.rejections or self.gave_up or (effects is NOTHING and not level):
            return
        if at.hi > self.check_at:
            self._expire(at)
        if self.rules.lapses:
            self._keep([one for h in self.hypotheses for one in self._lapsed(h, at)])
        if level:
            self.link = LinkState(down=kind is LINK_DOWN, since=at, mute=name == MUTE)
        doubtful: set[int] = set()
        if asking:
            known = provided_for(asking, provided)
            arms = by_state(rule for rule, truth in known if truth is not Truth.NO)
            doubtful = {rule.id for rule, truth in known if truth is Truth.MAYBE}
        self.raw = 0
        out: list[Hypothesis] = []
        for hypothesis in self.hypotheses:
            stories: Iterable[Hypothesis] = (hypothesis,)
            if level and hypothesis.called_off:
                stories = self._recall(hypothesis, at)
            if (arms or cancels) and hypothesis.armed:
                stories = [one for story in stories for one in self._decide(story, arms, cancels, held)]
            for decided in stories:
                off = cancels and (decided.armed or decided.called_off)
                kept = self._cancel(decided, cancels, held) if off else None
                for story in (decided,) if kept is None else kept:
                    rules = arms.get(story.in_flight[-1].to if story.in_flight else story.state)
                    if rules is None:
                        out.append(story)
                    else:
                        out += self._arm_all(story, rules, at, args, call, doubtful)
        self._keep(out)

    def callback(self, value: Any, fields: Mapping[str, Any], at: Instant) -> None:
        """The observer was told `value` (in the view's field) with these fields."""
        self.heard = True
        if self.rejections or self.gave_up:
            return
        rejections = self._expire(at, value) if at.hi > self.check_at else []
        if self.rules.lapses:
            self._keep([one for h in self.hypotheses for one in self._lapsed(h, at)])
        out: list[Hypothesis] = []
        for hypothesis in self.hypotheses:
            out += self._told(hypothesis, value, fields, at, rejections)
        if not out and self.hypotheses:
            self._refuse(at, rejections)
        self.told = value
        self._keep(out)

    def beside(self, what: Any, at: Instant) -> None:
        """The member was told something else of the room: it comes before nothing that comes immediately."""
        if not self.rules.immediate or self.rejections or self.gave_up:
            return
        rejections = self._expire(at) if at.hi > self.check_at else []
        out = []
        for h in self.hypotheses:
            next_ = comes_next(h)
            if next_:
                rejections.append(self._before(what, next_))
            else:
                out.append(h)
        if not out and self.hypotheses:
            self._refuse(at, rejections)
        self.hypotheses = out

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

    def debts(self, value: Any, *, followed: bool) -> Iterator[Debt]:
        """What lets this value still come, or did; `followed`: what lets anything come, as this may follow it."""
        told = self.rules.told
        for rejection in self.rejections:
            if rejection.rule is not None and told.get(rejection.rule.id) == value:
                yield Debt(rejection.rule.requirement, -1)
        for h in self.hypotheses:
            for p in (*(f.obligation for f in h.in_flight), *h.armed):
                if p.rule.answer is None and told[p.rule.id] == value:
                    yield Debt(p.rule.requirement, self._until(p))
                elif p.rule.answer is None and followed:
                    yield Debt(None, self._until(p))

    def finish(self, end: int) -> None:
        """Observation ended: whatever was surely due by then and never came is refused."""
        if not self.rejections and not self.gave_up:
            self._expire(Instant(end, end))

    # --- the set of hypotheses ----------------------------------------------------------------------------------------

    def _expire(self, at: Instant, came: Any = None) -> list[Rejection]:
        """Drop the hypotheses whose callbacks are overdue now, as this one came; refuse when none is left."""
        rejections: list[Rejection] = []
        if at.hi <= self.check_at:
            return rejections
        check_at = NEVER
        out = []
        todo = self.hypotheses[::-1]
        while todo:
            h = todo.pop()
            late: tuple[int, Obligation] | None = None
            armed = (comes_next(h) or h.armed) if self.rules.immediate else h.armed
            for p in armed:
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
                rule = p.rule
                if self.rules.lapses:  # what lapses by itself may have done so before
                    due = (at.hi if self.narrow else at.lo) - over
                    todo += [one for one in self._lapsed(h, Instant(due, due)) if one is not h]
                window = f"within {show_duration(rule.after + rule.within)}"
                if rule.about:
                    window = show_window(rule.after, rule.within, rule.about)
                if came is not None and self.rules.told.get(rule.id) == came:
                    text = f"{rule.text}: came {show_duration(over)} too late; it was due {window}"
                else:
                    text = f"{rule.text}: did not come; it was due {window}"
                    text = f"{text}, and {show_duration(over)} after it was due there was nothing"
                rejections.append(Rejection(FAR if rule.optional else over, text, rule, window=self._window(p)))
        self.check_at = check_at
        if not out and self.hypotheses:
            self._refuse(at, rejections)
        self.hypotheses = out
        return rejections

    def _refuse(self, at: Instant, rejections: list[Rejection]) -> None:
        ranked = sorted(rejections, key=_nearest)
        self.rejections = ranked or [Rejection(0, "no lawful story is left", None)]
        self.refused_at = at.hi
        self.hypotheses = []

    def _keep(self, hypotheses: list[Hypothesis]) -> None:
        """Go on with these, without those that another one subsumes."""
        if self.rejections or self.gave_up:
            return
        if len(hypotheses) > MAX_RAW:
            self.gave_up, self.hypotheses = True, []
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
                self.gave_up, self.hypotheses = True, []
                return
            hypotheses = kept
        self.hypotheses = hypotheses
