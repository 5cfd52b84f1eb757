"""The router's timer: it finds silent pods, and is not fooled by a restore."""

from __future__ import annotations

from pointsman.core.table import VersionState
from pointsman.pb.v1 import serving_pb2
from pointsman.pb.v1.routing_pb2 import LOADING, READY
from pointsman.statefun.protocol import TICK
from pointsman.testing.engine import Reply, Sent
from pointsman.topics import ROUTES
from tests.protocol.world import MODEL, Router, events


def armed(reply: Reply) -> Sent:
    (sent,) = [sent for sent in reply.sent if sent.typename == TICK]
    assert sent.target == "pointsman/router/digits"
    return sent


def states(router: Router) -> set[VersionState]:
    return {entry.state for entry in router.table.versions.values()}


def ready() -> tuple[Router, Sent]:
    """Return a router with ready versions, and its timer."""
    router = Router()
    tick = armed(router.obey(MODEL))
    router.hear({"1": READY, "2": READY})
    return router, tick


def fire(router: Router, tick: Sent, late_ms: int = 0) -> Reply:
    """Let the timer fire when it is due, or later."""
    router.now += tick.delay_ms + late_ms
    return router.call((tick.typename, tick.value))


def test_a_timer_arms_the_next_one() -> None:
    router, tick = ready()
    for _ in range(3):
        router.hear({"1": READY, "2": READY})
        tick = armed(fire(router, tick))
        assert tick.delay_ms == 5_000
    assert states(router) == {VersionState.READY}


def test_a_pod_that_speaks_rarely_is_given_three_times_as_long() -> None:
    router, tick = ready()
    router.hear({"1": READY, "2": READY}, every_ms=20_000)
    tick = armed(fire(router, tick))
    assert tick.delay_ms == 30_000
    tick = armed(fire(router, tick))
    tick = armed(fire(router, tick))  # 65 s after the word: once found silent
    assert states(router) == {VersionState.READY}
    fire(router, tick)
    assert states(router) == {VersionState.UNREACHABLE}


def test_a_silent_pod_makes_its_versions_unreachable_and_everybody_is_told() -> None:
    router, tick = ready()
    tick = armed(fire(router, tick))
    tick = armed(fire(router, tick))
    tick = armed(fire(router, tick))  # finds them silent, but once is not enough
    assert states(router) == {VersionState.READY}
    reply = fire(router, tick)
    assert states(router) == {VersionState.UNREACHABLE}
    assert {(event["version"], event["state"]) for event in events(reply)} == {
        ("1", "UNREACHABLE"),
        ("2", "UNREACHABLE"),
    }
    assert len(reply.to(ROUTES)) == 1


def test_a_late_timer_waits_for_the_topics_to_be_read_and_not_for_ever() -> None:
    router, tick = ready()
    for _ in range(3):  # one restore may follow another
        reply = fire(router, tick, late_ms=60_000)
        assert states(router) == {VersionState.READY}
        tick = armed(reply)
        assert tick.delay_ms == 10_000
    tick = armed(fire(router, tick, late_ms=60_000))
    assert states(router) == {VersionState.READY}
    reply = fire(router, tick, late_ms=60_000)
    assert states(router) == {VersionState.UNREACHABLE}
    assert armed(reply).delay_ms == 5_000


def test_a_job_that_was_down_for_less_than_makes_a_timer_late_finds_no_pod_silent() -> None:
    router, tick = ready()
    tick = armed(fire(router, tick, late_ms=60_000))
    router.hear({"1": READY, "2": READY})
    tick = armed(fire(router, tick, late_ms=1_900))  # 11.9 s after the words; the next ones are not read yet
    assert states(router) == {VersionState.READY}
    router.hear({"1": READY, "2": READY})
    for _ in range(2):
        tick = armed(fire(router, tick))
        assert states(router) == {VersionState.READY}


def test_the_words_of_one_pod_after_a_restore_find_no_other_pod_silent() -> None:
    router, _ = ready()
    router.now += 90_000
    router.hear({"2": READY}, pod="another")
    assert states(router) == {VersionState.READY}


def test_a_pod_that_speaks_after_a_restore_stays_reachable() -> None:
    router, tick = ready()
    tick = armed(fire(router, tick, late_ms=60_000))
    router.hear({"1": READY, "2": READY})
    fire(router, tick)
    assert states(router) == {VersionState.READY}


def test_the_word_of_a_dead_pod_makes_no_version_ready_again() -> None:
    router, tick = ready()
    for second in range(2, 90, 2):  # another pod has begun to load, and repeats its word
        router.now += 2_000
        router.hear({"1": LOADING, "2": LOADING}, pod="p2")
        if second % 5 in (0, 1):
            tick = armed(router.call((tick.typename, tick.value)))
        if second > 25:
            assert states(router) == {VersionState.LOADING}


def test_each_pod_must_be_found_silent_twice() -> None:
    router = Router()
    tick = armed(router.obey(MODEL))
    router.hear({"1": READY}, pod="p1")
    router.now += 6_000
    router.hear({"2": READY}, pod="p2")
    tick = armed(router.call((tick.typename, tick.value)))
    tick = armed(fire(router, tick))  # finds p1 silent, for the first time
    tick = armed(fire(router, tick))  # p2 too, for the first time
    assert {name: entry.state for name, entry in router.table.versions.items()} == {
        "1": VersionState.UNREACHABLE,
        "2": VersionState.READY,
    }


def test_words_on_a_model_without_versions_do_not_pile_up() -> None:
    router, tick = ready()
    router.obey({"model": "digits", "versions": {}}, offset=1)
    fire(router, tick)
    for number in range(10):
        router.now += 61_000
        router.hear({}, pod=f"p{number}")
    assert router.pods == ["p9"]


def test_pods_that_are_long_gone_are_forgotten() -> None:
    router, tick = ready()
    router.hear({"1": READY, "2": READY}, pod="another")
    assert router.pods == ["another", "p1"]
    for _ in range(14):
        router.hear({"1": READY, "2": READY}, pod="another")
        tick = armed(fire(router, tick))
    assert router.pods == ["another"]


def test_a_timer_of_an_older_release_that_was_late_once_counts_as_that() -> None:
    router, tick = ready()
    old = serving_pb2.Tick.FromString(tick.value)
    old.late, old.times_late = True, 0
    again = serving_pb2.Tick.FromString(
        armed(fire(router, tick._replace(value=old.SerializeToString()), 60_000)).value
    )
    assert (again.late, again.times_late) == (True, 2)


def test_a_timer_of_an_older_generation_is_ignored() -> None:
    router, tick = ready()
    fire(router, tick)
    router.now += 60_000
    reply = router.call((tick.typename, tick.value))
    assert (reply.sent, reply.records) == ([], [])
    assert states(router) == {VersionState.READY}


def test_a_timer_that_was_never_armed_is_ignored() -> None:
    reply = Router().call((TICK, serving_pb2.Tick(generation=0, due_ms=0).SerializeToString()))
    assert (reply.sent, reply.records) == ([], [])


def test_the_timer_ends_with_the_last_version_and_starts_again_with_the_next() -> None:
    router, tick = ready()
    router.obey({"model": "digits", "versions": {}}, offset=1)
    assert router.table.versions == {}
    assert fire(router, tick).sent == []
    assert armed(router.obey(MODEL, offset=2)).delay_ms == 5_000
