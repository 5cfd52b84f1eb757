"""Keys land where Java's default partitioner puts them."""

from __future__ import annotations

import pytest

from pointsman.core.partition import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        # From the tests of Apache Kafka's own implementation.
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_kafkas(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


def test_the_sign_bit_does_not_count_for_the_partition() -> None:
    assert partition_of(b"21", 64) == (-973932308 & 0x7FFFFFFF) % 64
