"""MLServer's batch client, unmodified."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from scripts.environments import python_with
from tests.conformance.environment import RUNS_WITHIN_S


def test_mlserver_infer_has_a_file_of_requests_answered(http: str, tmp_path: Path) -> None:
    given, answered = tmp_path / "given.jsonl", tmp_path / "answered.jsonl"
    with given.open("w") as file:
        for number in range(40):
            tensor = {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [number] * 4}
            file.write(json.dumps({"id": str(number), "inputs": [tensor]}) + "\n")
    mlserver = python_with("mlserver==1.7.1").with_name("mlserver")
    command = (mlserver, "infer", "-u", http, "-m", "double", "-i", given, "-o", answered, "--workers", "4")
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUNS_WITHIN_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in answered.read_text().splitlines()]
    assert sorted(answer["outputs"][0]["data"][0] for answer in answers) == [2 * n for n in range(40)]
