"""What `inspect` says of a version."""

from __future__ import annotations

from pointsman.cli.inspection import described
from pointsman.cli.models import labels_of
from pointsman.core.commands import Promote, Register
from pointsman.core.spec import Step, VersionSpec
from pointsman.core.uri import data_uri
from tests.unit.core.tables import done, serving, version


def test_all_that_is_set_is_said_and_nothing_that_has_no_end() -> None:
    inline = data_uri(bytes(60_000), "x.npz")
    spec = VersionSpec(
        inline,
        example=inline,
        expect="https://h/y.npz?sig=secret",
        tolerance=0.5,
        isolation="process",
        compute_timeout=1500,
        memory=2**20,
        before=(Step("text", inline, options={"max_length": "9"}),),
        after=(Step("softmax"),),
        fallback="small",
    )
    said = {str(field): str(value) for field, value in described(spec)}
    assert said["uri"] == said["example"] == f"data:… ({len(inline)} characters)"
    assert (said["expect"], said["tolerance"]) == ("https://h/y.npz", "0.5")
    assert (said["isolation"], said["compute_timeout"], said["memory"]) == (
        "process",
        "1,500 ms",
        "1,048,576 bytes",
    )
    assert said["before.0"] == f"text data:… ({len(inline)} characters) max_length=9"
    assert (said["after.0"], said["fallback"]) == ("softmax", "small")


def test_what_is_not_set_is_not_said() -> None:
    said = {field for field, _ in described(VersionSpec("file:///a.onnx", runtime="onnx"))}
    assert said.isdisjoint({"tolerance", "fallback", "isolation", "compute_timeout", "memory", "before.0"})


def test_a_label_that_is_on_its_way_is_marked() -> None:
    table = done(serving({"1": 1}, labels={"stable": "1"}), Register({"2": version("2")}), "register")
    table = done(table, Promote("2", ("stable",)), "promote")
    assert (labels_of(table, "1"), labels_of(table, "2")) == ("stable", "stable (when ready)")
