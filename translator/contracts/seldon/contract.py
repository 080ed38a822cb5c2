"""Seldon's contract, and its variant for the pipelines of a Seldon mesh.

The pipeline gateway does not stream, accepts only scalar parameters, and encodes each output as
base64 unless its ``content_type`` is that of text.
"""

from functools import partial

from translator.contracts.base import Contract
from translator.contracts.seldon import drawing, embedding, generation
from translator.contracts.seldon.wire import MODEL, PIPELINE_GATEWAY, Wire


def _contract(name: str, wire: Wire, *, can_stream: bool = True, mesh_suffix: str = "") -> Contract:
    return Contract(
        name,
        generate=partial(generation.ask, wire),
        embed=partial(embedding.ask, wire),
        draw=partial(drawing.ask, wire),
        can_stream=can_stream,
        inputs={
            "generate": generation.INPUTS,
            "embed": embedding.INPUTS,
            "draw": drawing.INPUTS,
        },
        outputs={
            "generate": generation.OUTPUTS,
            "embed": embedding.OUTPUTS,
            "draw": drawing.OUTPUTS,
        },
        message_fields=generation.MESSAGE_FIELDS,
        mesh_suffix=mesh_suffix,
    )


SELDON = _contract("seldon", MODEL)
PIPELINE = _contract("seldon-pipeline", PIPELINE_GATEWAY, can_stream=False, mesh_suffix=".pipeline")
