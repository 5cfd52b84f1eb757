"""What `publish` stores somewhere else is what pods fetch from there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from pointsman.core.spec import VersionSpec
from pointsman.core.uri import address_fault, shown
from pointsman.errors import ClientError
from pointsman.settings import Settings
from pointsman.stores.fetcher import Fetcher
from pointsman.stores.shelves import FsspecShelf, HttpShelf, InlineShelf, RedisShelf, Shelf
from tests.integration.stores.shop import Shop

CONTENT = bytes(range(256)) * 200


@pytest.mark.parametrize("kind", ["inline", "redis", "http", "fsspec"])
def test_what_is_stored_is_fetched_again(shop: Shop, redis_url: str, tmp_path: Path, kind: str) -> None:
    source = tmp_path / "my model.ubj"
    source.write_bytes(CONTENT)
    folder = tmp_path / "store"
    shelves: dict[str, Shelf] = {
        "inline": InlineShelf(),
        "redis": RedisShelf(redis_url),
        "http": HttpShelf(shop.url.replace("//", "//ann:secret@") + "/models/"),
        "fsspec": FsspecShelf(f"local://{folder}"),
    }
    shelf, told = shelves[kind], list[int]()
    stored = shelf.put(source, told.append)
    assert shelf.put(source, told.append) == stored
    assert sum(told) in (len(CONTENT), 2 * len(CONTENT))
    assert (stored.sha256, stored.size) == (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    assert "secret" not in stored.uri
    assert len(shown(stored.uri)) < 300
    spec = VersionSpec(stored.uri, runtime="xgboost", sha256=stored.sha256)
    assert address_fault(spec) is None
    stores = ("blob:", shop.url, f"local://{folder}")
    fetcher = Fetcher(Settings(redis=redis_url, stores=stores, artifact_cache=str(tmp_path / "cache")))
    placed = fetcher.place(spec, lambda _: None)
    path = Path(unquote(urlsplit(placed.spec.uri).path))
    assert (path.read_bytes(), path.suffix) == (CONTENT, ".ubj")
    placed.release()


def test_what_a_store_does_not_take_is_said_without_its_password(shop: Shop, tmp_path: Path) -> None:
    source = tmp_path / "large.ubj"
    source.write_bytes(bytes(70_000))
    for shelf, words in (
        (InlineShelf(), "at most 65,536"),
        (RedisShelf("redis://:secret@127.0.0.1:1/0"), "ConnectionError"),
        (HttpShelf("http://ann:secret@127.0.0.1:1"), "Connection refused"),
        (HttpShelf(f"{shop.url}/closed".replace("//", "//ann:secret@")), "is answered 403"),
        (FsspecShelf("s3://ann:secret@bucket/models"), "s3fs"),
        (FsspecShelf("nowhere://bucket/models"), "no store is known"),
    ):
        with pytest.raises(ClientError, match=words) as caught:
            shelf.put(source, lambda _: None)
        assert "secret" not in str(caught.value)
