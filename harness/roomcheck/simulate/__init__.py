"""A world in virtual time: the reference room's own machines, networks that can be broken, and no sockets.

The same schedules, the same judge; twenty minutes take milliseconds. It proves the judge, the contract and the room's
logic at exact boundaries. It proves nothing of TCP, Toxiproxy, threads or a third party's SDK.
"""

from roomcheck.simulate.play import simulate
from roomcheck.simulate.player import Virtual
from roomcheck.simulate.speech import speaks

__all__ = ["Virtual", "simulate", "speaks"]
