"""With pytest-xdist: each worker plays one part of the cases, all of that part at once.

xdist's own schedulers hand out tests a few at a time, and a case that is not asked for is not played, so cases would
wait for each other. Here the cases are as many units of work as there are workers, and a unit goes to a worker as a
whole. All other tests go as --dist says.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling, LoadGroupScheduling, LoadScopeScheduling

from roomcheck.pytest_plugin.cases import part_of

BASES = {"loadscope": LoadScopeScheduling, "loadfile": LoadFileScheduling, "loadgroup": LoadGroupScheduling}
SINGLY = {"load": LoadScopeScheduling, "worksteal": LoadScopeScheduling}  # each other test is a unit of its own


def scheduler(config: pytest.Config, log: Any, spec: str) -> Any:
    """One for the --dist that was chosen; None where every worker is to run everything."""
    dist = config.getoption("dist")
    base: Any = {**BASES, **SINGLY}.get(dist)
    if base is None:
        return None

    class Parts(base):  # type: ignore[misc]  # xdist publishes no types
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith(f"{spec}::"):
                return f"{spec} {part_of(nodeid, self.numnodes)}"
            return nodeid if dist in SINGLY else str(super()._split_scope(nodeid))

    return Parts(config, log)
