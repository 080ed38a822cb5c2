"""LangChain's OpenAIEmbeddings as it comes: it sends tokens of OpenAI's models, whatever the model.

LiteLLM brings the file of these tokens, so nothing is downloaded.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import tiktoken
from langchain_openai import OpenAIEmbeddings
from openai import BadRequestError
from tokenizers import Tokenizer, decoders, models

from demo import stack
from tests import oip
from tests.clients.conftest import TRANSLATOR_PYTHON
from tests.e2e.conftest import Gateway
from tests.e2e.upstream import Upstream

TEXTS = ["A text", "Another, longer one: grüße, 東京 and 😀"]


@pytest.fixture(scope="module", autouse=True)
def _offline() -> Iterator[None]:
    litellm = find_spec("litellm")
    assert litellm is not None
    assert litellm.origin is not None
    folder = Path(litellm.origin).parent / "litellm_core_utils" / "tokenizers"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
        yield


@pytest.fixture(scope="module")
def decoding(
    _offline: None, _upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway that decodes the tokens of ``cl100k_base`` for the model ``decoded``."""
    folder = tmp_path_factory.mktemp("decoding")
    file, settings = folder / "tokenizer.json", folder / "settings.toml"
    file.write_text(of_tiktoken("cl100k_base").to_str())
    settings.write_text(f"[models.decoded]\ntoken_input = 'decode'\ntokenizer = '{file}'")
    with stack.gateway(
        folder,
        http=_upstream.port,
        grpc=_upstream.port,
        options=["--config", str(settings)],
        python=TRANSLATOR_PYTHON,
    ) as parts:
        yield Gateway(*parts)


def of_tiktoken(name: str) -> Tokenizer:
    """What decodes the tokens of an encoding of tiktoken."""
    encoding = tiktoken.get_encoding(name)
    written = bytes_as_written()
    vocabulary = {}
    for token in range(encoding.max_token_value):
        try:
            data = encoding.decode_single_token_bytes(token)
        except KeyError:  # some numbers are no token
            continue
        vocabulary["".join(written[byte] for byte in data)] = token
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def bytes_as_written() -> dict[int, str]:
    """The character that stands for each byte in such a file: its own where that is printable."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    shifted = {byte: chr(256 + index) for index, byte in enumerate(others)}
    return {byte: chr(byte) for byte in printable} | shifted


def client(url: str, model: str) -> OpenAIEmbeddings:
    return OpenAIEmbeddings(base_url=url, api_key="none", model=model, max_retries=0)


def test_tokens_are_refused_with_the_way_out(url: str, upstream: Upstream) -> None:
    with pytest.raises(BadRequestError) as caught:
        client(url, "embed").embed_documents(TEXTS)
    assert "OpenAIEmbeddings(check_embedding_ctx_length=False)" in caught.value.message
    assert upstream.received == []


def test_tokens_are_decoded_to_the_text_that_was_meant(
    decoding: Gateway, upstream: Upstream
) -> None:
    vectors = oip.numbers("embedding", 0.0, 1.0, 0.6, 0.8, datatype="FP32")
    upstream.answer(oip.response({**vectors, "shape": [2, 2]}))
    got = client(f"{decoding.url}/v1", "decoded").embed_documents(TEXTS)
    assert got == [pytest.approx([0.0, 1.0]), pytest.approx([0.6, 0.8])]
    [tensor] = upstream.received[-1].json["inputs"]
    assert (tensor["datatype"], tensor["data"]) == ("BYTES", TEXTS)
