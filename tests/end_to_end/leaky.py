"""A room whose programs tell their secret wherever they can: `python leaky.py adapter|talker|server ...`.

The secret stands in the variable of which LEAKY_FROM has the name.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

from roomcheck.adapter_kit import Adapter
from roomcheck.reference import defects
from roomcheck.reference.adapter import adapter
from roomcheck.reference.server import serve

SECRET = os.environ[os.environ["LEAKY_FROM"]]


class Leaky(Adapter):
    """Tells it in its name, in every callback, and on stderr."""

    def __init__(self, name: str, version: str, **rest: Any) -> None:
        super().__init__(f"{name} {SECRET}", version, **rest)

    def emit(self, member: str, callback: str, fields: Mapping[str, Any], raw: Any = None) -> None:
        extra = {"extendedData": {SECRET: [SECRET]}} if "reason" in fields else {}
        super().emit(member, callback, {**fields, **extra}, raw)


def run_adapter(defect: str | None, *, broken: bool) -> None:
    """As the reference room's; `broken`: a logout fails and says why, and a switch writes what is no message."""
    print(f"signed in with {SECRET}", file=sys.stderr)  # noqa: T201
    kit = adapter(defects.client(defect), Leaky)
    if not broken:
        kit.main([])

    @kit.operation("logoutRoom")
    async def logout(_me: Any, _arguments: Mapping[str, str]) -> Any:
        raise RuntimeError(f"cannot log out with {SECRET}")

    @kit.operation("switchRoom")
    async def switch(_me: Any, _arguments: Mapping[str, str]) -> Any:
        with kit._carrier.lock:
            kit._carrier._out.write(f"{'x' * 180} {SECRET}\n".encode())
            kit._carrier._out.flush()

    kit.main([])


def main() -> None:
    what, *rest = sys.argv[1:]
    defect = rest[rest.index("--defect") + 1] if "--defect" in rest else None
    if what in ("adapter", "talker"):
        run_adapter(defect, broken=what == "adapter")
    elif what == "server":
        print(f"listening, with {SECRET}")  # noqa: T201
        asyncio.run(serve("127.0.0.1", int(rest[0]), defect))
    else:
        sys.exit(f"cannot start with {SECRET}")


if __name__ == "__main__":
    main()
