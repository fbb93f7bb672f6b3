"""A target file: which programs are the room, where it listens, and what it sets of a spec."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from roomcheck.errors import SpecError
from roomcheck.spec import expressions
from roomcheck.spec.contract import A_SERVER, Where
from roomcheck.spec.expressions import ExpressionError
from roomcheck.spec.fit import fit
from roomcheck.spec.problems import Problems
from roomcheck.spec.reader import Node, read
from roomcheck.spec.shape import BrowserShape, ServerShape, TargetShape
from roomcheck.spec.vocabulary import KINDS

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
class Target:
    """A room to test. Placeholders ({python}, {dir}, {ENDPOINT} for its port...) stand as they were written.

    `adapter_command` is empty where an adapter only dials in, and is what the browser's driver is told where `browser`
    says that the adapter is a page. `ready_within` is in microseconds and never scaled.
    `secrets` names variables of the environment whose values must not be shown, `proxies` those that name proxies and
    are handed on all the same. `places`: where each constant, option and thing that it lacks stands, for Spec.bind.
    `versions`: part of the room -> the command whose first line tells its version.
    `pins`: part of the room -> the version that the steps of `install` fetch, which a person may choose.
    `folder`: where the file lies, "" until somebody who knows says it. `jobs`: how many cases it bears at once.
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
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    folder: str = ""
    where: Where = NOWHERE
    places: Mapping[str, Where] = field(default_factory=dict)


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
    return Target(
        name=shape.target,
        title=shape.title or shape.target,
        spec=shape.spec,
        adapter_command=_page(shape.adapter.browser) if shape.adapter.browser else tuple(shape.adapter.command or ()),
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
        dial=shape.adapter.dial,
        browser=shape.adapter.browser is not None,
        install=Install(dict(shape.install.needs), tuple(map(tuple, shape.install.steps))) if shape.install else None,
        pins=dict(shape.pins),
        versions={name: tuple(command) for name, command in shape.versions.items()},
        where=doc.where,
        places={
            f"{section}.{name}": node.where
            for section in ("constants", "options")
            for name, node in _children(doc.child(section))
        }
        | {f"lacks.{name}": doc.at(("lacks",)).key(name) for name in shape.lacks},
    )


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
    if shape.adapter.command is None and not shape.adapter.dial and shape.adapter.browser is None:
        problems.add(doc.at(("adapter",)).where, "the adapter needs a `command`, or `dial: true`, or a `browser`")
    if shape.adapter.browser is not None and (shape.adapter.command or shape.adapter.dial):
        problems.add(
            doc.at(("adapter", "browser")).where, "an adapter in a `browser` has no `command` and does not dial"
        )
    if shape.internet is not None and (shape.server or shape.endpoints):
        problems.add(doc.at(("internet",)).where, "members that reach the internet have no `server` and no `endpoints`")
    if shape.internet is None and not shape.endpoints:
        problems.add(doc.where, "the target needs `endpoints`, or says which hosts of the `internet` its members reach")
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
