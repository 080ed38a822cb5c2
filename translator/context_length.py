"""Recognizes the errors of models and providers for a request that is too long for the model.

Clients know OpenAI's code for this error, and then shorten the conversation. Other servers send
only a message: it is recognized by the part that all its versions share.
"""

import re

CODE = "context_length_exceeded"

# By server. The comments have the source and the message.
_SENTENCES = {
    # OpenAI's API, and after it DeepSeek's, OpenRouter's and vLLM (vllm/entrypoints/openai): "This
    # model's maximum context length is N tokens. However, you requested M tokens"
    "OpenAI, vLLM": r"maximum context length (?:is|of) ",
    # vllm/v1/engine: "The decoder prompt (length M) is longer than the maximum model
    # length of N"
    "vLLM": r"prompt .*is longer than the maximum model length",
    # the same: "The prompt (total length M) is too long to fit into the model"
    "vLLM, images": r"is too long to fit into the model",
    # cpp/include/tensorrt_llm/batch_manager/llmRequest.h: "Prompt length (M) exceeds maximum input
    # length (N)"
    "TensorRT-LLM": r"prompt length \(\d+\) exceeds maximum input length",
    # tensorrt_llm/llmapi/llm.py: "The sum of prompt length (M) and query length (K) should not
    # exceed max_num_tokens (N)"
    "TensorRT-LLM, LLM API": r"sum of prompt length .* should not exceed",
    # tools/server: "request (M tokens) exceeds the available context size (N
    # tokens), try increasing it"
    "llama.cpp": r"exceeds the available context size",
    # the same: "input is larger than the max context size. skipped", "input (M tokens) is too
    # large to process"
    "llama.cpp, embeddings": r"larger than the max context size|tokens\) is too large to process",
    # Anthropic's API: "prompt is too long: M tokens > N maximum"
    "Anthropic": r"prompt is too long: \d+ tokens",
    # the same: "input length and `max_tokens` exceed context limit: M + K > N"
    "Anthropic, max_tokens": r"input length and `max_tokens` exceed context limit",
    # Gemini API: "The input token count (M) exceeds the maximum number of tokens allowed (N)."
    "Google": r"input token count .*exceeds the maximum number of tokens",
    # Vertex AI: "the input token count is M but model only supports up to N"
    "Google Vertex AI": r"input token count is \d+ but (?:the )?model only supports up to",
    # Mistral's API: "Prompt contains M tokens, too large for model with N maximum context length"
    "Mistral": r"too large for model with \d+ maximum context length",
    # python/sglang/srt/managers/tokenizer_manager.py: "The input (M tokens) is longer than the
    # model's context length (N tokens)."
    "SGLang": r"is longer than the model's context length",
    # router/src/validation.rs: "`inputs` tokens + `max_new_tokens` must be <= N", "`inputs` must
    # have less than N tokens"
    "Text Generation Inference": r"`inputs` tokens \+ `max_new_tokens` must be <="
    r"|`inputs` must have less than \d+ tokens",
    # server/routes.go: "the input length exceeds the context length"
    "Ollama": r"input length exceeds (?:the |maximum )?context length",
    # xAI's API: "This model's maximum prompt length is N but the request contains M tokens."
    "xAI": r"maximum prompt length is \d+ but",
    # Amazon says "Input is too long for requested model."
    "Amazon Bedrock": r"input is too long for (?:the )?requested model",
}
_ANY = re.compile("|".join(f"(?:{part})" for part in _SENTENCES.values()), re.IGNORECASE)
_LONGEST = 2000  # characters that are searched


def is_told(message: str) -> bool:
    """Whether a message says that a request is too long for the model."""
    return _ANY.search(message[:_LONGEST]) is not None
