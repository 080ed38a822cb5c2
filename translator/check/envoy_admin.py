"""What Envoy's admin interface says of it: whether it is ready, its version, its configuration."""

import re

import msgspec

from translator.check.config_dump import Gateway, find
from translator.check.http_client import fetch, port_of
from translator.check.steps import Finding, ProbeError

_OK = 200
_LEAST_VERSION = (1, 36)


def ready(admin: str, timeout: float) -> Finding:
    """Envoy has its configuration and serves."""
    reply = fetch(f"{admin}/ready", timeout)
    if reply.status == _OK:
        return Finding(ok=True)
    state = reply.body.decode(errors="replace").strip()
    return Finding(
        ok=False,
        found=f"HTTP {reply.status} {state}".strip(),
        hint="wait until it has its configuration; if it never does, see Envoy's log",
    )


def version(admin: str, timeout: float) -> Finding:
    """It is one that the configuration in envoy/ is written for."""
    try:
        info = msgspec.json.decode(fetch(f"{admin}/server_info", timeout).body)
        found = str(info["version"]).split("/")[1]
        numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    except (ValueError, LookupError, TypeError) as error:
        msg = "/server_info tells no version"
        raise ProbeError(msg) from error
    least = ".".join(map(str, _LEAST_VERSION))
    return Finding(numbers >= _LEAST_VERSION, found or "unknown", f"use Envoy {least} or later")


def load_gateway(admin: str, envoy: str | None, timeout: float) -> Gateway | None:
    """The filter in Envoy's configuration, if it has one.

    Raises:
        ProbeError: the configuration cannot be had.
    """
    reply = fetch(f"{admin}/config_dump", timeout)
    try:
        if reply.status == _OK:
            return find(reply.body, port_of(envoy) if envoy else None)
    except (ValueError, TypeError, AttributeError) as error:
        msg = "/config_dump is not Envoy's"
        raise ProbeError(msg) from error
    msg = f"/config_dump answers HTTP {reply.status}"
    raise ProbeError(msg)
