"""Interactive requests that would be answered too late are refused at once; all others are not."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.core.ids import INTERACTIVE_SHARD
from pointsman.core.tensor import Item
from pointsman.errors import DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE, Failure
from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.pb.v1.inference_pb2 import LANE_INTERACTIVE
from pointsman.pb.v1.routing_pb2 import READY
from pointsman.runtimes.base import Key
from pointsman.runtimes.host import Ran
from pointsman.statefun.model_fn import WAITING_REPORT_MS
from pointsman.statefun.protocol import DIVERTED, REPORT, TASKS
from pointsman.statefun.returned import diverted_of
from pointsman.testing.engine import Reply
from pointsman.topics import DEAD_LETTERS, RESPONSES
from tests.protocol.world import Doubling, Router, Shard, asked, error_of, output, taken, task_batch

ONE = {"model": "digits", "versions": {"1": {"uri": "python:a:One"}}, "route": {"split": {"1": 1}}}


def people(count: int, **fields: object) -> list[ingress_pb2.Ingress]:
    """Return requests for whose answers somebody waits."""
    return [asked(f"p{number}", lane=LANE_INTERACTIVE, **fields) for number in range(count)]


def reported(router: Router, done: int, wait_ms: int, shard: int = INTERACTIVE_SHARD) -> None:
    """Let a shard of version 1 report."""
    generation = router.table.versions["1"].generation
    report = serving_pb2.BatchReport(
        version="1", generation=generation, shard=shard, done=done, wait_ms=wait_ms, pass_ms=20
    )
    router.call((REPORT, report.SerializeToString()))


def behind(wait_ms: int = 300, *, is_ordered: bool = False, fallback_of: str = "") -> Router:
    """Return a router whose version answers 1,000 a second, with 500 in flight."""
    versions = {"1": {"uri": "python:a:One", "ordered": is_ordered}}
    if fallback_of:
        versions[fallback_of] = {"uri": "python:a:Other", "fallback": "1"}
    router = Router().serving({**ONE, "versions": versions})
    router.ask(*people(1_000))
    for step in range(1, 6):
        router.now += 100
        reported(router, 100 * step, wait_ms, 0 if is_ordered else INTERACTIVE_SHARD)
    return router


def refused(reply: Reply) -> list[str]:
    return [error_of(record).get("code", "") for record in reply.to(RESPONSES)]


def test_a_person_is_refused_where_the_wait_is_too_long_and_a_stream_is_not() -> None:
    router = behind()
    reply = router.ask(*people(3), asked("s"))
    assert taken(reply) == ["s"]
    assert refused(reply) == [RESOURCE_EXHAUSTED] * 3
    assert error_of(reply.to(RESPONSES)[0])["message"] == "version 1 of digits is 500 ms behind"
    assert reply.to(DEAD_LETTERS) == []


def test_as_many_are_taken_as_will_be_answered_in_time() -> None:
    router = behind()
    router.now += 450
    assert 90 <= len(taken(router.ask(*people(1_000)))) <= 110
    assert taken(router.ask(*people(10))) == []


def test_what_another_version_could_not_answer_is_taken_only_where_there_is_time_for_it() -> None:
    router = behind(fallback_of="2")
    records = [*people(3), asked("s")]
    reply = router.call((DIVERTED, _diverted("2", *records)))
    assert taken(reply) == ["s"]
    assert refused(reply) == [RESOURCE_EXHAUSTED] * 3
    router.now += 450
    assert len(taken(router.call((DIVERTED, _diverted("2", *people(3)))))) == 3


def _diverted(version: str, *records: ingress_pb2.Ingress) -> bytes:
    error = Failure(UNAVAILABLE, "no")
    (message,) = diverted_of([one.SerializeToString() for one in records], version, 1, error)
    return message


def test_a_deadline_that_is_near_leaves_less_room() -> None:
    router = behind()
    router.now += 450
    near = people(10, timeout_ms=router.now - 1_000_000 + 100)
    assert taken(router.ask(*near)) == []
    assert len(taken(router.ask(*people(10)))) == 10


def test_a_version_that_answers_at_once_takes_all_there_are() -> None:
    assert len(taken(behind(wait_ms=20).ask(*people(400)))) == 400


def test_one_shard_without_work_does_not_hide_that_another_is_behind() -> None:
    router = behind(is_ordered=True)
    reported(router, 0, 0, shard=1)
    assert taken(router.ask(*people(3))) == []


def test_it_is_over_as_soon_as_nothing_waits_any_more() -> None:
    router = behind()
    router.now += 100
    reported(router, 990, 20)
    assert len(taken(router.ask(*people(400)))) == 400


def test_what_is_known_of_a_version_goes_with_it() -> None:
    router = behind()
    assert len(router.arms.drains) == 1
    two = {"model": "digits", "versions": {"2": {"uri": "python:a:Two"}}, "route": {"split": {"2": 1}}}
    router.obey(two, offset=1)
    router.hear({"1": READY, "2": READY})
    reported(router, 1_000, 0)
    assert "1" not in router.table.versions
    assert list(router.arms.drains) == []


def test_a_shard_says_how_long_its_newest_work_waited_and_sooner_while_work_waits() -> None:
    shard = Shard()
    shard.serve(asked(), at_ms=shard.now - 10)
    assert shard.totals.wait_ms == 10
    shard.now += WAITING_REPORT_MS
    reply = shard.serve(asked(), at_ms=shard.now - 60)
    (report,) = [message.value for message in reply.sent if message.typename == REPORT]
    assert serving_pb2.BatchReport.FromString(report).wait_ms == 60
    shard.now += WAITING_REPORT_MS
    assert [one for one in shard.serve(asked(), at_ms=shard.now).sent if one.typename == REPORT] == []


def test_a_pass_is_one_of_a_turns_many() -> None:
    class Several(Doubling):
        async def run(self, key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
            return Ran((await super().run(key, items)).results, 200_000, 24, passes=10)

    shard = Shard(Several())
    shard.serve(asked())
    assert shard.totals.pass_ms == 20


def test_batches_sent_at_different_times_are_one_pass() -> None:
    shard = Shard()
    batches = [(TASKS, task_batch(asked(), at_ms=shard.now - wait)) for wait in (90, 40)]
    shard.call(*batches)
    assert [len(items) for items in shard.runner.batches] == [2]
    assert shard.totals.wait_ms == 40


def test_work_that_expires_while_its_call_goes_on_costs_no_forward() -> None:
    class Slow(Doubling):
        async def run(self, key: Key, items: Sequence[Item], left_ms: Sequence[int] = ()) -> Ran:
            shard.now += 1_000
            return await super().run(key, items)

    shard = Shard(Slow())
    shard.serve(*[asked()] * 400, at_ms=shard.now)  # it learns that a pass takes long
    shard.runner.batches.clear()
    reply = shard.serve(*[asked()] * 400, deadline_ms=shard.now + 500)
    ran = sum(len(items) for items in shard.runner.batches)
    answered = [record for record in reply.to(RESPONSES) if not error_of(record)]
    late = [record for record in reply.to(RESPONSES) if error_of(record)]
    assert len(answered) == ran < 400
    assert {error_of(record)["code"] for record in late} == {DEADLINE_EXCEEDED}
    assert len(answered) + len(late) == 400
    assert output(answered[0]) == [2.0, 2.0]
