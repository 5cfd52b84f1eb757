"""Where artifacts are: what may be fetched, and what of a URI may be shown."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from pointsman.core.commands import Command, Register
from pointsman.core.files import File, files_of, moved
from pointsman.core.reduce import Facts, reduce
from pointsman.core.spec import VersionSpec
from pointsman.core.table import RouteTable
from pointsman.core.uri import MAX_INLINE, address_fault, data_of, data_uri, digest_of_blob, ending_of, shown
from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, Failure

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("uri", "field"),
    [
        ("https://models.example/churn.onnx", ""),
        ("s3://bucket/churn.onnx", ""),
        (f"blob:{DIGEST}/churn.onnx", ""),
        ("file:///models/a b@c/../churn.onnx", ""),
        ("python:package:Class", ""),
        ("https://ann:secret@models.example/churn.onnx", "uri"),
        ("Https://ann:secret@models.example/churn.onnx", "uri"),
        (" https://ann:secret@models.example/churn.onnx", "uri"),
        ("https://models.example/public/../secret.onnx", "uri"),
        ("https://models.example/public/%2e%2e/secret.onnx", "uri"),
        ("https://models.example\\@elsewhere/churn.onnx", "uri"),
        ("https://models.example/churn.onnx\n", "uri"),
        ("zip://a::https://elsewhere/churn.zip", "uri"),
        ("https://[", "uri"),
        ("blob:0123/churn.onnx", "uri"),
        (f"blob:{DIGEST[::-1]}/churn.onnx", "uri"),
        ("data:;base64,!", "uri"),
    ],
)
def test_a_uri_leads_where_it_says_or_is_refused_by_its_field(uri: str, field: str) -> None:
    fault = address_fault(VersionSpec(uri, sha256=DIGEST))
    assert (fault.field if fault else "") == field
    assert "secret" not in (fault.message if fault else "")


@pytest.mark.parametrize("uri", ["https://models.example/a.onnx", "redis://a", "data:,a", f"blob:{DIGEST}/a"])
def test_what_is_fetched_needs_a_digest(uri: str) -> None:
    fault = address_fault(VersionSpec(uri))
    assert fault is not None
    assert (fault.code, fault.field) == (FAILED_PRECONDITION, "sha256")
    fault = address_fault(VersionSpec("python:a:B", example=uri))
    assert fault is not None
    assert fault.field == "example_sha256"


def test_the_weights_of_a_network_are_a_file_as_any_other() -> None:
    weights = "https://models.example/a.bin"
    spec = VersionSpec("file:///a.xml", runtime="openvino", options={"weights": weights, "more": "1"})
    fault = address_fault(spec)
    assert fault is not None
    assert (fault.code, fault.field) == (FAILED_PRECONDITION, "options.weights_sha256")
    assert File("options.weights", weights, "options.weights_sha256", "") in files_of(spec)
    assert moved(spec, {"options.weights": "file:///b.bin"}).options == {
        "weights": "file:///b.bin",
        "more": "1",
    }
    # An option of that name is another runtime's own.
    assert address_fault(msgspec.structs.replace(spec, runtime="torch")) is None


def test_a_router_refuses_such_a_version_of_a_runtime_of_ours_and_no_other() -> None:
    wanted = {"1": VersionSpec("https://models.example/a.onnx", runtime="onnx")}
    command = Command("c", "churn", Register(wanted))
    refused = reduce(RouteTable("churn"), command, Facts(0, runtimes=frozenset({"onnx"})))
    assert isinstance(refused, Failure)
    assert refused.field == "versions.1.sha256"
    assert refused.message.startswith("versions.1.sha256: ")
    assert isinstance(reduce(RouteTable("churn"), command, Facts(0)), RouteTable)


@pytest.mark.parametrize(
    ("uri", "field"),
    [("https://h/x.npy", "example_sha256"), ("https://ann:secret@h/x.npy", "example")],
)
def test_a_version_that_is_there_gets_no_file_that_a_new_one_would_not(uri: str, field: str) -> None:
    facts = Facts(0, runtimes=frozenset({"onnx"}))
    spec = VersionSpec("https://models.example/a.onnx", runtime="onnx", sha256=DIGEST)

    def register(table: RouteTable, name: str, wanted: VersionSpec) -> RouteTable | Failure:
        return reduce(table, Command(name, "churn", Register({"1": wanted})), facts)

    table = register(RouteTable("churn"), "new", spec)
    assert isinstance(table, RouteTable)
    refused = register(table, "example", msgspec.structs.replace(spec, example=uri))
    assert isinstance(refused, Failure)
    assert refused.field == f"versions.1.{field}"
    again = register(table, "its digest is known", msgspec.structs.replace(spec, sha256=""))
    assert isinstance(again, RouteTable)


def test_what_is_shown_of_a_uri_holds_no_secret() -> None:
    assert shown("https://ann:secret@host:8/a/b.onnx?sig=secret#secret") == "https://host:8/a/b.onnx"
    assert shown("sftp://secret@host") == "sftp://host"
    assert shown("Https://ann:secret@host/a.onnx?secret") == "Https://host/a.onnx"
    assert shown(data_uri(b"secret" * 99, "a.txt")).startswith("data:… (")
    assert shown("file:///a?b@c") == "file:///a?b@c"


def test_a_small_file_travels_in_its_uri_under_its_name() -> None:
    content = bytes(range(256))
    uri = data_uri(content, "my model; 1.ubj")
    assert data_of(uri) == content
    assert ending_of(uri) == ".ubj"
    assert data_of("data:,a%20b") == b"a b"
    assert address_fault(VersionSpec(uri, sha256=hashlib.sha256(content).hexdigest())) is None
    other = address_fault(VersionSpec(uri, sha256=DIGEST))
    assert other is not None
    assert (other.code, other.field) == (INVALID_ARGUMENT, "uri")
    with pytest.raises(ValueError, match="at most 65536 bytes, not 65537"):
        data_of(data_uri(bytes(MAX_INLINE + 1), "a"))


def test_a_name_says_of_what_kind_a_file_is() -> None:
    assert ending_of("https://host/a/churn.onnx?X-Sig=.exe") == ".onnx"
    assert ending_of("https://host/churn") == ""
    assert ending_of("https://host/churn.%2F..%2Fx") == ""
    assert digest_of_blob(f"blob:{DIGEST}/a.ubj") == DIGEST
    assert digest_of_blob("https://host/a") == ""
