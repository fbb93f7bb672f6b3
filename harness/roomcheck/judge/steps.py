"""What becomes of one hypothesis about a view when something happens: the hypotheses that may be true afterwards."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from roomcheck.judge.hypothesis import (
    MAX_HYPOTHESES,
    Hypothesis,
    InFlight,
    Obligation,
    Rejection,
    Truth,
    asked_with,
    later,
    staying,
    still_off,
    waiting,
    without,
)
from roomcheck.judge.rules import LINK_DOWN
from roomcheck.judge.windows import Windows
from roomcheck.model.time import Instant
from roomcheck.spec.contract import CauseKind, Rule, Unless, View

MAX_RAW = 8 * MAX_HYPOTHESES  # at one cause, before those are dropped that another one subsumes


def told_twice(view: View, state: str, value: Any) -> bool:
    """Whether this is what stands already: no scenario is about that, but for what the view says of all its news."""
    return bool(view.told[state] == value)


def provided_for(rules: Iterable[Rule], provided: Callable[[Rule], Truth]) -> list[tuple[Rule, Truth]]:
    return [(rule, provided(rule) if rule.provided else Truth.YES) for rule in rules]


def comes_next(h: Hypothesis) -> tuple[Obligation, ...]:
    """What must come before anything else that the member is told of this room."""
    if h.in_flight:
        ahead = h.in_flight[0].obligation
        return (ahead,) if ahead.rule.immediately else ()
    return tuple([p for p in h.armed if p.rule.immediately and h.state in p.rule.from_])


def _args(h: Hypothesis, met: Obligation) -> Mapping[str, Any]:
    """The arguments of the last call: of this one, or of one that came before what it did not lead to."""
    return met.args if met.rule.cause.kind is CauseKind.CALL else h.args


def _stays(h: Hypothesis, cancels: Collection[int]) -> list[int]:
    """What this cause would call off and may come all the same, as it was decided before."""
    return [p.rule.id for p in h.armed if p.rule.id in cancels and h.head in p.rule.from_] if cancels else []


class Steps(Windows):
    """How a hypothesis about one instance of a view goes on."""

    __slots__ = ()

    # --- callbacks --------------------------------------------------------------------------------------------------

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
            armed = waiting(h.armed, at) if h.armed else ()
            args = _args(h, obligation)
            onward = Hypothesis(to, at, args, armed, rest, h.called_off)
            return [onward] if rest else self._enter(onward, to, at, args)
        out: list[Hypothesis] = []
        found = False
        told, state = self.rules.told, h.state
        next_ = comes_next(h) if self.rules.immediate else ()
        for obligation in next_ or h.armed:
            rule = obligation.rule
            if rule.to is not None and told[rule.id] == value and state in rule.from_ and not rule.silent:
                found = True
                if self._matches(obligation, value, fields, at, rejections):
                    self._met(obligation, at)
                    out += self._enter(h, rule.to, at, _args(h, obligation), obligation)
        if not found and next_:
            rejections.append(self._before(value, next_))
        elif not found:
            again = told_twice(self.view, h.state, value)
            came = f"{value}{self.view.made_of(value)}"
            text = f"{came} has no cause while {h.state}{', which was told already' if again else ''}{self._owed(h)}"
            rejections.append(Rejection(1 << 62, text, None, self.view.otherwise if again else None))
        return out

    @staticmethod
    def _before(what: Any, next_: tuple[Obligation, ...]) -> Rejection:
        """Something came before what comes immediately."""
        rule = next_[0].rule
        return Rejection(1 << 62, f"{rule.text}: {what} came before it, and nothing may", rule)

    # --- states -----------------------------------------------------------------------------------------------------

    def _enter(
        self, h: Hypothesis, state: str, at: Instant, args: Mapping[str, Any], met: Obligation | None = None
    ) -> list[Hypothesis]:
        """The view takes a new state, told or silently: drop what is `met` or does not belong there, arm what does."""
        kept = []
        waited = self.rules.immediate and comes_next(h)
        for p in h.armed:
            rule = p.rule
            if (p is met and not rule.repeated) or state not in rule.armed_in:
                continue
            if state in rule.from_ and (waited or h.state not in rule.from_):  # its time begins where it may be told
                p = Obligation(rule, p.cause, later(p.base, at), p.args, p.call)  # noqa: PLW2901
                if not rule.optional and rule.answer is None:
                    self.check_at = min(self.check_at, p.base.lo + rule.after + rule.within)
            kept.append(p)
        off = still_off(h.called_off, state) if h.called_off else ()
        out = [Hypothesis(state, at, args, tuple(kept), (), off)]
        entered, level = self.rules.on_entry[self.link.down, self.link.mute][state]
        waits = self._once_down(at) if met is not None and self._led_to(met) else at
        for rule in entered:
            out = self._arm_each(out, rule, waits if rule.while_up and not rule.after else at, at, args, -1, at)
        if level:
            since = self.link.since
            base = later(since, at)
            for rule in level:
                out = self._arm_each(out, rule, since, base, args, -1, at)
        return out

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
        if h.head not in rule.armed_in:  # a silent move came between
            return [h]
        if rule.silent and not rule.lapses:
            moved = self._move_silently(h, rule.to or "", now, args)
            return [h, *moved] if rule.optional else moved
        waiting = h.armed
        for p in waiting:
            if p.rule.id == rule.id and p.call == call:
                if p.rule is rule and (not rule.optional or rule.whenever or rule.after):
                    return [h]
                waiting = without(waiting, p)  # what may come may come longer now, or must as the link is not mute now
                break
        if rule.answer is None:
            self.tallies[rule.id].armed += 1
            if not rule.optional:
                due = base.lo + rule.after + rule.within
                if due < self.check_at:  # noqa: PLR1730 - min() costs three times as much
                    self.check_at = due
        obligation = Obligation(rule, cause, base, args, call)
        armed = Hypothesis(h.state, h.entry, h.args, (*waiting, obligation), h.in_flight, h.called_off)
        if (settles := self.rules.settles.get(rule.id)) is not None:
            settle = settles[self.link.down]
            if settle is not None:
                return [h] if now.lo - self.link.since.hi > settle else [h, armed]
        return [armed]

    def _lapsed(self, h: Hypothesis, at: Instant) -> list[Hypothesis]:
        """The stories in which what lapses by itself has done so by now, and this one, if it may still be."""
        for p in h.armed:
            rule = p.rule
            opened = p.cause.hi + rule.after <= at.lo if self.narrow else p.cause.lo + rule.after <= at.hi
            if rule.lapses and h.head in rule.from_ and opened:
                until = p.base.hi + rule.after + rule.within
                kept = Hypothesis(h.state, h.entry, h.args, without(h.armed, p), h.in_flight, h.called_off)
                when = Instant(max(h.entry.lo, p.cause.lo + rule.after), min(at.hi, until))
                moved = [
                    m for one in self._move_silently(kept, rule.to or "", when, h.args) for m in self._lapsed(one, at)
                ]
                over = at.hi > p.base.lo + rule.after + rule.within if self.narrow else at.lo > until + self.extra
                if not over:
                    return [h, *moved]
                return [*self._lapsed(kept, at), *moved] if rule.optional else moved
        return [h]

    def _move_silently(self, h: Hypothesis, to: str, at: Instant, args: Mapping[str, Any]) -> list[Hypothesis]:
        if h.in_flight:
            in_flight = (*h.in_flight[:-1], InFlight(h.in_flight[-1].obligation, to))
            return [Hypothesis(h.state, h.entry, h.args, staying(h.armed, to), in_flight, h.called_off)]
        return self._enter(h, to, at, args)

    # --- what was decided and what was called off ---------------------------------------------------------------------

    def _decide(
        self, h: Hypothesis, arms: Mapping[str, tuple[Rule, ...]], cancels: Collection[int], at: Instant
    ) -> list[Hypothesis]:
        """The story as it is, and the stories where armed callbacks were decided before this cause came.

        Only those in which the cause meets other rules, or moves silently to where nothing of it is armed: the others
        are told apart by what is heard.
        """
        out = [h]
        head = h.in_flight[-1].to if h.in_flight else h.state
        for p in h.armed:
            rule = p.rule
            if head not in rule.from_ or rule.answer is not None or rule.silent:
                continue
            opened = p.cause.hi + rule.after <= at.lo if self.narrow else p.cause.lo + rule.after <= at.hi
            if opened and self._may_be_decided(h, p):
                self.raw += 1
                if self.raw > MAX_RAW:
                    self.gave_up = True
                    return out
                first, *others = self._decide(self._fly(h, p, at), arms, cancels, at)
                met = arms.get(first.head)
                moves = self.rules.silent and any(rule.silent for rule in met or ())
                if moves or met != arms.get(head) or _stays(first, cancels) != _stays(h, cancels):
                    out.append(first)
                out += others
        return out

    def _may_be_decided(self, h: Hypothesis, p: Obligation) -> bool:
        """Whether its window can have opened: not, if it needs a link that has been down since before.

        Nor is anything else decided before what comes immediately.
        """
        if self.rules.immediate and not h.in_flight and not p.rule.immediately and comes_next(h):
            return False
        if not p.rule.while_up or not self.link.deaf:
            return True
        return p.cause.lo + p.rule.after <= self.link.since.hi and not self._led_to(p)

    def _led_to(self, p: Obligation) -> bool:
        """Whether the loss of the link, which is down, led to it."""
        return self.link.down and p.rule.cause.kind is LINK_DOWN and p.cause == self.link.since

    def _once_down(self, at: Instant) -> Instant:
        """What the loss of the link led to comes after it, though their instants overlap: nothing came in between."""
        down = self.link.since.hi + 1
        return at if at.lo >= down else Instant(down, max(at.hi, down))

    def _fly(self, h: Hypothesis, p: Obligation, at: Instant) -> Hypothesis:
        """The room has decided `p` by `at`; what may come whenever it likes is told within its window from there."""
        to = p.rule.to or ""
        armed = staying(h.armed if p.rule.repeated else without(h.armed, p), to)
        decided = p
        if p.rule.whenever or p.rule.while_up:
            since = at if p.rule.whenever else Instant(at.lo - p.rule.after, at.hi - p.rule.after)
            decided = Obligation(p.rule, p.cause, later(p.base, since), p.args, p.call)
        self.check_at = min(self.check_at, decided.base.lo + p.rule.after + p.rule.within)
        return Hypothesis(h.state, h.entry, h.args, armed, (*h.in_flight, InFlight(decided, to)), h.called_off)

    def _recall(self, h: Hypothesis, at: Instant) -> list[Hypothesis]:
        """The link changed back: what the last change called off may not have been yet, so both futures are lawful."""
        out = [replace(h, called_off=())]
        for p, until in h.called_off:
            if at.lo <= until:
                out += [replace(o, armed=(*o.armed, p)) for o in out]
        return out

    def _cancel(self, h: Hypothesis, cancels: Mapping[int, Unless], at: Instant) -> list[Hypothesis]:
        """`unless`: surely in time, the rule is off; in doubt, both futures are lawful."""
        if h.called_off:
            off = tuple([(p, t) for p, t in h.called_off if p.rule.id not in cancels])
            h = Hypothesis(h.state, h.entry, h.args, h.armed, h.in_flight, off)
        out = [h]
        for p in h.armed:
            unless = cancels.get(p.rule.id)
            if unless is None:
                continue
            if self.narrow:
                raced = at.lo + unless.settle >= p.cause.hi + p.rule.after
            else:
                raced = at.hi + unless.settle >= p.cause.lo + p.rule.after
            off = ((p, at.hi + unless.settle),) if unless.settle and not raced else ()
            nxt = []
            for o in out:
                others = without(o.armed, p)
                if len(others) == len(o.armed):
                    nxt.append(o)
                    continue
                called_off = (*o.called_off, *off)
                nxt.append(Hypothesis(o.state, o.entry, o.args, others, o.in_flight, called_off))
                if raced and o.head in p.rule.from_ and self._may_be_decided(o, p):
                    nxt.append(self._fly(o, p, at))
            out = nxt
        return out
