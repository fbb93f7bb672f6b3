"""A target file: which programs are the room, where it listens, and what it sets of a spec.

A file without `endpoints` is a client part, one without an `adapter` a server part; `pair` makes one target of two.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from roomcheck.errors import SpecError
from roomcheck.spec import expressions
from roomcheck.spec.contract import A_SERVER
from roomcheck.spec.expressions import ExpressionError
from roomcheck.spec.fit import fit
from roomcheck.spec.problems import Problems
from roomcheck.spec.reader import Node, read
from roomcheck.spec.shape import AdapterShape, BrowserShape, ServerShape, TargetShape
from roomcheck.spec.vocabulary import KINDS
from roomcheck.spec.where import Where

# placeholders beside the endpoints: this Python, the kit of Go adapters, the folder of target.yaml, what `install` has
# made, the server's own
PLACES = ("python", "go-kit", "dir", "install", "work")
_EVERYWHERE = PLACES[:4]
NOWHERE = Where()
INTERNET = "internet"  # the endpoint that is a proxy to the hosts that a target lists
FORWARD = "roomcheck.forward"  # the program that is this proxy
_HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_ADDRESS = re.compile(r"\S+:([0-9]{1,5}|\{[^{}]+\})\Z")


@dataclass(frozen=True, slots=True)
class Install:
    """What a target needs on the machine: programs with where one gets them, and the commands that fetch the rest."""

    needs: Mapping[str, str]
    steps: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Pairing:
    """What is true only of a part with a certain other one; `places` as those of a target."""

    constants: Mapping[str, str]
    options: Mapping[str, str]
    lacks: tuple[str, ...]
    places: Mapping[str, Where]


@dataclass(frozen=True, slots=True)
class Target:
    """A room to test, or a part of one. Placeholders ({python}, {dir}, {ENDPOINT} for its port...) stand as written.

    `adapter_command` is empty where an adapter only dials in, and is what the browser's driver is told where `browser`
    says that the adapter is a page. `ready_within` is in microseconds and never scaled.
    `secrets` names variables of the environment whose values must not be shown, `proxies` those that name proxies and
    are handed on all the same. `places`: where each constant, option and thing that it lacks stands, for Spec.bind.
    `versions`: part of the room -> the command whose first line tells its version.
    `pins`: what the steps of `install` fetch -> its version; `listed`: -> the versions in the file, the oldest first;
    `chosen`: the pins that a person chose.
    `folder`: where the file lies, "" until somebody who knows says it. `jobs`: how many cases it bears at once.
    `usual`: the other part that a part named alone is played with. `halves`: the server and the client of a pair.
    """

    name: str
    title: str
    spec: str
    adapter_command: tuple[str, ...]
    server_command: tuple[str, ...] | None
    ready_within: int
    endpoints: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    scale: float | None = None
    jobs: int | None = None
    faults: tuple[str, ...] | None = None
    lacks: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    dial: bool = False
    browser: bool = False
    install: Install | None = None
    pins: Mapping[str, str] = field(default_factory=dict)
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    folder: str = ""
    usual: str = ""
    pairs: Mapping[str, Pairing] = field(default_factory=dict)
    halves: "tuple[Target, ...]" = ()
    where: Where = NOWHERE
    places: Mapping[str, Where] = field(default_factory=dict)

    @property
    def has_client(self) -> bool:
        """Whether an adapter is started, or dials in."""
        return bool(self.adapter_command) or self.dial

    @property
    def has_server(self) -> bool:
        """Whether it says where members connect."""
        return bool(self.endpoints)

    @property
    def label(self) -> str:
        """The name, with the versions that were chosen: what a person writes to play the same."""
        if self.halves:
            return "+".join(half.label for half in self.halves)
        alone = len(self.pins) == 1
        chosen = [version if alone else f"{pin}={version}" for pin, version in self.chosen.items()]
        return "@".join([self.name, *([",".join(chosen)] if chosen else [])])


def load_target(text: str | bytes, file: str, variables: Mapping[str, str] | None = None) -> Target:
    """Read a target; SpecError holds every problem. Whether its constants fit a spec is seen when they are bound.

    `variables` of the environment: without the `credentials` that it names there is no server for it, and no way out.
    """
    problems = Problems()
    doc = read(text, file)
    shape = fit(TargetShape, doc, problems)
    if shape is None:
        raise SpecError(problems.found)
    _check(shape, doc, problems)
    missing = [name for name in shape.credentials if variables is not None and not variables.get(name)]
    lacks = [f"{A_SERVER} {', '.join(missing)} in the environment"] if missing else []
    if shape.internet is not None:
        shape = _reaching_out(shape, [] if missing else shape.internet)
    ready = 0
    try:
        ready = round(expressions.duration(shape.server.ready_within if shape.server else "0s"))
    except ExpressionError as e:
        node = doc.at(("server", "ready within"))
        for column, message in e.misfits:
            start = node.where.column + node.quoted
            problems.add(Where(file, node.where.line, start + column), message)
    problems.raise_any()
    adapter = shape.adapter or AdapterShape()
    return Target(
        name=shape.target,
        title=shape.title or shape.target,
        spec=shape.spec,
        adapter_command=_page(adapter.browser) if adapter.browser else tuple(adapter.command or ()),
        server_command=tuple(shape.server.command) if shape.server else None,
        ready_within=ready,
        endpoints=dict(shape.endpoints),
        constants=dict(shape.constants),
        options=dict(shape.options),
        scale=shape.scale,
        jobs=shape.jobs,
        faults=None if shape.faults is None else tuple(shape.faults),
        lacks=(*shape.lacks, *lacks),
        secrets=(*shape.secrets, *shape.credentials),
        proxies=tuple(shape.proxies),
        dial=adapter.dial,
        browser=adapter.browser is not None,
        install=Install(dict(shape.install.needs), tuple(map(tuple, shape.install.steps))) if shape.install else None,
        pins={name: versions[-1] for name, versions in shape.pins.items()},
        listed={name: tuple(versions) for name, versions in shape.pins.items()},
        versions={name: tuple(command) for name, command in shape.versions.items()},
        usual=shape.with_ or "",
        pairs={
            name: Pairing(pair.constants, pair.options, tuple(pair.lacks), _places(doc.at(("pairs", name)), pair.lacks))
            for name, pair in shape.pairs.items()
        },
        where=doc.where,
        places=_places(doc, shape.lacks),
    )


def _places(doc: Node, lacks: Iterable[str]) -> dict[str, Where]:
    """Where each constant, option and thing that is lacking stands."""
    named = {
        f"{section}.{name}": node.where
        for section in ("constants", "options")
        for name, node in _children(doc.child(section))
    }
    return named | {f"lacks.{name}": doc.at(("lacks",)).key(name) for name in lacks}


def _reaching_out(shape: TargetShape, hosts: list[str]) -> TargetShape:
    """Members that reach hosts of their SDK's own do so through a proxy, which is what is started as the server."""
    port = "{" + INTERNET + "}"
    server = ServerShape(command=["{python}", "-m", FORWARD, "--port", port, *hosts])
    return shape.model_copy(update={"server": server, "endpoints": {INTERNET: f"127.0.0.1:{port}"}})


def _page(shape: BrowserShape) -> tuple[str, ...]:
    """A page as arguments of the program that drives the browser."""
    files = (("script", shape.script), ("page", shape.page), ("backend", shape.backend))
    return (*(f"--{name}={file}" for name, file in files if file), *(f"--flag={flag}" for flag in shape.flags))


def _children(node: Node | None) -> Iterator[tuple[str, Node]]:
    if node is not None and isinstance(node.value, dict):
        yield from node.value.items()


def _leaves(node: Node, path: tuple[str, ...] = ()) -> Iterator[Node]:
    """The single values below a path: of a list, a map, or lists in them; none where there is nothing."""
    for step in path:
        child = node.child(step)
        if child is None:
            return
        node = child
    if isinstance(node.value, list | dict):
        for child in node.value if isinstance(node.value, list) else [child for _, child in _children(node)]:
            yield from _leaves(child)
    else:
        yield node


def _check(shape: TargetShape, doc: Node, problems: Problems) -> None:
    adapter = shape.adapter
    if adapter is not None and adapter.command is None and not adapter.dial and adapter.browser is None:
        problems.add(doc.at(("adapter",)).where, "the adapter needs a `command`, or `dial: true`, or a `browser`")
    if adapter is not None and adapter.browser is not None and (adapter.command or adapter.dial):
        problems.add(
            doc.at(("adapter", "browser")).where, "an adapter in a `browser` has no `command` and does not dial"
        )
    if shape.internet is not None and (shape.server or shape.endpoints):
        problems.add(doc.at(("internet",)).where, "members that reach the internet have no `server` and no `endpoints`")
    reaches = shape.internet is not None or bool(shape.endpoints)
    if not reaches and shape.server is not None:
        problems.add(doc.at(("server",)).where, "a `server` needs `endpoints`, where members connect to it")
    elif not reaches and adapter is None:
        problems.add(doc.where, "a client part needs an `adapter`, a server part `endpoints`, and a whole target both")
    for key in ("with", "pairs"):
        node = doc.child(key)
        if reaches and adapter is not None and node is not None:
            problems.add(node.where, f"`{key}` is of a server part or a client part, and this target is whole")
    ports = tuple(shape.endpoints)
    everywhere = (*_EVERYWHERE, *shape.pins)
    for name in shape.pins:
        if name in (*PLACES, *ports) or not _HOLE.fullmatch("{" + name + "}"):
            problems.add(doc.at(("pins",)).key(name), f"{name!r} cannot be a pin's name")
    for path, holes in (
        (("install", "steps"), everywhere),
        (("versions",), everywhere),
        (("adapter", "command"), everywhere),
        (("adapter", "browser"), everywhere),
        (("server", "command"), (*everywhere, "work", *ports)),
        (("endpoints",), ports),
    ):
        for part in _leaves(doc, path):
            for hole in _HOLE.findall(str(part.value)):
                if hole not in holes:
                    problems.unknown(part.where, "placeholder", "{" + hole + "}", ["{" + name + "}" for name in holes])
    for name, address in shape.endpoints.items():
        where = doc.at(("endpoints", name)).where
        if not _ADDRESS.match(address):
            problems.add(where, f"{address!r} is no address; write host:port, as in 127.0.0.1:{{{name}}}")
        elif shape.server is None and _HOLE.search(address):
            problems.add(where, "no server is started here, so the port must be a number")
        if name in PLACES:
            problems.add(doc.at(("endpoints",)).key(name), f"{name!r} cannot be an endpoint's name")
    faults = doc.at(("faults",))
    for kind in shape.faults or ():
        if kind not in KINDS:
            problems.unknown(faults.key(kind), "fault", kind, KINDS)
