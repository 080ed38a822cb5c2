"""The proxy with httpx, the client in FastAPI's documentation."""

import os
from collections.abc import AsyncIterator

import httpx
from fastapi_proxy import HEADERS, Client, proxy


class _Answer:
    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.content_type = response.headers.get("content-type", "")
        self.read, self.close = response.aread, response.aclose
        self._response = response

    def chunks(self) -> AsyncIterator[bytes]:
        return self._response.aiter_bytes()


class _Client(Client):
    Failure = httpx.TransportError

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(
            base_url=os.environ["UPSTREAM"],
            headers=HEADERS,
            # No limits except for connecting: models are slow, and clients are many.
            timeout=httpx.Timeout(None, connect=10),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
            trust_env=False,
        )

    async def post(self, path: str, body: bytes) -> _Answer:
        request = self._client.build_request("POST", path, content=body)
        return _Answer(await self._client.send(request, stream=True))

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()


app = proxy(_Client)
