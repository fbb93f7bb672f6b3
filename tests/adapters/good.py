"""An adapter without a room, made with the kit: operations that do what the tests ask."""

import asyncio
import contextlib
import sys
import threading
from typing import Any

from roomcheck.adapter_kit import Adapter, Indefinite, Refused, Unsupported

kit = Adapter("good", "1.0", endpoints=("room", "media"), capabilities={"rooms per member": 2})
opened: list[str] = []
closed: list[str] = []
released = asyncio.Event()


@kit.open
async def start(
    member: str, user: str, endpoints: dict[str, str], credentials: dict[str, Any], options: dict[str, Any]
) -> str:
    if user == "nobody":
        raise ValueError("there is no user nobody")
    opened.append(member)
    if options.get("tell at open"):
        kit.emit(member, "onOpen", {"endpoints": endpoints, "credentials": credentials})
    return member


@kit.close
async def end(me: str) -> None:
    closed.append(me)
    kit.log(f"closed {me}")


@kit.state
async def state(me: str) -> dict[str, Any]:
    return {"me": me}


@kit.operation("tell")
async def tell(me: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """As many callbacks as asked for, from another thread, as SDKs do."""

    def callbacks() -> None:
        for i in range(arguments["count"]):
            kit.emit(me, "onTold", {"i": i}, raw=arguments.get("raw"))

    thread = threading.Thread(target=callbacks)
    thread.start()
    await asyncio.to_thread(thread.join)
    return {"told": arguments["count"]}


@kit.operation("tellSoon")
async def tell_soon(me: str, arguments: dict[str, Any]) -> None:
    asyncio.get_running_loop().call_soon(kit.emit, me, "onSoon", {})


@kit.operation("tellOthersAfterClose")
async def tell_closed(me: str, arguments: dict[str, Any]) -> None:
    for member in closed:
        kit.emit(member, "onGhost", {})


@kit.operation("tellUnknown")
async def tell_unknown(me: str, arguments: dict[str, Any]) -> None:
    kit.emit("nobody", "onTold", {})


@kit.operation("tellObject")
async def tell_object(me: str, arguments: dict[str, Any]) -> None:
    with contextlib.suppress(TypeError):
        kit.emit(me, "onTold", {"it": object()})


@kit.operation("tellHuge")
async def tell_huge(me: str, arguments: dict[str, Any]) -> None:
    with contextlib.suppress(ValueError):
        kit.emit(me, "onTold", {"it": "x" * (1 << 20)})


@kit.operation("tellNan")
async def tell_nan(me: str, arguments: dict[str, Any]) -> None:
    with contextlib.suppress(ValueError):
        kit.emit(me, "onTold", {"it": float("nan")})


@kit.operation("chat")
async def chat(me: str, arguments: dict[str, Any]) -> dict[str, Any]:
    print("an SDK that prints", flush=True)  # noqa: T201
    return {"read": sys.stdin.read()}


@kit.operation("hold")
async def hold(me: str, arguments: dict[str, Any]) -> None:
    await released.wait()
    kit.emit(me, "onReleased", {})


@kit.admin("release")
async def release(arguments: dict[str, Any], endpoints: dict[str, str]) -> None:
    released.set()


@kit.operation("block")
async def block(me: str, arguments: dict[str, Any]) -> None:
    threading.Event().wait(arguments["seconds"])


@kit.operation("refuse")
async def refuse(me: str, arguments: dict[str, Any]) -> None:
    raise Refused(errorCode=1002033)


@kit.operation("waver")
async def waver(me: str, arguments: dict[str, Any]) -> None:
    raise Indefinite(waited=5)


@kit.operation("lack")
async def lack(me: str, arguments: dict[str, Any]) -> None:
    raise Unsupported("not in this version")


@kit.operation("break")
async def broken(me: str, arguments: dict[str, Any]) -> None:
    raise ZeroDivisionError("by the SDK")


@kit.operation("constants")
async def constants(me: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return dict(kit.constants)


@kit.admin("kick")
async def kick(arguments: dict[str, Any], endpoints: dict[str, str]) -> dict[str, Any]:
    return {"kicked": arguments["user"], "at": endpoints}


@kit.admin("counts")
async def counts(arguments: dict[str, Any], endpoints: dict[str, str]) -> dict[str, Any]:
    return {"opened": opened, "closed": closed}


if __name__ == "__main__":
    kit.main()
