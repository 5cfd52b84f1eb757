"""What pods fetch: from real servers, good and bad ones, by digest, onto a bounded disk."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import redis

from pointsman.core.spec import VersionSpec
from pointsman.core.uri import data_uri
from pointsman.errors import FAILED_PRECONDITION, NOT_FOUND, OUT_OF_RANGE, UNAVAILABLE, Failure, LoadError
from pointsman.settings import Settings
from pointsman.stores.download import Download
from pointsman.stores.fetcher import Fetcher, Placed
from pointsman.stores.http_source import basic
from pointsman.stores.small_sources import artifact_key
from pointsman.stores.source import Stream
from tests.integration.stores.shop import Shop

CONTENT = b"".join(number.to_bytes(4, "big") for number in range(600_000))  # 2.4 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


# The same, in a process that tells what it is told.
ELSEWHERE = """
import sys
from pathlib import Path
from tests.integration.stores.test_fetcher import fetcher, version
placed = fetcher(Path(sys.argv[1]), sys.argv[2]).place(
    version(sys.argv[2] + "/slow/a.ubj"), lambda text: print(text, flush=True)
)
"""


def fetcher(folder: Path, *stores: str, **settings: Any) -> Fetcher:
    return Fetcher(Settings(artifact_cache=str(folder), stores=stores, **settings))


def version(uri: str, sha256: str = SHA256) -> VersionSpec:
    return VersionSpec(uri, runtime="xgboost", sha256=sha256)


def silent(_: str) -> None:
    pass


def path_in(placed: Placed) -> Path:
    return Path(unquote(urlsplit(placed.spec.uri).path))


def content_of(made: Fetcher, spec: VersionSpec) -> bytes:
    placed = made.place(spec, silent)
    try:
        return path_in(placed).read_bytes()
    finally:
        placed.release()


def failure_of(made: Fetcher, spec: VersionSpec) -> tuple[str, str, str]:
    with pytest.raises(LoadError) as caught:
        made.place(spec, silent)
    found = caught.value.failure
    return found.code, found.field, found.message


@pytest.mark.parametrize("how", ["good", "broken", "whole"])
def test_an_artifact_arrives_whole_however_often_the_connection_breaks(
    shop: Shop, tmp_path: Path, how: str
) -> None:
    path = f"/{how}/churn.ubj"
    shop.files[path] = CONTENT
    made = fetcher(tmp_path, shop.url)
    told: list[str] = []
    placed = made.place(version(shop.url + path), told.append)
    assert path_in(placed).read_bytes() == CONTENT
    assert path_in(placed).suffix == ".ubj"
    placed.release()
    assert "2 of 2 MB" in told
    asked = len(shop.asked)
    assert (asked == 1) is (how == "good")
    if how == "broken":
        assert shop.starts(path)[1] == f"bytes={len(CONTENT) // 2}-"
    assert content_of(made, version(shop.url + path)) == CONTENT
    assert len(shop.asked) == asked  # it is on the disk


def test_what_an_earlier_process_had_fetched_is_gone_on_with_or_begun_anew(
    shop: Shop, tmp_path: Path
) -> None:
    shop.files["/good/a.ubj"] = CONTENT
    for beginning, ranges in (
        (CONTENT[:1_000], ["bytes=1000-"]),
        (b"of another file", ["bytes=15-", ""]),
        (CONTENT + b"too long", [f"bytes={len(CONTENT) + 8}-", ""]),
    ):
        folder = tmp_path / str(len(beginning))
        folder.mkdir()
        (folder / f"{SHA256}.ubj.part").write_bytes(beginning)
        shop.asked.clear()
        assert content_of(fetcher(folder, shop.url), version(shop.url + "/good/a.ubj")) == CONTENT
        assert shop.starts("/good/a.ubj") == ranges


def test_another_content_than_was_promised_is_never_opened_and_leaves_nothing(
    shop: Shop, tmp_path: Path
) -> None:
    shop.files["/good/a.ubj"] = CONTENT[:-1] + b"!"
    code, field, said = failure_of(fetcher(tmp_path, shop.url), version(shop.url + "/good/a.ubj"))
    assert (code, field) == (FAILED_PRECONDITION, "sha256")
    assert SHA256 in said
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_spoilt_file_on_the_disk_is_fetched_again(shop: Shop, tmp_path: Path) -> None:
    shop.files["/good/a.ubj"] = CONTENT
    made = fetcher(tmp_path, shop.url)
    content_of(made, version(shop.url + "/good/a.ubj"))
    (tmp_path / f"{SHA256}.ubj").write_bytes(b"spoilt")
    assert content_of(made, version(shop.url + "/good/a.ubj")) == CONTENT


def test_where_a_pod_may_fetch_is_its_operators_decision(shop: Shop, tmp_path: Path) -> None:
    shop.files["/models/a.ubj"] = shop.files["/models-of-others/a.ubj"] = CONTENT
    made = fetcher(tmp_path, f"{shop.url}/models")
    assert content_of(made, version(f"{shop.url}/models/a.ubj")) == CONTENT
    shop.asked.clear()
    for uri in (
        f"{shop.url}/models-of-others/a.ubj",
        f"{shop.url.replace('127.0.0.1', 'localhost')}/models/a.ubj",
        "http://169.254.169.254/latest/meta-data",
        (tmp_path / "a").as_uri(),
        f"blob:{SHA256}/a.ubj",
    ):
        code, field, said = failure_of(made, version(uri))
        assert (code, field) == (FAILED_PRECONDITION, "uri")
        assert "stores" in said
    assert shop.asked == []


def test_no_redirect_leads_out_of_what_is_allowed(shop: Shop, tmp_path: Path) -> None:
    shop.files["/models/b.ubj"] = shop.files["/secret/b.ubj"] = CONTENT
    made = fetcher(tmp_path, f"{shop.url}/models")
    shop.redirects["/models/near.ubj"] = "/models/b.ubj"
    assert content_of(made, version(f"{shop.url}/models/near.ubj")) == CONTENT
    other = hashlib.sha256(b"other").hexdigest()
    for target in (
        "/secret/b.ubj",
        "/models/../secret/b.ubj",
        f"http://localhost:{shop.server_port}/models/b.ubj",
    ):
        shop.redirects["/models/far.ubj"] = target
        _, field, said = failure_of(made, version(f"{shop.url}/models/far.ubj", other))
        assert field == "uri"
        assert "redirects" in said
    assert [path for path, _ in shop.asked if path.startswith("/secret")] == []


def test_a_password_is_the_operators_and_nobody_hears_of_it(
    shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shop.files["/good/a.ubj"] = CONTENT
    shop.login = basic("ann:s3cr%20et")["Authorization"]
    store = shop.url.replace("http://", "http://ann:s3cr%20et@")
    told: list[str] = []
    placed = fetcher(tmp_path / "a", store).place(version(f"{shop.url}/good/a.ubj"), told.append)
    assert path_in(placed).read_bytes() == CONTENT
    placed.release()
    shop.login = basic("ann:changed")["Authorization"]
    wrong = failure_of(fetcher(tmp_path / "b", store), version(f"{shop.url}/good/a.ubj?token=s3cret"))
    in_uri = failure_of(fetcher(tmp_path / "b", store), version(f"{store}/good/a.ubj"))
    away = failure_of(
        fetcher(tmp_path / "c", "http://ann:s3cr%20et@127.0.0.1:1", fetch_timeout_ms=300),
        version("http://127.0.0.1:1/a.ubj"),
    )
    assert (wrong[:2], in_uri[1], away[0]) == ((FAILED_PRECONDITION, "uri"), "uri", UNAVAILABLE)
    for text in (*told, wrong[2], in_uri[2], away[2], caplog.text):
        assert "s3cr" not in text


def test_a_store_that_is_busy_is_asked_again_and_one_that_has_nothing_is_not(
    shop: Shop, tmp_path: Path
) -> None:
    shop.files["/good/a.ubj"] = CONTENT
    shop.refusals = 2
    made = fetcher(tmp_path, shop.url)
    assert content_of(made, version(f"{shop.url}/good/a.ubj")) == CONTENT
    assert len(shop.asked) == 3
    code, field, said = failure_of(made, version(f"{shop.url}/good/none.ubj", "0" * 64))
    assert (code, field) == (NOT_FOUND, "uri")
    assert said == f"uri: {shop.url}/good/none.ubj answers 404"
    assert [path.name for path in tmp_path.iterdir() if "0" * 64 in path.name] == []


def test_time_and_bytes_are_bounded(shop: Shop, tmp_path: Path) -> None:
    shop.files["/slow/a.ubj"] = shop.files["/good/a.ubj"] = CONTENT
    late = fetcher(tmp_path, "http://127.0.0.1:1", fetch_timeout_ms=1_000)
    assert failure_of(late, version("http://127.0.0.1:1/a.ubj"))[0] == UNAVAILABLE
    small = fetcher(tmp_path, shop.url, artifact_bytes=1_000_000)
    code, field, said = failure_of(small, version(f"{shop.url}/good/a.ubj"))
    assert (code, field) == (OUT_OF_RANGE, "uri")
    assert "artifact_bytes" in said


def test_the_least_recently_used_leaves_the_disk_but_none_that_is_being_opened(
    shop: Shop, tmp_path: Path
) -> None:
    contents = {f"/good/{n}.ubj": bytes([n]) * 400_000 for n in range(5)}
    shop.files.update(contents)
    specs = [
        version(shop.url + path, hashlib.sha256(content).hexdigest()) for path, content in contents.items()
    ]
    made = fetcher(tmp_path, shop.url, artifact_cache_bytes=1_300_000)
    first = made.place(specs[0], silent)  # the oldest, and open
    for spec in specs[1:]:
        content_of(made, spec)
    there = [spec.sha256 for spec in specs if (tmp_path / f"{spec.sha256}.ubj").exists()]
    assert there == [specs[0].sha256, specs[3].sha256, specs[4].sha256]
    assert len(list(tmp_path.glob("*.ubj.lock"))) == 3
    first.release()
    content_of(made, specs[1])
    assert not (tmp_path / f"{specs[0].sha256}.ubj").exists()


def test_what_is_on_its_way_counts_as_if_it_were_there(shop: Shop, tmp_path: Path) -> None:
    shop.files["/slow/a.ubj"], other = CONTENT, CONTENT[::-1]
    shop.files["/good/b.ubj"] = other
    first, second = (
        fetcher(tmp_path, shop.url, artifact_cache_bytes=len(CONTENT) * 3 // 2, fetch_timeout_ms=ms)
        for ms in (20_000, 300)
    )
    began = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        found = threads.submit(first.place, version(f"{shop.url}/slow/a.ubj"), lambda _: began.set())
        assert began.wait(20)
        late = failure_of(second, version(f"{shop.url}/good/b.ubj", hashlib.sha256(other).hexdigest()))
        shop.gate.set()
        found.result(20).release()
    assert late[0] == UNAVAILABLE
    assert "artifact_cache_bytes are in use" in late[2]
    content_of(second, version(f"{shop.url}/good/b.ubj", hashlib.sha256(other).hexdigest()))
    assert not (tmp_path / f"{SHA256}.ubj").exists()  # once it is there it makes room, as any other


def test_many_workers_fetch_one_artifact_once(shop: Shop, tmp_path: Path) -> None:
    shop.files["/slow/a.ubj"] = CONTENT
    spec, told = version(f"{shop.url}/slow/a.ubj"), list[str]()
    with ThreadPoolExecutor(4) as threads:
        made = fetcher(tmp_path, shop.url)
        found = [threads.submit(made.place, spec, told.append) for _ in range(3)]
        with subprocess.Popen([sys.executable, "-c", ELSEWHERE, tmp_path, shop.url], stdout=-1) as other:
            assert other.stdout is not None
            first = other.stdout.readline()
            shop.gate.set()
            assert first.startswith(b"another process")
            for one in found:
                assert path_in(one.result(20)).read_bytes() == CONTENT
                one.result().release()
            assert other.wait(20) == 0
    assert any("another process" in text for text in told)
    assert len(shop.asked) == 1


def test_a_download_that_nobody_wants_any_more_ends(shop: Shop, tmp_path: Path) -> None:
    shop.files["/good/a.ubj"] = CONTENT

    def stop(_: str) -> None:
        raise LoadError(failure)

    failure = Failure(UNAVAILABLE, "not wanted")
    with pytest.raises(LoadError, match="not wanted"):
        fetcher(tmp_path, shop.url).place(version(f"{shop.url}/good/a.ubj"), stop)
    assert not (tmp_path / f"{SHA256}.ubj").exists()


def test_redis_keeps_small_ones_and_commands_carry_tiny_ones(redis_url: str, tmp_path: Path) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(artifact_key(SHA256), CONTENT)
    made = fetcher(tmp_path, "blob:", redis=redis_url)
    assert content_of(made, version(f"blob:{SHA256}/a.ubj")) == CONTENT
    gone = hashlib.sha256(b"gone").hexdigest()
    assert failure_of(made, version(f"blob:{gone}/a.ubj", gone))[:2] == (NOT_FOUND, "uri")
    tiny, example = b"tiny", b"[[1]]"
    spec = VersionSpec(
        data_uri(tiny, "a.txt"),
        runtime="lightgbm",
        sha256=hashlib.sha256(tiny).hexdigest(),
        example=data_uri(example, "row.json"),
        example_sha256=hashlib.sha256(example).hexdigest(),
    )
    placed = fetcher(tmp_path).place(spec, silent)  # no store need be allowed: the command brought it
    assert path_in(placed).read_bytes() == tiny
    assert Path(urlsplit(placed.spec.example).path).read_bytes() == example
    placed.release()
    assert failure_of(fetcher(tmp_path), version(data_uri(tiny, "a.txt")))[1] == "uri"


def test_other_stores_are_fsspecs_and_a_missing_package_is_named(tmp_path: Path) -> None:
    source = tmp_path / "a.ubj"
    source.write_bytes(CONTENT)
    made = fetcher(tmp_path / "cache", "local://", "s3://bucket/models")
    assert content_of(made, version(f"local://{source}")) == CONTENT
    code, field, said = failure_of(made, version("s3://bucket/models/a.ubj", "0" * 64))
    assert (code, field) == (FAILED_PRECONDITION, "uri")
    assert "s3fs" in said
    assert failure_of(made, version(f"local://{tmp_path}/none.ubj", "0" * 64))[0] == NOT_FOUND


def test_a_store_that_ends_before_its_time_is_asked_for_the_rest(tmp_path: Path) -> None:
    class Hasty:
        """Gives half of what is missing and ends, as if that were all, twice."""

        def __init__(self) -> None:
            self.starts: list[int] = []

        @contextmanager
        def open(self, start: int) -> Iterator[Stream]:
            self.starts.append(start)
            rest = CONTENT[start:]
            given = rest if len(self.starts) > 2 else rest[: len(rest) // 2]
            yield Stream(start, len(CONTENT), iter([given]))

    source, part = Hasty(), tmp_path / "part"
    download = Download(
        source,
        SHA256,
        part,
        most_bytes=len(CONTENT),
        claim=lambda _: True,
        tell=silent,
        field="uri",
        digest_field="sha256",
    )
    half = len(CONTENT) // 2
    download.run(time.monotonic() + 20)
    assert source.starts == [0, half, half + half // 2]
    assert part.read_bytes() == CONTENT


def test_the_weights_of_a_network_come_as_its_description_does(shop: Shop, tmp_path: Path) -> None:
    shop.files["/good/a.bin"], secret = CONTENT, tmp_path / "secret"
    secret.write_bytes(b"not to be asked about")
    model = data_uri(b"<net/>", "a.xml")
    made = fetcher(tmp_path / "cache", shop.url)

    def wanted(weights: str) -> VersionSpec:
        options = {"weights": weights, "weights_sha256": SHA256}
        sha256 = hashlib.sha256(b"<net/>").hexdigest()
        return VersionSpec(model, runtime="openvino", sha256=sha256, options=options)

    placed = made.place(wanted(f"{shop.url}/good/a.bin"), silent)
    assert Path(urlsplit(placed.spec.options["weights"]).path).read_bytes() == CONTENT
    placed.release()
    code, field, said = failure_of(made, wanted(secret.as_uri()))
    assert (code, field) == (FAILED_PRECONDITION, "options.weights")
    assert "`stores`" in said
    assert hashlib.sha256(secret.read_bytes()).hexdigest() not in said


def test_archives_with_code_are_trusted_by_the_uri_that_they_came_from(shop: Shop, tmp_path: Path) -> None:
    shop.files["/reviewed/a.pt"] = shop.files["/good/a.pt"] = CONTENT
    made = fetcher(tmp_path, shop.url, trusted_stores=(f"{shop.url}/reviewed",))
    for path, is_trusted in (("/good/a.pt", False), ("/reviewed/a.pt", True)):
        placed = made.place(version(shop.url + path), silent)
        assert (placed.spec.uri in placed.trusted_stores) is is_trusted
        placed.release()


def test_trust_in_a_folder_is_none_in_what_was_fetched_into_it(shop: Shop, tmp_path: Path) -> None:
    shop.files["/good/a.pt"], tiny = CONTENT, b"tiny"
    cache = tmp_path / "cache"
    made = fetcher(cache, shop.url, "file:///", trusted_stores=(tmp_path.as_uri(),))
    for spec in (
        version(f"{shop.url}/good/a.pt"),
        version(data_uri(tiny, "a.pt"), hashlib.sha256(tiny).hexdigest()),
        version((cache / f"{SHA256}.pt").as_uri()),  # what the first one left there
    ):
        placed = made.place(spec, silent)
        assert placed.spec.uri.startswith(cache.as_uri())
        assert placed.trusted_stores == ()
        placed.release()
    (tmp_path / "own.pt").write_bytes(CONTENT)
    placed = made.place(version((tmp_path / "own.pt").as_uri()), silent)
    assert placed.trusted_stores == (tmp_path.as_uri(),)
    placed.release()
