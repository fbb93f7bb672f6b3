"""Names that a spec defines and does not use."""

import re
from collections import Counter
from collections.abc import Iterator

from roomcheck.spec.reader import Node
from roomcheck.spec.rules import Rulebook
from roomcheck.spec.where import Where

_PROSE = frozenset({"says", "title", "must", "should", "may", "documented", "inferred", "source"})
_USERS = {"callbacks": {"callback", "joined", "left", "lists", "told"}, "requirements": {"for", "otherwise"}}
_NAMES = re.compile(r"\w+"), re.compile(r"[\w-]+")  # of constants, of requirements


def unused(words: Rulebook) -> Iterator[tuple[Where, str]]:
    """Constants, codes, callbacks and requirements that nothing mentions, each with its place."""
    for section, name, text in _unused(words):
        yield words.doc.at((section,)).key(name), text
    if words.shape.tolerance is not None and not words.about:
        yield words.doc.at(()).key("tolerance"), "nothing uses tolerance: no window is `about` a time"


def surely_unused(words: Rulebook) -> Iterator[tuple[Where, str]]:
    """The same where something else is wrong: without what a mistake mentions, has in mind or may have left out."""
    problems = words.problems
    mentioned = Counter(_mentioned(words.doc)) + Counter(problems.lost)
    for section, name, text in _unused(words):
        hidden = _USERS.get(section, set()) & problems.lost
        in_mind = any(f"{name!r}" in problem.message for problem in problems.found)
        if mentioned[name] == 1 and not hidden and not in_mind:
            yield words.doc.at((section,)).key(name), text


def _unused(words: Rulebook) -> Iterator[tuple[str, str, str]]:
    """Section, name and message. Typical constants are only reported: they need no use."""
    told = {name for view in words.views for name in (*view.callbacks, *view.lists)}
    ignored = {name for name, callback in words.callbacks.items() if callback.ignored}
    typical = {name for name, constant in words.shape.constants.items() if constant.typical}
    for section, names, used, text in (
        ("constants", words.shape.constants, words.used | typical, "nothing uses {}"),
        ("codes", words.shape.codes, words.used, "nothing uses {}"),
        ("callbacks", words.callbacks, told | ignored,
         "nothing uses {}: it tells no state; say `ignored: true` if that is meant"),
        ("requirements", words.requirements, words.verified,
         "nothing verifies {}: no rule, entry or scenario is for it"),
    ):  # fmt: skip
        for name in names:
            if name not in used:
                yield section, name, text.format(name)


def _mentioned(node: Node) -> Iterator[str]:
    """Every name in a file but those in prose."""
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            if key not in _PROSE:
                yield from _names(key)
                yield from _mentioned(child)
    elif isinstance(node.value, list):
        for child in node.value:
            yield from _mentioned(child)
    elif isinstance(node.value, str):
        yield from _names(node.value)


def _names(text: str) -> set[str]:
    return {name for pattern in _NAMES for name in pattern.findall(text)}
