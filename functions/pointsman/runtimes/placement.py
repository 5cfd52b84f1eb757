"""Where a version computes: on a thread of its pod, or in a process of its own."""

from __future__ import annotations

from pointsman.core.spec import PROCESS, PYTHON
from pointsman.core.table import VersionState
from pointsman.runtimes.framework import is_remote
from pointsman.runtimes.quarantine import Quarantine
from pointsman.runtimes.slot import Slot, terms_of


def wants_process(slot: Slot, quarantine: Quarantine) -> bool:
    """Whether a version that could compute on a thread is not to."""
    spec = slot.spec
    has_choice = spec.runtime != PYTHON and not is_remote(spec.runtime)
    return has_choice and (spec.isolation == PROCESS or quarantine.holds(slot.key))


def is_misplaced(slot: Slot, quarantine: Quarantine) -> bool:
    """Whether it leaves quarantine, or was described anew since it was loaded or could not be."""
    is_here = slot.resident is not None or slot.status.state is VersionState.FAILED
    is_described_anew = is_here and slot.terms != terms_of(slot.spec)
    return is_described_anew or (slot.is_confined and not wants_process(slot, quarantine))


def is_to_be_confined(slot: Slot, quarantine: Quarantine) -> bool:
    """Whether it computes on a thread and must not any more."""
    resident = slot.resident
    return resident is not None and not resident.loaded.isolated and quarantine.holds(slot.key)
