"""Uploads: a body becomes an artifact and a version, and each fault is told by its name."""

from __future__ import annotations

import gzip
import hashlib
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pointsman.core.table import VersionState
from pointsman.core.uri import MAX_INLINE, data_of
from pointsman.errors import ALREADY_EXISTS, ClientError, Failure, SettingsError
from pointsman.gateway.access import Access
from pointsman.gateway.depot import Depot, depot_of
from pointsman.gateway.desk import Bounds
from pointsman.gateway.keyring import Keyring
from pointsman.http.app import Response
from pointsman.runtimes.framework import FRAMEWORKS
from pointsman.settings import Settings
from pointsman.stores.artifacts import Artifact, Artifacts
from pointsman.stores.shelves import Advance, InlineShelf
from tests.unit.gateway.keys import Clock, key, write
from tests.unit.gateway.scene import Scene

CONTENT = b"a model, as far as a gateway knows" * 100
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PATH = "/v2/repository/models/churn/versions/1?name=churn.ubj"


class BrokenShelf:
    """A store that fails, and says more than strangers should read."""

    most = None

    def put(self, source: Path, advance: Advance) -> Artifact:
        """See Shelf."""
        raise ClientError("https://ann:secret@store/models is answered 507")


class HangingShelf:
    """A store that does not answer before the test is over."""

    most = None

    def __init__(self) -> None:
        self.over = threading.Event()

    def put(self, source: Path, advance: Advance) -> Artifact:
        """See Shelf."""
        self.over.wait(30)
        raise ClientError("at last")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(depot=Depot(Artifacts(tmp_path / "store")))


def said(answer: Response) -> Any:
    return msgspec.json.decode(answer.body)


def test_a_body_lies_in_the_store_and_is_registered_by_its_digest(scene: Scene, tmp_path: Path) -> None:
    answer = scene.ask("PUT", f"{PATH}&sha256={DIGEST}&pool=trees", CONTENT)
    assert answer.status == 200, answer
    told = {"name": "churn", "version": "1", "sha256": DIGEST, "bytes": len(CONTENT), "state": "READY"}
    assert said(answer) == told
    [(model, version, spec, actor, wait_s)] = scene.repository.registered
    assert (model, version, actor, wait_s) == ("churn", "1", "", 60)
    place = tmp_path / "store" / DIGEST[:2] / DIGEST / "churn.ubj"
    assert place.read_bytes() == CONTENT
    assert spec == {"uri": place.as_uri(), "sha256": DIGEST, "runtime": "xgboost", "pool": "trees"}


def test_the_runtime_counts_more_than_the_name(scene: Scene) -> None:
    where = "/v2/repository/models/m/versions/2026-11?name=weights.bin&runtime=torch&factory=pkg.nets:build"
    assert scene.ask("PUT", where, CONTENT).status == 200
    spec = scene.repository.registered[0][2]
    assert (spec["runtime"], spec["factory"]) == ("torch", "pkg.nets:build")


def test_a_packed_body_is_the_artifact_once_unpacked(scene: Scene) -> None:
    answer = scene.ask("PUT", PATH, gzip.compress(CONTENT), content_encoding="gzip")
    assert said(answer)["sha256"] == DIGEST


def test_a_small_artifact_may_travel_in_its_uri() -> None:
    scene = Scene(depot=Depot(InlineShelf()))
    assert scene.ask("PUT", PATH, CONTENT).status == 200
    assert data_of(scene.repository.registered[0][2]["uri"]) == CONTENT
    answer = scene.ask("PUT", PATH, bytes(MAX_INLINE + 1))
    assert (answer.status, f"at most {MAX_INLINE} bytes" in said(answer)["error"]) == (413, True)
    assert len(scene.repository.registered) == 1


def test_what_is_not_ready_in_time_is_accepted_with_its_state(scene: Scene) -> None:
    scene.repository.becomes = VersionState.LOADING
    answer = scene.ask("PUT", PATH, CONTENT, x_pointsman_timeout_ms="1500")
    assert (answer.status, said(answer)["state"]) == (202, "LOADING")
    assert scene.repository.registered[0][-1] == 1.5


def test_what_the_router_refuses_is_told(scene: Scene) -> None:
    scene.repository.becomes = Failure(ALREADY_EXISTS, "version 1 is draining", "versions.1")
    answer = scene.ask("PUT", PATH, CONTENT)
    assert (answer.status, said(answer)) == (409, {"error": "version 1 is draining"})


@pytest.mark.parametrize(
    ("where", "body", "words"),
    [
        ("churn/versions/1", CONTENT, "name: say how the file is called"),
        ("churn/versions/1?name=", CONTENT, "name: say how the file is called"),
        ("churn/versions/1?name=../up.ubj", CONTENT, "name: "),
        ("churn/versions/1?name=a%2Fb.ubj", CONTENT, "name: "),
        ("churn/versions/1?name=.ubj", CONTENT, "name: "),
        (f"churn/versions/1?name={'n' * 200}.ubj", CONTENT, "name: "),
        ("churn/versions/1?name=m%00.ubj", CONTENT, "name: "),
        ("churn/versions/1?name=churn.pkl", CONTENT, "say runtime"),
        ("churn/versions/1?name=churn.pkl&runtime=pickle", CONTENT, "runtime: "),
        ("churn/versions/1?name=churn.ubj&runtime=python", CONTENT, "runtime: "),
        ("churn/versions/1?name=churn.ubj&sha256=ff", CONTENT, "sha256: must be"),
        (f"churn/versions/1?name=churn.ubj&sha256={'0' * 64}", CONTENT, "sha256: the body that came has"),
        ("churn/versions/1?name=churn.ubj&sha265=ff", CONTENT, "'sha265' is unknown"),
        ("churn/versions/1?name=churn.ubj&name=other.ubj", CONTENT, "name: is said twice"),
        ("churn/versions/1?name=churn.ubj&pool=A", CONTENT, "pool: "),
        ("churn/versions/1?name=churn.ubj&factory=os", CONTENT, "factory: "),
        ("Churn/versions/1?name=churn.ubj", CONTENT, "model: "),
        ("churn/versions/%31?name=churn.ubj", CONTENT, "version: "),
        ("churn/versions/1?name=churn.ubj", b"", "the body is empty"),
    ],
)
def test_a_fault_is_named_and_nothing_is_stored(
    scene: Scene, tmp_path: Path, where: str, body: bytes, words: str
) -> None:
    answer = scene.ask("PUT", f"/v2/repository/models/{where}", body)
    assert (answer.status, words in said(answer)["error"]) == (400, True), answer
    assert not (tmp_path / "store").exists()
    assert scene.repository.registered == []


def test_a_version_that_is_there_with_another_digest_keeps_it(scene: Scene, tmp_path: Path) -> None:
    table = scene.desk.catalogue["m"]
    entry = table.versions["v1"]
    taken = msgspec.structs.replace(entry, spec=msgspec.structs.replace(entry.spec, sha256="0" * 64))
    versions = {**table.versions, "v1": taken}
    scene.desk.catalogue = {"m": msgspec.structs.replace(table, versions=versions)}
    answer = scene.ask("PUT", "/v2/repository/models/m/versions/v1?name=m.ubj", CONTENT)
    assert (answer.status, "upload a new version" in said(answer)["error"]) == (409, True)
    assert not (tmp_path / "store").exists()


def test_a_body_that_unpacks_to_too_much_is_not_taken(tmp_path: Path) -> None:
    scene = Scene(depot=Depot(Artifacts(tmp_path / "store")), bounds=Bounds(1_000, 1_000))
    assert scene.ask("PUT", PATH, gzip.compress(CONTENT), content_encoding="gzip").status == 413


def test_a_store_that_is_away_or_hangs_is_told_without_its_words() -> None:
    hanging = HangingShelf()
    for depot in (Depot(BrokenShelf()), Depot(hanging, put_s=0.05)):
        scene = Scene(depot=depot)
        answer = scene.ask("PUT", PATH, CONTENT)
        assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "1")
        assert b"secret" not in answer.body
        assert scene.repository.registered == []
    hanging.over.set()


def test_without_a_place_for_them_uploads_are_refused_by_the_settings_name() -> None:
    scene = Scene()
    answer = scene.ask("PUT", PATH, CONTENT)
    assert (answer.status, "POINTSMAN_UPLOAD_STORE" in said(answer)["error"]) == (403, True)


def test_other_methods_are_told_which_one_there_is(scene: Scene) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = scene.ask(method, PATH, CONTENT)
        assert (answer.status, dict(answer.headers)["allow"]) == (405, "PUT")
    assert scene.ask("PUT", "/v2/repository/models/m/load").status == 405
    assert scene.ask("PUT", "/v2/repository/models/m/versions").status == 405


def test_only_who_may_control_may_upload_and_history_says_who(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "keys.jsonl"
    write(file, key("ada"), key("root", models=("churn",), may_control=True))
    depot = Depot(Artifacts(tmp_path / "store"))
    scene = Scene(access=Access(Keyring(file, clock), clock), depot=depot)
    other = PATH.replace("churn/", "digits/")
    asked: tuple[tuple[str, dict[str, str]], ...] = (
        (PATH, {}),
        (PATH, {"x_api_key": "ada-text"}),
        (other, {"x_api_key": "root-text"}),
    )
    assert [scene.ask("PUT", path, CONTENT, **who).status for path, who in asked] == [401, 403, 403]
    assert not (tmp_path / "store").exists()
    assert scene.ask("PUT", PATH, CONTENT, x_api_key="root-text").status == 200
    assert scene.repository.registered[0][3] == "root"
    closed = Scene(access=Access(None, lambda: 0), depot=depot)
    assert closed.ask("PUT", PATH, CONTENT).status == 403


def test_every_runtime_of_files_is_in_the_document() -> None:
    document = said(Scene().ask("GET", "/openapi.json"))
    parameters = document["paths"]["/v2/repository/models/{model}/versions/{version}"]["put"]["parameters"]
    [runtimes] = [one["schema"]["enum"] for one in parameters if one.get("name") == "runtime"]
    assert runtimes == [name for name, one in FRAMEWORKS.items() if one.suffixes]


@pytest.mark.parametrize(
    ("store", "words"),
    [
        ("models", "by its full path"),
        ("rediss", "by its full path"),
        ("redis", "redis: say which"),
        ("file://elsewhere/models", "is no folder"),
    ],
)
def test_a_place_that_is_none_ends_the_gateway_at_its_start(store: str, words: str) -> None:
    with pytest.raises(SettingsError, match=f"upload_store: .*{words}"):
        depot_of(Settings(upload_store=store))


def test_the_words_for_places_are_those_of_publish(tmp_path: Path) -> None:
    for store in (str(tmp_path), tmp_path.as_uri(), "inline", "redis", "https://store/models", "s3://models"):
        depot = depot_of(Settings(upload_store=store, redis="redis://127.0.0.1:1/0"))
        assert depot.refusal(1) is None
    refusal = depot_of(Settings()).refusal(1)
    assert refusal is not None
