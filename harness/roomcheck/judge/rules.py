"""The rules of a view, by what arms them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from roomcheck.spec.contract import MUTE, TWINS, CauseKind, Rule, Unless, View

# Looking a member up on its Enum costs 240 ns in Python 3.11, a global 20; these are looked up for every event.
LINK_DOWN, LINK_UP, ENTERED = CauseKind.LINK_DOWN, CauseKind.LINK_UP, CauseKind.ENTERED

LEVELS = frozenset({LINK_DOWN, LINK_UP, CauseKind.SERVER_DOWN})


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
        lost = self.effects.get((LINK_DOWN, ""), NOTHING)
        self.effects[LINK_DOWN, MUTE] = lost._replace(arms=by_state(view.by_cause[LINK_DOWN, MUTE]))
        # whether the link is down, and mute -> state -> the rules that entering it arms: by `entered`, by the link
        self.on_entry: dict[tuple[bool, bool], dict[str, tuple[list[Rule], list[Rule]]]] = {
            level: {
                state: (
                    [r for r in view.by_cause.get((ENTERED, ""), ()) if state in r.armed_in],
                    [r for r in view.by_cause.get(cause, ()) if state in r.armed_in],
                )
                for state in view.told
            }
            for level, cause in (
                ((False, False), (LINK_UP, "")),
                ((True, False), (LINK_DOWN, "")),
                ((True, True), (LINK_DOWN, MUTE)),
            )
        }
        # how long the link may have been as it is for a rule to come still that this level calls off: up, down
        self.settles: dict[int, tuple[int | None, int | None]] = {}
        for rule in view.rules:
            whole, broken = (
                next((u.settle for u in rule.unless if u.cause.kind is kind), None) for kind in (LINK_UP, LINK_DOWN)
            )
            if whole is not None or broken is not None:
                self.settles[rule.id] = whole, broken
        # whether something may arm a rule of a member that has done nothing yet
        self.early = any(rule.cause.kind in LEVELS and view.initial in rule.armed_in for rule in view.rules)
        self.lapses = any(rule.lapses for rule in view.rules)
        self.silent = any(rule.silent for rule in view.rules)
        self.immediate = any(rule.immediately for rule in view.rules)
        # state -> the states of another device that may lead to it
        self.twins: dict[str | None, set[str]] = {}
        for rule in view.rules:
            if rule.cause.kind in TWINS:
                self.twins.setdefault(rule.to, set()).add(rule.cause.name)
        self.told = {r.id: view.told[r.to] for r in view.rules if r.to is not None}
        self.state_of = {value: state for state, value in reversed(list(view.told.items()))}
