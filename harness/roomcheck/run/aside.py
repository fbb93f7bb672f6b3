"""Work in a thread that nobody waits for once the process is to end.

asyncio's own threads are joined at the end, however long what they compute takes: a search that was asked to end while
it drew schedules went on for half a minute.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """The result of this work, or its error. Whoever waits can be cancelled, and the work then goes on for nobody."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(how: Callable[[], None]) -> None:
        if not done.done():
            how()

    def run() -> None:
        try:
            result = work()
        except Exception as e:  # noqa: BLE001  raised where it is waited for
            error = e
            tell: Callable[[], None] = lambda: done.set_exception(error)  # noqa: E731
        else:
            tell = lambda: done.set_result(result)  # noqa: E731
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, tell)

    threading.Thread(target=run, daemon=True).start()
    return await done
