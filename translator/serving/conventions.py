"""Names of OpenTelemetry's semantic conventions for generative AI that metrics and spans share."""

OPERATIONS = {
    "chat/completions": "chat",
    "embeddings": "embeddings",
    "images/generations": "generate_content",
}
"""``gen_ai.operation.name`` of each OpenAI operation that is served."""

PROVIDER = "open_inference_protocol"
"""``gen_ai.provider.name``: who runs the model is not known here, only how it is spoken to."""
