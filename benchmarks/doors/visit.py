"""One turn of a system: start, see that it answers rightly, warm up, measure, end."""

from __future__ import annotations

import http.client
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from benchmarks.doors import ghz, wrk
from benchmarks.doors.plan import READY_S, Plan
from benchmarks.doors.system import Server, Site, System

POLL_S: Final = 0.2
ASK_S: Final = 10.0
WARM_CONNECTIONS: Final = 64


class Unready(Exception):
    """A server does not answer, or no longer, or not what it should; the text says so."""


class Visit(msgspec.Struct, frozen=True):
    """What was measured: by connections, and by calls in flight over gRPC; `ready_s` from the start on."""

    over_http: dict[int, wrk.Run]
    over_grpc: dict[int, wrk.Run]
    memory_mib: float
    ready_s: float


def visit(system: System, site: Site, plan: Plan, expected: Sequence[float]) -> Visit:
    """Measure a system with the workload of the site. Raises Unready, OSError and what subprocesses raise."""
    began = time.monotonic()
    with system.serving(site) as server:
        await_answers(system, server, site, expected)
        ready_s = time.monotonic() - began
        workload = site.workload
        body = site.folder / "body.json"
        body.write_bytes(system.form.body)
        paths = system.form.paths(workload.models)
        if plan.warmup:
            wrk.run(server.url, body, paths, WARM_CONNECTIONS, plan.warmup)
        runs = {n: wrk.run(server.url, body, paths, n, plan.seconds) for n in workload.connections}
        calls = _calls(server, site, plan) if server.grpc and workload.calls else {}
        memory_mib = server.memory_bytes() / 2**20
        if gone := server.ended():
            raise Unready(gone)
    return Visit(runs, calls, memory_mib, ready_s)


def _calls(server: Server, site: Site, plan: Plan) -> dict[int, wrk.Run]:
    program = ghz.program()
    described, call = ghz.prepared(site.folder, site.workload.models[0])
    return {n: ghz.run(program, server.grpc, described, call, n, plan.seconds) for n in site.workload.calls}


def await_answers(system: System, server: Server, site: Site, expected: Sequence[float]) -> None:
    """Return when each model has given the right answer once. Raises Unready."""
    deadline = time.monotonic() + READY_S
    for path in system.form.paths(site.workload.models):
        while (wrong := _wrong(system, server.url, path, expected)) != "":
            if gone := server.ended():
                raise Unready(gone)
            if time.monotonic() > deadline:
                raise Unready(f"not ready within {READY_S:.0f} s: {path} {wrong}")
            time.sleep(POLL_S)


def _wrong(system: System, url: str, path: str, expected: Sequence[float]) -> str:
    """Return what is wrong with the answer; empty: nothing."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=ASK_S)
    try:
        connection.request("POST", path, system.form.body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return f"is not answered: {error}"
    finally:
        connection.close()
    if answer.status != http.client.OK:
        return f"is answered {answer.status}: {body[:200]!r}"
    return "" if system.form.is_right(body, expected) else f"is answered with other numbers: {body[:200]!r}"
