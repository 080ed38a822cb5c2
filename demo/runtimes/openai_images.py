"""The tensors of Seldon's OpenAI runtime for images: `prompt` in, the provider's JSON out."""

import asyncio
import json
import re
import time
from base64 import b64encode

from mlserver import MLModel
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse
from runtimes.painter import paint
from runtimes.tensors import read_parameters, require_strings, write_strings

MAX_IMAGES = 10
MAX_SIDE = 1024
"""The longest side of an image in pixels; larger ones are reduced to it."""
URL_PREFIXES = {"url": "data:image/png;base64,", "b64_json": ""}
"""The prefix of an image's base64, by response format."""


class OpenAIImagesRuntime(MLModel):
    """Images that are drawn without a model.

    The only output is `output_all`, shape [1, 1]: an OpenAI images response, indented by 2.
    """

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Draw `n` images of `size`, as `response_format` "url" (a data: URL) or "b64_json"."""
        prompt = require_strings(payload, "prompt")[0]
        parameters = read_parameters(payload, "llm_parameters")
        size = _size(parameters.get("size", "auto"))
        n = parameters.get("n", 1)
        if not isinstance(n, int) or not 1 <= n <= MAX_IMAGES:
            raise InferenceError(f"n must be an integer from 1 to {MAX_IMAGES}")
        response_format = str(parameters.get("response_format", "url"))
        if response_format not in URL_PREFIXES:
            raise InferenceError("response_format must be 'url' or 'b64_json'")

        pngs = [await asyncio.to_thread(paint, prompt, index, size) for index in range(n)]
        prefix = URL_PREFIXES[response_format]
        images = [{response_format: prefix + b64encode(png).decode()} for png in pngs]
        answer = {"created": int(time.time()), "data": images}
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[write_strings("output_all", [json.dumps(answer, indent=2)])],
        )


def _size(size: object) -> tuple[int, int]:
    """Read width and height in pixels from "auto" or "<width>x<height>"."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", "1024x1024" if size == "auto" else str(size))
    if match is None or 0 in map(int, match.groups()):
        raise InferenceError("size must be 'auto' or '<width>x<height>'")
    width, height = (min(int(side), MAX_SIDE) for side in match.groups())
    return width, height
