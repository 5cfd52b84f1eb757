"""Artifacts at http:// and https:// URLs, by ranges where the server knows them."""

from __future__ import annotations

import base64
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pointsman.core.uri import shown
from pointsman.errors import FAILED_PRECONDITION, NOT_FOUND, Failure, LoadError
from pointsman.stores.source import BLOCK, Stream, Unreachable

_SILENCE_S: Final = 20.0
_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_RANGE_PASSED: Final = 416
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)\Z")


class HttpSource:
    """One URL. `permits` says of the target of a redirect whether it may be followed."""

    def __init__(self, url: str, login: str, permits: Callable[[str], bool], field: str) -> None:
        self._url = url
        self._field = field
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "pointsman", **basic(login)}
        self._opener = urllib.request.build_opener(_Redirects(permits, field))

    @contextmanager
    def open(self, start: int) -> Iterator[Stream]:
        """Return the bytes from `start` on, or all of them."""
        headers = {**self._headers, **({"Range": f"bytes={start}-"} if start else {})}
        request = urllib.request.Request(self._url, headers=headers)  # noqa: S310 - `stores` allowed it
        try:
            answer = self._opener.open(request, timeout=_SILENCE_S)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == _RANGE_PASSED and start:
                    answer = None
                else:
                    raise self._refused(error.code) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._away(error) from None
        if answer is None:
            with self.open(0) as whole:  # it is shorter than what came of it before
                yield whole
            return
        with answer:
            begins, total = _extent(answer)
            yield Stream(begins, total, self._blocks(answer))

    def _blocks(self, answer: Any) -> Iterator[bytes]:
        try:
            while block := answer.read1(BLOCK):
                yield block
        except (OSError, http.client.HTTPException) as error:
            raise self._away(error) from None

    def _refused(self, status: int) -> Exception:
        if status in _LATER:
            return Unreachable(f"{shown(self._url)} answers {status}")
        code = NOT_FOUND if status in (404, 410) else FAILED_PRECONDITION
        said = f"{self._field}: {shown(self._url)} answers {status}"
        return LoadError(Failure(code, said, self._field))

    def _away(self, error: Exception) -> Unreachable:
        return Unreachable(f"{shown(self._url)} does not answer ({reason_of(error)})")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects within one host and what the operator allows; all others end the download."""

    def __init__(self, permits: Callable[[str], bool], field: str) -> None:
        self._permits = permits
        self._field = field

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the next request; raises LoadError."""
        here, there = urlsplit(req.full_url), urlsplit(newurl)
        is_same = (here.scheme, here.netloc.lower()) == (there.scheme, there.netloc.lower())
        if not is_same or not self._permits(newurl):
            fp.close()
            said = f"{self._field}: {shown(req.full_url)} redirects to another place; give the URI of that"
            raise LoadError(Failure(FAILED_PRECONDITION, said, self._field))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def basic(login: str) -> dict[str, str]:
    """Return the header that a user and password make; none for none."""
    if not login:
        return {}
    user, _, password = login.partition(":")
    said = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    return {"Authorization": f"Basic {said}"}


def reason_of(error: BaseException) -> str:
    """Return why a connection failed, in words that hold nothing of its URL."""
    inner = getattr(error, "reason", None)
    if isinstance(inner, BaseException):
        return reason_of(inner)
    if isinstance(error, TimeoutError):
        return "time-out"
    return (error.strerror if isinstance(error, OSError) else "") or type(error).__name__


def _extent(answer: Any) -> tuple[int, int]:
    """Return where an answer's bytes begin, and how many there are in all, 0 where it does not say."""
    found = _RANGE.match(answer.headers.get("Content-Range", "")) if answer.status == 206 else None
    if found:
        return int(found.group(1)), int(found.group(2)) if found.group(2) != "*" else 0
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else 0
