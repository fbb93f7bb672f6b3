"""One session in an event loop of its own thread, for callers who wait in plain synchronous code.

It starts when it is first needed, so that collecting starts nothing. The thread lives as long as the session: the
kernel ends a child with the *thread* that started it. Whoever waits can be interrupted; `stop` ends everything.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

from roomcheck.errors import HarnessError
from roomcheck.model.verdict import CaseResult, RunHeader
from roomcheck.run.session import Session
from roomcheck.spec.case import Case

T = TypeVar("T")


class Background:
    """Plays what it is given, all at once. `make` gives the session, `header` what reports say of it.

    `listed` are known failures (by the case's id): one that passes is played again, as in `roomcheck run`.
    """

    def __init__(
        self, make: Callable[[], Session], header: Callable[[str, str], RunHeader], listed: Callable[[str], bool]
    ) -> None:
        self._make = make
        self._header = header
        self._listed = listed
        self._thread: threading.Thread | None = None
        self.stopped = False
        self._opened: Future[Session] = Future()
        self._told: Future[RunHeader] = Future()
        self._ended: Future[None] = Future()
        self._results: dict[str, Future[CaseResult]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop
        self._main: asyncio.Task[None]

    @property
    def header(self) -> RunHeader:
        """What runs, on what; only once something was played."""
        return self._told.result()

    @property
    def started(self) -> bool:
        """Whether there is a session to play on."""
        return self._opened.done() and self._opened.exception() is None

    def session(self) -> Session:
        """The session, started; whatever kept it from starting is raised at everyone who asks for it."""
        if self._thread is None:
            session = self._make()
            session.on_case, session.on_room = self._on_case, self._on_room
            ready: Future[None] = Future()
            self._thread = threading.Thread(target=self._run, args=(session, ready), name="roomcheck")
            self._thread.start()
            ready.result()
        return self._opened.result()

    def play(self, cases: Iterable[Case]) -> None:
        """Play these beside whatever is being played, those excepted that are."""
        session = self.session()
        new = {f"{session.plan.contract.spec}/{c.id}": c for c in cases}
        new = {name: case for name, case in new.items() if name not in self._results}
        self._results |= {name: Future() for name in new}

        async def play() -> None:
            try:
                await session.play(new.values(), listed=self._listed)
            except Exception as e:  # noqa: BLE001  whoever waits for one of them hears of it
                lost = HarnessError(f"{type(e).__name__}: {e}")
                for name in new:
                    if not self._results[name].done():
                        self._results[name].set_exception(lost)

        self.start(play())

    def result(self, case: str) -> CaseResult:
        """Wait for the result of this case (spec/id), which must have been asked for; it is then forgotten."""
        result = self._results[case].result()
        del self._results[case]
        return result

    def playing(self, case: str) -> bool:
        """Whether there is a result to wait for."""
        return case in self._results

    def start(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Run this in the session's loop, until it ends or `stop` is called."""

        async def noted() -> T:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return await work

        return asyncio.run_coroutine_threadsafe(noted(), self._loop)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run this in the session's loop and wait for it."""
        return self.start(work).result()

    def stop(self) -> None:
        """End whatever is under way, and every process. HarnessError, AdapterError: the end was not clean."""
        self.stopped = True
        if self._thread is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join()
        self._thread = None
        if self._opened.exception() is None:  # else everyone who asked was told
            self._ended.result()

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _run(self, session: Session, ready: Future[None]) -> None:
        try:
            asyncio.run(self._live(session, ready))
            self._ended.set_result(None)
        except asyncio.CancelledError:
            self._ended.set_result(None)
        except BaseException as e:  # noqa: BLE001  raised again where somebody waits
            self._ended.set_exception(e)
        finally:
            if not self._opened.done():
                self._opened.set_exception(self._ended.exception() or HarnessError("stopped before it had started"))

    async def _live(self, session: Session, ready: Future[None]) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._main, self._loop = task, asyncio.get_running_loop()
        ready.set_result(None)
        async with session.open():
            self._opened.set_result(session)
            try:
                await asyncio.Event().wait()
            finally:
                for each in self._tasks:
                    each.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_room(self, room: str, toxiproxy: str) -> None:
        self._told.set_result(self._header(room, toxiproxy))

    def _on_case(self, result: CaseResult) -> None:
        self._results[result.case].set_result(result)
