"""The steps of ``check``, their order and their dependencies.

Each part that the options name is checked from the outside: the translator over gRPC; Envoy, its
admin interface and the model server over HTTP; all of them with OpenAI requests.
"""

import argparse
from functools import cache, partial

from translator.check import calls, envoy_admin, envoy_settings
from translator.check.config_dump import Gateway
from translator.check.steps import Finding, ProbeError, Step
from translator.contracts.models import Models
from translator.exchange.settings import ExchangeSettings
from translator.settings.definition import Settings
from translator.transport.health.client import client_tls

_HEALTH = "translator health"
_READY = "Envoy ready"
_FILTER = "ext_proc filter"
_ROUTE = envoy_settings.ON_ROUTES
_LISTENER = "Envoy listener"
_LIVE = "upstream live"
_MODELS = "upstream ready"

_ADMIN_HINT = "is Envoy running, and is this its admin interface?"


def steps(given: argparse.Namespace, settings: Settings) -> list[Step]:
    """All steps, in order.

    Args:
        given: the options of the command.
        settings: the translator's.
    """
    return [
        Step(
            _HEALTH,
            partial(
                calls.translator_health,
                given.translator,
                client_tls(settings.tls_certificate, settings.tls_key),
                given.timeout,
            ),
            missing=None if given.translator else "--translator",
        ),
        *_envoy_steps(given, settings.exchange),
        *_upstream_steps(given),
        *_client_steps(given, settings.exchange.models),
    ]


def _envoy_steps(given: argparse.Namespace, settings: ExchangeSettings) -> list[Step]:
    admin, timeout = given.envoy_admin, given.timeout
    missing = None if admin else "--envoy-admin"

    @cache
    def load() -> Gateway | None:
        return envoy_admin.load_gateway(admin, given.envoy, timeout)

    def present() -> Finding:
        return envoy_settings.filter_present(load())

    def about(check: envoy_settings.Check) -> Finding:
        gateway = load()
        if gateway is None:  # cannot be: this step is skipped when the filter step failed
            msg = "no ext_proc filter"
            raise ProbeError(msg)
        return check(gateway)

    return [
        Step(_READY, partial(envoy_admin.ready, admin, timeout), _ADMIN_HINT, missing),
        Step(
            "Envoy version",
            partial(envoy_admin.version, admin, timeout),
            _ADMIN_HINT,
            missing,
            (_READY,),
        ),
        Step(_FILTER, present, _ADMIN_HINT, missing, (_READY,)),
        *(
            Step(
                name,
                partial(about, check),
                missing=missing,
                needs=(_FILTER, _ROUTE) if routed else (_FILTER,),
            )
            for name, (check, routed) in envoy_settings.checks(settings).items()
        ),
    ]


def _upstream_steps(given: argparse.Namespace) -> list[Step]:
    missing = None if given.upstream else "--upstream"
    hint = "is the model server running, and is this its HTTP address?"
    return [
        Step(
            name,
            partial(calls.upstream_health, given.upstream, path, given.timeout),
            hint,
            missing,
            needs,
        )
        for name, path, needs in ((_LIVE, "live", ()), (_MODELS, "ready", (_LIVE,)))
    ]


def _client_steps(given: argparse.Namespace, models: Models) -> list[Step]:
    envoy, timeout = given.envoy, given.timeout
    missing = None if envoy else "--envoy"
    slow = "see the logs of Envoy and of the model server; for a slow model, raise --timeout"
    needs: tuple[str, ...] = (_LISTENER, _HEALTH, _FILTER, _ROUTE)
    steps = [
        Step(
            _LISTENER,
            partial(calls.listener_open, envoy, timeout),
            "is Envoy running, and is this the port of its listener?",
            missing,
        ),
        Step(
            "error of a bad request",
            partial(calls.error_shape, envoy, timeout),
            slow,
            missing,
            needs,
        ),
    ]
    needs = (*needs, _MODELS)
    for model in dict.fromkeys(given.chat):
        whole, streamed = f"chat {model}", f"chat stream {model}"
        steps += [
            Step(whole, partial(calls.chat, envoy, model, timeout), slow, missing, needs),
            Step(
                streamed,
                partial(
                    calls.chat_stream,
                    envoy,
                    model,
                    timeout,
                    whole=not models.of(model).can_stream,
                ),
                slow,
                missing,
                (*needs, whole),
            ),
        ]
    steps += [
        Step(
            f"embeddings {model}",
            partial(calls.embeddings, envoy, model, timeout),
            slow,
            missing,
            needs,
        )
        for model in dict.fromkeys(given.embeddings)
    ]
    for name in ("chat", "embeddings"):
        if not getattr(given, name):
            steps.append(Step(name, lambda: Finding(ok=True), missing=f"--{name}"))
    return steps
