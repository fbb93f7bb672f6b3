"""The reference room's adapter with one ailment that `roomcheck doctor` must see; `python ailing_adapter.py NAME`.

`past-the-proxy` takes the server's own port as a second argument.
"""

import sys
import threading
from collections.abc import Mapping
from typing import Any

from roomcheck.adapter_kit import Adapter, Refused
from roomcheck.adapter_kit.kit import now
from roomcheck.reference.adapter import adapter
from roomcheck.reference.client_machine import ClientMachine

Fields = Mapping[str, Any]


class Misnaming(Adapter):
    """A callback has another name than in the contract."""

    def emit(self, member: str, callback: str, fields: Fields, raw: Any = None) -> None:
        super().emit(member, callback.replace("on", "did", 1), fields, raw)


class Fieldless(Adapter):
    """A callback lacks a field, and one of another is no text."""

    def emit(self, member: str, callback: str, fields: Fields, raw: Any = None) -> None:
        kept = {name: 7 if name == "reason" else value for name, value in fields.items() if name != "errorCode"}
        super().emit(member, callback, kept, raw)


class Elsewhere(Adapter):
    """Callbacks tell another room than the member is in."""

    def emit(self, member: str, callback: str, fields: Fields, raw: Any = None) -> None:
        super().emit(member, callback, {**fields, "roomID": "lobby"}, raw)


class Silent(Adapter):
    """No callback is told."""

    def emit(self, member: str, callback: str, fields: Fields, raw: Any = None) -> None:
        pass


class Tardy(Adapter):
    """Callbacks are stamped at once, and written after a while, by a thread of their own."""

    def emit(self, member: str, callback: str, fields: Fields, raw: Any = None) -> None:
        threading.Timer(0.5, self._write, [member, callback, fields, raw, now()]).start()

    def _write(self, member: str, callback: str, fields: Fields, raw: Any, at: int) -> None:
        with self._carrier.lock:
            if member not in self._closed:
                self._numbers[member] += 1
                event = {"type": "event", "member": member, "n": self._numbers[member], "time": at}
                self._carrier.send({**event, "callback": callback, "fields": fields, "raw": raw})


class Blocking(Adapter):
    """One call keeps the loop that hears callbacks for seconds, far longer than a busy machine is late."""

    async def _do_at(self, member: str, kind: str, message: dict[str, Any]) -> Fields | None:
        if kind == "call" and member == "crowd.0":
            threading.Event().wait(4)
        return await super()._do_at(member, kind, message)


class Lacking(Adapter):
    """An operation of the contract is missing, and an endpoint is asked for that nobody has."""

    def _hello(self, message: dict[str, Any]) -> Fields:
        del self._operations["switchRoom"]
        self.endpoints = ("room", "media")
        return super()._hello(message)


class Staying(Adapter):
    """Bye is answered, and the program stays."""

    def main(self, argv: Any = None) -> None:
        super().main(argv)
        threading.Event().wait()


class Failing(Adapter):
    """It ends with a status of its own."""

    def main(self, argv: Any = None) -> None:
        super().main(argv)
        sys.exit(3)


class PastTheProxy(Adapter):
    """Members get the server's own address."""

    async def _do_at(self, member: str, kind: str, message: dict[str, Any]) -> Fields | None:
        if kind == "open":
            message = {**message, "endpoints": {"room": f"127.0.0.1:{sys.argv[2]}"}}
        return await super()._do_at(member, kind, message)


class Early(Adapter):
    """Callbacks are stamped long before the member was opened."""

    def emit(self, member: str, callback: str, fields: Fields, raw: Any = None) -> None:
        event = {"type": "event", "member": member, "n": 1, "time": 1, "callback": callback, "fields": fields}
        self._carrier.send({**event, "raw": raw})


class Shapeless(Adapter):
    """A callback is a message of another shape than the protocol's."""

    def emit(self, member: str, callback: str, fields: Fields, raw: Any = None) -> None:
        self._carrier.send({"type": "event", "member": member, "callback": callback, "fields": fields, "raw": raw})


class Unclosing(Adapter):
    """Members that are closed go on."""

    async def _do_at(self, member: str, kind: str, message: dict[str, Any]) -> Fields | None:
        if kind == "close":
            self._closed.add(member)
            return None
        return await super()._do_at(member, kind, message)


class Swallowing(Adapter):
    """A thread of the SDK raises, and nobody hears of it."""

    def emit(self, member: str, callback: str, fields: Fields, raw: Any = None) -> None:
        super().emit(member, callback, fields, raw)
        threading.Thread(target=lambda: fields["nickname"]).start()


class Texting(Adapter):
    """Codes are text."""

    def emit(self, member: str, callback: str, fields: Fields, raw: Any = None) -> None:
        super().emit(member, callback, {k: str(v) if k == "errorCode" else v for k, v in fields.items()}, raw)


class Misrefusing(Adapter):
    """A refused call returns its code under another name."""

    async def _do_at(self, member: str, kind: str, message: dict[str, Any]) -> Fields | None:
        try:
            return await super()._do_at(member, kind, message)
        except Refused as e:
            raise Refused(code=e.fields["errorCode"]) from e


AILMENTS: dict[str, type[Adapter]] = {
    "misnaming": Misnaming,
    "fieldless": Fieldless,
    "elsewhere": Elsewhere,
    "silent": Silent,
    "tardy": Tardy,
    "blocking": Blocking,
    "lacking": Lacking,
    "staying": Staying,
    "failing": Failing,
    "past-the-proxy": PastTheProxy,
    "early": Early,
    "shapeless": Shapeless,
    "unclosing": Unclosing,
    "swallowing": Swallowing,
    "texting": Texting,
    "misrefusing": Misrefusing,
}

if __name__ == "__main__":
    adapter(ClientMachine, AILMENTS[sys.argv[1]]).main()
