"""Errors of models and providers for a request that is too long."""

import pytest

from translator import context_length


@pytest.mark.parametrize(
    "message",
    [
        # OpenAI
        (
            "This model's maximum context length is 8192 tokens. However, your messages resulted "
            "in 9000 tokens. Please reduce the length of the messages."
        ),
        "This model's maximum context length is 8192 tokens, however you requested 9000 tokens.",
        # vLLM
        (
            "This model's maximum context length is 4096 tokens. However, your request has 5000 "
            "input tokens. Please reduce the length of the input messages."
        ),
        (
            "The decoder prompt (length 8357) is longer than the maximum model length of 8192. "
            "Make sure that `max_model_len` is no smaller than the number of text tokens."
        ),
        "The prompt (total length 5000) is too long to fit into the model (context length 4096).",
        # TensorRT-LLM
        (
            "Prompt length (5000) exceeds maximum input length (4096). Set log level to info and "
            "check TRTGPTModel logs for how maximum input length is set"
        ),
        (
            "The sum of prompt length (5000.0) and query length (0) should not exceed "
            "max_num_tokens (4096)"
        ),
        # llama.cpp
        "the request exceeds the available context size, try increasing it",
        "request (65646 tokens) exceeds the available context size (65536 tokens)",
        "input is larger than the max context size. skipped",
        "input (600 tokens) is too large to process. increase the physical batch size",
        # Anthropic
        "prompt is too long: 210000 tokens > 200000 maximum",
        (
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease "
            "input length or `max_tokens` and try again"
        ),
        # Google
        "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).",
        "The input token count exceeds the maximum number of tokens allowed 1048576.",
        (
            "Unable to submit request because the input token count is 32768 but model only "
            "supports up to 8192."
        ),
        # Mistral
        "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
        # others
        "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
        "Input validation error: `inputs` must have less than 512 tokens. Given: 600",
        "the input length exceeds the context length",
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        "Input is too long for requested model.",
        "ValueError: THIS MODEL'S MAXIMUM CONTEXT LENGTH IS 8192 TOKENS.",
    ],
)
def test_the_messages_of_each_server_are_recognized(message: str) -> None:
    assert context_length.is_told(message)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Request too large for gpt-4 on tokens per min (TPM): Limit 10000, Requested 12000.",
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
        "inference request batch-size must be <= 8 for 'm'",
        "Invalid 'prompt_cache_key': string too long.",
        "You exceeded your current quota.",
    ],
)
def test_other_messages_are_not_recognized(message: str) -> None:
    assert not context_length.is_told(message)


def test_a_message_of_megabytes_is_read_quickly() -> None:
    assert not context_length.is_told("prompt " * 1_000_000)
