"""The harness's side of the adapter protocol: starts an adapter, talks to it, and says exactly how it broke the rules.

It moves messages and checks their form. What they mean for the room is the judge's business; an adapter that hangs,
lies about time, loses callbacks or dies is an `AdapterError` with its own words, and no process is left behind.
"""

from roomcheck.adapters.host import BYE_LIMIT, AdapterHost, Answer
from roomcheck.adapters.members import StampedCallback
from roomcheck.adapters.messages import Info, schemas

__all__ = ["BYE_LIMIT", "AdapterHost", "Answer", "Info", "StampedCallback", "schemas"]
