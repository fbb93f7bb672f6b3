"""The reference room's adapter with one fault of its own, at a logout or at a close; `python broken_adapter.py NAME`."""

import asyncio
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from roomcheck.adapter_kit import Adapter
from roomcheck.reference.adapter import adapter
from roomcheck.reference.client_machine import ClientMachine

WRONG: Mapping[str, str] = {}


def write(kit: Adapter, line: bytes) -> None:
    """Something on the way that belongs to the protocol."""
    with kit._carrier.lock:
        kit._carrier._out.write(line)
        kit._carrier._out.flush()


def swallow(kit: Adapter, member: str) -> None:
    """From now on the adapter's code for a callback of this member is wrong, and the SDK catches what it raises."""
    tell = kit.emit

    def emit(told: str, callback: str, fields: Mapping[str, Any], raw: Any = None) -> None:
        if told != member:
            tell(told, callback, fields, raw)
            return
        try:
            tell(told, callback, {"roomID": WRONG["roomID"]}, raw)
        except KeyError:
            traceback.print_exc()

    kit.emit = emit  # type: ignore[method-assign,assignment]


def main(name: str) -> None:
    kit = adapter(ClientMachine)
    logout = kit._operations["logoutRoom"]

    @kit.operation("logoutRoom")
    async def broken(me: Any, arguments: Mapping[str, str]) -> Any:
        """What goes wrong, and then what was asked."""
        match name:
            case "crashes":
                sys.stderr.write("segmentation fault in the SDK\n")
                os._exit(11)
            case "prints":
                write(kit, b"[sdk] leaving the room...\n")
            case "loses a callback":
                for member in kit._numbers:
                    kit._numbers[member] += 1
            case "hangs":  # this call alone: the member can still be closed
                kit._locks.clear()
                await asyncio.Event().wait()
            case "swallows":
                swallow(kit, next(name for name, each in kit._members.items() if each is me))
            case "raises":
                raise RuntimeError("the SDK has no such room")
        return await logout(me, arguments)

    close = kit._close

    @kit.close
    async def closed(me: Any) -> None:
        """What goes wrong here, if it is here."""
        match name:
            case "never closes":
                await asyncio.Event().wait()
            case "raises at close":
                raise RuntimeError("the SDK is gone")
        if close is not None:
            await close(me)

    kit.main()


if __name__ == "__main__":
    main(sys.argv[1])
