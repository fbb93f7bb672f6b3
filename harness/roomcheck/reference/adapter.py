"""The reference room's adapter: `python -m roomcheck.reference.adapter [--defect NAME]`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from roomcheck.adapter_kit import Adapter, Refused
from roomcheck.reference import defects
from roomcheck.reference.client import Client, RefusedCall
from roomcheck.reference.machine import ClientMachine
from roomcheck.reference.sockets import now
from roomcheck.reference.wire import decode, encode, make_token

DAY = 86_400_000_000
TOKENS: dict[str, Callable[[str], str]] = {  # the contract's words for tokens -> a token for this user
    "valid": lambda user: make_token(user, now() + DAY),
    "wrong": lambda _user: "wrong",
    "expired": lambda user: make_token(user, now() - 1),
}


def adapter(machine: type[ClientMachine]) -> Adapter:
    """The adapter, with clients that run this machine."""
    kit = Adapter("roomcheck-reference", "1.0", endpoints=["room"])
    numbers = count(1)

    @kit.open
    async def open_member(
        member: str,
        user: str,
        endpoints: Mapping[str, str],
        _credentials: Mapping[str, Any],
        _options: Mapping[str, Any],
    ) -> tuple[Client, str]:
        def on_callback(callback: str, fields: dict[str, Any]) -> None:
            kit.emit(member, callback, fields)

        device = f"{os.getpid():x}.{now():x}.{next(numbers)}"
        return Client(endpoints["room"], user, device, kit.constants, on_callback, machine=machine), user

    def operation(name: str) -> None:
        @kit.operation(name)
        async def call(me: tuple[Client, str], arguments: Mapping[str, str]) -> None:
            client, user = me
            tokens = {"token": _token(user, arguments.get("token", "valid"))} if name != "logoutRoom" else {}
            try:
                client.call(name, **{**arguments, **tokens})
            except RefusedCall as e:
                raise Refused(errorCode=e.code) from e

    for name in ("loginRoom", "logoutRoom", "switchRoom"):
        operation(name)

    @kit.admin("kick")
    async def kick(arguments: Mapping[str, str], endpoints: Mapping[str, str]) -> None:
        """The backend's own line to the server."""
        host, port = endpoints["room"].rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(encode({"t": "kick", "user": arguments["user"], "room": arguments["room"]}))
            while (line := await reader.readline()) and (decode(line.strip()) or {}).get("t") != "done":
                pass
            if not line:
                raise ConnectionError("the server ended the connection before it answered")
        finally:
            writer.transport.abort()

    @kit.close
    async def close(me: tuple[Client, str]) -> None:
        me[0].close()

    @kit.state
    async def state(me: tuple[Client, str]) -> dict[str, Any]:
        return {"rooms": me[0].states()}

    return kit


def _token(user: str, word: str) -> str:
    return TOKENS[word](user) if word in TOKENS else word


def main() -> None:
    """The command line; what is not ours is the kit's."""
    options = argparse.ArgumentParser(prog="roomcheck.reference.adapter", description="the reference room's adapter")
    defects.add_option(options)
    chosen, rest = options.parse_known_args(sys.argv[1:])
    adapter(defects.client(chosen.defect)).main(rest)


if __name__ == "__main__":
    main()
