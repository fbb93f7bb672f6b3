"""Runs an adapter: one asyncio loop for the SDK's calls, one thread that reads and answers pings.

Calls of different members run side by side; those of one member run in the order they came. Pings are answered by the
reading thread, so that a stuck SDK and a dead adapter can be told apart. Results and events leave through one writer.
"""

import argparse
import asyncio
import inspect
import json
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from roomcheck.adapter_kit.carrier import Carrier, dial, standard_streams

PROTOCOL = 1
BEAT = 0.01  # seconds between two signs of life of the loop
GRACE = 2.0  # seconds that members get to close, and the program to end, once the harness is gone
RAW_LIMIT = 16_384  # characters of a raw payload that are kept

Fields = Mapping[str, Any]
Function = Callable[..., Awaitable[Any]]
Handler = TypeVar("Handler", bound=Function)


class Refused(Exception):  # noqa: N818 - a lawful answer of the room, not an error
    """The SDK or its server said no; `fields` say how. This is the room's behaviour and is judged."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(str(fields))
        self.fields = fields


class Indefinite(Exception):  # noqa: N818
    """The call neither succeeded nor failed, for example a deadline of the SDK passed."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(str(fields))
        self.fields = fields


class Unsupported(Exception):  # noqa: N818
    """The room has no such operation."""


def now() -> int:
    """Microseconds of the monotonic clock."""
    return time.monotonic_ns() // 1_000


class Adapter:
    """Register functions with the decorators, tell callbacks with `emit`, then call `main`.

    `endpoints` are the names of the addresses that a member needs. `constants` maps names of the spec's constants to
    the microseconds that this run wants, for SDKs whose timers can be set.
    """

    def __init__(
        self, name: str, version: str, endpoints: Sequence[str] = ("room",), *, capabilities: Fields | None = None
    ) -> None:
        self.name = name
        self.version = version
        self.endpoints = tuple(endpoints)
        self.constants: dict[str, int] = json.loads(os.environ.get("ROOMCHECK_CONSTANTS") or "{}")
        self._capabilities = dict(capabilities or {})
        self._operations: dict[str, Function] = {}
        self._admin: dict[str, Function] = {}
        self._open: Function | None = None
        self._close: Function | None = None
        self._state: Function | None = None
        self._members: dict[str, Any] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._numbers: dict[str, int] = {}
        self._closed: set[str] = set()
        self._lost: dict[str, str] = {}  # the first callback of a member that could not be told
        self._tasks: set[asyncio.Task[None]] = set()
        self._beat = 0
        self._late = 0  # the loop's worst lateness since the last ping, in microseconds

    # --- what the author says ---------------------------------------------------------------------------------------

    def open(self, function: Handler) -> Handler:
        """Decorate `async def f(member, user, endpoints, credentials, options)`; the others get what it returns."""
        self._open = _asynchronous(function)
        return function

    def close(self, function: Handler) -> Handler:
        """Decorate `async def f(me)`: it ends the client; nothing of it may be left."""
        self._close = _asynchronous(function)
        return function

    def state(self, function: Handler) -> Handler:
        """Decorate `async def f(me)`: it returns the SDK's own view of its state as a dict."""
        self._state = _asynchronous(function)
        return function

    def operation(self, name: str) -> Callable[[Handler], Handler]:
        """Decorate `async def f(me, arguments)`: one call of a member, named as the spec names it."""
        return _registers(self._operations, name)

    def admin(self, name: str) -> Callable[[Handler], Handler]:
        """Decorate `async def f(arguments, endpoints)`: one act of the backend, named as the spec names it."""
        return _registers(self._admin, name)

    def emit(self, member: str, callback: str, fields: Fields, raw: Any = None) -> None:
        """Tell a callback, as the first statement of the SDK's callback, from any thread.

        After the member was closed it does nothing. LookupError: no such member; TypeError, ValueError: `fields` are
        not JSON, or too long. SDKs swallow what a callback raises, so the next barrier tells the harness too.
        """
        at = now()
        with self._carrier.lock:
            if member in self._closed:
                return
            if member not in self._numbers:
                raise LookupError(f"emit for {member!r}, which was never opened; use the name that open was given")
            number = self._numbers[member] + 1
            event = {"type": "event", "member": member, "n": number, "time": at, "callback": callback, "fields": fields}
            if raw is not None:
                event["raw"] = _shortened(raw)
            try:
                self._carrier.send(event)
            except (TypeError, ValueError) as e:
                self._lost.setdefault(member, f"callback {callback!r} of {member} could not be written: {e}")
                raise
            self._numbers[member] = number

    def log(self, text: str) -> None:
        """Leave a line in the case's log."""
        self._carrier.send({"type": "log", "text": text})

    # --- running ----------------------------------------------------------------------------------------------------

    def main(self, argv: Sequence[str] | None = None) -> None:
        """Serve until the harness says bye or is gone.

        Speaks on stdin and stdout, or dials ROOMCHECK_DIAL with ROOMCHECK_TOKEN; `argv` may give the same as
        `--dial host:port --token text`. From here on stdout belongs to the protocol and prints go to stderr.
        """
        options = argparse.ArgumentParser(description=f"roomcheck adapter {self.name} {self.version}")
        options.add_argument("--dial", default=os.environ.get("ROOMCHECK_DIAL"), metavar="HOST:PORT")
        options.add_argument("--token", default=os.environ.get("ROOMCHECK_TOKEN", ""))
        chosen = options.parse_args(list(argv or ()))
        self._carrier: Carrier = dial(chosen.dial, chosen.token) if chosen.dial else standard_streams()
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._beat = now()
        threading.Thread(target=self._read, name="roomcheck-reader", daemon=True).start()
        beat = asyncio.create_task(self._keep_beat())
        await self._over.wait()
        beat.cancel()
        for task in self._tasks:
            task.cancel()
        closing = [asyncio.create_task(self._end(member)) for member in list(self._members)]
        if closing:
            await asyncio.wait(closing, timeout=GRACE)

    async def _keep_beat(self) -> None:
        while True:
            self._beat = now()
            await asyncio.sleep(BEAT)
            self._late = max(self._late, now() - self._beat - round(BEAT * 1e6))

    def _read(self) -> None:
        while line := self._carrier.receive():
            try:
                message = json.loads(line)
                kind = message["type"]
                number = message["id"]
            except (ValueError, TypeError, KeyError):
                self.log(f"not a message of the protocol: {line[:200]!r}")
                continue
            if kind == "ping":
                lag = max(self._late, now() - self._beat - round(BEAT * 1e6))
                self._late = 0
                self._answer(number, "ok", {"nonce": message.get("nonce"), "loop_lag": lag})
                continue
            self._loop.call_soon_threadsafe(self._start, kind, message)
            if kind == "bye":
                break
        else:
            self._loop.call_soon_threadsafe(self._over.set)
        threading.Event().wait(GRACE + 1)  # an SDK whose threads will not end must not outlive the harness
        os._exit(1)

    def _answer(self, number: Any, status: str, fields: Fields) -> None:
        self._carrier.send({"id": number, "type": "result", "status": status, "fields": fields, "time": now()})

    def _start(self, kind: str, message: dict[str, Any]) -> None:
        task = asyncio.create_task(self._handle(kind, message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handle(self, kind: str, message: dict[str, Any]) -> None:
        number = message["id"]
        try:
            self._answer(number, "ok", await self._do(kind, message) or {})
        except Refused as e:
            self._answer(number, "refused", e.fields)
        except Indefinite as e:
            self._answer(number, "indefinite", e.fields)
        except Unsupported as e:
            self._answer(number, "unsupported", {"what": str(e)})
        except Exception as e:  # noqa: BLE001 - whatever the SDK raises is reported, with its story on stderr
            traceback.print_exc()
            self._answer(number, "adapter-error", {"error": f"{type(e).__name__}: {e}"})
        if kind == "bye":
            self._over.set()

    async def _do(self, kind: str, message: dict[str, Any]) -> Fields | None:
        match kind:
            case "hello":
                return self._hello(message)
            case "begin" | "end" | "bye":
                return None
            case "barrier":
                # callbacks that the SDK handed to the loop before now run first; `emit` has written when it returns
                await asyncio.sleep(0)
                for member in [message["member"]] if message.get("member") else list(self._lost):
                    if member in self._lost:
                        raise ValueError(self._lost[member])
                return None
            case "admin":
                act = self._admin.get(message["operation"])
                if act is None:
                    raise Unsupported(message["operation"])
                return await act(message.get("arguments", {}), message.get("endpoints", {})) or {}
            case "open" | "call" | "state" | "close":
                async with self._locks.setdefault(message["member"], asyncio.Lock()):
                    return await self._do_at(message["member"], kind, message)
            case _:
                raise Unsupported(kind)

    def _hello(self, message: dict[str, Any]) -> Fields:
        low, high = message["protocol"]
        if not low <= PROTOCOL <= high:
            raise ValueError(f"this kit speaks version {PROTOCOL} of the protocol, the harness {low} to {high}")
        self.constants.update(message.get("constants", {}))
        return {
            "protocol": PROTOCOL,
            "implementation": {
                "name": self.name,
                "version": self.version,
                "language": f"python {platform.python_version()}",
                "os": sys.platform,
            },
            "capabilities": {
                "operations": sorted(self._operations),
                "admin": sorted(self._admin),
                "state": self._state is not None,
                **self._capabilities,
            },
            "endpoints": list(self.endpoints),
            "clock": "monotonic",
        }

    async def _do_at(self, member: str, kind: str, message: dict[str, Any]) -> Fields | None:
        if kind == "open":
            await self._begin(member, message)
            return None
        if kind == "close":
            await self._end(member)
            return None
        function = self._state if kind == "state" else self._operations.get(message["operation"])
        if function is None:  # said before the member is looked up: the harness asks a made-up operation to see it
            raise Unsupported(message.get("operation", kind))
        if member not in self._members:
            raise LookupError(f"{kind} for member {member!r}, which is not open")
        if kind == "state":
            return await function(self._members[member]) or {}
        return await function(self._members[member], message.get("arguments", {})) or {}

    async def _begin(self, member: str, message: dict[str, Any]) -> None:
        if self._open is None:
            raise Unsupported("open")
        if member in self._numbers:
            raise LookupError(f"member {member!r} was opened before")
        self._numbers[member] = 0
        self._members[member] = await self._open(
            member,
            message["user"],
            message.get("endpoints", {}),
            message.get("credentials", {}),
            message.get("options", {}),
        )

    async def _end(self, member: str) -> None:
        self._closed.add(member)
        self._locks.pop(member, None)
        if member in self._members:  # not when its open failed
            me = self._members.pop(member)
            if self._close is not None:
                await self._close(me)


def _asynchronous(function: Function) -> Function:
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{getattr(function, '__name__', function)} must be written with `async def`")
    return function


def _registers(table: dict[str, Function], name: str) -> Callable[[Handler], Handler]:
    def decorate(function: Handler) -> Handler:
        table[name] = _asynchronous(function)
        return function

    return decorate


def _shortened(raw: Any) -> Any:
    text = json.dumps(raw, default=str)
    return json.loads(text) if len(text) <= RAW_LIMIT else f"{text[:RAW_LIMIT]}... ({len(text)} characters, cut)"
