"""toxiproxy-python 0.1.1, wrapped once: the library makes the calls, and its defects end here.

The library keeps host and port in class attributes, so each client has a private copy of the package. Its `requests` is
replaced by kept sessions with a time limit, without the environment's proxies, and with an error for every status from
400 on. What it has no call for (a proxy on a given port without listing all others, a change of a toxic in place) goes
through its own APIConsumer. Safe for threads: each thread has a session of its own.
"""

import importlib
import re
import sys
import threading
import time
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal
from urllib.parse import urlsplit

import requests

from roomcheck.errors import HarnessError

LIMIT = 3.0  # seconds a call may take: the slowest good one under load took 0.9 s, a wedged server never answers
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


class _Http:
    """Stands in for the `requests` module inside the private copy of the library."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def _session(self) -> requests.Session:
        local = self._local
        now = time.monotonic()
        if now - getattr(local, "used", -FRESH) >= FRESH:
            if hasattr(local, "session"):
                local.session.close()
                self._sessions.remove(local.session)
            local.session = requests.Session()
            local.session.trust_env = False
            self._sessions.append(local.session)
        local.used = now
        session: requests.Session = local.session
        return session

    def _call(self, method: str, url: str, **more: Any) -> requests.Response:
        try:
            answer = self._session().request(method, url, timeout=self._limit, **more)
        except requests.Timeout as e:
            raise SilentError(f"Toxiproxy did not answer {method} within {self._limit:g} s: it is wedged") from e
        except requests.RequestException as e:
            raise SilentError(f"Toxiproxy is gone: {e}") from e
        if answer.status_code >= 400:
            raise RefusedError(answer.status_code, answer.text)
        return answer

    def get(self, url: str, params: Any = None, **more: Any) -> requests.Response:
        return self._call("GET", url, params=params, **more)

    def post(self, url: str, data: Any = None, json: Any = None, **more: Any) -> requests.Response:
        return self._call("POST", url, data=data, json=json, **more)

    def delete(self, url: str, **more: Any) -> requests.Response:
        return self._call("DELETE", url, **more)

    def close(self) -> None:
        for session in self._sessions:
            session.close()


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
    """The calls that the faults need, on one server. Each raises RefusedError or SilentError; all block for at most LIMIT."""

    def __init__(self, url: str, limit: float = LIMIT) -> None:
        where = urlsplit(url)
        self._proxy, api = _private_copy()
        self._http = _Http(limit)
        api.requests = self._http  # type: ignore[attr-defined]  # the library's own import is what we replace
        self._api: Any = api.APIConsumer
        self._api.host, self._api.port = where.hostname, where.port

    def _named(self, proxy: str) -> Any:
        return self._proxy.Proxy(name=proxy, upstream="", listen="", enabled=True)

    def version(self) -> str:
        """What the server says of itself; some builds say 'git'."""
        raw = self._api.get("/version")
        try:
            return str(raw.json()["version"])
        except (ValueError, KeyError, TypeError):
            return str(raw.text).strip()

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
