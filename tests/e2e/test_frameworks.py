"""Models of every framework as versions of one model, on the real engine: each answers as its library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pointsman.core.tensor import DTYPES
from tests.e2e.bench import Bench
from tests.integration.runtimes.exhibits import MAKERS, ROWS
from tests.integration.runtimes.published import TEXTS, minilm, sentences

REQUESTS = 40
# Their rows differ in size and place, so an answer that is another caller's shows.
SIZES = (1, 3, 2, 8)


def test_every_framework_answers_each_caller_what_its_library_says(
    bench: Bench, name: str, tmp_path: Path
) -> None:
    exhibits = {runtime: maker(tmp_path) for runtime, maker in MAKERS.items()}
    versions = {
        runtime: {"uri": exhibit.path.as_uri(), "runtime": runtime, **exhibit.fields}
        for runtime, exhibit in exhibits.items()
    }
    bench.apply(name, versions, {next(iter(versions)): 100})
    wanted = {}
    for runtime, exhibit in exhibits.items():
        for number in range(REQUESTS):
            begin, size = 10 * number, SIZES[number % len(SIZES)]
            rows = np.ascontiguousarray(ROWS[begin : begin + size], DTYPES[exhibit.datatype])
            request_id = f"{name}-{runtime}-{number}"
            bench.send(name, request_id, rows, version=runtime, tensor=exhibit.input)
            wanted[request_id] = exhibit.output, exhibit.answer(rows)
    bench.settled()
    for request_id, (output, answer) in wanted.items():
        found = bench.outputs(request_id)[output]
        np.testing.assert_allclose(found, answer, rtol=1e-5, atol=1e-5, err_msg=request_id)


@pytest.mark.parametrize("runtime", MAKERS)
def test_a_broken_file_leaves_the_old_version_in_service(
    bench: Bench, name: str, tmp_path: Path, runtime: str
) -> None:
    exhibit = MAKERS[runtime](tmp_path)
    broken = tmp_path / f"broken{exhibit.path.suffix}"
    whole = exhibit.path.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    good = {"uri": exhibit.path.as_uri(), "runtime": runtime, **exhibit.fields}
    bench.apply(name, {"1": good}, {"1": 100})
    ack = bench.control(
        {
            "model": name,
            "apply": {
                "versions": {"1": good, "2": {**good, "uri": broken.as_uri()}},
                "route": {"split": {"2": 100}},
            },
        }
    )
    assert ack.ok, ack.error
    assert bench.state(name, "2", "FAILED")["reason"]
    rows = np.ascontiguousarray(ROWS[:2], DTYPES[exhibit.datatype])
    answer = bench.predict(name, {exhibit.input: rows})
    assert answer.version == "1"
    np.testing.assert_allclose(
        answer.outputs[exhibit.output], exhibit.answer(rows), rtol=1e-5, atol=1e-5, err_msg=runtime
    )


def test_strings_go_in_and_embeddings_come_out(bench: Bench, name: str) -> None:
    folder = minilm()
    wanted = np.load(folder / "embeddings.npy")
    bench.apply(name, {"1": sentences(folder)}, {"1": 100})
    for number, text in enumerate(TEXTS):
        column = np.array([text.encode()], dtype=object)
        bench.send(name, f"{name}-{number}", column, tensor="text")
        tensor = {"name": "text", "datatype": "BYTES", "shape": [1], "data": [text]}
        bench.send_json(
            f"{name}-{number}-json", {"id": f"{name}-{number}-json", "inputs": [tensor]}, key=name
        )
    bench.settled()
    for number, embedding in enumerate(wanted):
        [found] = bench.outputs(f"{name}-{number}")["embedding"]
        assert found @ embedding > 0.999, TEXTS[number]
        body: Any = bench.ledger.finals[f"{name}-{number}-json"].body
        [output] = body["outputs"]
        assert np.array(output["data"]) @ embedding > 0.999, TEXTS[number]
    refused = f"{name}-refused"
    bench.send(name, refused, np.array([b"\xff\xfe"], dtype=object), tensor="text")
    bench.settled()
    assert bench.ledger.finals[refused].error == "INVALID_ARGUMENT"
