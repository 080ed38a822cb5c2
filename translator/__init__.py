"""An Envoy external-processing filter: OpenAI clients in front, Open Inference Protocol behind.

A request walks through the folders in this order, and its answer back again::

    transport/   gRPC bytes from Envoy
    extproc/     ProcessingRequest in, ProcessingResponse out
    exchange/    one HTTP exchange as a state machine: route, phases, errors
    endpoints/   one module per OpenAI endpoint, where the two dialects meet
    openai/      the OpenAI dialect          oip/   the Open Inference Protocol dialect

``serving/`` is the process around it, ``cli.py`` its front door.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("oip-translator")
except PackageNotFoundError:  # a source tree on PYTHONPATH, never installed
    __version__ = "0+unknown"
