"""An Envoy ext_proc filter that translates between OpenAI clients and OIP model servers.

A request passes through the folders in this order, and its response in reverse order::

    transport/   gRPC bytes from Envoy
    extproc/     ProcessingRequest in, ProcessingResponse out
    exchange/    one HTTP exchange as a state machine: route, phases, errors
    operations/  the client's API              with openai/
    tasks/       the plain data in between
    contracts/   the model server's protocol   with oip/

``serving/`` has the process, ``settings/`` the settings, ``cli.py`` the command line.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("oip-translator")
except PackageNotFoundError:  # a source tree on PYTHONPATH, not installed
    __version__ = "0+unknown"
