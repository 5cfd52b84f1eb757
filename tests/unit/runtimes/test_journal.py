from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from pointsman.runtimes import journal
from pointsman.runtimes.base import Key
from pointsman.runtimes.journal import PLACES, Journal, Reading

KEY, OTHER = Key("digits", "1", 3), Key("fraud", "2.1", 1)


NOTHING: frozenset[journal.Entry] = frozenset()


def reading(folder: Path) -> Reading:
    return journal.read(journal.path_of(str(folder), os.getpid()))


def test_it_says_what_is_in_a_pass_and_what_is_loaded(tmp_path: Path) -> None:
    made = Journal(str(tmp_path))
    first, second = made.claim(KEY), made.claim(OTHER)
    assert reading(tmp_path) == Reading(0, NOTHING, NOTHING)
    first.passing()
    second.loading()
    made.beat()
    assert reading(tmp_path) == Reading(1, frozenset([KEY]), frozenset([OTHER]))
    first.idle()
    made.free(second)
    assert reading(tmp_path) == Reading(1, NOTHING, NOTHING)


def test_it_outlives_a_kill(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pointsman.runtimes.journal import Journal
Journal({str(tmp_path)!r}).claim(("digits", "1", 3)).passing()
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    killed = subprocess.Popen([sys.executable, "-c", code], env=environment)
    assert killed.wait() == -signal.SIGKILL
    assert journal.read(journal.path_of(str(tmp_path), killed.pid)).passing == {KEY}


def test_a_place_is_used_again_and_who_finds_none_says_nothing(tmp_path: Path) -> None:
    made = Journal(str(tmp_path))
    for number in range(3 * PLACES):
        made.free(made.claim(Key("m", str(number), 1)))
    marks = [made.claim(Key("m", str(number), 1)) for number in range(PLACES + 1)]
    for mark in marks:
        mark.passing()
    assert reading(tmp_path).passing == {("m", str(number), 1) for number in range(PLACES)}
    for mark in marks:
        made.free(mark)
    assert reading(tmp_path).passing == NOTHING


def test_without_a_folder_it_is_for_nobody(tmp_path: Path) -> None:
    for folder in ("", str(tmp_path / "absent")):
        made = Journal(folder)
        made.claim(KEY).passing()
        made.beat()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_journal_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / f"7{journal.SUFFIX}"
    for content in (b"", b"x", os.urandom(5_000)):
        path.write_bytes(content)
        assert journal.read(path).loading == NOTHING
    path.unlink()
    assert journal.read(path) == Reading(0, NOTHING, NOTHING)
