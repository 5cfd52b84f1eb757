"""Keys are the pod's: where they go is its operator's decision, not that of who describes a version."""

from __future__ import annotations

import pytest

from pointsman.errors import PERMISSION_DENIED, LoadError
from pointsman.runtimes.loader import load
from pointsman.runtimes.remote.address import address_of
from pointsman.runtimes.remote.key import key_of
from pointsman.settings import Settings
from tests.unit.http.thread import ServerThread
from tests.unit.runtimes.remote.servers import DESCRIBED, Script, spec

KEY = "LLM_API_KEY"
REMOTES = (
    f"{KEY}@https://llm.example/v1",
    "OTHER_API_KEY@https://llm.example/v1/others",
    f"{KEY}@grpcs://llm.example",
    f"{KEY}@http://127.0.0.1:8000",
    f"{KEY}@http://[::1]:8000",
    f"{KEY}@grpc://localhost:8001",
    f"{KEY}@http://models:8000",
    "https://team-a.example",
    "http://localhost:9000",
)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "secret")
    monkeypatch.setenv("OTHER_API_KEY", "another secret")


@pytest.mark.parametrize(
    "uri",
    [
        "https://llm.example/v1",
        "https://llm.example/v1/others/a",
        "grpcs://llm.example/a",
        "http://127.0.0.1:8000/v1",
        "http://[::1]:8000/v1",
        "grpc://localhost:8001/a",
    ],
)
def test_a_key_goes_where_its_operator_has_bound_it(uri: str) -> None:
    assert key_of(KEY, address_of(uri, REMOTES), REMOTES) == "secret"
    assert key_of("", address_of(uri, REMOTES), REMOTES) == ""


@pytest.mark.parametrize(
    ("key", "uri", "said"),
    [
        (KEY, "https://team-a.example/v1", "LLM_API_KEY@https://team-a.example:443 in the setting `remotes`"),
        ("OTHER_API_KEY", "https://llm.example/v1", "may not send OTHER_API_KEY"),
        (KEY, "http://localhost:9000/v1", "may not send LLM_API_KEY"),
        (KEY, "http://models:8000/v1", "not sent to http://models:8000 in the clear; use https://"),
    ],
)
def test_it_goes_nowhere_else_and_not_in_the_clear(key: str, uri: str, said: str) -> None:
    with pytest.raises(LoadError) as error:
        key_of(key, address_of(uri, REMOTES), REMOTES)
    failure = error.value.failure
    assert (failure.code, failure.field) == (PERMISSION_DENIED, "options.key_env")
    assert said in failure.message
    assert "secret" not in failure.message


def test_an_allowed_server_of_a_versions_author_hears_no_key() -> None:
    server = Script(DESCRIBED)
    with ServerThread(server) as running:
        where = running.url
        for runtime, uri in (
            ("oip", f"{where}/v2/models/m"),
            ("oip", f"{where.replace('http', 'grpc')}/m"),
            ("tensorflow-serving", f"{where}/v1/models/m"),
            ("openai", f"{where}/v1"),
        ):
            options = {"key_env": KEY} | ({"model": "m"} if runtime == "openai" else {})
            allowed = Settings(remotes=(where, where.replace("http", "grpc"), *REMOTES))
            with pytest.raises(LoadError) as error:
                load(spec(uri, runtime, options=options), allowed, print)
            failure = error.value.failure
            assert (failure.code, failure.field) == (PERMISSION_DENIED, "options.key_env")
    assert server.requests == []
