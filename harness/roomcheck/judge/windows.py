"""When the callback of a rule may come and when it must have, and whether one that came is what the rule wants."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from roomcheck.judge.hypothesis import (
    NEVER,
    Hypothesis,
    LinkState,
    Mode,
    Obligation,
    Rejection,
    Tally,
    came,
    fits,
    later,
)
from roomcheck.judge.rules import Rules
from roomcheck.model.time import Instant, show_duration, show_window
from roomcheck.model.verdict import Window
from roomcheck.spec.contract import CauseKind, Rule

BREAKS = (CauseKind.LINK_DOWN, CauseKind.SERVER_DOWN)
ON_ITS_WAY = 1 << 61  # how far away it is that something else was on its way


def allowed(rule: Rule) -> str:
    """The window, where the document says about when."""
    return f"; it comes {show_window(rule.after, rule.within, rule.about)} after its cause" if rule.about else ""


class Windows:
    """One instance of a view: its rules, its member's link, and when what they owe is due."""

    __slots__ = ("check_at", "extra", "gaps", "gave_up", "link", "narrow", "raw", "rules", "sooner", "tallies", "view")

    def __init__(
        self, rules: Rules, mode: Mode, extra: int, gaps: Sequence[Instant], sooner: int | None, link: LinkState
    ) -> None:
        """`extra`: how long (microseconds) after its due time a callback's absence proves something.

        `gaps`: when the machine stood still, each in which that is no time at all. `sooner`: by how much that may come
        too early which no link leads to, if it is not `extra`.
        """
        self.rules = rules
        self.view = rules.view
        self.narrow = mode is Mode.NARROW
        self.extra = 0 if self.narrow else extra
        self.gaps = gaps
        self.sooner = sooner
        self.link = link
        self.tallies: defaultdict[int, Tally] = defaultdict(Tally)
        self.check_at = NEVER  # nothing can be overdue before
        self.raw = 0  # hypotheses that were thought of at one cause
        self.gave_up = False  # there were more than can be followed: nothing is refused any more

    def _matches(
        self, p: Obligation, value: Any, fields: Mapping[str, Any], at: Instant, rejections: list[Rejection]
    ) -> bool:
        rule = p.rule
        if self.rules.told[rule.id] != value:
            rejections.append(Rejection(ON_ITS_WAY, f"{value} came where {rule.text} was on its way", rule))
            return False
        if rule.pattern and not fits(rule.pattern, fields):
            seen = {k: fields.get(k) for k in rule.pattern}
            rejections.append(Rejection(0, f"{rule.text}: told with {seen}, required {dict(rule.pattern)}", rule))
            return False
        if rule.after:
            early = rule.after + (p.cause.hi - at.lo if self.narrow else p.cause.lo - at.hi - self._slack(p))
            if early > 0:
                mode = Mode.NARROW if self.narrow else Mode.WIDE
                when = came(at, p.cause, "its cause", early, mode, early=True)
                text = f"{rule.text}: came {when}{allowed(rule)}"
                rejections.append(Rejection(early, text, rule, window=self._window(p)))
                return False
        if rule.optional and not rule.whenever and not (rule.while_up and self.link.down):
            base = self._base(p)
            late = at.hi - base.lo if self.narrow else at.lo - base.hi - self._late(base.lo, at.hi)
            late -= rule.after + rule.within
            if late > 0:
                text = f"{rule.text}: came {show_duration(late)} after it may come{allowed(rule)}"
                rejections.append(Rejection(late, text, rule, window=self._window(p)))
                return False
        if rule.while_up and self.link.deaf:
            gone = at.lo - self.link.since.hi - rule.within
            if gone > 0:
                rejections.append(
                    Rejection(gone, f"{rule.text}: told {show_duration(gone)} too long after the link was lost", rule)
                )
                return False
        return True

    def _slack(self, p: Obligation) -> int:
        """By how much (microseconds) it may come too early: its cause may have been seen so late."""
        by_link = p.rule.cause.kind in BREAKS
        return self._late(p.cause.lo, p.cause.hi, None if by_link else self.sooner)

    def _late(self, begin: int, end: int, least: int | None = None) -> int:
        """By how much (microseconds) what this machine did and was told then may be late; `least`: else `extra`."""
        least = self.extra if least is None else least
        if not self.gaps or self.narrow:
            return least
        return least + sum(g.hi - g.lo for g in self.gaps if g.lo <= end + least and g.hi >= begin - least)

    def _base(self, p: Obligation) -> Instant:
        """From when its time runs."""
        return later(p.base, self.link.since) if p.rule.while_up else p.base

    def _overdue(self, p: Obligation, at: Instant, *, in_flight: bool = False) -> int:
        """By how many microseconds it is too late at `at`; 0 or less: it is not, or nothing is owed."""
        rule = p.rule
        idle = rule.answer is not None or rule.silent or (rule.optional and not in_flight)
        if idle or (rule.while_up and self.link.down):
            return 0
        base, span = self._base(p), rule.after + rule.within
        if in_flight and rule.while_up:  # what was decided before the link was whole again does not wait once more
            opened = Instant(p.base.lo + rule.after, p.base.hi + rule.after)
            base, span = later(opened, self.link.since), rule.within
        return at.hi - base.lo - span if self.narrow else at.lo - base.hi - span - self._late(base.lo, at.hi)

    def _window(self, p: Obligation) -> Window:
        """When it may come, as wide as the instants are uncertain."""
        rule = p.rule
        base = self._base(p)
        opens = base.lo if rule.while_up else p.cause.lo
        return Window(rule.text, opens + rule.after, base.hi + rule.after + rule.within)

    def _until(self, p: Obligation) -> int:
        """Until when it may come, if that has an end that is near."""
        rule = p.rule
        if rule.while_up and self.link.down:
            return NEVER
        return -1 if rule.whenever else self._base(p).hi + rule.after + rule.within + self._late(-NEVER, NEVER)

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
        owed = list(dict.fromkeys(p.rule.text for p in h.armed if p.rule.answer is None))
        return f"; what may come: {'; '.join(owed[:3])}" if owed else "; nothing was due"
