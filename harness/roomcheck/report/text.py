"""Text of rooms and adapters, made safe to show: what cannot be seen, or moves the cursor, is written as an escape."""

LONGEST = 400  # characters of one line; a room may tell a megabyte


def visible(text: object) -> str:
    """One line whose control, direction and other unseen characters are written as in Python: backslash, x1b."""
    line = str(text)
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)


def clipped(text: object, longest: int = LONGEST) -> str:
    """The visible line, its middle left out where it is longer than a person would read."""
    line = visible(text)
    if len(line) <= longest:
        return line
    half = (longest - 20) // 2
    return f"{line[:half]} [{len(line) - 2 * half} more] {line[-half:]}"
