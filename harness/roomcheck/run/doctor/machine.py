"""Is the machine fit, and is its Toxiproxy sound?"""

import asyncio
import resource
from pathlib import Path

from roomcheck.errors import HarnessError
from roomcheck.faults import Link, ToxiproxyServer, free_port
from roomcheck.faults.ports import FIRST, LAST
from roomcheck.judge.lateness import narrowest
from roomcheck.model.fault import FaultKind
from roomcheck.model.time import show_duration
from roomcheck.model.verdict import Blame
from roomcheck.run.clock import Lateness
from roomcheck.run.doctor.line import Observation, finding, ok
from roomcheck.spec.contract import Contract

LOOK = 0.5  # seconds of watching how late the machine is
CASES, MEMBERS, SPARE = 256, 3, 100  # of a whole run at once; descriptors for all that is no member
PORTS = 64
OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


async def time_line(contract: Contract, lateness: Lateness) -> Observation:
    """How late the machine wakes us, beside the shortest window that a rule of the contract has."""
    await asyncio.sleep(LOOK)
    return late(lateness.percentile(0.99), lateness.percentile(1.0), contract)


def late(usual: int, worst: int, contract: Contract) -> Observation:
    """`usual` is not exceeded in 99 of 100 looks; microseconds."""
    shortest = narrowest(contract)
    text = f"woken {show_duration(usual)} late (99 %), {show_duration(worst)} at worst"
    if not shortest:
        return ok("machine: time", text)
    text += f"; the shortest window of the contract is {show_duration(shortest)}"
    if 2 * usual <= shortest:
        return ok("machine: time", text)
    advice = "a run will be inconclusive: take a quieter machine, fewer --jobs"
    slower = f", or run slower: --scale {max(1.0, contract.scale * shortest / (4 * usual)):.3g}"
    return finding("machine: time", Blame.MACHINE, text, advice + (slower if contract.scale > 1 else ""))


def files_line(endpoints: int) -> Observation:
    """Whether one process may hold a whole run's connections."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = CASES * MEMBERS * endpoints + SPARE
    text = f"{_count(allowed)} allowed to a process, a whole run needs about {needed}"
    if allowed == resource.RLIM_INFINITY or allowed >= needed:
        return ok("machine: open files", text)
    jobs = max(1, (allowed - SPARE) // (MEMBERS * endpoints))
    more = f"`ulimit -n {needed}` first" if most == resource.RLIM_INFINITY or most >= needed else "raise the hard limit"
    return finding("machine: open files", Blame.MACHINE, text, f"{more}, or run with --jobs {jobs}")


def _count(limit: int) -> str:
    return "as many as one likes are" if limit == resource.RLIM_INFINITY else str(limit)


def ports_line(outgoing: Path = OUTGOING) -> Observation:
    """Whether there are ports for proxies that no outgoing connection takes meanwhile."""
    try:
        for _ in range(PORTS):
            free_port()
    except HarnessError as e:
        return finding(
            "machine: ports", Blame.MACHINE, str(e), f"end other runs, and what else has ports {FIRST} to {LAST}"
        )
    try:
        first, last = (int(part) for part in outgoing.read_text(encoding="utf-8").split())
    except (OSError, ValueError):
        return ok("machine: ports", f"{PORTS} of {PORTS} tried between {FIRST} and {LAST} are free")
    if first < LAST and last > FIRST:
        return finding(
            "machine: ports", Blame.MACHINE,
            f"outgoing connections take ports {first} to {last}, and the proxies listen on {FIRST} to {LAST}",
            f"a proxy that is off may lose its port: `sysctl net.ipv4.ip_local_port_range='{LAST + 768} 60999'`",
        )  # fmt: skip
    return ok("machine: ports", f"{PORTS} of {PORTS} tried are free, and no outgoing connection takes one")


async def faults_line(server: ToxiproxyServer, contract: Contract) -> Observation:
    """Whether the faults that the contract's cases use do to bytes what they should."""
    kinds = set(contract.faults) - {FaultKind.SERVER_RESTART}
    try:
        link = await Link.create(server, "doctor", "127.0.0.1:1", kinds)  # which proves each on an echo
        await link.close()
    except HarnessError as e:
        return finding("Toxiproxy: faults", Blame.HARNESS, str(e), "try again; `roomcheck toxiproxy` says whose it is")
    return ok("Toxiproxy: faults", f"{', '.join(sorted(kinds))}: each does on an echo what it should")
