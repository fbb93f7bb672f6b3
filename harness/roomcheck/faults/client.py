"""toxiproxy-python 0.1.1, wrapped once: the library makes the calls, and its defects end here.

The library keeps host and port in class attributes, so each client has a private copy of the package. Its `requests` is
replaced by one kept connection a thread, with a time limit, without the environment's proxies, and with an error for
every status from 400 on. (A requests.Session in that place took 2 ms of processor a call, and of 64 faults at once some
had moments as wide as 0.2 s; this takes 0.3 ms.) What the library has no call for, a proxy on a given port without
listing all others and a change of a toxic in place, goes through its own APIConsumer. Safe for threads.
"""

import http.client
import importlib
import json
import re
import selectors
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal
from urllib.parse import urlsplit

from roomcheck.errors import HarnessError
from roomcheck.faults.silence import Silence
from roomcheck.queued import ready

LIMIT = 3.0  # seconds a call may take: the slowest good one under load took 0.9 s, a wedged server never answers
API_PORT = 8474  # Toxiproxy's own default
FRESH = 20.0  # seconds after which a kept connection is not used again: the server drops idle ones after 30 to 60
NAME = re.compile(r"[a-z0-9_-]+\Z")  # names are not quoted in URLs, neither here nor in the server

Stream = Literal["upstream", "downstream"]  # client to server, server to client


class RefusedError(HarnessError):
    """Toxiproxy answered with an error."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"Toxiproxy refused a call with {status}: {body.strip()[:200]}")
        self.status = status


class SilentError(HarnessError):
    """Toxiproxy did not answer in time, or is gone; no later call can be trusted."""


@dataclass(frozen=True, slots=True)
class Toxic:
    """A toxic as Toxiproxy knows it; `on` is toxicity 1 or 0, the only two values without chance."""

    type: str
    stream: Stream
    attributes: dict[str, int] = field(default_factory=dict)
    on: bool = True
    label: str = ""  # where one type serves two faults: stall and throttle are both `bandwidth`

    @property
    def name(self) -> str:
        return f"{self.label or self.type}_{self.stream}"


class _Answer:
    """As much of a requests.Response as the library reads."""

    def __init__(self, status: int, content: bytes) -> None:
        self.status_code = status
        self.content = content

    def json(self) -> Any:
        return json.loads(self.content)


class _Http:
    """Stands in for the `requests` module inside the private copy: one kept connection a thread, no environment."""

    def __init__(self, address: tuple[str, int], limit: float, silence: Silence, pid: int | None) -> None:
        self._address = address
        self._silence = silence
        self._limit = limit
        self._pid = pid
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def _connection(self) -> http.client.HTTPConnection:
        local = self._local
        now = time.monotonic()
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(*self._address, timeout=self._limit)
            self._connections.append(local.connection)
        elif now - local.used > FRESH:
            local.connection.close()  # it opens itself again
        local.used = now
        connection: http.client.HTTPConnection = local.connection
        return connection

    def _call(self, method: str, url: str, body: Any = None) -> _Answer:
        connection = self._connection()
        data, headers = (None, {}) if body is None else (json.dumps(body), {"Content-Type": "application/json"})
        path = urlsplit(url).path
        self._silence.asked()
        try:
            connection.request(method, path, data, headers)
            if not ready(lambda limit: _readable(connection.sock, limit), self._limit, self._pid):
                raise TimeoutError  # noqa: TRY301 - as the socket does
            response = connection.getresponse()
            answer = _Answer(response.status, response.read())
        except TimeoutError as e:
            connection.close()
            raise SilentError(f"Toxiproxy did not answer {method} {path} within {self._limit:g} s") from e
        except (OSError, http.client.HTTPException) as e:
            connection.close()
            raise SilentError(f"Toxiproxy is gone: {e!r} at {method} {path}") from e
        finally:
            self._silence.answered()
        if answer.status_code >= 400:
            raise RefusedError(answer.status_code, f"{method} {path}: {answer.content.decode(errors='replace')}")
        return answer

    # the library gives these by name, and always None: `params`, `data`

    def get(self, url: str, params: None = None) -> _Answer:  # noqa: ARG002
        return self._call("GET", url)

    def post(self, url: str, data: None = None, json: Any = None) -> _Answer:  # noqa: ARG002
        return self._call("POST", url, json)

    def delete(self, url: str) -> _Answer:
        return self._call("DELETE", url)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


def _readable(connection: socket.socket, limit: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(limit))


_importing = threading.Lock()


def _loaded() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == "toxiproxy"]


def _private_copy() -> tuple[ModuleType, ModuleType]:
    """The library's `proxy` and `api` modules, loaded once more and known to nobody else."""
    with _importing:
        others = {name: sys.modules.pop(name) for name in _loaded()}
        try:
            importlib.import_module("toxiproxy")
            return sys.modules["toxiproxy.proxy"], sys.modules["toxiproxy.api"]
        finally:
            for name in _loaded():
                del sys.modules[name]
            sys.modules.update(others)


class Client:
    """The calls that the faults need, on one server. Each blocks for LIMIT at most, and raises the two errors above."""

    def __init__(self, url: str, limit: float = LIMIT, pid: int | None = None) -> None:
        """`pid`: of the server, if it is ours: that it waits for a processor does not count."""
        where = urlsplit(url)
        self._proxy, api = _private_copy()
        address = (where.hostname or "127.0.0.1", where.port or API_PORT)
        self.silence = Silence()
        self._http = _Http(address, limit, self.silence, pid)
        api.requests = self._http  # type: ignore[attr-defined]  # the library's own import is what we replace
        self._api: Any = api.APIConsumer
        self._api.host, self._api.port = address

    def _named(self, proxy: str) -> Any:
        return self._proxy.Proxy(name=proxy, upstream="", listen="", enabled=True)

    def version(self) -> str:
        """What the server says of itself; some builds say 'git'."""
        raw = self._api.get("/version")
        try:
            return str(raw.json()["version"])
        except (ValueError, KeyError, TypeError):
            return str(raw.content.decode(errors="replace")).strip()

    def create(self, proxy: str, *, listen: str, upstream: str, enabled: bool = True) -> None:
        """A new proxy on a given port; RefusedError with 500 if another program has the port."""
        if not NAME.match(proxy):
            raise HarnessError(f"{proxy!r} is no name of a proxy: use a-z, 0-9, _ and -")
        self._api.post("/proxies", json={"name": proxy, "listen": listen, "upstream": upstream, "enabled": enabled})

    def destroy(self, proxy: str) -> None:
        self._named(proxy).destroy()

    def enable(self, proxy: str) -> None:
        self._named(proxy).enable()

    def disable(self, proxy: str) -> None:
        self._named(proxy).disable()

    def add(self, proxy: str, toxic: Toxic) -> None:
        self._named(proxy).add_toxic(
            name=toxic.name, type=toxic.type, stream=toxic.stream, toxicity=int(toxic.on), attributes=toxic.attributes
        )

    def switch(self, proxy: str, toxic: str, *, on: bool) -> None:
        """Turn a toxic on or off in place; live connections go on."""
        self._api.post(f"/proxies/{proxy}/toxics/{toxic}", json={"toxicity": int(on)})

    def remove(self, proxy: str, toxic: str) -> None:
        self._named(proxy).destroy_toxic(toxic)

    def read(self, proxy: str) -> dict[str, Any]:
        """The proxy as the server has it: enabled, listen, upstream, toxics."""
        found: dict[str, Any] = self._api.get(f"/proxies/{proxy}").json()
        return found

    def close(self) -> None:
        """Close the kept connections; no call may be under way."""
        self._http.close()
