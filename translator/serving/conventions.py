"""OpenTelemetry's semantic conventions for generative AI: the names and buckets used here."""

PROVIDER = "open_inference_protocol"
"""``gen_ai.provider.name``: the protocol, because the provider of the model is not known here."""

SECONDS_OF_REQUEST = tuple(0.01 * 2**power for power in range(14))
"""Buckets of ``gen_ai.server.request.duration``."""

SECONDS_TO_FIRST_TOKEN = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1),
    *(0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)
"""Buckets of ``gen_ai.server.time_to_first_token``."""

SECONDS_PER_TOKEN = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2),
    *(0.3, 0.4, 0.5, 0.75, 1, 2.5),
)
"""Buckets of ``gen_ai.server.time_per_output_token``."""

TOKENS = tuple(4**power for power in range(14))
"""Buckets of ``gen_ai.client.token.usage``."""
