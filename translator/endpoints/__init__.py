"""The OpenAI endpoints, one module each with helpers named after it: where the dialects meet."""

from translator.endpoints.base import Endpoint, Inference, StreamTranslator
from translator.endpoints.chat import CHAT
from translator.endpoints.embeddings import EMBEDDINGS
from translator.endpoints.images import IMAGES
from translator.endpoints.token_counts import TokenCounts

REGISTRY: dict[str, Endpoint] = {
    endpoint.operation: endpoint for endpoint in (CHAT, EMBEDDINGS, IMAGES)
}
"""Every endpoint by its operation."""

__all__ = ["REGISTRY", "Endpoint", "Inference", "StreamTranslator", "TokenCounts"]
