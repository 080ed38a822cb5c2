"""How hypothesis runs here: no deadlines, because a busy machine is no bug."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "translator",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("translator")
