"""The second room's programs: `python play.py server --port N`, `python play.py adapter`; both take `--defect NAME`."""

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from roomcheck.reference import server as sockets
from roomcheck.reference.adapter import adapter
from roomcheck.reference.sockets import now
from roomcheck.reference.wire import timings
from second_room.defects import DEFECTS, Defect
from second_room.machines import Client, Server


async def serve(machine: Any, port: int) -> None:
    constants = json.loads(os.environ.get("ROOMCHECK_CONSTANTS") or "{}")
    room = sockets.Server(machine(f"{time.time_ns():x}", timings(constants), now()))
    await room.start("127.0.0.1", port)
    await room.serve_forever()


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("part", choices=["adapter", "server"])
    options.add_argument("--port", type=int)
    options.add_argument("--defect", choices=sorted(DEFECTS))
    chosen, rest = options.parse_known_args()
    room = DEFECTS[chosen.defect] if chosen.defect else Defect((), Client, Server)
    if chosen.part == "server":
        asyncio.run(serve(room.server, chosen.port))
    else:
        client: Any = room.client  # a machine like the reference room's, of another kind
        adapter(client).main(rest)


if __name__ == "__main__":
    main()
