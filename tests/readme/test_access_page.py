"""What the page on access shows is what the code reads and writes."""

from __future__ import annotations

import re

import msgspec

from pointsman.errors import CODES
from pointsman.gateway.http_errors import STATUSES
from pointsman.gateway.key import Key, hash_of, keys_from_lines, keys_to_lines
from pointsman.gateway.usage import Usage, to_json, to_openmetrics
from tests.readme.page import ROOT, blocks

ACCESS = "docs/access.md"
PAGE = (ROOT / ACCESS).read_text()
KEYS_FILE, USAGE = (block.body for block in blocks(ACCESS) if block.language == "json")


def test_the_line_shown_is_one_of_the_file_and_the_key_shown_is_its() -> None:
    (key,) = keys_from_lines(KEYS_FILE.encode())
    assert keys_to_lines([key]).decode().strip() == KEYS_FILE.strip()
    assert key.hash == hash_of(re.findall(r"^(pm_\S+)$", PAGE, re.MULTILINE)[0])


def test_every_field_of_a_key_is_in_the_table_and_no_other() -> None:
    table = PAGE[PAGE.index("| field | default") : PAGE.index("A field that is none of these")]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) != []
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(Key.__struct_fields__)


def test_every_code_is_in_a_table_with_its_status() -> None:
    rows = re.findall(r"^\|(?: [^|]+ \|)?? ([A-Z_]{5,})[^|]* \| (\d{3}) \|", PAGE, re.MULTILINE)
    assert {code: int(status) for code, status in rows} == STATUSES
    assert {code for code, _ in rows} == CODES


def test_the_usage_and_the_metrics_shown_are_what_is_written() -> None:
    usage = Usage(lambda model: model == "digits")
    usage.count("mobile", "digits", rows=9, bytes_in=2304, bytes_out=360, compute_us=1250)
    usage.count("mobile", "digits", error="NOT_FOUND")
    shown = msgspec.json.decode(USAGE)
    assert msgspec.json.decode(to_json(usage.snapshot(), shown["since_ms"])) == shown
    written = set(re.findall(r"^(\w+)\{", to_openmetrics(usage.snapshot()).decode(), re.MULTILINE))
    assert set(re.findall(r"^\| `(pointsman_gateway_\w+)`", PAGE, re.MULTILINE)) == written
