"""The reference room's adapter: `python -m roomcheck.reference.adapter [--defect NAME]`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from itertools import count
from typing import Any

from roomcheck.adapter_kit import Adapter, Refused
from roomcheck.reference import calls, defects
from roomcheck.reference.client import Client, RefusedCall
from roomcheck.reference.client_machine import ClientMachine
from roomcheck.reference.sockets import now
from roomcheck.reference.wire import decode, encode


def adapter(machine: type[ClientMachine], kind: type[Adapter] = Adapter) -> Adapter:
    """The adapter, with clients that run this machine; `kind` is how it speaks to the harness."""
    kit = kind("roomcheck-reference", "1.0", endpoints=[calls.ENDPOINT])
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
        return Client(endpoints[calls.ENDPOINT], user, device, kit.constants, on_callback, machine=machine), user

    def operation(name: str) -> None:
        @kit.operation(name)
        async def call(me: tuple[Client, str], arguments: Mapping[str, str]) -> None:
            client, user = me
            try:
                client.call(name, **calls.arguments(name, arguments, user, now()))
            except RefusedCall as e:
                raise Refused(**calls.refusal(e.code)) from e

    for name in calls.OPERATIONS:
        operation(name)

    def admin(name: str) -> None:
        @kit.admin(name)
        async def act(arguments: Mapping[str, str], endpoints: Mapping[str, str]) -> None:
            """The backend's own line to the server."""
            host, port = endpoints[calls.ENDPOINT].rsplit(":", 1)
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(encode(calls.admin_message(name, arguments)))
                while (line := await reader.readline()) and (decode(line.strip()) or {}).get("t") != calls.DONE:
                    pass
                if not line:
                    raise ConnectionError("the server ended the connection before it answered")
            finally:
                writer.transport.abort()

    for name in calls.ADMIN:
        admin(name)

    @kit.close
    async def close(me: tuple[Client, str]) -> None:
        me[0].close()

    @kit.state
    async def state(me: tuple[Client, str]) -> dict[str, Any]:
        return {"rooms": me[0].states()}

    return kit


def main() -> None:
    """The command line; what is not ours is the kit's."""
    options = argparse.ArgumentParser(prog="roomcheck.reference.adapter", description="the reference room's adapter")
    defects.add_option(options)
    chosen, rest = options.parse_known_args(sys.argv[1:])
    adapter(defects.client(chosen.defect)).main(rest)


if __name__ == "__main__":
    main()
