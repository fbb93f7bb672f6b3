"""The reference room's adapter, which shows no life for two seconds at every logout: what comes then proves nothing."""

import threading
from collections.abc import Mapping
from typing import Any

from roomcheck.reference.adapter import adapter
from roomcheck.reference.client_machine import ClientMachine


def main() -> None:
    kit = adapter(ClientMachine)
    logout = kit._operations["logoutRoom"]

    @kit.operation("logoutRoom")
    async def silent(me: Any, arguments: Mapping[str, str]) -> Any:
        threading.Event().wait(2)  # the loop too
        return await logout(me, arguments)

    kit.main([])


if __name__ == "__main__":
    main()
