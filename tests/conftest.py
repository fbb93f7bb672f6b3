"""What holds for every test: a busy machine is no reason to fail."""

from hypothesis import HealthCheck, settings

# 200 ms for one example, Hypothesis' own limit, was passed by the judge's properties on two cores under a load of 6.
settings.register_profile("roomcheck", settings(deadline=None, suppress_health_check=[HealthCheck.too_slow]))
settings.load_profile("roomcheck")
