"""Checks of Envoy's routes: what meets the filter, and what reaches the models without it."""

from translator.check.config_dump import OIP_PATHS, OPENAI_PATHS, Gateway
from translator.check.steps import Finding
from translator.exchange.headers import CREDENTIALS

_NEARLY_OPENAIS = (
    "/chat/completions",
    "/openai/deployments/m/chat/completions",
    "/V1/chat/completions",
    "/v1%2Fchat/completions",
)
_CONTROL = ("/v2/repository/models/m/unload", "/metrics")


def filter_on(gateway: Gateway) -> Finding:
    """The filter is enabled on a route of OpenAI's paths."""
    if gateway.openai is None:
        listener = gateway.listener.get("name") or "(unnamed)"
        return Finding(
            ok=False,
            found=f"no route of listener {listener} for {' or '.join(OPENAI_PATHS)} "
            "enables the filter",
            hint="add typed_per_filter_config with ExtProcPerRoute and overrides: {} to the routes "
            "of OpenAI's paths, as in envoy/gateway.yaml, and put them before wider routes",
        )
    return Finding(ok=True)


def route_to_models(gateway: Gateway) -> Finding:
    """A translated request, whose path is OIP's, matches a route."""
    if None in gateway.models and not gateway.conditional:
        return Finding(
            ok=False,
            found="no route for /v2/models/<model>/infer and infer_stream",
            hint="add a route from OIP's paths to the model server: Envoy selects the route again "
            "after the translator has changed the path",
        )
    return Finding(ok=True)


def base_paths(paths: frozenset[str], gateway: Gateway) -> Finding:
    """The filter is enabled for each base path of the settings."""
    off = [
        f"{path}/chat/completions"
        for path in sorted(paths)
        if gateway.routes
        and all(on is None for _, on in gateway.routes.taken(f"{path}/chat/completions"))
    ]
    return Finding(
        not off,
        f"no route enables the filter for {', '.join(off)}" if off else "",
        "add a route for each of base_paths, or one for all paths but those of plain OIP, as in "
        "envoy/gateway.yaml",
    )


def other_paths(gateway: Gateway) -> Finding:
    """Nothing but plain OIP reaches the models without the filter."""
    around = [path for path in (*_NEARLY_OPENAIS, *_CONTROL) if gateway.without_filter(path)]
    return Finding(
        not around,
        f"{', '.join(around)} to the models without the filter" if around else "",
        "route only the paths of plain OIP that clients need, and enable the filter on all others, "
        "as in envoy/gateway.yaml; else credentials reach the models, and clients can control them",
    )


def credentials(kept: frozenset[str], gateway: Gateway) -> Finding:
    """Plain OIP does not take credentials of clients to the models."""
    passed: dict[str, None] = {}
    for path in OIP_PATHS:
        for route in gateway.without_filter(path):
            removed = gateway.routes.removed(route) if gateway.routes else set()
            passed |= dict.fromkeys(set(CREDENTIALS) - removed - kept)
    names = [name for name in CREDENTIALS if name in passed]
    return Finding(
        not names,
        f"{', '.join(names)} to the models" if names else "",
        "list them in request_headers_to_remove of the routes of plain OIP, as in "
        "envoy/gateway.yaml, or in forward_headers, if they are for the models",
    )
