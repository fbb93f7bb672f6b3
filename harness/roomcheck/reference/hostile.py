"""Adapters of the conforming room that break the protocol: `python -m roomcheck.reference.hostile NAME`.

Each has one habit, which shows at a member's call, if not before; its docstring says which. A harness must blame the
adapter for it, and never the room.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from roomcheck.adapter_kit import Adapter, Unsupported
from roomcheck.reference.adapter import adapter
from roomcheck.reference.client_machine import ClientMachine

Fields = Mapping[str, Any]
CRASH = 11  # the exit status of a program that a segmentation fault ended, as shells tell it less 128


class _Lazy(Adapter):
    """Every call is answered with ok, also of an operation that does not exist."""

    async def _do(self, kind: str, message: dict[str, Any]) -> Fields | None:
        try:
            return await super()._do(kind, message)
        except Unsupported:
            return None


class _Lying(Adapter):
    """Operations that it claimed at hello turn out to be unsupported."""

    async def _do_at(self, member: str, kind: str, message: dict[str, Any]) -> Fields | None:
        if kind == "call" and member in self._members:
            raise Unsupported(message["operation"])
        return await super()._do_at(member, kind, message)


class _Gappy(Adapter):
    """A callback's number is left out, so that one seems to be lost."""

    def emit(self, member: str, callback: str, fields: Fields, raw: Any = None) -> None:
        with self._carrier.lock:
            if self._numbers.get(member) == 1:
                self._numbers[member] += 1
        super().emit(member, callback, fields, raw)


class _Noisy(Adapter):
    """What the SDK prints stands between the protocol's lines."""

    def main(self, argv: Sequence[str] | None = None) -> None:
        self._stdout = os.dup(sys.stdout.fileno())
        super().main(argv)

    async def _do_at(self, member: str, kind: str, message: dict[str, Any]) -> Fields | None:
        if kind == "call" and member in self._members:
            os.write(self._stdout, b"[sdk] connecting to the room...\n")
        return await super()._do_at(member, kind, message)


class _Late(Adapter):
    """Hello is not answered in time."""

    def _hello(self, message: dict[str, Any]) -> Fields:
        threading.Event().wait()
        return super()._hello(message)


class _Hanging(Adapter):
    """A call is never answered, though pings are."""

    async def _do_at(self, member: str, kind: str, message: dict[str, Any]) -> Fields | None:
        if kind == "call" and member in self._members:
            await asyncio.Event().wait()
        return await super()._do_at(member, kind, message)


class _Crashing(Adapter):
    """The process dies at a call."""

    async def _do_at(self, member: str, kind: str, message: dict[str, Any]) -> Fields | None:
        if kind == "call" and member in self._members:
            sys.stderr.write("segmentation fault in the SDK\n")
            os._exit(CRASH)
        return await super()._do_at(member, kind, message)


class _Flooding(Adapter):
    """Callbacks are told without end."""

    async def _do_at(self, member: str, kind: str, message: dict[str, Any]) -> Fields | None:
        while kind == "call" and member in self._members:
            self.emit(member, "onFlood", {"text": "x" * 1_000})
        return await super()._do_at(member, kind, message)


HOSTILE: dict[str, type[Adapter]] = {
    "lazy": _Lazy,
    "lying": _Lying,
    "gappy": _Gappy,
    "noisy": _Noisy,
    "late": _Late,
    "hanging": _Hanging,
    "crashing": _Crashing,
    "flooding": _Flooding,
}


def main(name: str) -> None:
    """Serve as this one."""
    adapter(ClientMachine, HOSTILE[name]).main()


if __name__ == "__main__":
    main(sys.argv[1])
