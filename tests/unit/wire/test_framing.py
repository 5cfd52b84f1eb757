"""Frames written by hand are what protobuf writes."""

from __future__ import annotations

from google.protobuf import descriptor_pb2
from hypothesis import given
from hypothesis import strategies as st

from pointsman.pb.v1 import inference_pb2, serving_pb2
from pointsman.wire.framing import framed, tag, varint


@given(st.integers(0, 2**63 - 1))
def test_a_varint_is_protobufs(value: int) -> None:
    message = inference_pb2.RequestHead(timeout_ms=value)
    assert message.SerializeToString() == (b"\x30" + varint(value) if value else b"")


@given(st.sampled_from([0, 1, 127, 128, 16_383, 16_384, 16_385, 2**21, 2**32]))
def test_a_varint_is_read_back_at_the_edges_of_its_table(value: int) -> None:
    assert inference_pb2.RequestHead.FromString(b"\x30" + varint(value)).timeout_ms == value


@given(st.binary(max_size=300))
def test_a_framed_field_is_protobufs(payload: bytes) -> None:
    assert serving_pb2.RawBatch.FromString(framed(1, payload)).records == [payload]
    if payload:
        assert inference_pb2.InferenceRequest(context=payload).SerializeToString() == framed(10, payload)


def test_a_long_payload_is_framed() -> None:
    payload = b"x" * 70_000
    assert inference_pb2.Blob(data=payload).SerializeToString() == framed(2, payload)


def test_tags_of_high_fields_take_more_bytes() -> None:
    # UninterpretedOption fields reach beyond 999 in protobuf's own descriptors.
    options = descriptor_pb2.FileOptions(uninterpreted_option=[descriptor_pb2.UninterpretedOption()])
    assert options.SerializeToString() == framed(999, b"")
    assert [tag(1), tag(15), tag(16), tag(100)] == [b"\x0a", b"\x7a", b"\x82\x01", b"\xa2\x06"]
