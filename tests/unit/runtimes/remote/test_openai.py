from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from pointsman.core.tensor import Item, Signature, TensorSpec
from pointsman.errors import INVALID_ARGUMENT, RESOURCE_EXHAUSTED, Failure, LoadError
from pointsman.http.app import Request, Response
from tests.unit.http.thread import ServerThread
from tests.unit.runtimes.remote.servers import json_answer, opened

KEY = "TESTING_API_KEY"


class Endpoint:
    """An OpenAI-compatible endpoint: it shouts, and its vectors are lengths of words."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Response:
        """Answer."""
        self.requests.append(request)
        if request.headers.get("authorization") != "Bearer secret":
            return json_answer({"error": {"message": "Incorrect API key provided"}}, 401)
        if request.path == "/v1/models":
            return json_answer({"object": "list", "data": []})
        body: dict[str, Any] = msgspec.json.decode(request.body)
        return {"/v1/chat/completions": self._chat, "/v1/completions": self._go_on}.get(
            request.path, self._embed
        )(body)

    def _chat(self, body: dict[str, Any]) -> Response:
        prompt = body["messages"][-1]["content"]
        if prompt == "bad":
            return json_answer({"error": {"message": "no such\nword", "type": "invalid_request_error"}}, 400)
        if prompt == "often":
            return json_answer({"error": {"message": "slow down"}}, 429)
        return json_answer({"choices": [{"message": {"role": "assistant", "content": prompt.upper()}}]})

    def _go_on(self, body: dict[str, Any]) -> Response:
        return json_answer({"choices": [{"text": body["prompt"] + "!", "index": 0}]})

    def _embed(self, body: dict[str, Any]) -> Response:
        vectors = [{"index": n, "embedding": [len(text), 0.5]} for n, text in enumerate(body["input"])]
        return json_answer({"data": vectors[::-1]})


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Endpoint, str]]:
    monkeypatch.setenv(KEY, "secret")
    endpoint = Endpoint()
    with ServerThread(endpoint) as server:
        yield endpoint, f"{server.url}/v1"


def options(**more: Any) -> dict[str, Any]:
    return {"model": "small", "key_env": KEY, "retries": 0, **more}


def texts(*values: str) -> Item:
    array = np.empty(len(values), dtype=object)
    array[:] = [value.encode() for value in values]
    return {"text": array}


def test_a_chat_answers_each_text_by_itself_and_a_refused_one_spoils_no_other(
    endpoint: tuple[Endpoint, str],
) -> None:
    remote, url = endpoint
    model = opened(url, "openai", options=options(system="be loud", temperature=0.5, max_tokens=9))
    results = model.infer([texts("one", "two"), texts("bad"), texts("often"), texts("é")], 256)
    assert isinstance(results[0], dict)
    assert results[0]["text"].tolist() == [b"ONE", b"TWO"]
    assert results[1] == Failure(INVALID_ARGUMENT, "the remote says: no such word")
    assert results[2] == Failure(RESOURCE_EXHAUSTED, "the remote says: slow down")
    assert isinstance(results[3], dict)
    assert results[3]["text"].tolist() == ["É".encode()]
    sent = [msgspec.json.decode(request.body) for request in remote.requests if request.method == "POST"]
    assert {
        "model": "small",
        "messages": [{"role": "system", "content": "be loud"}, {"role": "user", "content": "one"}],
        "temperature": 0.5,
        "max_tokens": 9,
    } in sent
    model.unload()


def test_completions_go_on_with_a_text(endpoint: tuple[Endpoint, str]) -> None:
    model = opened(endpoint[1], "openai", options=options(task="completions"))
    [result] = model.infer([texts("to be", "")], 256)
    assert isinstance(result, dict)
    assert result["text"].tolist() == [b"to be!", b""]
    model.unload()


def test_embeddings_of_many_requests_are_one_call(endpoint: tuple[Endpoint, str]) -> None:
    remote, url = endpoint
    model = opened(url, "openai", options=options(task="embeddings", dimensions=2))
    before = len(remote.requests)
    results = model.infer([texts("a", "bbb"), texts("cc")], 256)
    assert [result["embedding"].tolist() for result in results if isinstance(result, dict)] == [
        [[1, 0.5], [3, 0.5]],
        [[2, 0.5]],
    ]
    assert len(remote.requests) - before == 1
    model.unload()


def test_a_text_that_is_not_utf8_is_refused_alone(endpoint: tuple[Endpoint, str]) -> None:
    odd = np.array([b"\xff"], dtype=object)
    for task in ("chat", "embeddings"):
        model = opened(endpoint[1], "openai", options=options(task=task))
        refused, served = model.infer([{"text": odd}, texts("a")], 256)
        assert isinstance(refused, Failure)
        assert (refused.code, "UTF-8" in refused.message) == (INVALID_ARGUMENT, True)
        assert isinstance(served, dict)
        model.unload()


def test_a_wrong_key_is_a_failure_to_load_that_does_not_tell_the_key(
    endpoint: tuple[Endpoint, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "hush-hush")
    with pytest.raises(LoadError, match="Incorrect API key") as error:
        opened(endpoint[1], "openai", options=options())
    assert "hush" not in error.value.failure.message


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"key_env": ""}, "HTTP 401"),
        ({"key_env": "NOWHERE_API_KEY"}, "no key in the environment variable NOWHERE_API_KEY"),
        ({"key_env": "HOME"}, "must end in _API_KEY"),
        ({"task": "images"}, "options"),
        ({"temprature": 1}, "temperature"),
        ({"timeout_ms": 0}, "options.timeout_ms"),
        ({"connections": 1000}, "options.connections"),
    ],
)
def test_options_that_cannot_be_name_themselves(
    endpoint: tuple[Endpoint, str], given: dict[str, Any], said: str
) -> None:
    with pytest.raises(LoadError, match=said):
        opened(endpoint[1], "openai", options=options(**given))


def test_a_signature_of_another_kind_is_refused_and_one_with_other_names_is_kept(
    endpoint: tuple[Endpoint, str],
) -> None:
    own = Signature((TensorSpec("question", "BYTES", (-1,)),), (TensorSpec("answer", "BYTES", (-1,)),))
    model = opened(endpoint[1], "openai", options=options(), signature=own)
    [result] = model.infer([{"question": texts("a")["text"]}], 256)
    assert isinstance(result, dict)
    assert result["answer"].tolist() == [b"A"]
    model.unload()
    with pytest.raises(LoadError, match="one input BYTES"):
        opened(
            endpoint[1],
            "openai",
            options=options(),
            signature=Signature((TensorSpec("x", "FP32", (-1, 2)),)),
        )
