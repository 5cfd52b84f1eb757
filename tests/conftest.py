"""Settings of all tests: property-based ones draw the same examples on every run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "pointsman",
    derandomize=True,
    database=None,
    deadline=None,  # two cores may be shared with the engine
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("pointsman")
