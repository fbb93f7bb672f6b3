"""What a person writes for a target: a name, a pair of parts, and the versions that are chosen.

`NAME` is a folder that ships with the package, or a path. `SERVER+CLIENT` is a server part with a client part; a part
named alone is played with the one that its `with` names. What stands behind an @ belongs to the name before it:
`NAME@VERSION`, or `NAME@PIN=VERSION,PIN=VERSION` where a part pins several.
"""

from dataclasses import replace
from pathlib import Path

from roomcheck.cli.files import find_spec, find_target, is_target, part_names, read_target, read_text, spec_of
from roomcheck.errors import UsageError
from roomcheck.model.names import did_you_mean
from roomcheck.spec.pair import pair
from roomcheck.spec.reader import read
from roomcheck.spec.target import Target


def open_target(name: str) -> Target:
    """The target of this name, as it can be played.

    UsageError: there is no such part or version, or the two do not fit; SpecError lists every mistake in a file.
    """
    both = _halves(name)
    if both is not None:
        return joined(open_part(both[0]), open_part(both[1]))
    part = open_part(name)
    if part.has_client and part.has_server:
        return part
    if not part.usual:
        side, other = ("server", f"SERVER+{name}") if part.has_client else ("client", f"{name}+CLIENT")
        raise UsageError(
            f"{part.name} is one part only: name its {side} too, as in {other}, or a usual one in `with`; "
            f"there are {_fitting(part)}"
        )
    other_part = open_part(part.usual, Path(part.folder))
    return joined(other_part, part) if part.has_client else joined(part, other_part)


def halves_of(name: str) -> list[str]:
    """What a person wrote for each part: both of a pair, or the one that stands alone."""
    return [*(_halves(name) or (name,))]


def open_part(name: str, folder: Path = Path()) -> Target:
    """One folder's target or part, with the versions that were chosen; a path may also be written from `folder` on."""
    beside = str(folder / name)
    if folder != Path() and (Path(beside).is_file() or (Path(beside) / "target.yaml").is_file()):
        name = beside
    plain, versions = _split(name)
    target = read_target(find_target(plain))
    if versions is None:
        return target
    chosen: dict[str, str] = {}
    for text in versions.split(","):
        pin, version = _chosen(target, text)
        if pin in chosen:
            raise UsageError(f"{name!r} names two versions of {pin}: {chosen[pin]} and {version}")
        chosen[pin] = version
    return replace(target, pins={**target.pins, **chosen}, chosen=chosen)


def joined(server: Target, client: Target) -> Target:
    """The two parts as one target. UsageError: they are no server and client part, or have no contract in common."""
    for part in (server, client):
        if part.has_server and part.has_client:
            raise UsageError(f"{part.name} is a whole target, server and client in one folder: name it alone")
    if client.has_server and server.has_client:
        raise UsageError(f"{server.name} is the client part: write {client.label}+{server.label}")
    if client.has_server or server.has_client:
        two, side, odd = ("servers", "client", server) if client.has_server else ("clients", "server", client)
        both = f"{server.name} and {client.name}"
        raise UsageError(f"{both} are two {two}, and a target needs a {side} too. There are {_fitting(odd)}")
    spec = narrower(server, client)
    if spec is None:
        raise UsageError(
            f"{server.name} and {client.name} do not fit: the contract of one is {server.spec}, of the other "
            f"{client.spec}, and neither extends the other. There are {_fitting(server)}"
        )
    return pair(server, client, spec)


def narrower(one: Target, other: Target) -> Target | None:
    """The one whose contract is the other's or extends it; None if there is none."""
    mine, theirs = spec_of(one).resolve(), spec_of(other).resolve()
    if mine == theirs or mine in lineage(theirs):
        return other
    return one if theirs in lineage(mine) else None


def lineage(spec: Path) -> list[Path]:
    """A spec's file and those that it extends, resolved."""
    files: list[Path] = []
    path: Path | None = spec.resolve()
    while path is not None and path not in files and path.is_file():
        files.append(path)
        text = read_text(path)
        named = read(text, str(path)).child("extends") if "extends" in text else None  # to read all of it takes long
        path = (path.parent / named.value).resolve() if named and isinstance(named.value, str) else None
    return files


def parts_of(contract: str) -> tuple[list[str], list[str]]:
    """The names of the server parts and client parts that ship and speak a contract, or one that extends it."""
    wanted = find_spec(contract).resolve()
    servers: list[str] = []
    clients: list[str] = []
    for name in part_names():
        part = read_target(find_target(name))
        if part.has_server != part.has_client and wanted in lineage(spec_of(part)):
            (clients if part.has_client else servers).append(name)
    return servers, clients


def _fitting(part: Target) -> str:
    """The parts on the other side that fit this one."""
    side = "servers" if part.has_client else "clients"
    others = [read_target(find_target(name)) for name in part_names()]
    names = [
        other.name for other in others
        if other.has_client != other.has_server and other.has_server == part.has_client and narrower(other, part)
    ]  # fmt: skip
    return f"the {side} {', '.join(names)}" if names else f"no {side} of its contract"


def _halves(name: str) -> tuple[str, str] | None:
    """The two names in SERVER+CLIENT. A path, or a version, may hold a plus sign of its own."""
    splits = [(name[:i], name[i + 1 :]) for i, sign in enumerate(name) if sign == "+"]
    if not splits or is_target(name):
        return None
    there = next((split for split in splits if all(is_target(_split(half)[0]) for half in split)), None)
    return there or (None if is_target(_split(name)[0]) else splits[0])


def _split(name: str) -> tuple[str, str | None]:
    """The name, and what stands behind its @; a path may hold one of its own."""
    plain, at, versions = name.rpartition("@")
    return (name, None) if not at or is_target(name) else (plain, versions)


def _chosen(target: Target, text: str) -> tuple[str, str]:
    """The pin and the version that `PIN=VERSION` or `VERSION` chooses."""
    pin, equals, version = text.partition("=")
    if not equals:
        pin, version = next(iter(target.pins), ""), text
    if not target.pins:
        raise UsageError(f"{target.name} has one version only: its target.yaml has no `pins`")
    pins = ", ".join(target.pins)
    if pin not in target.pins:
        raise UsageError(f"{target.name} pins no {pin!r}{did_you_mean(pin, target.pins)}")
    if not version or (not equals and len(target.pins) > 1):
        raise UsageError(
            f"{target.name}@{text} does not say which version of what: write {target.name}@PIN=VERSION, "
            f"where the pins are {pins}"
        )
    return pin, version
