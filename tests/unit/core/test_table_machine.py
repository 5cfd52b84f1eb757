"""Any history of commands and pods' words leaves a table that keeps its promises."""

from __future__ import annotations

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pointsman.core.commands import (
    Apply,
    Body,
    Command,
    Promote,
    Register,
    Retire,
    Rollback,
    SetLabels,
    SetPolicy,
    SetSplit,
)
from pointsman.core.deployments import REMEMBERED_DEPLOYMENTS
from pointsman.core.lifecycle import Held, Moment, PodWord, advance, changes
from pointsman.core.reduce import Facts, reduce
from pointsman.core.spec import ModelSpec, Route, VersionSpec
from pointsman.core.table import RouteTable, VersionEntry, VersionState, effective_split, same_routing
from pointsman.errors import Failure
from tests.unit.core.tables import SILENCE, version

NAMES = ("1", "2", "3")
SPOKEN = (VersionState.LOADING, VersionState.WARMING, VersionState.READY, VersionState.FAILED)
some_names = st.lists(st.sampled_from((*NAMES, "9")), unique=True, max_size=3)
splits = st.dictionaries(st.sampled_from(NAMES), st.integers(-1, 3), max_size=3)
labels = st.dictionaries(st.sampled_from(("stable", "canary")), st.sampled_from(("", *NAMES)), max_size=2)
policies = st.sampled_from(("named", "named", "all", "latest(1)", "latest(2)"))


class TableMachine(RuleBasedStateMachine):
    """One model's router, with three versions, two pods and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.table = RouteTable("m")
        self.pods: dict[str, PodWord] = {}
        self.inflight: dict[str, int] = {}
        self.now = 1_000_000
        self.commands = 0
        self.generations: dict[int, tuple[str, VersionSpec]] = {}

    def obey(self, body: Body, expected_epoch: int | None = None) -> None:
        self.commands += 1
        command = Command(f"c{self.commands}", "m", body, expected_epoch)
        before = msgspec.json.encode(self.table)
        after = reduce(self.table, command, Facts(self.now))
        assert msgspec.json.encode(self.table) == before
        if not isinstance(after, Failure):
            self.become(after)
            assert reduce(after, command, Facts(self.now)) is after
        self.look()

    def become(self, after: RouteTable) -> None:
        """Take a new table; the epoch grows by one when routing changed and stays otherwise."""
        step = 0 if same_routing(after, self.table) else 1
        assert after.epoch == self.table.epoch + step
        served = effective_split(self.table)
        self.table = after
        still = {name for name in served if after.versions.get(name, _GONE).state is VersionState.READY}
        if still and any(weight > 0 for weight in after.route.split.values()):
            assert effective_split(after), "a model that served and has a ready version goes on serving"

    def look(self) -> None:
        moment = Moment(
            self.now, SILENCE, list(self.pods.values()), lambda entry: self.inflight.get(entry.version, 0)
        )
        before = self.table
        after = advance(before, moment)
        told = {event.version for event in changes(before, after)}
        moved = {
            name
            for name in {*before.versions, *after.versions}
            if before.versions.get(name, _GONE).state is not after.versions.get(name, _GONE).state
        }
        assert moved <= told
        self.become(after)
        assert advance(after, moment) == after, "a second look at the same moment changes nothing"

    @rule(names=some_names, weights=splits, names_of=labels, policy=policies)
    def apply(self, names: list[str], weights: dict[str, int], names_of: dict[str, str], policy: str) -> None:
        versions, route = {name: version(name) for name in names}, Route(weights)
        route = Route() if policy.startswith("latest") else route
        self.obey(Apply(ModelSpec("m", versions, route, names_of, policy=policy)))

    @rule(names=some_names)
    def register(self, names: list[str]) -> None:
        self.obey(Register({name: version(name) for name in names}))

    @rule(weights=splits, behind=st.sampled_from([None, 0, 1]))
    def split(self, weights: dict[str, int], behind: int | None) -> None:
        self.obey(SetSplit(weights), None if behind is None else self.table.epoch - behind)

    @rule(names_of=labels)
    def label(self, names_of: dict[str, str]) -> None:
        self.obey(SetLabels(names_of))

    @rule(names=some_names)
    def retire(self, names: list[str]) -> None:
        self.obey(Retire(tuple(names)))

    @rule(name=st.sampled_from(NAMES), names=st.lists(st.sampled_from(("stable", "canary")), max_size=2))
    def promote(self, name: str, names: list[str]) -> None:
        self.obey(Promote(name, tuple(names)))

    @rule(back=st.integers(0, 3))
    def rollback(self, back: int) -> None:
        known = self.table.deployments[:-1]
        self.obey(Rollback(known[-back].epoch if 0 < back <= len(known) else 0))

    @rule(policy=policies)
    def policy(self, policy: str) -> None:
        self.obey(SetPolicy(policy))

    @rule(
        pod=st.sampled_from(("p1", "p2")),
        said=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(SPOKEN)),
    )
    def hear(self, pod: str, said: dict[str, VersionState]) -> None:
        held = {
            name: Held(self.table.versions[name].generation, state)
            for name, state in said.items()
            if name in self.table.versions
        }
        self.pods[pod] = PodWord(pod, "default", self.now, held)
        self.look()

    @rule(milliseconds=st.sampled_from((1, 5_000, 10_001, 300_001)))
    def wait(self, milliseconds: int) -> None:
        self.now += milliseconds
        self.look()

    @rule()
    def forget_silent_pods(self) -> None:
        self.pods = {name: pod for name, pod in self.pods.items() if self.now - pod.at_ms <= SILENCE}
        self.look()

    @rule(name=st.sampled_from(NAMES), count=st.integers(0, 2))
    def work(self, name: str, count: int) -> None:
        self.inflight[name] = count
        self.look()

    @invariant()
    def only_ready_versions_serve(self) -> None:
        for name, weight in effective_split(self.table).items():
            assert weight > 0
            assert self.table.versions[name].state is VersionState.READY

    @invariant()
    def labels_point_at_known_versions(self) -> None:
        assert set(self.table.labels.values()) <= set(self.table.versions)
        for label, wanted in self.table.awaited.items():
            assert self.table.versions[wanted].state is not VersionState.READY
            assert self.table.versions[self.table.labels[label]].state is VersionState.READY

    @invariant()
    def the_history_is_bounded_and_in_order(self) -> None:
        epochs = [one.epoch for one in self.table.deployments]
        assert epochs == sorted(set(epochs))
        assert len(epochs) <= REMEMBERED_DEPLOYMENTS
        assert all(epoch <= self.table.epoch for epoch in epochs)

    @invariant()
    def the_newest_ready_version_has_all_the_traffic_where_the_policy_says_so(self) -> None:
        entries = self.table.versions.values()
        ready = [int(e.version) for e in entries if e.state is VersionState.READY and not e.leaving]
        if self.table.policy.startswith("latest") and ready:
            assert list(effective_split(self.table)) == [str(max(ready))]

    @invariant()
    def weights_are_never_negative_and_name_known_versions(self) -> None:
        assert all(weight >= 0 for weight in self.table.route.split.values())

    @invariant()
    def every_generation_is_one_version_for_ever(self) -> None:
        for entry in self.table.versions.values():
            assert entry.generation <= self.table.epoch
            was = self.generations.setdefault(entry.generation * 10 + int(entry.version), _identity(entry))
            assert was == _identity(entry)

    @invariant()
    def ready_needs_a_word(self) -> None:
        heard = {name for pod in self.pods.values() for name in pod.held}
        ready = {name for name, entry in self.table.versions.items() if entry.state is VersionState.READY}
        assert ready <= heard

    @invariant()
    def retired_versions_left(self) -> None:
        assert all(entry.state is not VersionState.RETIRED for entry in self.table.versions.values())


_GONE = VersionEntry("", version(), VersionState.RETIRED, 0)


def _identity(entry: VersionEntry) -> tuple[str, VersionSpec]:
    return entry.version, entry.spec


TestTableMachine = TableMachine.TestCase
TestTableMachine.settings = settings(max_examples=30, stateful_step_count=20)
