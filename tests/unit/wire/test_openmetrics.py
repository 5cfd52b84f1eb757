"""Counters as a collector reads them."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from pointsman.wire.openmetrics import Counter, Sample, counters_to_text

# The format's own grammar of a labelled sample (OpenMetrics 1.0, section ABNF).
SAMPLE = re.compile(r'a_total\{l="((?:[^"\\\n]|\\["\\n])*)"\} 1')


def test_a_family_is_its_type_its_unit_its_help_and_its_samples() -> None:
    bare = Counter("restarts", "Restarts.", "", [Sample({}, "3")])
    timed = Counter("busy_seconds", 'Work, "net".', "seconds", [Sample({"key": "ada", "model": "m"}, "0.5")])
    assert counters_to_text([bare, timed]).decode() == (
        "# TYPE restarts counter\n"
        "# HELP restarts Restarts.\n"
        "restarts_total 3\n"
        "# TYPE busy_seconds counter\n"
        "# UNIT busy_seconds seconds\n"
        '# HELP busy_seconds Work, \\"net\\".\n'
        'busy_seconds_total{key="ada",model="m"} 0.5\n'
        "# EOF\n"
    )


def test_nothing_to_tell_is_a_whole_answer() -> None:
    assert counters_to_text([]) == b"# EOF\n"


@given(st.text(max_size=20) | st.text('\\"\n}n', max_size=8))
def test_no_value_of_a_label_breaks_out_of_it(value: str) -> None:
    text = counters_to_text([Counter("a", "A.", "", [Sample({"l": value}, "1")])]).decode()
    kind, about, sample, *rest = text.split("\n")
    assert (kind, about, rest) == ("# TYPE a counter", "# HELP a A.", ["# EOF", ""])
    match = SAMPLE.fullmatch(sample)
    assert match is not None
    read = re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], match[1])
    assert read == value
