"""What could not be served is served later, under its id, without being asked for again."""

from __future__ import annotations

import numpy as np
from typer.testing import CliRunner

from pointsman.cli.main import app
from pointsman.errors import NOT_FOUND
from pointsman.localstack.stack import Stack
from tests.e2e.bench import Bench, scale


def run(stack: Stack, *arguments: str) -> str:
    """Run a command of `pointsman dead-letters` on the stack and return what it printed."""
    result = CliRunner().invoke(app, ["dead-letters", *arguments, "--kafka", stack.kafka])
    assert result.exit_code == 0, result.output
    return result.output


def test_letters_of_a_version_that_was_missing_are_answered_once_it_is_there(
    bench: Bench, stack: Stack, name: str, row: np.ndarray
) -> None:
    bench.apply(name, {"1": scale(1)}, {"1": 1})
    sent = [f"{name}-{number}" for number in range(5)]
    for request_id in sent[:3]:
        bench.send(name, request_id, row, version="2")
    for request_id in sent[3:]:
        bench.send_json(request_id, {"id": request_id, "version": "2", "instances": row.tolist()}, key=name)
    bench.settled()
    assert {final.error for final in bench.ledger.finals.values()} == {NOT_FOUND}

    listed = run(stack, "list", "--model", name, "--json")
    assert all(request_id in listed for request_id in sent)
    assert f"id: {sent[0]}" in run(stack, "show", sent[0])
    assert "5 records would be sent" in run(
        stack, "replay", "--model", name, "--code", NOT_FOUND, "--dry-run"
    )

    bench.apply(name, {"1": scale(1), "2": scale(2)}, {"1": 1, "2": 0})
    bench.ledger.finals.clear()
    assert "5 of 5 records were sent" in run(stack, "replay", "--model", name)
    bench.settled()
    assert {final.version for final in bench.ledger.finals.values()} == {"2"}
    assert bench.ledger.finals.keys() == set(sent)
    np.testing.assert_array_equal(bench.outputs(sent[0])["y"], row * 2)


def test_a_letter_that_nobody_has_is_a_sentence(stack: Stack) -> None:
    result = CliRunner().invoke(app, ["dead-letters", "replay", "no-such-id", "--kafka", stack.kafka])
    assert result.exit_code != 0
    assert "no-such-id" in str(result.exception)
