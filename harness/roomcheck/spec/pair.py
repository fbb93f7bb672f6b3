"""One target of a server part and a client part.

Each part says what is its own; where both say something of a constant or an option they must agree, or `pairs` of one
of them decides. What one of them lacks, the pair lacks, and it bears as much and is as fast as the slower one.
"""

from collections.abc import Iterable, Mapping, Sequence

from roomcheck.spec.problems import Problems
from roomcheck.spec.target import Pairing, Target
from roomcheck.spec.where import Where


def pair(server: Target, client: Target, spec: Target) -> Target:
    """The two as one target, in the contract that `spec`, one of them, names. SpecError: where they do not agree."""
    own = [p for p in (server.pairs.get(client.name), client.pairs.get(server.name)) if p is not None]
    problems = Problems()
    constants, options = (_agreed(name, server, client, own, problems) for name in ("constants", "options"))
    problems.raise_any()
    return Target(
        name=f"{server.name}+{client.name}",
        title=f"{server.title}, through {client.title}",
        spec=spec.spec,
        adapter_command=client.adapter_command,
        server_command=server.server_command,
        ready_within=server.ready_within,
        endpoints=server.endpoints,
        constants=constants,
        options=options,
        scale=None if server.scale is None or client.scale is None else min(server.scale, client.scale),
        jobs=min((t.jobs for t in (server, client) if t.jobs is not None), default=None),
        faults=_both(server.faults, client.faults),
        lacks=_each([*server.lacks, *client.lacks, *(name for p in own for name in p.lacks)]),
        secrets=_each([*server.secrets, *client.secrets]),
        proxies=_each([*server.proxies, *client.proxies]),
        dial=client.dial,
        browser=client.browser,
        versions={**server.versions, **client.versions},
        folder=spec.folder,
        halves=(server, client),
        where=client.where,
        places={**server.places, **client.places, **{k: v for p in own for k, v in p.places.items()}},
    )


def _agreed(
    section: str, server: Target, client: Target, own: Sequence[Pairing], problems: Problems
) -> Mapping[str, str]:  # fmt: skip
    """What holds of a section."""
    ours: Mapping[str, str] = getattr(server, section)
    theirs: Mapping[str, str] = getattr(client, section)
    decided: dict[str, str] = {}
    places: dict[str, Where] = {}
    for p in own:
        for name, value in getattr(p, section).items():
            place = f"{section}.{name}"
            if decided.setdefault(name, value) != value:
                text = f"`pairs` of {client.name} says {name}: {value}, and of {server.name} {decided[name]}"
                problems.add(p.places[place], f"{text} ({places[place]}): one of them decides")
            places[place] = p.places[place]
    for name in ours:
        if name in theirs and ours[name] != theirs[name] and name not in decided:
            place = f"{section}.{name}"
            problems.add(
                client.places[place],
                f"{client.name} says {name}: {theirs[name]}, and {server.name} {ours[name]} ({server.places[place]}); "
                f"which one holds of both is said by `pairs: {{{server.name}: {{{section}: {{{name}: ...}}}}}}`",
            )
    return {**ours, **theirs, **decided}


def _both(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The faults that both take; None: every fault."""
    if one is None or other is None:
        return one if other is None else other
    return tuple(name for name in one if name in other)


def _each(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
