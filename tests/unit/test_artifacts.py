"""The store of artifacts: a file under its digest, whole or not there."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from pointsman.stores.artifacts import Artifacts


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_lies_under_its_digest_and_pods_of_others_may_read_it(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9_000
    source = tmp_path / "the model.ubj"
    source.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    stored = Artifacts(tmp_path / "a store").put(source)
    assert (stored.sha256, stored.size) == (sha256, len(content))
    place = Path(unquote(urlsplit(stored.uri).path))
    assert place == tmp_path / "a store" / sha256[:2] / sha256 / "the model.ubj"
    assert place.read_bytes() == content
    assert stat.S_IMODE(place.stat().st_mode) == 0o644


def test_the_same_file_again_is_the_same_artifact_and_another_leaves_it_alone(tmp_path: Path) -> None:
    store, source = Artifacts(tmp_path / "store"), tmp_path / "model.txt"
    source.write_bytes(b"one")
    first = store.put(source)
    assert store.put(source) == first
    source.write_bytes(b"two")
    second = store.put(source)
    assert second.uri != first.uri
    assert Path(urlsplit(first.uri).path).read_bytes() == b"one"
    assert len(files(tmp_path / "store")) == 2


def test_what_cannot_be_read_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        Artifacts(tmp_path / "store").put(tmp_path / "none")
    assert files(tmp_path / "store") == []
