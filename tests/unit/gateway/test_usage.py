"""Totals per key and model."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pointsman.errors import CODES, INTERNAL, NOT_FOUND, RESOURCE_EXHAUSTED
from pointsman.gateway.usage import Tally, Usage, to_json, to_openmetrics

MODELS = ("digits", "wine")
counted = st.fixed_dictionaries(
    {
        "key": st.sampled_from(["", "ada", "grace"]),
        "model": st.sampled_from([*MODELS, "made-up", "x" * 1000]),
        "error": st.sampled_from(["", *sorted(CODES)]),
        "rows": st.integers(0, 2**70),
        "bytes_in": st.integers(0, 2**70),
        "bytes_out": st.integers(0, 2**40),
        "compute_us": st.integers(0, 2**40),
    }
)


def usage() -> Usage:
    return Usage(MODELS.__contains__)


@given(st.lists(counted, max_size=8))
def test_the_totals_are_the_sums_of_what_was_counted(requests: list[dict[str, object]]) -> None:
    kept = usage()
    for request in requests:
        kept.count(**request)  # type: ignore[arg-type]
    tallies = kept.snapshot()
    assert sum(one.requests for one in tallies) == len(requests)
    for name in ("rows", "bytes_in", "bytes_out", "compute_us"):
        assert sum(getattr(one, name) for one in tallies) == sum(int(str(one[name])) for one in requests)
    codes = Counter(str(one["error"]) for one in requests if one["error"])
    assert sum((Counter(one.errors) for one in tallies), Counter[str]()) == codes


def test_each_key_and_model_has_its_own_totals_in_order() -> None:
    kept = usage()
    kept.count("grace", "digits", rows=3, bytes_in=10, bytes_out=4, compute_us=250)
    kept.count("ada", "wine", error=RESOURCE_EXHAUSTED)
    kept.count("ada", "wine", error=RESOURCE_EXHAUSTED)
    kept.count("", "wine", rows=1)
    assert kept.snapshot() == (
        Tally(key="_", model="wine", requests=1, rows=1),
        Tally(key="ada", model="wine", requests=2, errors={RESOURCE_EXHAUSTED: 2}),
        Tally(key="grace", model="digits", requests=1, rows=3, bytes_in=10, bytes_out=4, compute_us=250),
    )


def test_names_that_strangers_make_up_share_one_entry() -> None:
    kept = usage()
    for number in range(1000):
        kept.count("", f"made-up-{number}", error=NOT_FOUND)
    assert kept.snapshot() == (Tally(key="_", model="_", requests=1000, errors={NOT_FOUND: 1000}),)


def test_codes_that_are_not_ours_share_one_entry() -> None:
    kept = usage()
    for number in range(1000):
        kept.count("ada", "digits", error=f"CODE_{number}")
    assert [one.errors for one in kept.snapshot()] == [{INTERNAL: 1000}]


def test_beyond_so_many_pairs_what_is_new_counts_together_and_what_is_known_does_not() -> None:
    kept = Usage(lambda _model: True, most_pairs=10)
    for number in range(60):
        kept.count("ada", f"model-{number}")
    kept.count("ada", "model-0")
    totals = {(one.key, one.model): one.requests for one in kept.snapshot()}
    assert len(totals) == 11
    assert (totals["_", "_"], totals["ada", "model-0"]) == (50, 2)


def test_a_model_that_left_is_counted_under_its_name_still() -> None:
    models = {"digits"}
    kept = Usage(models.__contains__)
    kept.count("ada", "digits")
    models.clear()
    kept.count("ada", "digits")
    assert [(one.model, one.requests) for one in kept.snapshot()] == [("digits", 2)]


def test_totals_never_fall() -> None:
    kept = usage()
    kept.count("ada", "digits", rows=5, bytes_in=5, bytes_out=5, compute_us=5)
    kept.count("ada", "digits", rows=-1, bytes_in=-1, bytes_out=-1, compute_us=-(2**63))
    (one,) = kept.snapshot()
    assert (one.requests, one.rows, one.bytes_in, one.bytes_out, one.compute_us) == (2, 5, 5, 5, 5)


def test_a_snapshot_does_not_change_any_more() -> None:
    kept = usage()
    kept.count("ada", "digits", error=NOT_FOUND)
    before = kept.snapshot()
    kept.count("ada", "digits", error=NOT_FOUND)
    assert [(one.requests, one.errors) for one in before] == [(1, {NOT_FOUND: 1})]


def test_json_has_the_totals_and_since_when() -> None:
    kept = usage()
    kept.count("ada", "digits", rows=2, error=NOT_FOUND)
    body = msgspec.json.decode(to_json(kept.snapshot(), 1_700_000_000_000))
    assert body["since_ms"] == 1_700_000_000_000
    (one,) = body["usage"]
    assert msgspec.convert(one, Tally) == kept.snapshot()[0]


def test_metrics_have_each_total_exactly() -> None:
    kept = usage()
    kept.count("ada", "digits", rows=2**60 + 1, compute_us=1_000_001, bytes_in=7, bytes_out=9)
    kept.count("ada", "digits", error=NOT_FOUND)
    lines = to_openmetrics(kept.snapshot()).decode().splitlines()
    labels = 'key="ada",model="digits"'
    assert [line for line in lines if not line.startswith("#")] == [
        f"pointsman_gateway_requests_total{{{labels}}} 2",
        f"pointsman_gateway_rows_total{{{labels}}} 1152921504606846977",
        f"pointsman_gateway_request_bytes_total{{{labels}}} 7",
        f"pointsman_gateway_response_bytes_total{{{labels}}} 9",
        f"pointsman_gateway_compute_seconds_total{{{labels}}} 1.000001",
        f'pointsman_gateway_errors_total{{{labels},code="NOT_FOUND"}} 1',
    ]
