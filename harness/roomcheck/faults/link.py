"""One member's path to one endpoint: a proxy of its own, the faults on it, and what shows that they bit.

The recipes were each counted 100 to 200 times under traffic. What they stand on:

- cut, refuse: the proxy is disabled. Toxiproxy cannot refuse new connections and keep the living, so `refuse` ends them
  as `cut` does; it is meant for a member that is not connected.
- reset: as cut, on a link where `reset_peer` was in the list, off, before the client connected; without it a FIN.
- stall: closes are held, then bytes, by toxics switched in place; healed in the opposite order. Nothing is lost.
- ghost: closes are held, then bytes thrown away; ended by deleting the proxy and making it anew, which is the only end
  that was never seen to hang and concerns no other link.
- deaf-stall, mute-stall, deaf-blackhole, mute-blackhole: a stall or a ghost in one direction; the other is not touched.
- half-open: the close of one direction is held, and the other is ended by a black hole that is added and taken away.
- truncate: each direction may pass so many more bytes for a moment (`within`), then what is left is ended by making the
  proxy anew. What connects anew meanwhile is truncated too; it is closed before the bytes are let through again, so
  that a client that is quick has not been served before it is hit once more (otherwise 65 of 200 were). Taking the
  toxics away blocked the server for good, once in 4,000: a toxic that still passes bytes to a connection whose end the
  server has seen but not yet noted, as other ends wait before it, is never interrupted.
- latency, throttle, slice: the toxic is added to both directions, and taken away.

A fault's moment is taken in the thread that makes the call, just before and just after, so neither a queue nor a late
event loop widens it. The evidence is gathered afterwards. A switched toxic reads back as switched, and what it
does to bytes is proven once on each server, on an echo of our own: see proof.py.

A close that is held keeps 150 to 200 kB of the server until the hold is over, also after the proxy was deleted: 1,000
random schedules left 1.3 GB behind while it was an hour. So whoever makes a link says how long it may be needed.

Faults of one link may pile up as long as each newcomer keeps the link down; one heal ends them all. What a stalled or
dead link already has is not touched again: a toxic that is changed while a connection waits behind a stall, whose
client has long dialled anew, blocks the server for good (seen in one of a hundred random schedules). So a ghost upon a
stall only remembers that the heal must end its connections, and a stall upon a ghost changes nothing; each direction is
looked at by itself.
"""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlsplit

from roomcheck.errors import HarnessError, UsageError
from roomcheck.faults.address import split
from roomcheck.faults.canary import Canary, refused
from roomcheck.faults.catalogue import (
    HALT,
    HOLD,
    HOLD_DOWN,
    HOLD_UP,
    HOUR,
    SWALLOW,
    SWALLOW_DOWN,
    SWALLOW_UP,
    armed,
    degraded,
    held_for,
    lasting,
    of,
)
from roomcheck.faults.client import Client, RefusedError, Toxic
from roomcheck.faults.ports import TRIES, free_port
from roomcheck.faults.proof import NEEDS_PROOF, prove
from roomcheck.faults.server import ToxiproxyServer
from roomcheck.faults.silence import now
from roomcheck.model.fault import EFFECT, HELD, LOST, Effect, FaultKind, Way, read_settings
from roomcheck.model.time import Instant

END_LIMIT = 1.0  # seconds for a canary to see the end; p95 0.5 ms, and it takes no longer than that when it bites
SILENCE = 0.02  # seconds without the FIN that a whole link gives in 0.5 ms
PORT_TAKEN = 500


@dataclass(frozen=True, slots=True)
class Applied:
    """A fault or a heal: the microseconds that surely hold its moment, and what showed that it took effect."""

    at: Instant
    evidence: str


@dataclass(slots=True)
class Link:
    """A proxy of its own; `listen` is where the member's client connects. Made by `create`, ended by `close`."""

    server: ToxiproxyServer
    name: str
    upstream: str
    host: str
    armed: tuple[Toxic, ...]
    hold: int  # milliseconds that a close is held at most
    port: int = 0
    _disabled: bool = False
    _ghost: bool = False
    _held: list[Toxic] = field(default_factory=list)  # armed toxics that are on, in the order to switch them off
    _added: list[Toxic] = field(default_factory=list)

    @classmethod
    async def create(
        cls, server: ToxiproxyServer, name: str, upstream: str, kinds: set[FaultKind], hold: int = HOUR
    ) -> Self:
        """A proxy to `upstream` on a free port, armed for these kinds of fault, each proven on this server.

        `hold`: milliseconds that a link may stay stalled, dead or half-open.
        """
        await asyncio.gather(*(_proven(server, kind) for kind in sorted(kinds & NEEDS_PROOF)))
        return await cls._bare(server, name, upstream, kinds, hold)

    @classmethod
    async def _bare(
        cls, server: ToxiproxyServer, name: str, upstream: str, kinds: set[FaultKind], hold: int = HOUR
    ) -> Self:
        unique = f"{re.sub('[^a-z0-9_-]', '-', name.lower())}-{secrets.token_hex(4)}"
        host = urlsplit(server.url).hostname or "127.0.0.1"
        link = cls(server, unique, upstream, "127.0.0.1" if host == "localhost" else host, armed(kinds), hold)
        await server.do(link._make)
        return link

    @property
    def listen(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def down(self) -> bool:
        """Whether a fault keeps everything from passing, one way at least."""
        return self._disabled or any(map(self._silent, Way))

    def _silent(self, way: Way) -> bool:
        """Whether nothing passes in this direction of the connections that are there."""
        return any(toxic.stream == way and toxic in (*HALT, *SWALLOW) for toxic in (*self._held, *self._added))

    @property
    def _address(self) -> tuple[str, int]:
        return self.host, self.port

    # --- blocking, in a thread of the server ------------------------------------------------------------------------

    def _make(self, client: Client) -> None:
        for attempt in range(TRIES):
            self.port = free_port()
            try:
                client.create(self.name, listen=self.listen, upstream=self.upstream)
                break
            except RefusedError as e:
                if e.status != PORT_TAKEN or attempt == TRIES - 1:
                    raise
        self._arm(client)

    def _arm(self, client: Client) -> None:
        for toxic in self.armed:
            client.add(self.name, replace(held_for(toxic, self.hold), on=toxic in self._held))

    def _renew(self, client: Client) -> None:
        """End every connection by making the proxy anew, on the same port and with what is held."""
        client.destroy(self.name)
        client.create(self.name, listen=self.listen, upstream=self.upstream, enabled=False)
        self._arm(client)
        client.enable(self.name)

    def _switch(self, client: Client, toxics: Iterable[Toxic], *, on: bool) -> None:
        for toxic in toxics:
            if toxic not in self.armed:
                raise HarnessError(
                    f"{toxic.name} was not armed on {self.name}: create the link with this kind of fault"
                )
            if on:
                if toxic in self._held:
                    continue
                self._held.insert(0, toxic)
            client.switch(self.name, toxic.name, on=on)

    def _disable(self, client: Client) -> None:
        self._disabled = True
        client.disable(self.name)

    def _add(self, client: Client, toxics: Iterable[Toxic]) -> None:
        for toxic in toxics:
            for old in [t for t in self._added if t.name == toxic.name]:  # the same fault again, with other settings
                client.remove(self.name, old.name)
                self._added.remove(old)
            client.add(self.name, toxic)
            self._added.append(toxic)

    def _remove_added(self, client: Client) -> None:
        while self._added:
            client.remove(self.name, self._added[0].name)
            del self._added[0]

    def _end(self, client: Client, swallow: Toxic) -> None:
        """Close one direction of every living connection now, traffic or not."""
        client.add(self.name, swallow)
        client.remove(self.name, swallow.name)

    def _do(self, client: Client, kind: FaultKind, settings: Mapping[str, int]) -> tuple[Instant, Canary | None]:
        match kind:
            case FaultKind.REFUSE:
                canary = None
            case FaultKind.HALF_OPEN_CLIENT_TOLD | FaultKind.TRUNCATE:  # they pass by whoever comes a moment late
                canary = Canary.dial_through(self._address)
            case _:
                canary = Canary.dial(self._address)
        with contextlib.ExitStack() as on_error:
            if canary:
                on_error.callback(canary.close)
            lo = now()
            self._put(client, kind, settings)
            at = Instant(lo, now())
            on_error.pop_all()
        return at, canary

    def _put(self, client: Client, kind: FaultKind, settings: Mapping[str, int]) -> None:
        match kind:
            case FaultKind.CUT | FaultKind.RESET | FaultKind.REFUSE:
                self._disable(client)
            case _ if kind in HELD:
                free = [way for way in HELD[kind] if not self._silent(way)]
                self._switch(client, of(free, HOLD + HALT), on=True)
            case _ if kind in LOST:
                free = [way for way in LOST[kind] if not self._silent(way)]
                self._switch(client, of(LOST[kind], HOLD), on=True)
                self._add(client, of(free, SWALLOW))
                self._ghost = True
            case FaultKind.HALF_OPEN_SERVER_TOLD:
                self._switch(client, HOLD_DOWN, on=True)
                self._end(client, SWALLOW_UP)
            case FaultKind.HALF_OPEN_CLIENT_TOLD:
                self._switch(client, HOLD_UP, on=True)
                self._end(client, SWALLOW_DOWN)
            case FaultKind.LATENCY | FaultKind.THROTTLE | FaultKind.SLICE | FaultKind.TRUNCATE:
                self._add(client, degraded(kind, settings))
            case FaultKind.SERVER_RESTART:
                raise UsageError(f"{kind} is a fault of the server, not of a link")

    def _close_the_rest(self, client: Client, limits: tuple[Toxic, ...]) -> int:
        self._added = [toxic for toxic in self._added if toxic not in limits]
        self._renew(client)
        for toxic in self._added:
            client.add(self.name, toxic)
        return now()

    def _undo(self, client: Client) -> Instant:
        lo = now()
        if self._ghost:
            self._held.clear()
            self._renew(client)
            self._added.clear()
        else:
            self._remove_added(client)
            self._switch(client, self._held, on=False)
            if self._disabled:
                client.enable(self.name)
        hi = now()
        self._held.clear()
        self._disabled = self._ghost = False
        return Instant(lo, hi)

    def _differs(self, client: Client, also: tuple[Toxic, ...] = ()) -> str:
        """What the server has otherwise than we noted and `also` demands; '' if nothing."""
        seen = client.read(self.name)
        on = {t["name"]: t["attributes"] for t in seen["toxics"] if t["toxicity"] == 1}
        wanted = {t.name: held_for(t, self.hold).attributes for t in (*self._held, *self._added, *also)}
        if seen["enabled"] is self._disabled:
            return f"enabled is {seen['enabled']}"
        return "" if on == wanted else f"the toxics on are {on}, not {wanted}"

    # --- in the event loop ------------------------------------------------------------------------------------------

    async def apply(self, kind: FaultKind, settings: Mapping[str, Any] | None = None) -> Applied:
        """Put the fault on. UsageError for settings that do not fit; HarnessError if it was not seen to bite."""
        read = read_settings(kind, settings or {})
        if self.down and EFFECT[kind] is not Effect.DOWN:
            raise UsageError(f"{kind} needs a link that is up, and an earlier fault still keeps {self.name} down")
        lasts = () if self.down else lasting(kind, read)
        at, canary = await self.server.do(lambda client: self._do(client, kind, read))
        with contextlib.closing(canary) if canary else contextlib.nullcontext():
            if kind is FaultKind.TRUNCATE:
                await asyncio.sleep(read["within"] / 1e6)
                limits = degraded(kind, read)
                at = Instant(at.lo, await self.server.do(lambda client: self._close_the_rest(client, limits)))
            evidence = await self._evidence(kind, lasts, canary)
        return Applied(at, evidence)

    async def heal(self) -> Applied:
        """Take every fault off. HarnessError if the proxy is not as it was."""
        at = await self.server.do(self._undo)
        if differs := await self.server.do(self._differs):
            raise HarnessError(f"the heal of {self.name} was never seen to take effect: {differs}")
        return Applied(at, "the proxy reads back as whole")

    async def close(self) -> None:
        """End the proxy and all its connections; on a dead server there is nothing left to end."""
        with contextlib.suppress(HarnessError):
            await self.server.do(lambda client: client.destroy(self.name))

    async def _evidence(self, kind: FaultKind, lasts: tuple[Toxic, ...], canary: Canary | None) -> str:
        match kind:
            case FaultKind.CUT | FaultKind.RESET | FaultKind.REFUSE:
                if not await refused(self._address, END_LIMIT):
                    raise self._toothless(kind, "a new connection was not refused")
                return "a new connection was refused" + (f", {await self._ended(kind, canary)}" if canary else "")
            case FaultKind.HALF_OPEN_CLIENT_TOLD | FaultKind.TRUNCATE:
                seen = await self._ended(kind, canary)
            case _ if kind in HELD or kind in LOST or kind is FaultKind.HALF_OPEN_SERVER_TOLD:
                seen = await self._unanswered(kind, canary)
            case _:
                seen = "proven on an echo"
        if differs := await self.server.do(lambda client: self._differs(client, lasts)):
            raise self._toothless(kind, differs)
        return f"{seen}, the proxy reads back as set"

    async def _ended(self, kind: FaultKind, canary: Canary | None) -> str:
        if canary is None:
            return "no connection could be made before"
        how = await canary.end(END_LIMIT)
        if how is None:
            raise self._toothless(kind, "a connection of our own did not end")
        return f"our own connection got {how}"

    async def _unanswered(self, kind: FaultKind, canary: Canary | None) -> str:
        if canary is not None and await canary.unanswered(SILENCE):
            return "the close of our own connection went unanswered"
        # the server may have closed the canary before the fault; what it closes during the fault is held
        second = await asyncio.to_thread(Canary.dial, self._address)
        if second is None:
            return "new connections are refused by an earlier fault"
        with contextlib.closing(second):
            if await second.unanswered(SILENCE):
                return "the close of our own connection went unanswered"
        if await refused(split(self.upstream), END_LIMIT):
            return "the server is down, so nothing can be seen"
        raise self._toothless(kind, "the close of our own connection was answered")

    def _toothless(self, kind: FaultKind, why: str) -> HarnessError:
        return HarnessError(f"{kind} on {self.name} was never seen to bite: {why}")


async def _proven(server: ToxiproxyServer, kind: FaultKind) -> None:
    """Prove the kind once on each server; whoever else wants it waits."""
    if kind not in server.proofs:

        async def bare(upstream: str) -> Link:
            return await Link._bare(server, f"proof-{kind}", upstream, {kind})  # noqa: SLF001

        server.proofs[kind] = asyncio.ensure_future(prove(kind, bare))
    try:
        await asyncio.shield(server.proofs[kind])
    except HarnessError:
        server.proofs.pop(kind, None)
        raise
