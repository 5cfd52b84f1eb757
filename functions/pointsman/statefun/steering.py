"""Commands, pods' words and timers at the router: everything that changes the table, and what follows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from google.protobuf.message import DecodeError

from pointsman.core.commands import Command, command_hash
from pointsman.core.deployments import lost
from pointsman.core.events import Ack, Event
from pointsman.core.files import URI, files_of, moved
from pointsman.core.history import REBUILD_S, is_history, noted, rebuilt
from pointsman.core.ids import INTERACTIVE_SHARD, NOBODY, ShardAddress, is_name
from pointsman.core.lifecycle import Moment, advance, changes, is_spoken, patience_ms
from pointsman.core.reduce import Facts, reduce
from pointsman.core.table import Place, RouteTable, VersionEntry, VersionState, is_serving
from pointsman.core.uri import shown
from pointsman.errors import INTERNAL, INVALID_ARGUMENT, Failure, NewerRelease
from pointsman.outputs import outputs_of
from pointsman.pb.v1 import ingress_pb2, serving_pb2
from pointsman.runtimes.framework import FRAMEWORKS
from pointsman.settings import Settings
from pointsman.statefun.admission import hear
from pointsman.statefun.effects import Effects
from pointsman.statefun.protocol import CONTROL, HANDLE, TICK
from pointsman.statefun.router_state import RouterState
from pointsman.topics import CONTROL as CONTROL_TOPIC
from pointsman.topics import EVENTS, ROUTES
from pointsman.wire.control import Malformed, command_from_protobuf, command_from_text
from pointsman.wire.event import event_to_json
from pointsman.wire.head import stable_id
from pointsman.wire.spec import spec_to_pb
from pointsman.wire.state import table_from_bytes, table_to_bytes, word_of

logger = logging.getLogger(__name__)

# A pod's word older than this is history read again, not news.
STALE_WORD_MS: Final = 60_000
_PROTOBUF: Final = (b"application/x-protobuf", b"application/protobuf")
# A timer later than this fired after a restore, before the topics were read.
LATE_MS: Final = 2_000
# One restore may follow another; a timer that is late so often in a row is so for another reason.
MOST_LATE: Final = 3


class Steering:
    """All but requests, at the router of one model."""

    def __init__(
        self,
        model: str,
        state: RouterState,
        effects: Effects,
        settings: Settings,
        now_ms: int,
        artifact_fault: Callable[[str], str],
    ) -> None:
        self._model = model
        self._state = state
        self._effects = effects
        self._settings = settings
        self._now_ms = now_ms
        self._artifact_fault = artifact_fault

    def control(self, batch: bytes) -> None:
        """Obey or refuse the commands of an IngressBatch, in order; pass over those that are history."""
        for record in ingress_pb2.IngressBatch.FromString(batch).records:
            fallback_id, place = stable_id(record), self._place(record)
            if is_history(self._state.table, place):
                continue
            try:
                command = self._command(record, fallback_id)
            except Malformed as error:
                self._state.table = noted(self._state.table, place)
                self._emit(self._refusal(error.command_id or fallback_id, error.model, error.failure))
                continue
            if command.model != self._model:
                self._pass_on(command, record)
            else:
                self._obey(command, place)

    def give_up(self, batch: bytes) -> None:
        """Refuse commands that cannot be handled."""
        failure = Failure(INTERNAL, "the router could not handle this command")
        for record in ingress_pb2.IngressBatch.FromString(batch).records:
            self._emit(self._refusal(stable_id(record), "", failure))

    def _command(self, record: ingress_pb2.Ingress, fallback_id: str) -> Command:
        if record.format == ingress_pb2.FORMAT_PROTOBUF or _is_declared_protobuf(record):
            command = command_from_protobuf(record.value, fallback_id)
        else:
            command = command_from_text(record.value, fallback_id)
        if not command.model and self._model != NOBODY:
            command = Command(command.id, self._model, command.body, command.expected_epoch, command.actor)
        return command

    def _pass_on(self, command: Command, record: ingress_pb2.Ingress) -> None:
        """Give a keyless command to its model's router; one under another key is a mistake."""
        key = record.key.decode(errors="replace")
        if not is_name(command.model):
            message = (
                "the command names no model"
                if not command.model
                else f"no model can be named {command.model!r}"
            )
            self._emit(self._refusal(command.id, command.model, Failure(INVALID_ARGUMENT, message, "model")))
        elif key and key != command.model:
            message = (
                f"control for model {command.model!r} came under the key {key[:80]!r}; use its name or no key"
            )
            self._emit(self._refusal(command.id, command.model, Failure(INVALID_ARGUMENT, message, "key")))
        else:
            batch = ingress_pb2.IngressBatch(records=[record]).SerializeToString()
            self._effects.send("pointsman", "router", command.model, CONTROL, batch)

    def _place(self, record: ingress_pb2.Ingress) -> Place | None:
        """Return the place of a record in its lane; None for one that no lane keeps in order."""
        key = record.key.decode(errors="replace")
        first = record.model or (key if is_name(key) else NOBODY)  # whose router the ingress gave it to
        if record.topic != CONTROL_TOPIC or first not in (self._model, NOBODY):
            return None
        return Place(record.partition, first != self._model, record.offset)

    def _obey(self, command: Command, place: Place | None) -> None:
        before = self._state.table
        outputs = frozenset(outputs_of(self._settings.outputs))
        facts = Facts(self._now_ms, outputs, self._artifact_fault, frozenset(FRAMEWORKS))
        repeated = command_hash(command.id) in before.commands
        after = reduce(before, command, facts)
        if isinstance(after, Failure):
            self._state.table = noted(before, place)
            self._emit(self._refusal(command.id, command.model, after))
            return
        self._settle(before, advance(noted(after, place), self._moment()))
        kind = command.body.__struct_config__.tag
        epoch = self._state.table.epoch
        note = "" if repeated else lost(after, before)
        self._emit(Ack(command.id, command.model, epoch, str(kind), command.actor, repeated, note=note))
        self._watch_pods()

    def _watch_pods(self, least_ms: int = 0) -> None:
        if self._state.table.versions and not self._state.arms.timer_armed:
            self._arm(max(least_ms, self._look_ms()))

    def rebuild(self, batch: bytes) -> None:
        """Take in the last of a model's snapshots, whatever its epoch: the state was lost.

        It is the table that served last: a job that was killed begins again below epochs it had written. It
        is on the routes topic already and is not written again. What it says of a version counts as a pod's
        word until that is found silent, time enough for the pods to speak themselves.
        """
        newest, place = self._state.table, ""
        for record in ingress_pb2.IngressBatch.FromString(batch).records:
            try:
                table = table_from_bytes(record.value)
            except (DecodeError, NewerRelease) as fault:
                logger.error("the snapshot at offset %d cannot be taken in: %s", record.offset, fault)
                continue
            if table.model == self._model and table.epoch:
                newest, place = table, stable_id(record)
        if newest != self._state.table:  # else its own: it went on from another, and wrote that
            self._begin_again(rebuilt(newest))
            self._emit(Ack(place, self._model, newest.epoch, "rebuild"))

    def _begin_again(self, table: RouteTable) -> None:
        self._state.table = table
        for entry in table.versions.values():
            if is_serving(entry):
                self._hand_over(entry)
            if is_spoken(entry):
                self._hear(word_of(table.model, entry))
        # Not before the last snapshot is taken in: what follows from silence would make another table.
        self._watch_pods(REBUILD_S * 1000)

    def _refusal(self, command_id: str, model: str, failure: Failure) -> Ack:
        return Ack(command_id, model or self._model, self._state.table.epoch, error=failure)

    def status(self, batch: bytes) -> None:
        """Take in the words of pods, and what follows from them."""
        self.hear(batch)
        self._review()

    def hear(self, batch: bytes) -> None:
        """Take in the words of pods, from which nothing follows yet.

        Between two snapshots a word would make another table, of the later one's epoch.
        """
        for record in ingress_pb2.IngressBatch.FromString(batch).records:
            try:
                word = serving_pb2.PodStatus.FromString(record.value)
            except DecodeError:
                logger.warning("a record of %s is not a PodStatus (offset %d)", record.topic, record.offset)
                continue
            if word.model == self._model and self._now_ms - word.at_ms <= STALE_WORD_MS:
                self._hear(word)

    def _hear(self, word: serving_pb2.PodStatus) -> None:
        # What counts is when the router heard it: under load a word may have waited in the topic.
        word.at_ms = self._now_ms
        kept = [
            known
            for known in self._state.pods.pods
            if known.pod != word.pod and not known.leaving and not self._is_history(known)
        ]
        self._keep(sorted([*kept, word], key=lambda known: known.pod))

    def _is_history(self, word: serving_pb2.PodStatus) -> bool:
        """Whether a word is to be forgotten where no timer looks for silent pods."""
        age_ms = self._now_ms - word.at_ms
        return not self._state.arms.timer_armed and age_ms > max(STALE_WORD_MS, self._patience_ms(word))

    def _keep(self, words: Sequence[serving_pb2.PodStatus]) -> None:
        pods = self._state.pods.pods
        del pods[:]
        pods.extend(words)
        self._state.touch("pods")

    def report(self, value: bytes) -> None:
        """Take in the totals of a shard."""
        report = serving_pb2.BatchReport.FromString(value)
        entry = self._state.table.versions.get(report.version)
        if entry is None or entry.generation != report.generation:
            return
        totals = self._state.shard(entry, report.shard)
        totals.done = max(totals.done, report.done)
        totals.done_bytes = max(totals.done_bytes, report.done_bytes)
        totals.failed = max(totals.failed, report.failed)
        totals.done_messages = report.messages
        totals.busy_ms = max(totals.busy_ms, report.busy_ms)
        hear(self._state.arms, entry, totals, report, self._now_ms)
        self._state.measure(self._now_ms)
        if entry.state is VersionState.DRAINING:
            self._review()

    def tick(self, value: bytes) -> None:
        """Look for silent pods. A timer that a restore delayed waits for the topics to be read first.

        A pod is believed to be silent when two timers in a row find it so: the job may have been down for
        less than makes a timer late, and the pods' words not read yet.
        """
        tick = serving_pb2.Tick.FromString(value)
        arms = self._state.arms
        if not arms.timer_armed or tick.generation != arms.timer_generation:
            return
        times_late = tick.times_late or int(tick.late)
        is_late = self._now_ms - tick.due_ms > LATE_MS
        waits = is_late and times_late < MOST_LATE
        suspected_ms = tick.suspected_ms if waits else self._look(tick.suspected_ms)
        if self._state.table.versions:
            delay_ms = self._settings.silence_ms if waits else self._look_ms()
            self._arm(delay_ms, times_late + 1 if is_late else 0, suspected_ms)
        else:
            arms.timer_armed = False
            self._state.touch("arms")

    def _look(self, suspected_ms: int) -> int:
        """Forget pods found silent then that still are; return now where others are silent, else 0."""
        words = self._state.pods.pods
        known = [
            word for word in words if not suspected_ms or suspected_ms - word.at_ms <= self._patience_ms(word)
        ]
        if len(known) < len(words):
            self._keep(known)
        self._review()
        is_silent = any(self._now_ms - word.at_ms > self._patience_ms(word) for word in known)
        return self._now_ms if is_silent else 0

    def _patience_ms(self, word: serving_pb2.PodStatus) -> int:
        return patience_ms(word.every_ms, self._settings.silence_ms)

    def _look_ms(self) -> int:
        """Return when to look for silent pods next: half of what the most talkative is given."""
        patience = (self._patience_ms(word) for word in self._state.pods.pods if not word.leaving)
        return min(patience, default=self._settings.silence_ms) // 2

    def _arm(self, delay_ms: int, times_late: int = 0, suspected_ms: int = 0) -> None:
        arms = self._state.arms
        arms.timer_armed, arms.timer_generation = True, arms.timer_generation + 1
        self._state.touch("arms")
        tick = serving_pb2.Tick(
            generation=arms.timer_generation,
            due_ms=self._now_ms + delay_ms,
            late=times_late > 0,
            times_late=times_late,
            suspected_ms=suspected_ms,
        )
        self._effects.send_after(delay_ms, "pointsman", "router", self._model, TICK, tick.SerializeToString())

    def _moment(self) -> Moment:
        settings, state = self._settings, self._state
        return Moment(self._now_ms, settings.silence_ms, state.words(), state.inflight)

    def _review(self) -> None:
        before = self._state.table
        if before.versions:
            self._settle(before, advance(before, self._moment()))

    def _settle(self, before: RouteTable, after: RouteTable) -> None:
        """Make the table current and tell everybody who must know."""
        self._state.table = after
        if after.epoch == before.epoch:
            return
        self._state.forget_retired()
        for entry in after.versions.values():
            if is_serving(entry) and _is_news(before.versions.get(entry.version), entry):
                self._hand_over(entry)
        for event in changes(before, after):
            self._emit(event)
        self._effects.egress(ROUTES, self._model, table_to_bytes(after))

    def _hand_over(self, entry: VersionEntry) -> None:
        """Give every shard its handle; messages keep their order, so it is there before the first task."""
        # Files that lie in the table do not travel with each call of a shard, too.
        plain = {file.field: shown(file.uri) for file in files_of(entry.spec)}
        spec = moved(entry.spec, {URI: shown(entry.spec.uri), **plain})
        handle = serving_pb2.Handle(
            model=self._model, version=entry.version, generation=entry.generation, spec=spec_to_pb(spec)
        ).SerializeToString()
        for shard in (*range(entry.spec.concurrency), INTERACTIVE_SHARD):
            address = str(ShardAddress(self._model, entry.version, shard))
            self._effects.send("models", entry.spec.pool, address, HANDLE, handle)

    def _emit(self, event: Event) -> None:
        self._effects.egress(EVENTS, event.model or NOBODY, event_to_json(event, self._now_ms))


def _is_declared_protobuf(record: ingress_pb2.Ingress) -> bool:
    """Whether a header says so: the control topic takes people's text and programs' protobuf."""
    return any(
        header.key.lower() == "content-type" and header.value in _PROTOBUF for header in record.headers
    )


def _is_news(was: VersionEntry | None, entry: VersionEntry) -> bool:
    return was is None or not is_serving(was) or (was.spec, was.generation) != (entry.spec, entry.generation)
