"""The state diagram of a contract, made from the rules themselves, as Mermaid text."""

import re

from roomcheck.errors import UsageError
from roomcheck.model.names import did_you_mean
from roomcheck.spec.contract import Contract, Rule, View


def diagram(contract: Contract, view: str | None = None) -> str:
    """A Mermaid stateDiagram-v2 of one view, or of all; UsageError if there is no such view."""
    names = [v.name for v in contract.views]
    if view is not None and view not in names:
        raise UsageError(f"{contract.spec} has no view {view!r}{did_you_mean(view, names)}")
    lines = ["stateDiagram-v2"]
    for v in contract.views:
        if view in (None, v.name):
            lines += _view(v)
    return "\n".join(lines) + "\n"


def _view(view: View) -> list[str]:
    """One view as a composite state; ids carry the view's name, for Mermaid knows one name space only."""
    edges: dict[tuple[str, str], list[str]] = {}
    for rule in view.rules:
        for state in sorted(rule.from_) if rule.to is not None else ():
            causes = edges.setdefault((state, rule.to or ""), [])
            causes += [] if _label(rule) in causes else [_label(rule)]
    if view.presence is not None:
        edges["absent", "present"] = [f"told {state}" for state in view.presence.opened_by]
        edges["present", "absent"] = [ending.text for ending in view.presence.endings]
    lines = [f"  state {_word(view.name)} {{"]
    lines += [f'    state "{state}" as {_id(view, state)}' for state in view.told]
    lines += [f"    [*] --> {_id(view, view.initial)}"]
    lines += [f"    {_id(view, a)} --> {_id(view, b)}: {', '.join(causes)}" for (a, b), causes in edges.items()]
    return [*lines, "  }"]


def _label(rule: Rule) -> str:
    notes = ", ".join(word for word, holds in (("silent", rule.silent), ("optional", rule.optional)) if holds)
    return f"{rule.cause} ({notes})" if notes else str(rule.cause)


def _id(view: View, state: str) -> str:
    return f"{_word(view.name)}_{_word(state)}"


def _word(text: str) -> str:
    return re.sub(r"\W", "_", text)
