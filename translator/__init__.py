"""An Envoy external-processing filter: OpenAI clients in front, Open Inference Protocol behind.

A request passes through the folders in this order, and its response back again::

    transport/   gRPC bytes from Envoy
    extproc/     ProcessingRequest in, ProcessingResponse out
    exchange/    one HTTP exchange as a state machine: route, phases, errors
    operations/  what clients ask for        in the dialect of openai/
    tasks/       the plain data in between
    contracts/   what model servers take     in the dialect of oip/

``serving/`` is the process around it, ``settings/`` what can be set, ``cli.py`` the command line.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("oip-translator")
except PackageNotFoundError:  # a source tree on PYTHONPATH, never installed
    __version__ = "0+unknown"
