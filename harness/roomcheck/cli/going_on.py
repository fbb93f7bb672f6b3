"""What is going on, told every ten seconds, also where nobody has a terminal."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

SAID = 10.0  # seconds between two words
NAMED = 3  # of what is played at once


@contextlib.contextmanager
def going_on(text: Callable[[], str], say: Callable[[str], None]) -> Iterator[None]:
    """Until the block is left; what is empty is not said. A thread does it, whatever the block is busy with."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(SAID):
            if line := text():
                say(line)

    thread = threading.Thread(target=tell, name="going on", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def some(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
