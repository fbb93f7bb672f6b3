"""Names that somebody wrote, and the known ones that they may have meant."""

import difflib
from collections.abc import Iterable

FEW = 8  # so many names are listed when none is close to what was written


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is so close to this one that it may be a slip of it."""
    return next(iter(difflib.get_close_matches(name[:80], sorted(set(known)), n=1)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or all if they are few, or nothing."""
    names = sorted(set(known))
    close = nearest(name, names)
    if close:
        return f"; did you mean {close!r}?"
    return f"; known: {', '.join(names)}" if 0 < len(names) <= FEW else ""
