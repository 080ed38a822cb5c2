"""LiteLLM's proxy, with its provider for Triton: what is nearest to OIP of all that it speaks.

Of LiteLLM 1.106 and its provider:

- A chat completion goes to Triton's ``generate``, as one text made of all messages, and its answer
  is one text; events come from ``generate_stream``. Of the parameters only ``max_tokens`` travels.
  It can use ``infer`` too, but then sends the first message alone.
- Embeddings go to ``infer``, and come back as floats whatever the client asked for.
"""

import json
from pathlib import Path

import yaml

from bench import bodies
from demo import stack

_CHAT = "/v2/models/chat/generate"
_EMBEDDINGS = "/v2/models/embeddings/infer"

ANSWERS = {_CHAT: json.dumps({"model_name": "chat", "text_output": bodies.CONTENT}).encode()}
"""What Triton's ``generate`` answers, by path."""

_ENVIRONMENT = {
    # What its documentation recommends for production.
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    # Otherwise it fetches prices and news.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    # The filter and the other peers check no key either. With one it needs a few percent more.
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    "NO_PROXY": "127.0.0.1",
}


def config(upstream_port: int) -> dict[str, object]:
    """Its configuration before a model server on loopback."""
    upstream = f"http://127.0.0.1:{upstream_port}"
    # The name behind "triton/" chooses how messages become one text. Of a name that it does not
    # know it asks huggingface.co, at each request; of most that it knows it compiles a template,
    # at each request too, for 2 ms more. This family's is made by code.
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
            "drop_params": True,  # instead of 400 for a parameter that it cannot send on
            "num_retries": 0,
            "request_timeout": 600,
            "set_verbose": False,
        },
        "general_settings": {"disable_error_logs": True, "disable_spend_logs": True},
    }


def server(python: Path, port: int, upstream_port: int, folder: Path) -> stack.Server:
    """The proxy: one uvicorn worker on uvloop, which is its default, and no database.

    Args:
        python: of the environment that it is installed in.
        port: where it listens on loopback.
        upstream_port: the model server's.
        folder: takes its configuration and log.
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
