from __future__ import annotations

from pointsman.core.spec import VersionSpec
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
        fallback="2",
    )
    assert spec_from_pb(pb.VersionSpec.FromString(spec_to_pb(spec).SerializeToString())) == spec


def test_fields_that_were_left_out_have_their_defaults() -> None:
    assert spec_from_pb(pb.VersionSpec(uri="file:///a")) == VersionSpec(uri="file:///a")


def test_a_signature_survives_the_round_trip() -> None:
    assert signature_from_pb(signature_to_pb(SIGNATURE)) == SIGNATURE


def test_no_signature_stays_no_signature() -> None:
    assert not spec_to_pb(VersionSpec(uri="file:///a")).HasField("signature")
