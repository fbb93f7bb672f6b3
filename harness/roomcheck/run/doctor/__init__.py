"""Looks whether what a run stands on is sound: the machine, Toxiproxy, the adapter, the way to the room, the room.

Each check is a line: ok, a finding with what to do, or not tried with the reason. It judges no contract: what it plays
are a login and, for each constant that the target declares, one case whose windows depend on it.
"""

from roomcheck.run.doctor.examine import Patient, examine
from roomcheck.run.doctor.line import Observation, Seen

__all__ = ["Observation", "Patient", "Seen", "examine"]
