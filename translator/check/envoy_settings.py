"""Checks of Envoy's configuration against what the translator needs."""

from collections.abc import Callable
from functools import partial

from translator.check import envoy_routes
from translator.check.config_dump import Gateway, seconds
from translator.check.dump_routes import Json, dig
from translator.check.steps import Finding
from translator.exchange.settings import ExchangeSettings, Limits

_DEFAULT_BUFFER = 1024 * 1024
_LEAST_MESSAGE_TIMEOUT = 1.0
_LEAST_IDLE_TIMEOUT = 300.0
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

_MODES = {
    # setting: (required value, value if unset)
    "request_header_mode": ("SEND", "SEND"),
    "request_body_mode": ("BUFFERED", "NONE"),
    "request_trailer_mode": ("SEND", "SKIP"),
    "response_header_mode": ("SEND", "SEND"),
    "response_body_mode": ("BUFFERED", "NONE"),
}


def filter_present(gateway: Gateway | None) -> Finding:
    """A listener has an ext_proc filter."""
    if gateway is None:
        return Finding(
            ok=False,
            found="no HTTP connection manager has envoy.filters.http.ext_proc",
            hint="add the filter before envoy.filters.http.router, as in envoy/gateway.yaml",
        )
    return Finding(ok=True)


def processing_modes(gateway: Gateway) -> Finding:
    """Headers and trailers are sent to the filter, and bodies are buffered."""
    modes = dig(gateway.settings, "processing_mode", default={})
    wrong, right = [], []
    for name, (wanted, unset) in _MODES.items():
        value = modes.get(name, "DEFAULT" if unset != "NONE" else unset)
        if (unset if value == "DEFAULT" else value) != wanted:
            wrong.append(f"{name} is {value}")
            right.append(f"{name}: {wanted}")
    return Finding(
        not wrong, ", ".join(wrong), f"set processing_mode {', '.join(right)}" if right else ""
    )


def mode_override(gateway: Gateway) -> Finding:
    """The translator may switch to streaming."""
    ok = gateway.settings.get("allow_mode_override", False)
    hint = "set allow_mode_override: true; without it streams are buffered until they end"
    return Finding(ok=True) if ok else Finding(ok=False, found="false", hint=hint)


def failure_mode(gateway: Gateway) -> Finding:
    """No request passes untranslated."""
    ok = not gateway.settings.get("failure_mode_allow", False)
    hint = "set failure_mode_allow: false; else untranslated requests pass if it is down"
    return Finding(ok=True) if ok else Finding(ok=False, found="true", hint=hint)


def message_timeout(gateway: Gateway) -> Finding:
    """The time-out is long enough for large bodies."""
    value = gateway.settings.get("message_timeout", "0.200s")
    return Finding(
        seconds(value) >= _LEAST_MESSAGE_TIMEOUT,
        value,
        "set message_timeout: 10s; large bodies take longer than Envoy's default of 0.2 s",
    )


def listener_buffer(limits: Limits, gateway: Gateway) -> Finding:
    """Envoy can buffer the largest request and the largest response."""
    needed = max(limits.request_body, limits.response_body)
    limit = gateway.listener.get("per_connection_buffer_limit_bytes", _DEFAULT_BUFFER)
    name = _name(gateway.listener)
    return Finding(
        not 0 < limit < needed,
        f"{name}: {limit} bytes",
        f"set per_connection_buffer_limit_bytes: {needed:d} on listener {name}, "
        "as max_request_body and max_response_body of the translator; Envoy refuses larger bodies",
    )


def translator_http2(gateway: Gateway) -> Finding:
    """Envoy connects to the translator over HTTP/2, as gRPC requires."""
    name = dig(gateway.settings, "grpc_service", "envoy_grpc", "cluster_name")
    if name is None:
        if dig(gateway.settings, "grpc_service", "google_grpc") is not None:
            return Finding(ok=True, found="google_grpc")
        return Finding(
            ok=False,
            found="no grpc_service",
            hint="set grpc_service; http_service does not send bodies",
        )
    cluster = gateway.translator
    if cluster is None:
        return Finding(
            ok=False, found=f"no cluster {name}", hint="add it, as in envoy/gateway.yaml"
        )
    options = dig(cluster, "typed_extension_protocol_options", _HTTP_OPTIONS, default={})
    explicit = dig(options, "explicit_http_config", "http2_protocol_options")
    # ALPN needs TLS.
    negotiated = "auto_config" in options and "transport_socket" in cluster
    if explicit is not None or negotiated or "http2_protocol_options" in cluster:
        return Finding(ok=True)
    return Finding(
        ok=False,
        found=f"cluster {name} uses HTTP/1.1",
        hint=f"set on cluster {name} explicit_http_config: {{http2_protocol_options: {{}}}}",
    )


def route_timeout(gateway: Gateway) -> Finding:
    """No stream is cut because of its duration."""
    found = [dig(route, "route", "timeout", default="15s") for route in gateway.models if route]
    return Finding(
        all(seconds(value) == 0 for value in found),
        " and ".join(dict.fromkeys(found)),
        "set timeout: 0s on the routes to the models; else Envoy cuts longer streams (15 s if "
        "unset)",
    )


def idle_timeout(gateway: Gateway) -> Finding:
    """No stream is cut because of a pause, or before its first event."""
    default = gateway.manager.get("stream_idle_timeout", "300s")
    routes = [route for route in (gateway.openai, *gateway.models) if route] or [{}]
    found = dict.fromkeys(dig(route, "route", "idle_timeout", default=default) for route in routes)
    return Finding(
        all(seconds(value) == 0 or seconds(value) >= _LEAST_IDLE_TIMEOUT for value in found),
        " and ".join(found),
        "set stream_idle_timeout above the longest pause of a model, such as 600s, or to 0s",
    )


Check = Callable[[Gateway], Finding]

ON_ROUTES = "ext_proc on OpenAI routes"
"""The name of the first check."""


def checks(settings: ExchangeSettings) -> dict[str, tuple[Check, bool]]:
    """The checks of a gateway, in order.

    Args:
        settings: the translator's.

    Returns:
        By name: the check, and whether it needs a route that enables the filter.
    """
    limits = settings.limits
    return {
        ON_ROUTES: (envoy_routes.filter_on, False),
        "ext_proc on base_paths": (partial(envoy_routes.base_paths, settings.base_paths), True),
        "ext_proc on other paths": (envoy_routes.other_paths, True),
        "credentials in plain OIP": (
            partial(envoy_routes.credentials, settings.kept_headers),
            True,
        ),
        "route to the models": (envoy_routes.route_to_models, True),
        "processing modes": (processing_modes, False),
        "allow_mode_override": (mode_override, False),
        "failure_mode_allow": (failure_mode, False),
        "message_timeout": (message_timeout, False),
        "listener buffer limit": (partial(listener_buffer, limits), False),
        "translator cluster HTTP/2": (translator_http2, False),
        "route timeout": (route_timeout, True),
        "stream_idle_timeout": (idle_timeout, False),
    }


def _name(holder: Json) -> str:
    return str(holder.get("name") or "(unnamed)")
