"""The proxy with aiohttp, which needs a fraction of httpx's CPU."""

import os
from collections.abc import AsyncIterator

import aiohttp
from fastapi_proxy import HEADERS, Client, proxy
from yarl import URL


class _Answer:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.content_type = response.headers.get("content-type", "")
        self.read = response.read
        self._response = response

    def chunks(self) -> AsyncIterator[bytes]:
        return self._response.content.iter_any()

    async def close(self) -> None:
        self._response.close()


class _Client(Client):
    Failure = aiohttp.ClientError

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            headers=HEADERS,
            # No limits except for connecting: models are slow, and clients are many.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def post(self, path: str, body: bytes) -> _Answer:
        url = URL(os.environ["UPSTREAM"] + path, encoded=True)
        return _Answer(await self._session.post(url, data=body))

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()


app = proxy(_Client)
