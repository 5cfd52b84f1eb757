"""The doors of a real stack against what is bad or damaged. `make fuzz` is the long form."""

from __future__ import annotations

import os
import random
import socket
import statistics
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, Final

import grpc
import msgspec
import numpy as np
import pytest

from benchmarks.stream.processes import memory_bytes
from pointsman.localstack.stack import Stack
from tests.e2e.asking import ask
from tests.e2e.bench import Bench, scale
from tests.e2e.neighbours import WIDTH, WITHIN_S, OverGrpc, OverHttp, Tally
from tests.fuzz import http_requests, nasty_messages, nasty_requests

PAIRS: Final = int(os.environ.get("POINTSMAN_FUZZ", "2000"))
SEED: Final = os.environ.get("POINTSMAN_FUZZ_SEED", "1")
THREADS: Final = 6
# Of a leak of all that the second half sends, tens of megabytes, this is a part. Heaps take some time to be
# as large as they get.
MOST_GROWTH_MIB: Final = 16.0
LOOK_S: Final = 0.25


@pytest.fixture
def models(bench: Bench, name: str) -> tuple[str, str]:
    """Return a model that says what it takes, and one that takes anything."""
    echo = f"{name}-echo"
    bench.apply(name, {"1": scale(1)}, {"1": 1})
    bench.apply(echo, {"1": {"uri": "python:e2e_models:Echo", "runtime": "python"}}, {"1": 1})
    return name, echo


def test_no_bad_request_gets_a_fault_of_ours_hurts_a_neighbour_or_leaves_anything_in_memory(
    stack: Stack, models: tuple[str, str]
) -> None:
    tally, growth = Tally(), Growth(stack)
    with grpc.insecure_channel(stack.record.grpc) as channel, ThreadPoolExecutor(THREADS) as pool:
        shares = [pool.submit(share, stack, channel, tally, models, number) for number in range(THREADS)]
        while wait(shares, LOOK_S).not_done:
            growth.look(tally)
        for one in shares:
            one.result()
        growth.look(tally)
    sys.stdout.write(f"\n{tally.text}\nmemory of the gateways in the second half, MiB: {growth.text}\n")
    assert tally.faults == [], f"seed {SEED}: {tally.text}"
    assert tally.pairs >= PAIRS
    assert growth.mib < MOST_GROWTH_MIB, growth.text


def share(stack: Stack, channel: Any, tally: Tally, models: tuple[str, str], thread: int) -> None:
    """Send a thread's share of the pairs, each with chance of its own, so that it can be sent again alone."""
    over_http, over_grpc = OverHttp(stack, tally), OverGrpc(channel, tally)
    good_model = models[0]
    try:
        for number in range(thread, PAIRS, THREADS):
            chance = random.Random(f"{SEED}/{number}")
            pair = chance.choice(
                (over_http.pair, over_http.pair, over_grpc.pair, over_grpc.pair, over_grpc.stream)
            )
            pair(chance, chance.choice(models), good_model)
    finally:
        over_http.close()


class Growth:
    """The gateways' proportional set size in the second half of the pairs."""

    def __init__(self, stack: Stack) -> None:
        self._pid = stack.record.children["gateway"].pid
        self._mib: list[float] = []

    def look(self, tally: Tally) -> None:
        """Take a sample, if the second half has begun."""
        if tally.pairs > PAIRS / 2:
            self._mib.append(memory_bytes(self._pid) / 2**20)

    @property
    def mib(self) -> float:
        """How much more the last samples are than the first."""
        part = max(1, len(self._mib) // 4)
        return statistics.median(self._mib[-part:]) - statistics.median(self._mib[:part])

    @property
    def text(self) -> str:
        """The growth, and what it grew from."""
        return f"{self.mib:+.1f} from {self._mib[0]:.1f}, {len(self._mib)} samples"


def test_what_has_broken_other_servers_is_told_what_is_wrong_and_a_neighbour_is_answered(
    stack: Stack, models: tuple[str, str]
) -> None:
    model = models[0]
    address = stack.record.http.removeprefix("http://").split(":")
    wrong: list[tuple[str, object]] = []
    for case in nasty_requests.HTTP:
        with (
            neighbour(stack, model),
            socket.create_connection((address[0], int(address[1])), WITHIN_S) as line,
        ):
            answer = said_to(line, case.sent(model, WIDTH))
        head, _, body = answer.partition(b"\r\n\r\n")
        is_told = head.startswith(b"HTTP/1.1 %d " % case.status) and body.startswith(b"{")
        if not is_told or case.said not in msgspec.json.decode(body)["error"]:
            wrong.append((case.what, answer[:500]))
    with grpc.insecure_channel(stack.record.grpc) as channel:
        for message in nasty_messages.GRPC:
            asked = message.asked(model, WIDTH)
            with neighbour(stack, model), pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary(asked.path)(asked.message, timeout=WITHIN_S)
            told = refused.value.code().name, refused.value.details()
            if told[0] != message.code or message.said not in told[1]:
                wrong.append((message.what, told))
    assert wrong == []


def said_to(line: socket.socket, sent: bytes) -> bytes:
    """Return all that a gateway says until it closes the line; it may stop to read before all is sent."""
    sender = threading.Thread(target=send_what_it_takes, args=(line, sent))
    sender.start()
    parts = []
    try:
        while part := line.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass  # what it said came before
    sender.join()
    return b"".join(parts)


def send_what_it_takes(line: socket.socket, sent: bytes) -> None:
    try:
        line.sendall(sent)
    except OSError:
        return  # it reads no more


@contextmanager
def neighbour(stack: Stack, model: str) -> Iterator[None]:
    """Send a good request while the block runs; it must get its rows."""
    path, body, _ = http_requests.good(model, WIDTH, 3.0)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, stack, "POST", path, body)
        yield
        answer = asked.result(WITHIN_S)
    assert answer.status == 200, answer
    np.testing.assert_array_equal(answer.body["outputs"][0]["data"], [3.0] * WIDTH)
