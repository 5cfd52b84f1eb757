"""HTTP to one remote: no redirects, no answer over its size, none after its time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final, NamedTuple

import httpx

from pointsman.runtimes.remote import loop
from pointsman.runtimes.remote.address import Address
from pointsman.runtimes.remote.trouble import Trouble, late, of_status, oversized, unreached

# Bodies come as they are: none unfolds into more than was measured.
_PLAIN: Final = {"accept-encoding": "identity", "user-agent": "pointsman"}


class Answer(NamedTuple):
    """An answer with status 200, whole. Names of headers are found in any case."""

    headers: Mapping[str, str]
    body: bytes


class HttpLine:
    """Connections to one address, kept open. `ask` may be called on any thread."""

    def __init__(self, address: Address, key: str, connections: int, most_bytes: int) -> None:
        self._base = f"{address.scheme}://{address.authority}"
        self._most_bytes = most_bytes
        self._http = httpx.AsyncClient(
            headers=_PLAIN | ({"authorization": f"Bearer {key}"} if key else {}),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            verify=ssl.create_default_context() if address.is_secure else False,
            follow_redirects=False,
            trust_env=False,
        )

    def ask(
        self,
        method: str,
        path: str,
        left_s: float,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Return the answer; raises Trouble, after `left_s` seconds at the latest."""
        return loop.run(self._ask(method, path, left_s, headers or {}, body))

    def close(self) -> None:
        """Close the connections."""
        loop.run(self._http.aclose())

    async def _ask(
        self, method: str, path: str, left_s: float, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        try:
            async with asyncio.timeout(left_s):
                url, timeout = self._base + path, httpx.Timeout(left_s)
                async with self._http.stream(
                    method, url, headers=dict(headers), content=body, timeout=timeout
                ) as answer:
                    return await self._read(answer)
        except (TimeoutError, httpx.TimeoutException):
            raise late(left_s) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise unreached(str(error) or type(error).__name__) from None

    async def _read(self, answer: httpx.Response) -> Answer:
        parts, size = [], 0
        async for part in answer.aiter_raw():
            parts.append(part)
            size += len(part)
            if size > self._most_bytes:
                raise oversized(self._most_bytes)
        body = b"".join(parts)
        if answer.status_code != httpx.codes.OK:
            raise of_status(answer.status_code, body, _after_s(answer.headers.get("retry-after", "")))
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise Trouble("INTERNAL", "the remote packs its answers, which it was asked not to do")
        return Answer(answer.headers, body)


def _after_s(text: str) -> float:
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0.0
