"""roomcheck: does a room do what its documentation promises, callback by callback, while the network is broken?

Specs are YAML, rooms are reached through adapters, links run through real Toxiproxy proxies, and a pure judge compares
what the members were told with what the spec allows. This package refuses to know any vendor's words.
"""

__version__ = "0.1.0"
