"""Whole lists of who is there: what each tells is how it differs from what its observer knew."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from roomcheck.model.trace import Told
from roomcheck.spec.contract import View
from roomcheck.spec.interface import Callback


@dataclass(slots=True)
class Known:
    """Whom one observer knows to be there, room by room."""

    people: dict[str | None, set[str]] = field(default_factory=dict)

    def left(self, room: str | None) -> None:
        """The observer is not in the room any more: what it knew is over."""
        self.people.pop(room, None)

    def told(self, view: View, record: Told, room: str | None, users: Iterable[str]) -> Iterator[tuple[Any, list[str]]]:
        """What a callback says of others, by the value that stands for it, and of whom."""
        lists = view.lists
        known = self.people.setdefault(room, set())
        named = set(users)
        if record.callback in lists:
            came, went = sorted(named - known), sorted(known - named)
            self.people[room] = named
            if came:
                yield view.told["present"], came
            if went:
                yield view.told["absent"], went
            return
        if lists:  # what a list has told already is no news
            joined = view.state(record.callback, record.fields) == "present"
            named -= known if joined else named - known
            self.people[room] = known | named if joined else known - named
            if not named:
                return
        yield view.value(record.callback, record.fields), sorted(named)


def wrong(
    callback: Callback,
    fields: Mapping[str, Any],
    listed: Iterable[tuple[Any, str | None]],
    oneself: str,
    *,
    itself: bool | None,
) -> Iterator[str]:
    """What is wrong with a list, whatever happened. `itself`: whether its observer stands in it; None: it is not in."""
    assert callback.about is not None
    if callback.about.steps[0][0] not in fields:
        yield f"has no {callback.about.steps[0][0]}"
    for real, user in listed:
        if user is None:
            yield f"names {real!r}, who is nobody of this case"
    if itself is True and oneself == "left out":
        yield "names its observer"
    if itself is False and oneself == "included":
        yield "does not name its observer, which is there"
