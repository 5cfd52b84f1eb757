from __future__ import annotations

import random

import pytest

from benchmarks.footprint.report import MILLION, Result, Sample, sheet

SECONDS = 200


def result(leak_bytes: float, broken: int = 0) -> Result:
    """Return a run of a million requests that each leave so many bytes in a gateway of 100 MiB."""
    chance = random.Random(1)
    grown = leak_bytes * MILLION / 2**20
    samples = [
        Sample(50.0 + at, {"gateway": 100 + grown * at / SECONDS + chance.gauss(0, 0.3), "router": 60.0})
        for at in range(0, SECONDS + 1, 2)
    ]
    return Result(samples, MILLION, 7, broken, 0, {"cores": "2"}, "now")


def test_a_leak_of_a_few_bytes_a_request_is_seen() -> None:
    assert not result(leak_bytes=16).is_flat


def test_noise_alone_is_flat_and_said_in_mib_for_a_million_requests() -> None:
    run = result(leak_bytes=0)
    assert run.is_flat
    part, first, last, grown, margin, verdict = sheet(run).rows[0]
    assert (part, verdict) == ("gateway", "flat")
    assert [float(first), float(last)] == pytest.approx([100, 100], abs=2)
    assert abs(float(grown)) < 1
    assert 0 < float(margin.removeprefix("± ")) < 1


def test_a_run_in_which_connections_broke_is_no_success() -> None:
    assert not result(leak_bytes=0, broken=1).is_flat
