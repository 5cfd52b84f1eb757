"""`pointsman publish`: from a file to a version that serves, by the command line as people use it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from pointsman.core.tensor import Array
from tests.e2e.asking import Answer, ask
from tests.e2e.bench import Bench
from tests.integration.runtimes.exhibits import ROWS, Exhibit, with_lightgbm, with_sklearn, with_xgboost

COMMAND = [sys.executable, "-c", "from pointsman.cli.main import app; app()", "publish"]


def published(bench: Bench, store: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    where = ("--kafka", bench.stack.kafka, "--store", str(store), "--json")
    return subprocess.run(
        [*COMMAND, *arguments, *where], capture_output=True, text=True, timeout=120, check=False
    )


def answer(bench: Bench, name: str, exhibit: Exhibit, rows: Array, **fields: str) -> tuple[str, Array]:
    given = rows.astype({"FP32": "f4", "FP64": "f8"}[exhibit.datatype])
    prediction = bench.predict(name, {exhibit.input: given}, **fields)
    return prediction.version, prediction.outputs[exhibit.output]


def test_a_file_becomes_a_version_and_the_next_one_waits_for_its_share(
    bench: Bench, name: str, tmp_path: Path
) -> None:
    store, rows = tmp_path / "store", ROWS[:3]
    first, second = with_xgboost(tmp_path), with_lightgbm(tmp_path)
    done = published(bench, store, name, str(first.path))
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told[0]["uri"].startswith(store.as_uri())
    assert told[-1]["state"] == "READY"
    first.path.unlink()  # it is in the store
    done = published(bench, store, name, str(second.path))
    assert done.returncode == 0, done.stderr
    for _ in range(20):
        version, found = answer(bench, name, first, rows)
        assert version == "1"
        np.testing.assert_allclose(found, first.answer(rows.astype("f4")), rtol=1e-5)
    version, found = answer(bench, name, second, rows, version="2")
    assert version == "2"
    np.testing.assert_allclose(found, second.answer(rows), rtol=1e-5)
    assert bench.control({"model": name, "split": {"2": 1}}).ok
    assert answer(bench, name, second, rows)[0] == "2"


def test_what_cannot_be_published_says_why_and_changes_nothing(
    bench: Bench, name: str, tmp_path: Path
) -> None:
    store, exhibit = tmp_path / "store", with_lightgbm(tmp_path)
    broken, strange = tmp_path / "broken.txt", tmp_path / "model.pkl"
    broken.write_bytes(exhibit.path.read_bytes()[:3_000])
    strange.write_bytes(b"\x80\x04.")
    example, expect = tmp_path / "example.npy", tmp_path / "expect.json"
    np.save(example, ROWS[:2].astype("f8"))
    expected = {exhibit.output: (exhibit.answer(ROWS[:2]) + 1).tolist()}
    expect.write_text(json.dumps(expected))
    assert published(bench, store, name, str(exhibit.path)).returncode == 0
    for arguments, words in (
        ((str(broken),), "no whole LightGBM model"),
        ((str(strange),), "--runtime"),
        ((str(tmp_path / "none.txt"),), "No such file"),
        ((str(exhibit.path), "--version", "a/b"), "versions.a/b"),
        ((str(exhibit.path), "--option", "depht=3"), "depht"),
        ((str(exhibit.path), "--signature", str(broken)), "signature"),
        ((str(exhibit.path), "--expect", str(expect)), "says what the example gives"),
        ((str(exhibit.path), "--example", str(example), "--expect", str(expect)), "instead of"),
    ):
        done = published(bench, store, name, *arguments)
        assert done.returncode != 0, arguments
        assert words in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
    version, found = answer(bench, name, exhibit, ROWS[:2])
    assert version == "1"
    np.testing.assert_allclose(found, exhibit.answer(ROWS[:2]), rtol=1e-5)


def uploaded(bench: Bench, name: str, version: str, content: bytes, query: str) -> Answer:
    path = f"/v2/repository/models/{name}/versions/{version}?{query}"
    return ask(bench.stack, "PUT", path, content)


def test_a_file_is_uploaded_over_http_serves_and_its_version_keeps_it(
    bench: Bench, name: str, tmp_path: Path
) -> None:
    exhibit, other = with_sklearn(tmp_path), with_xgboost(tmp_path)
    content = exhibit.path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    for _ in range(2):  # a client may repeat it: a PUT done twice is one done once
        told = uploaded(bench, name, "1", content, f"name={exhibit.path.name}&sha256={digest}")
        assert told.status == 200, told
        assert told.body == {
            "name": name, "version": "1", "sha256": digest, "bytes": len(content), "state": "READY",
        }  # fmt: skip
    assert (bench.stack.home.store / digest[:2] / digest / exhibit.path.name).read_bytes() == content
    taken = uploaded(bench, name, "1", other.path.read_bytes(), f"name={other.path.name}")
    assert (taken.status, digest in taken.body["error"]) == (409, True), taken
    renamed = uploaded(bench, name, "1", content, "name=other.skops")  # the router's own word
    assert (renamed.status, renamed.headers["x-pointsman-code"]) == (409, "ALREADY_EXISTS"), renamed
    broken = uploaded(bench, name, "2", content[:500], f"name={exhibit.path.name}")
    assert (broken.status, broken.body["error"][:14]) == (400, "failed to load"), broken
    rows = ROWS[:3].tolist()
    answer = ask(bench.stack, "POST", f"/v1/models/{name}:predict", {"instances": rows})
    assert answer.headers["x-pointsman-version"] == "1"
    library = exhibit.answer(ROWS[:3]).argmax(axis=1)
    np.testing.assert_array_equal(answer.body["predictions"], library)


def test_an_upload_that_ends_the_process_which_opens_it_fails_and_the_model_serves_on(
    bench: Bench, name: str, tmp_path: Path
) -> None:
    exhibit = with_sklearn(tmp_path)
    assert uploaded(bench, name, "1", exhibit.path.read_bytes(), f"name={exhibit.path.name}").status == 200
    deep = b'{"a":' + b"[" * 1_000_000  # XGBoost descends until there is no more stack
    told = uploaded(bench, name, "2", deep, "name=deep.json")
    assert (told.status, told.headers["x-pointsman-code"]) == (400, "FAILED_PRECONDITION"), told
    answer = ask(bench.stack, "POST", f"/v1/models/{name}:predict", {"instances": ROWS[:3].tolist()})
    assert (answer.status, answer.headers["x-pointsman-version"]) == (200, "1")
    np.testing.assert_array_equal(answer.body["predictions"], exhibit.answer(ROWS[:3]).argmax(axis=1))
