"""Work spread over processes, by Dask's scheduler and workers.

What is done, in which order it counts and what becomes of what a worker died of is decided here; queues, heartbeats and
sending are Dask's. One worker is this process, and Dask is not imported.
"""

from roomcheck.cluster.start import on_sockets, simulated, spreading

__all__ = ["on_sockets", "simulated", "spreading"]
