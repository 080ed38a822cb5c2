"""LiteLLM's proxy with its provider for Triton, the nearest to OIP.

Facts of LiteLLM 1.106 and this provider:

- A chat completion is sent to Triton's ``generate`` as one text of all messages, and the response
  is one text; streams use ``generate_stream``. Of the parameters only ``max_tokens`` is sent. It
  can also use ``infer``, but then sends only the first message.
- Embeddings are sent to ``infer``, and returned as floats even if the client requested base64.
"""

import json
from pathlib import Path

import yaml

from bench import bodies
from demo import stack

_CHAT = "/v2/models/chat/generate"
_EMBEDDINGS = "/v2/models/embeddings/infer"

ANSWERS = {_CHAT: json.dumps({"model_name": "chat", "text_output": bodies.CONTENT}).encode()}
"""The responses of Triton's ``generate``, by path."""

_ENVIRONMENT = {
    # Recommended for production by its documentation.
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    # Without these it downloads prices and news.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    # No key, like the filter and the other peers. A key costs a few percent.
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    "NO_PROXY": "127.0.0.1",
}


def config(upstream_port: int) -> dict[str, object]:
    """Its configuration, for a model server on loopback."""
    upstream = f"http://127.0.0.1:{upstream_port}"
    # The name after "triton/" selects the chat template. For unknown names it asks huggingface.co
    # at each request; for most known names it compiles a template at each request, which takes
    # 2 ms. For this family it uses code instead.
    chat = {"model": "triton/codellama/CodeLlama-7b-Instruct-hf", "api_base": upstream + _CHAT}
    embeddings = {"model": "triton/embeddings", "api_base": upstream + _EMBEDDINGS}
    return {
        "model_list": [
            {"model_name": "chat", "litellm_params": chat},
            {"model_name": "embeddings", "litellm_params": embeddings},
        ],
        "litellm_settings": {
            "callbacks": [],
            "disable_hf_tokenizer_download": True,
            "drop_params": True,  # instead of 400 for unsupported parameters
            "num_retries": 0,
            "request_timeout": 600,
            "set_verbose": False,
        },
        "general_settings": {"disable_error_logs": True, "disable_spend_logs": True},
    }


def server(python: Path, port: int, upstream_port: int, folder: Path) -> stack.Server:
    """The proxy: one uvicorn worker on uvloop (its default), without a database.

    Args:
        python: the interpreter of its environment.
        port: its loopback port.
        upstream_port: the model server's loopback port.
        folder: for its configuration and log.
    """
    file = folder / f"litellm-{port}.yaml"
    file.write_text(yaml.safe_dump(config(upstream_port)))
    options = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    return stack.Server(
        "LiteLLM",
        [python.with_name("litellm"), "--config", file, *options],
        log=folder / f"litellm-{port}.log",
        ready=lambda: stack.answers(f"http://127.0.0.1:{port}/health/liveliness"),
        env=_ENVIRONMENT,
    )
