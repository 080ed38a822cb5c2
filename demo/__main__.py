"""``make demo``: Envoy, the translator and a real model server, until Ctrl-C."""

import argparse
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from demo import stack

_LAST_PORT = 65535
_READY = """
Base URLs for OpenAI clients:

  {url}/v1                                    the request names the model
  {url}/v2/models/chatgpt/infer               chat, Seldon's local runtime
  {url}/v2/models/openai-chat/infer           chat, Seldon's OpenAI runtime
  {url}/v2/models/openai-embeddings/infer     embeddings
  {url}/v2/models/openai-images/infer         images

Try it:

  curl -N {url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{"model": "chatgpt", "stream": true,
         "messages": [{{"role": "user", "content": "What is the capital of Romania?"}}]}}'

Logs: {folder}. Stop with Ctrl-C.
"""


def main() -> int:
    """Run the demo. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--port", type=_port, default=9000, help="port for clients (default: 9000)")
    port: int = parser.parse_args().port
    # A shell may start us with SIGINT ignored; a closed terminal sends SIGHUP.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        _require_free(port)
        folder = Path(tempfile.mkdtemp(prefix="oip-translator-demo-"))
        try:
            _run(port, folder)
        except KeyboardInterrupt:
            shutil.rmtree(folder)  # in all other cases the logs are kept
            raise
    except stack.StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        _say("Stopped.")
    return 0


def _run(port: int, folder: Path) -> None:
    http, grpc, worker = (stack.free_port() for _ in range(3))
    config = stack.gateway_config(
        port=port, admin=stack.free_port(), http=http, grpc=grpc, translators=[worker]
    )
    servers = [
        stack.mlserver(http, grpc, folder),
        stack.translator(worker, folder),
        stack.envoy(config, folder),
    ]
    with ExitStack() as running:
        for server in servers:
            begun = time.monotonic()
            sys.stdout.write(f"Starting {server.name} ... ")
            sys.stdout.flush()
            try:
                running.enter_context(server)
            except stack.StackError:
                _say("failed")
                raise
            _say(f"ready after {time.monotonic() - begun:.1f} s")
        _say(_READY.format(url=f"http://localhost:{port}", folder=folder))
        while True:
            for server in servers:
                server.check()
            time.sleep(0.5)


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) <= _LAST_PORT:
        return int(text)
    msg = f"{text!r} is not a port between 1 and {_LAST_PORT}"
    raise argparse.ArgumentTypeError(msg)


def _require_free(port: int) -> None:
    # Envoy would share the port with a process that allows it, and get half of the connections.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError as error:
            msg = f"Port {port} needs root: choose a port above 1023: make demo PORT=9001"
            raise stack.StackError(msg) from error
        except OSError as error:
            msg = (
                f"Port {port} is in use: stop the process that uses it, or run make demo PORT=9001"
            )
            raise stack.StackError(msg) from error


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
