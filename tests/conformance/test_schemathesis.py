"""The OpenAPI document against what the gateway answers, by schemathesis."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts.environments import python_with
from tests.conformance.environment import RUNS_WITHIN_S

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
UPLOAD = "/v2/repository/models/{model}/versions/{version}"


@pytest.mark.parametrize(
    ("chosen", "within_ms"),
    [
        # Other clients need the models. 3 ms, as it likes to ask, are over before the answer.
        (("--exclude-path-regex", "unload$", "--exclude-path", UPLOAD), 30_000),
        # Artifacts for pools that nobody serves are not waited for long.
        (("--include-path", UPLOAD), 500),
    ],
    ids=["all that is asked", "uploads"],
)
def test_no_request_that_schemathesis_makes_is_answered_with_5xx_or_off_the_schema(
    http: str, tmp_path: Path, chosen: tuple[str, ...], within_ms: int
) -> None:
    program = python_with("schemathesis>=4,<5").with_name("schemathesis")
    command = (
        str(program), "run", f"http://{http}/openapi.json", "--checks", CHECKS, "--max-examples", "25",
        "--seed", "1", "--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all",
        *chosen, "--header", f"x-pointsman-timeout-ms: {within_ms}",
    )  # fmt: skip
    # It writes what it remembers into the folder that it runs in.
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=RUNS_WITHIN_S, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
