"""Rooms that keep the contract but for one defect each, taken from mistakes that real SDKs and servers made.

`--defect NAME` of the adapter and of the server chooses one; a defect of the other side changes nothing here, so that
both can always be given the same name. Each defect is a machine with one habit changed; its docstring says which.
Those of `moments` show only when something else happened a moment before: no scenario waits for that, chance does.
"""

from roomcheck.reference.defects import calls, members, moments, outages, rooms  # noqa: F401  they register themselves
from roomcheck.reference.defects.registry import DEFECTS, Defect, add_option, client, server

__all__ = ["DEFECTS", "Defect", "add_option", "client", "server"]
