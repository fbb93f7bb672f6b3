"""Starts a target's adapter, or waits for the one that dials in."""

import os
from collections.abc import Callable, Mapping, Sequence

from roomcheck.adapters import AdapterHost
from roomcheck.adapters.host import HELLO_LIMIT
from roomcheck.run.install import Ready

BROWSER_LIMIT = (
    60.0  # seconds: a browser and its first page take 2 on an idle machine and were seen to take 20 on a busy one
)
Announce = Callable[[str, str], None]


async def start_adapter(
    target: Ready, constants: Mapping[str, int], announce: Announce, extra: Sequence[str] = ()
) -> AdapterHost:
    """A greeted adapter; `announce` hears the address and the token where one dials in. AdapterError if none comes."""
    env = {name: os.environ[name] for name in target.proxies if name in os.environ}
    command = [*target.adapter_command, *extra] if target.adapter_command else []
    if target.dial:
        return await AdapterHost.listen(
            command, env=env, constants=constants, announce=announce, secrets=target.secrets
        )
    return await AdapterHost.start(
        command, env=env, constants=constants, secrets=target.secrets,
        hello_limit=BROWSER_LIMIT if target.browser else HELLO_LIMIT,
    )  # fmt: skip
