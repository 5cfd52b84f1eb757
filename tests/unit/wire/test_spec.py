from __future__ import annotations

from pointsman.core.spec import Step, VersionSpec
from pointsman.core.tensor import Signature, TensorSpec
from pointsman.pb.v1 import routing_pb2 as pb
from pointsman.wire.spec import signature_from_pb, signature_to_pb, spec_from_pb, spec_to_pb

SIGNATURE = Signature((TensorSpec("x", "FP32", (-1, 64)),), (TensorSpec("y", "INT64", (-1,)),))


def test_a_full_description_survives_the_round_trip() -> None:
    spec = VersionSpec(
        uri="file:///models/digits.safetensors",
        runtime="python",
        factory="package.module:factory",
        sha256="0" * 64,
        pool="gpu",
        signature=SIGNATURE,
        options={"width": "64"},
        example="file:///models/digits.npy",
        max_batch=7,
        concurrency=3,
        min_ready=2,
        ordered=True,
        pinned=True,
        expect="file:///models/digits.npz",
        tolerance=0.01,
        isolation="process",
        compute_timeout=500,
        memory=2**40,
        before=(Step("text", "file:///models/tokenizer.json", "1" * 64, {"max_length": "9"}),),
        after=(Step("package.module:Finish"), Step("normalize")),
        example_sha256="1" * 64,
        expect_sha256="2" * 64,
        fallback="2",
    )
    assert spec_from_pb(pb.VersionSpec.FromString(spec_to_pb(spec).SerializeToString())) == spec


def test_fields_that_were_left_out_have_their_defaults() -> None:
    assert spec_from_pb(pb.VersionSpec(uri="file:///a")) == VersionSpec(uri="file:///a")


def test_a_signature_survives_the_round_trip() -> None:
    assert signature_from_pb(signature_to_pb(SIGNATURE)) == SIGNATURE


def test_no_signature_stays_no_signature() -> None:
    assert not spec_to_pb(VersionSpec(uri="file:///a")).HasField("signature")
