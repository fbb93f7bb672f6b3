"""Whether the reference room speaks a contract's words."""

from collections.abc import Iterator, Mapping
from typing import Any

from roomcheck.reference.calls import REFUSAL, TELLS
from roomcheck.spec.contract import Contract

_last: tuple[Contract, bool] | None = None


def speaks(contract: Contract) -> bool:
    """Whether the reference room tells this contract's callbacks, with its states and codes."""
    global _last  # noqa: PLW0603  a memory of one, of values that do not change
    if _last is None or _last[0] is not contract:
        _last = contract, all(_tells(callback, fields) for callback, fields in _demands(contract))
    return _last[1]


def _demands(contract: Contract) -> Iterator[tuple[str | None, Mapping[str, Any]]]:
    """What the rules want to be told by each callback, and (None) by a refusal."""
    for view in contract.views:
        yield from ((name, {}) for name in view.callbacks)
        if view.presence is not None:
            yield from ((sign.callback, sign.fields) for sign in view.signs.values())
        for rule in view.rules:
            if rule.answer is not None:
                yield None, rule.answer
            elif rule.to is not None:
                yield view.signs[rule.to].callback, {**view.signs[rule.to].fields, **rule.pattern}


def _tells(callback: str | None, fields: Mapping[str, Any]) -> bool:
    known = REFUSAL if callback is None else TELLS.get(callback)
    return known is not None and all(value in known[name] for name, value in fields.items() if name in known)
