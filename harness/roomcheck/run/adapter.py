"""Starts a target's adapter, or waits for the one that dials in."""

import os
from collections.abc import Callable, Mapping, Sequence

from roomcheck.adapters import AdapterHost
from roomcheck.run.install import Ready

Announce = Callable[[str, str], None]


async def start_adapter(
    target: Ready, constants: Mapping[str, int], announce: Announce, extra: Sequence[str] = ()
) -> AdapterHost:
    """A greeted adapter; `announce` hears the address and the token where one dials in. AdapterError if none comes."""
    command = [*target.adapter_command, *extra] if target.adapter_command else []
    if target.dial:
        return await AdapterHost.listen(command, constants=constants, announce=announce, secrets=target.secrets)
    return await AdapterHost.start(command, env=dict(os.environ), constants=constants, secrets=target.secrets)
