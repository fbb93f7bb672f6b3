"""The room of a hand-written test, in plain synchronous code; its every call returns when what it did has settled.

What the test asserts is the test's; whether the room kept its contract all the while is judged at the end, by the rules
of the spec. A machine that was too late, or an adapter that broke, ends the test as skipped and then as an error: it
must not count as passed, and it is no failure of the room.
"""

from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, NoReturn, TypeVar

import pytest

from roomcheck.errors import AdapterError, HarnessError, UsageError
from roomcheck.model.fault import EFFECT, Effect, FaultKind, read_settings
from roomcheck.model.schedule import Admin, Call, Fault, Heal
from roomcheck.model.time import show_duration
from roomcheck.model.trace import Answered
from roomcheck.model.verdict import CaseResult
from roomcheck.pytest_plugin import words
from roomcheck.pytest_plugin.background import Background
from roomcheck.run.live import Live, UnmetError, Wanted
from roomcheck.spec.case import Case
from roomcheck.spec.contract import View

T = TypeVar("T")


class Room:
    """Members enter when they are first named. Names are the spec's, times are documented ones: `1.5 * retry_limit`."""

    def __init__(self, background: Background, case: Case) -> None:
        """Start a case on the run's room. Whatever keeps it from starting is raised, as a RoomcheckError."""
        self._background = background
        session = background.session()
        begun: Future[Live] = Future()
        self._result = background.start(session.act(case, begun.set_result))
        either: list[Future[Any]] = [begun, self._result]
        wait(either, return_when=FIRST_COMPLETED)
        if not begun.done():
            raise HarnessError(self._result.result().message)
        self._live = begun.result()
        self._contract = session.plan.contract
        self.doubt = ""  # why the test proves nothing, if it is so

    # --- what members do --------------------------------------------------------------------------------------------

    def join(self, member: str, *, user: str | None = None, **arguments: Any) -> None:
        """The member comes into a room and is told so. `user`: another member's, whose second device this is."""
        __tracebackhide__ = True
        self._enter(member, user)
        called = words.operation(self._contract, words.way_in(self._contract), admin=False)
        given = words.arguments(called, arguments, self._live.users)
        answer = self._do(self._live.call(Call(member, called.name, given)))
        if answer.status != "ok":
            told = self._live.clean(f"{answer.status} {dict(answer.fields)}")
            pytest.fail(f"{member} could not join: {called.name} was answered {told}")
        states = words.inside(self._contract) or sorted(called.settles)
        within = max(self._contract.pace, called.settle_within)
        self._await(member, states, within, about=None, room=str(given[called.rooms[0]]) if called.rooms else None)

    def call(self, member: str, operation: str, **arguments: Any) -> Answered:
        """The member calls an operation of its SDK; returns its answer, `status` and `fields`, once it has settled."""
        __tracebackhide__ = True
        called = words.operation(self._contract, operation, admin=False)
        given = words.arguments(called, arguments, self._live.users)
        self._enter(member, None)
        return self._do(self._live.call(Call(member, operation, given)))

    def admin(self, operation: str, **arguments: Any) -> Answered:
        """An act of the room's backend; returns its answer."""
        __tracebackhide__ = True
        called = words.operation(self._contract, operation, admin=True)
        given = words.arguments(called, arguments, self._live.users)
        return self._do(self._live.call(Admin(operation, given)))

    def _enter(self, member: str, user: str | None) -> None:
        __tracebackhide__ = True
        if member in self._live.links:
            if user is not None:
                raise UsageError(f"{member} is there already, and stays the user that it is")
            return
        if not member.isidentifier():
            raise UsageError(f"{member!r} cannot be a member's name")
        if user is not None:
            words.known(user, self._live.users, "user")
        self._do(self._live.enter(member, user or member))

    # --- what happens to them ---------------------------------------------------------------------------------------

    def fault(self, member: str, kind: str, **settings: int | str) -> None:
        """A fault on the member's link, seen to bite. `settings`: numbers, or durations: `degraded_latency`."""
        __tracebackhide__ = True
        kinds = {k.value for k in self._contract.faults if k is not FaultKind.SERVER_RESTART}
        fault = FaultKind(words.known(kind, kinds, "fault of a member"))
        numbers = dict[str, int]()
        for name, value in settings.items():
            numbers[name] = words.micros(self._contract, value) if isinstance(value, str) else value
        read_settings(fault, numbers)
        links = self._live.links[self._member(member)].values()
        if EFFECT[fault] is not Effect.DOWN and any(link.down for link in links):
            raise UsageError(f"{kind} needs a link that is up, and an earlier fault still keeps {member} down")
        self._do(self._live.step(Fault(member, fault, numbers)))

    def heal(self, member: str) -> None:
        """The end of every fault on the member's link."""
        __tracebackhide__ = True
        self._do(self._live.step(Heal(self._member(member))))

    def wait(self, duration: str) -> None:
        """Let so much documented time pass."""
        __tracebackhide__ = True
        self._do(self._live.wait(words.micros(self._contract, duration)))

    # --- what they are told -----------------------------------------------------------------------------------------

    def expect(
        self, member: str, state: str, *, within: str, about: str | None = None, room: str | None = None
    ) -> Mapping[str, Any]:
        """The member is told this, of itself or about a user, within a time from now; returns the callback's fields.

        A callback that came earlier counts, if it came after the last one that was expected of the same.
        """
        __tracebackhide__ = True
        self._member(member)
        if about is not None:
            words.known(about, self._live.users, "user")
        if room is not None:
            words.known(room, self._live.rooms, "room")
        return self._await(member, [state], words.micros(self._contract, within), about=about, room=room)

    def _await(
        self, member: str, states: Sequence[str], within: int, *, about: str | None, room: str | None
    ) -> Mapping[str, Any]:
        __tracebackhide__ = True
        wanted: list[tuple[View, str, Mapping[str, Any]]] = []
        for state in states:
            wanted += words.named(self._contract, state, about_others=about is not None)
        try:
            return self._do(self._live.expect(Wanted(member, about, room, wanted), within))
        except UnmetError as e:
            unmet = e
        whom = f"{member} about {about}" if about else member
        text = f"{whom} was not told {' or '.join(states)} within {show_duration(within)}; {unmet}"
        if unmet.doubtful:
            self._doubt(f"inconclusive, this machine was too late: {text}")
        pytest.fail(text)

    # --- the end ----------------------------------------------------------------------------------------------------

    def finish(self, *, watch: bool) -> CaseResult:
        """The verdict on all that was told, after watching for a while. It may be asked for again."""
        if not self._result.done():
            self._background.do(self._live.end(self._contract.pace if watch else 0))
        return self._result.result()

    def _member(self, member: str) -> str:
        return words.known(member, self._live.links, "member")

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        __tracebackhide__ = True
        try:
            return self._background.do(work)
        except (AdapterError, HarnessError) as e:
            self._doubt(f"no verdict: {e}")

    def _doubt(self, text: str) -> NoReturn:
        """End the test: neither passed nor failed; the fixture's end makes an error of it."""
        __tracebackhide__ = True
        self.doubt = text
        pytest.skip(text)
