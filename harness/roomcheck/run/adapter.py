"""Starts a target's adapter, or waits for the one that dials in."""

import os
from collections.abc import Callable, Mapping, Sequence

from roomcheck.adapters import AdapterHost
from roomcheck.adapters.host import HELLO_LIMIT
from roomcheck.errors import TargetError
from roomcheck.run.install import Ready

BROWSER_LIMIT = (
    60.0  # seconds: a browser and its first page take 2 on an idle machine and were seen to take 20 on a busy one
)
Announce = Callable[[str, str], None]


async def start_adapter(
    target: Ready, constants: Mapping[str, int], announce: Announce, extra: Sequence[str] = ()
) -> AdapterHost:
    """A greeted adapter; `announce` hears the address and the token where one dials in.

    AdapterError if none comes; TargetError if it is a part that needs endpoints which the server part does not have.
    """
    env = {name: os.environ[name] for name in target.proxies if name in os.environ}
    command = [*target.adapter_command, *extra] if target.adapter_command else []
    if target.dial:
        host = await AdapterHost.listen(
            command, env=env, constants=constants, announce=announce, secrets=target.secrets
        )
    else:
        host = await AdapterHost.start(
            command, env=env, constants=constants, secrets=target.secrets,
            hello_limit=BROWSER_LIMIT if target.browser else HELLO_LIMIT,
        )  # fmt: skip
    if target.halves and (strange := sorted(set(host.info.endpoints) - set(target.endpoints))):
        await host.stop()
        server, client = target.halves
        raise TargetError(
            f"target {target.name} does not fit: {client.name} asks for the endpoints {', '.join(strange)}, and "
            f"{server.name} has {', '.join(target.endpoints)}; parts of one contract give them the same names"
        )
    return host
