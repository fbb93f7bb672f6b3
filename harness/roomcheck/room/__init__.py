"""The model room: plays any contract in virtual time, with a policy for everything that the contract leaves open.

It plays a contract forwards, the judge follows a trace backwards; they share the contract and nothing else, so that
each finds the other's mistakes. `breaks` are rooms that keep all of a contract but one promise.
"""

from roomcheck.room.breaks import Break, Kind, breaks, spare
from roomcheck.room.link import alike
from roomcheck.room.play import Performance, perform, play
from roomcheck.room.policy import USUAL, Decision, Policy, Timing, share

__all__ = [
    "USUAL",
    "Break",
    "Decision",
    "Kind",
    "Performance",
    "Policy",
    "Timing",
    "alike",
    "breaks",
    "perform",
    "play",
    "share",
    "spare",
]
