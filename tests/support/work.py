"""Work for workers, which are other processes and import it from here."""

import os
import signal

DEADLY = -1


def halved(shared: int, item: int) -> tuple[int, int]:
    """What is shared, and half of the item."""
    if item == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    return shared, item // 2


def divided(shared: int, item: int) -> float:
    """An error of the work's own, where that is 0."""
    return shared / item
