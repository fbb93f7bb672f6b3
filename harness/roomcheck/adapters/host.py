"""One adapter, seen from the harness: requests with deadlines, checked events, and a beat that proves life.

What is wrong with one member (a callback lost, a stamp that cannot be) fails that member. What cannot be pinned on one
(a line that is no message, a flood, the end of the program) fails all members and all requests, and the program is
killed. A request that is not answered in time fails alone: the beat tells whether the call hangs or the program.
"""

import asyncio
import contextlib
import importlib.metadata
import itertools
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from pydantic import ValidationError

from roomcheck.adapters import messages
from roomcheck.adapters.carrier import Carrier, start_program, wait_for_dial
from roomcheck.adapters.child import filled, for_adapters
from roomcheck.adapters.clock import OwnClock
from roomcheck.adapters.members import FloodError, Member, StampedCallback, UntrueError
from roomcheck.adapters.messages import LINE_LIMIT, REQUESTS, VERSION, Info
from roomcheck.adapters.pulse import DEAD, SILENCE, Pulse, now
from roomcheck.adapters.reading import MisreadError, problem_of, read
from roomcheck.errors import AdapterError, TargetError
from roomcheck.model.time import show_duration
from roomcheck.queued import within

HELLO_LIMIT = 15.0  # seconds; an SDK with a virtual machine of its own takes several to load on a busy machine
BYE_LIMIT = 2.0
DIAL_LIMIT = 60.0  # a person may have to start a phone or a debugger
BEAT = 0.25  # seconds between two pings
CHUNK = 1 << 16
UNSENT_LIMIT = 4 << 20  # bytes that an adapter may leave unread
_JUDGED = ("call", "admin", "state")  # whose status is the room's business; all others must be ok


class Answer(NamedTuple):
    """A result: `sent` before the request was handed over, `received` when its answer had come (microseconds)."""

    status: str
    fields: Mapping[str, Any]
    sent: int
    received: int


@dataclass(slots=True)
class _Pending:
    what: str
    member: str | None
    sent: int
    answer: asyncio.Future[Answer]


class AdapterHost:
    """A running adapter. Make one with `start` or `listen`; `stop` leaves nothing behind."""

    info: Info

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._abandoned: set[int] = set()
        self._members: dict[str, Member] = {}
        self._past: set[str] = set()
        self.pulse = Pulse()
        self._clock: OwnClock | None = None
        self._lines = 0
        self._error: str | None = None
        self.silent = False  # whether it was given up for silence alone, which a machine may make
        self._stopping = False
        self._tasks = [asyncio.create_task(self._read())]

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        constants: Mapping[str, int] | None = None,
        secrets: Iterable[str] = (),
        hello_limit: float = HELLO_LIMIT,
    ) -> Self:
        """Start the program and greet it; `{python}` in the command is this interpreter, `env` adds to ours.

        `secrets`: variables whose values are to be hidden in what is said of it, beside those whose names say so.

        AdapterError: no such program, it ended, or it did not greet back in time.
        """
        env = {**for_adapters(constants or {}), **(env or {})}
        carrier = await start_program(filled(command), env, secrets)
        return await cls._greeted(carrier, constants or {}, hello_limit)

    @classmethod
    async def listen(
        cls,
        command: Sequence[str] = (),
        *,
        env: Mapping[str, str] | None = None,
        constants: Mapping[str, int] | None = None,
        secrets: Iterable[str] = (),
        address: tuple[str, int] = ("127.0.0.1", 0),
        dial_limit: float = DIAL_LIMIT,
        hello_limit: float = HELLO_LIMIT,
        announce: Callable[[str, str], None] | None = None,
    ) -> Self:
        """Wait for an adapter that dials; `announce` is told the address and the one-time token.

        `command`, if any, is started with both in ROOMCHECK_DIAL and ROOMCHECK_TOKEN. AdapterError: nobody came.
        """
        env = {**for_adapters(constants or {}), **(env or {})}
        carrier = await wait_for_dial(
            filled(command), env, address=address, limit=dial_limit, announce=announce, names=secrets
        )  # fmt: skip
        return await cls._greeted(carrier, constants or {}, hello_limit)

    @classmethod
    async def _greeted(cls, carrier: Carrier, constants: Mapping[str, int], limit: float) -> Self:
        host = cls(carrier)
        try:
            answer = await host.request(
                "hello",
                timeout=limit,
                protocol=[VERSION, VERSION],
                harness=importlib.metadata.version("roomcheck"),
                constants=dict(constants),
            )
            try:
                host.info = Info.model_validate(dict(answer.fields))
            except ValidationError as e:
                raise AdapterError(host._story(f"its answer to hello does not fit: {problem_of(e)}")) from e
            if host.info.clock == "own":
                host._clock = OwnClock()
                await host.request("ping", timeout=limit, nonce=0)  # tells its time before the first callback
        except BaseException:
            host.abandon("it did not get past hello")
            await host.stop()
            raise
        host.pulse.begin()
        host._tasks.append(asyncio.create_task(host._keep_beat()))
        return host

    # --- asking -----------------------------------------------------------------------------------------------------

    async def request(self, kind: str, timeout: float = 5.0, **fields: Any) -> Answer:  # noqa: ASYNC109
        """Send one request and return its answer.

        AdapterError: no answer within `timeout` seconds, to hello also those in which it waited for a processor; the
        adapter is broken; or a status other than ok where the room has no say (everything but call, admin and state).
        TargetError if that is `refused`: what it got is wrong.
        """
        if self._error is not None:
            raise AdapterError(self._error)
        number = next(self._ids)
        member = fields.get("member")
        pending = _Pending(_what(kind, fields), member, now(), asyncio.get_running_loop().create_future())
        if kind == "open":
            self._members.setdefault(fields["member"], Member()).opened = pending.sent
        self._pending[number] = pending
        try:
            self._send(kind, number, fields)
            # while an SDK is loaded there are no pings yet, which would tell a program that hangs from one that waits
            answer = await within(pending.answer, timeout, self.pid if kind == "hello" else None)
        except TimeoutError as e:
            raise AdapterError(self._story(self._hang(pending.what, timeout, *e.args))) from None
        finally:
            if self._pending.pop(number, None) is not None:
                self._abandoned.add(number)
        if kind not in _JUDGED and answer.status != "ok":
            text = self._story(f"it answered {pending.what} with {answer.status}: {dict(answer.fields)}")
            raise TargetError(text) if answer.status == "refused" else AdapterError(text)
        return answer

    async def probe(self) -> None:
        """Ask for operations that cannot exist. AdapterError unless the adapter says `unsupported`."""
        name = "roomcheckMadeUpOperation"
        probes: tuple[tuple[str, dict[str, Any]], ...] = (("call", {"member": "0.probe"}), ("admin", {}))
        for kind, fields in probes:
            answer = await self.request(kind, operation=name, **fields)
            if answer.status != "unsupported":
                text = (
                    f"it answered the made-up {kind} {name!r} with {answer.status!r} instead of 'unsupported': "
                    "its other answers mean nothing; look the operation's name up before the member's"
                )
                raise AdapterError(self._story(text))

    def subscribe(
        self, handle: str, on_event: Callable[[StampedCallback], None], on_failure: Callable[[AdapterError], None]
    ) -> None:
        """From now on this member's callbacks, and what makes them untrustworthy, are told to these functions."""
        member = self._members.setdefault(handle, Member())
        member.on_event = on_event
        member.on_failure = on_failure

    def unsubscribe(self, handle: str) -> None:
        """Forget the member; if it is still open it is closed without waiting, and what it is told is dropped."""
        member = self._members.pop(handle, None)
        if member is None:
            return
        self._past.add(handle)
        if member.opened is not None and not member.closed and self.alive:
            number = next(self._ids)
            self._abandoned.add(number)
            self._send("close", number, {"member": handle})

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._error is None and not self._stopping

    def stderr_tail(self) -> str:
        """The last lines of the adapter's free text; empty for one that we did not start."""
        return self._carrier.program.tail() if self._carrier.program else ""

    def printed(self, since: int, until: int) -> list[str]:
        """What it printed between these moments; nothing of one that we did not start."""
        return self._carrier.program.printed.lines(since, until) if self._carrier.program else []

    @property
    def status(self) -> int | None:
        """How the program that we started ended, as subprocesses tell it; None if it runs, or is not ours."""
        return self._carrier.program.process.returncode if self._carrier.program else None

    @property
    def pid(self) -> int | None:
        """Of the program that we started, while it runs."""
        return self._carrier.program.process.pid if self._carrier.program and self.status is None else None

    @property
    def failure(self) -> str:
        """Why it cannot be asked any more; empty while it can."""
        return self._error or ""

    async def stop(self, limit: float = BYE_LIMIT) -> None:
        """Say bye, wait so many seconds, then end the whole process group. May be called again."""
        try:
            if self.alive:
                self._stopping = True
                with contextlib.suppress(AdapterError):
                    await self.request("bye", timeout=limit)
        finally:
            self._stopping = True
            self._carrier.close()
            try:
                if self._carrier.program is not None:
                    await self._carrier.program.end(limit)
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                await self._carrier.closed()
                self.abandon("it was stopped")

    def _send(self, kind: str, number: int, fields: Mapping[str, Any]) -> None:
        line = REQUESTS[kind](id=number, **fields).model_dump_json().encode() + b"\n"
        self._carrier.writer.write(line)
        unsent = self._carrier.writer.transport.get_write_buffer_size()
        if unsent > UNSENT_LIMIT:
            self.abandon(f"it left {unsent} bytes of requests unread", silent=True)

    # --- hearing ----------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            await self._read_lines()
        except Exception as e:  # noqa: BLE001  whoever waits for an answer would wait for ever
            self.abandon(f"line {self._lines} of its output cannot be read: {type(e).__name__}: {e}")

    async def _read_lines(self) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while self._error is None and (chunk := await self._carrier.reader.read(CHUNK)):
                received = now()
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if self._error is None:
                        self._hear(line, received)
                if len(rest) > LINE_LIMIT:
                    self.abandon(f"line {self._lines + 1} of its output is longer than {LINE_LIMIT} bytes")
        if self._error is None and not self._stopping:
            await self._ended()

    async def _ended(self) -> None:
        program = self._carrier.program
        if program is None:
            self.abandon("it closed the connection")
            return
        await program.wait(1)
        waiting = ", ".join(p.what for p in self._pending.values() if not p.what.startswith("ping"))
        self.abandon(f"it {program.status()}" + (f" while it was asked to {waiting}" if waiting else ""))

    def _hear(self, line: bytes, received: int) -> None:
        self._lines += 1
        if len(line) >= LINE_LIMIT:
            self.abandon(f"line {self._lines} of its output is longer than {LINE_LIMIT} bytes")
            return
        try:
            message = read(line)
        except MisreadError as e:
            if self._concerns_one(e):
                return
            shown = self._carrier.secrets.text(line.decode(errors="surrogateescape")).encode(errors="surrogateescape")
            self.abandon(
                f"line {self._lines} of its output is not a message of the protocol: {e}\n  {shown[:200]!r}\n"
                "  stdout carries messages only (specs/schema/adapter-protocol.schema.json); print to stderr"
            )
            return
        match message:
            case messages.Event():
                self._hear_event(message, received)
            case messages.Result():
                self._hear_result(message, received)
            case messages.Log():
                pass

    def _concerns_one(self, error: MisreadError) -> bool:
        """Whether what was misread was meant for one open member, or is the answer to one request; that one fails."""
        what = f"line {self._lines} of its output is not a message of the protocol: {error}"
        if error.member and (member := self._members.get(error.member)) and member.opened is not None:
            if not member.failed:
                self._fail_one(error.member, what)
            return True
        pending = self._pending.get(error.id) if error.id is not None else None
        if pending is not None and not pending.answer.done():
            pending.answer.set_exception(AdapterError(self._story(f"{what}; it answers {pending.what}")))
        return pending is not None or error.id in self._abandoned

    def _hear_event(self, event: messages.Event, received: int) -> None:
        member = self._members.get(event.member)
        if member is None or member.opened is None:
            if event.member not in self._past:
                self.abandon(f"callback {event.callback!r} for member {event.member!r}, which was never opened")
            return
        try:
            member.hear(event, received, self._clock)
        except UntrueError as e:
            self._fail_one(event.member, str(e))
        except FloodError as e:
            self.abandon(str(e))

    def _hear_result(self, result: messages.Result, received: int) -> None:
        if self._clock is not None and result.time is None:
            self.abandon("a result does not tell its `time`, though hello said that the clock is the adapter's own")
            return
        pending = self._pending.pop(result.id, None)
        if pending is None:
            if result.id not in self._abandoned:
                self.abandon(f"a result for id {result.id}, which is no open request")
            self._abandoned.discard(result.id)
            return
        if self._clock is not None and result.time is not None:
            self._clock.note(result.time, pending.sent, received)
        if not pending.answer.done():
            pending.answer.set_result(Answer(result.status, result.fields, pending.sent, received))
        if pending.what.startswith("close") and pending.member in self._members:
            self._members[pending.member].closed = True

    async def _keep_beat(self) -> None:
        for nonce in itertools.count(1):
            with contextlib.suppress(AdapterError):
                answer = await self.request("ping", timeout=DEAD / 1e6, nonce=nonce)
                if answer.fields.get("nonce") == nonce:
                    self.pulse.note(answer.received, answer.fields.get("loop_lag"))
                else:
                    self.abandon(f"ping {nonce} was answered with nonce {answer.fields.get('nonce')!r}")
            if self._error is None and self.pulse.quiet > DEAD:
                self.abandon(f"no answer to a ping for {show_duration(DEAD)}", silent=True)
            if self._error is not None:
                return
            await asyncio.sleep(BEAT)

    # --- failing ----------------------------------------------------------------------------------------------------

    def _fail_one(self, handle: str, what: str) -> None:
        text = self._story(what)
        member = self._members[handle]
        member.failed = True
        for pending in self._pending.values():
            if pending.member == handle and not pending.answer.done():
                pending.answer.set_exception(AdapterError(text))
        if member.on_failure is not None:
            member.on_failure(AdapterError(text))

    def abandon(self, what: str, *, silent: bool = False) -> None:
        """Kill the program, and fail everything that waits for it. `silent`: all that it did was to say nothing."""
        if self._error is not None:
            return
        self._error = self._story(what)
        self.silent = silent
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(AdapterError(self._error))
        for member in list(self._members.values()):
            if member.on_failure is not None and not member.failed:
                member.on_failure(AdapterError(self._error))
        if self._carrier.program is not None and not self._stopping:
            self._carrier.program.signal(signal.SIGKILL)
        self._carrier.close()

    def _hang(self, what: str, limit: float, waited: float) -> str:
        story = f"no answer to {what} within {limit:g} s"
        if waited:
            story += f" and the {waited:.1f} s for which this machine kept it waiting for a processor"
        if what == "hello":
            return f"{story}; the first line that an adapter writes is its result of hello"
        quiet = self.pulse.quiet
        if quiet < SILENCE:
            return f"{story}; it still answers pings, so this one call hangs"
        return f"{story}; the last pong is {show_duration(quiet)} old, so the whole program hangs"

    def _story(self, what: str) -> str:
        tail = self.stderr_tail()
        words = "\n  its stderr ends with:\n" + "\n".join(f"    {line}" for line in tail.splitlines()) if tail else ""
        return f"{self._carrier.name}: {self._carrier.secrets.text(what)}{words}"


def _what(kind: str, fields: Mapping[str, Any]) -> str:
    return " ".join(str(part) for part in (kind, fields.get("operation"), fields.get("member")) if part)
