"""The fault catalogue on real links: finding a Toxiproxy, its server's life, one proxy for each member and endpoint.

A link does what it is told and reports when that took effect and what shows that it did. It refuses to judge, and it
raises HarnessError when a fault was not seen to bite.
"""

from roomcheck.faults.link import Applied, Link
from roomcheck.faults.ports import free_port
from roomcheck.faults.provision import Provisioned, provision
from roomcheck.faults.server import ToxiproxyServer

__all__ = ["Applied", "Link", "Provisioned", "ToxiproxyServer", "free_port", "provision"]
