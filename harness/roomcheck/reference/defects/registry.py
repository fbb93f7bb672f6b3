"""The list of all defects, and how a program is given one."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from roomcheck.reference.client_machine import ClientMachine
from roomcheck.reference.server_machine import ServerMachine


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect: what it is about, in a sentence what goes wrong, and the machine that has it.

    `breaks`: ids of the contract's requirements; whoever finds the defect should name one of them.
    """

    name: str
    topic: str
    sentence: str
    side: Literal["client", "server"]
    breaks: tuple[str, ...]
    machine: type[ClientMachine] | type[ServerMachine]


DEFECTS: dict[str, Defect] = {}
# What a run on sockets sets of the contract's constants: 20 minutes of retries show nothing that 3 do not, and the
# longer a case is the more likely is a moment in which the machine is late.
SHORTER = {"retry_timeout": "3min"}

Machine = TypeVar("Machine", type[ClientMachine], type[ServerMachine])


def defect(name: str, topic: str, *breaks: str) -> Callable[[Machine], Machine]:
    """Decorate a machine whose docstring is the sentence."""

    def register(machine: Machine) -> Machine:
        side: Literal["client", "server"] = "client" if issubclass(machine, ClientMachine) else "server"
        DEFECTS[name] = Defect(name, topic, (machine.__doc__ or name).strip(), side, breaks, machine)
        return machine

    return register


def client(name: str | None) -> type[ClientMachine]:
    """The client's machine with this defect; the conforming one for None and for a defect of the server."""
    machine = DEFECTS[name].machine if name else ClientMachine
    return machine if issubclass(machine, ClientMachine) else ClientMachine


def server(name: str | None) -> type[ServerMachine]:
    """The server's machine with this defect; the conforming one for None and for a defect of the client."""
    machine = DEFECTS[name].machine if name else ServerMachine
    return machine if issubclass(machine, ServerMachine) else ServerMachine


def add_option(options: argparse.ArgumentParser) -> None:
    """`--defect NAME`; an unknown name is an error that lists all."""
    options.add_argument("--defect", type=_known, metavar="NAME", help="run with this one defect")


def _known(name: str) -> str:
    if name in DEFECTS:
        return name
    raise argparse.ArgumentTypeError(f"unknown defect {name!r}; there are: {', '.join(sorted(DEFECTS))}")
