from __future__ import annotations

import pytest

from pointsman.errors import INVALID_ARGUMENT, PERMISSION_DENIED, LoadError
from pointsman.runtimes.loader import load
from pointsman.runtimes.remote.address import address_of, parsed
from pointsman.settings import Settings
from tests.unit.runtimes.remote.servers import spec

PREFIX = "http://models:8000/v2/models"


@pytest.mark.parametrize(
    ("uri", "prefix"),
    [
        (f"{PREFIX}/a", PREFIX),
        (f"{PREFIX}/a", f"{PREFIX}/"),
        (f"{PREFIX}/a", "http://models:8000"),
        ("http://models/v1", "http://models:80/"),
        ("https://models/v1", "https://MODELS:443"),
        ("http://[::1]:8000/v2/models/a", "http://[::1]:8000"),
        ("grpc://models:8001/a", "grpc://models:8001"),
        ("https://models/v1", "LLM_API_KEY@https://models/v1"),
    ],
)
def test_what_lies_below_an_allowed_prefix_may_be_asked(uri: str, prefix: str) -> None:
    assert address_of(uri, ["http://other", prefix]) == parsed(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "http://models:8000/v2/modelsandmore",
        "http://models:8000/v1/models/a",
        "http://models:8001/v2/models/a",
        "http://models:800/v2/models/a",
        "http://models.evil:8000/v2/models/a",
        "http://models/v2/models/a",
        "https://models:8000/v2/models/a",
        "grpc://models:8000/v2/models/a",
        "http://169.254.169.254/v2/models/a",
        "http://localhost:8000/v2/models/a",
    ],
)
def test_what_lies_elsewhere_may_not_and_the_setting_is_named(uri: str) -> None:
    with pytest.raises(LoadError, match="`remotes`") as error:
        address_of(uri, [PREFIX])
    assert (error.value.failure.code, error.value.failure.field) == (PERMISSION_DENIED, "uri")


@pytest.mark.parametrize(
    "uri",
    [
        "http://models:8000@evil/v2/models/a",
        "http://user:secret@models:8000/v2/models/a",
        f"{PREFIX}/../../admin",
        f"{PREFIX}/%2e%2e/admin",
        f"{PREFIX}/.%2E/admin",
        "http://models:8000\\@evil/v2/models/a",
        f"{PREFIX}/a?b=c",
        f"{PREFIX}/a#b",
        f"{PREFIX}/a b",
        f"{PREFIX}/a\r\nhost: evil",
        "http://models:80001/v2/models/a",
        "http://models:port/v2/models/a",
        "http:///v2/models/a",
        "file:///etc/passwd",
        "gopher://models:8000/v2/models/a",
        "models:8000/v2/models/a",
        "LLM_API_KEY@http://models:8000/v2/models/a",
        "",
    ],
)
def test_what_two_readers_might_read_differently_is_none(uri: str) -> None:
    with pytest.raises(LoadError) as error:
        address_of(uri, [PREFIX, "http://models:8000", "http://evil"])
    assert error.value.failure.code == INVALID_ARGUMENT
    assert "secret" not in error.value.failure.message


@pytest.mark.parametrize(
    ("runtime", "uri"),
    [
        ("oip", "http://models:8000/v2/models/a"),
        ("oip", "grpc://models:8000/a"),
        ("tensorflow-serving", "http://models:8000/v1/models/a"),
        ("openai", "http://models:8000/v1"),
    ],
)
def test_without_the_setting_no_runtime_asks_anybody(runtime: str, uri: str) -> None:
    with pytest.raises(LoadError, match="`remotes`"):
        load(spec(uri, runtime, options={"model": "a"} if runtime == "openai" else {}), Settings(), print)


@pytest.mark.parametrize(
    ("runtime", "uri", "shown"),
    [
        ("oip", "http://models:8000/v1/models/a", "/v2/models/NAME"),
        ("oip", "grpc://models:8000/v2/models/a", "grpc://HOST:PORT/NAME"),
        ("tensorflow-serving", "http://models:8000/v2/models/a", "/v1/models/NAME"),
    ],
)
def test_a_path_of_another_protocol_is_told_the_right_form(runtime: str, uri: str, shown: str) -> None:
    allowed = Settings(remotes=("http://models:8000", "grpc://models:8000"))
    with pytest.raises(LoadError, match=shown):
        load(spec(uri, runtime), allowed, print)
