"""The pools file: who serves which pool."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from pointsman.errors import StackError
from pointsman.localstack.pools import Pools
from pointsman.localstack.ports import HOST, reserve


@pytest.fixture
def pools(tmp_path: Path) -> Pools:
    return Pools(tmp_path / "pools.properties")


def dead_address() -> str:
    reservation = reserve()
    reservation.release()
    return f"{HOST}:{reservation.port}"


def test_no_file_means_no_pools(pools: Pools) -> None:
    assert pools.read() == {}


def test_a_pool_is_a_line_that_java_reads_as_a_property(pools: Pools) -> None:
    pools.register("churn", "127.0.0.1:1234")
    assert pools.path.read_text() == "churn=127.0.0.1:1234\n"


def test_registering_twice_is_no_change(pools: Pools) -> None:
    pools.register("churn", "127.0.0.1:1234")
    pools.register("churn", "127.0.0.1:1234")
    assert pools.read() == {"churn": "127.0.0.1:1234"}


def test_a_pool_that_is_served_cannot_be_taken(pools: Pools) -> None:
    with socket.create_server((HOST, 0)) as server:
        pools.register("churn", f"{HOST}:{server.getsockname()[1]}")
        with pytest.raises(StackError, match="churn is served"):
            pools.register("churn", dead_address())


def test_a_pool_whose_server_died_can_be_taken_over(pools: Pools) -> None:
    pools.register("churn", dead_address())
    address = dead_address()
    pools.register("churn", address)
    assert pools.read() == {"churn": address}


def test_only_the_own_entry_is_removed(pools: Pools) -> None:
    pools.register("churn", "127.0.0.1:1234")
    pools.unregister("churn", "127.0.0.1:9")
    assert pools.read() == {"churn": "127.0.0.1:1234"}
    pools.unregister("churn", "127.0.0.1:1234")
    assert pools.read() == {}


def test_a_starting_stack_keeps_the_pools_that_others_serve(pools: Pools) -> None:
    with socket.create_server((HOST, 0)) as server:
        alive = f"{HOST}:{server.getsockname()[1]}"
        pools.register("own", alive)
        pools.register("gone", dead_address())
        pools.enter({"default": "127.0.0.1:1"})
        assert pools.read() == {"own": alive, "default": "127.0.0.1:1"}


def test_many_writers_lose_nothing(pools: Pools) -> None:
    names = [f"pool-{number}" for number in range(16)]
    threads = [threading.Thread(target=pools.register, args=(name, "127.0.0.1:1")) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(pools.read()) == sorted(names)
