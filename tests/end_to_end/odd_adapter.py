"""The reference room's adapter, with one odd value in what it reports; `python odd_adapter.py NAME`."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from roomcheck.adapter_kit import Adapter, kit
from roomcheck.reference.adapter import adapter
from roomcheck.reference.client_machine import ClientMachine

Fields = Mapping[str, Any]
DEEP: list[Any] = []
for _ in range(90):
    DEEP = [DEEP]
CHANGES: dict[str, Callable[[Fields], Fields]] = {
    "room is a list": lambda f: {**f, "roomID": [f["roomID"]] * 3},
    "room is none": lambda f: {**f, "roomID": None},
    "reason is a list": lambda f: {**f, "reason": [f["reason"]]},
    "reason is no number": lambda f: {**f, "reason": float("nan")},
    "code is a boolean": lambda f: {**f, "errorCode": bool(f["errorCode"])},
    "unprintable": lambda f: {**f, "x": ["\ud800", 10**500, DEEP, "\x1b[31m\0"], "\udfff": 1},
}


class Odd(Adapter):
    def emit(self, member: str, callback: str, fields: Fields, raw: Any = None) -> None:
        if callback == "onRoomStateChanged" and NAME in CHANGES:
            fields = CHANGES[NAME](fields)
        honest = kit.now
        if NAME == "time is huge":
            kit.now = lambda: 10**400
        try:
            super().emit(member, callback, fields, raw)
        finally:
            kit.now = honest


if __name__ == "__main__":
    NAME = sys.argv.pop(1)
    adapter(ClientMachine, Odd).main()
