"""Reads Envoy's admin interface: readiness, version, configuration."""

import re

import msgspec

from translator.check.config_dump import Gateway, find
from translator.check.http_client import fetch, port_of
from translator.check.steps import Finding, ProbeError

_OK = 200
_LEAST_VERSION = (1, 36)


def ready(admin: str, timeout: float) -> Finding:
    """Envoy has its configuration and accepts requests."""
    reply = fetch(f"{admin}/ready", timeout)
    if reply.status == _OK:
        return Finding(ok=True)
    state = reply.body.decode(errors="replace").strip()
    return Finding(
        ok=False,
        found=f"HTTP {reply.status} {state}".strip(),
        hint="wait until Envoy has its configuration; if it never has, see its log",
    )


def version(admin: str, timeout: float) -> Finding:
    """The version supports the configuration in envoy/."""
    try:
        info = msgspec.json.decode(fetch(f"{admin}/server_info", timeout).body)
        found = str(info["version"]).split("/")[1]
        numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    except (ValueError, LookupError, TypeError) as error:
        msg = "/server_info has no version"
        raise ProbeError(msg) from error
    least = ".".join(map(str, _LEAST_VERSION))
    return Finding(numbers >= _LEAST_VERSION, found or "unknown", f"use Envoy {least} or later")


def load_gateway(admin: str, envoy: str | None, timeout: float) -> Gateway | None:
    """The ext_proc filter in Envoy's configuration, if there is one.

    Raises:
        ProbeError: the configuration cannot be read.
    """
    reply = fetch(f"{admin}/config_dump", timeout)
    try:
        if reply.status == _OK:
            return find(reply.body, port_of(envoy) if envoy else None)
    except (ValueError, TypeError, AttributeError) as error:
        msg = "/config_dump is not a configuration of Envoy"
        raise ProbeError(msg) from error
    msg = f"HTTP {reply.status} from /config_dump"
    raise ProbeError(msg)
