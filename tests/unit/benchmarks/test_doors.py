from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from google.protobuf import descriptor_pb2

from benchmarks.doors import ghz, wrk
from benchmarks.doors.forms import ROW, Form, oip, row, rows
from benchmarks.doors.peer import end, given, last_line
from benchmarks.doors.peers import BARE, PEERS
from benchmarks.doors.plan import WORKLOADS, Plan
from benchmarks.doors.report import Absence, Result, sheet
from benchmarks.doors.report import rows as rows_of
from benchmarks.doors.system import Site, Workload
from benchmarks.doors.visit import Visit
from benchmarks.stream import processes
from pointsman.localstack.record import start_ticks
from pointsman.pb.oip import grpc_service_pb2

WORKLOAD = Workload("one", ("a", "b"), (1, 64), calls=(64,))


def run(answered: int, refused: int = 0) -> wrk.Run:
    return wrk.Run(answered, 1e6, 2000.0, 5000.0, refused, 0)


def test_what_wrk_says_besides_its_line_is_passed_over() -> None:
    line = '{"answered":900,"took_us":3000000,"p50_us":1500,"p99_us":9000,"refused":2,"broken":1}'
    found = wrk.parse(f"Running 3s test\n  2 threads\n{line}\n")
    assert (found.rate, found.p50_us, found.refused, found.broken) == (300.0, 1500, 2, 1)


def test_a_wrk_without_its_line_is_an_error() -> None:
    with pytest.raises(msgspec.MsgspecError):
        wrk.parse("unable to connect\n")


def test_what_ghz_counts_becomes_answers_refusals_and_calls_without_an_answer() -> None:
    shares = [{"percentage": 50, "latency": 2_000_000}, {"percentage": 99, "latency": 7_000_000}]
    codes = {"OK": 95, "ResourceExhausted": 3, "Unavailable": 2}
    report = {"count": 100, "total": 2_000_000_000, "latencyDistribution": shares}
    said = msgspec.json.encode({**report, "statusCodeDistribution": codes, "details": []})
    assert ghz.parse(said) == wrk.Run(98, 2e6, 2000.0, 7000.0, 3, 2)


def test_ghz_is_given_the_call_and_all_that_describes_it(tmp_path: Path) -> None:
    described, call = ghz.prepared(tmp_path, "m")
    request = grpc_service_pb2.ModelInferRequest.FromString(call.read_bytes())
    files = descriptor_pb2.FileDescriptorSet.FromString(described.read_bytes()).file
    assert (request.model_name, len(request.raw_input_contents[0])) == ("m", 4 * len(ROW))
    assert {need for file in files for need in file.dependency} <= {file.name for file in files}


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        (oip(), {"outputs": [{"name": "y", "data": [1.0, 2.0]}]}),
        (row("/{model}"), {"y": [1.0, 2.0]}),
        (rows("/{model}"), [[1.0, 2.0]]),
    ],
)
def test_an_answer_is_right_with_the_right_numbers_alone(form: Form, answer: object) -> None:
    said = msgspec.json.encode(answer)
    assert form.is_right(said, [1.0, 2.00001])
    assert not form.is_right(said, [1.0, 2.1])
    assert not form.is_right(said, [1.0])
    assert not form.is_right(b'{"error": "no"}', [1.0, 2.0])
    assert not form.is_right(b"oops", [1.0, 2.0])


def test_every_other_round_goes_backwards() -> None:
    plan = Plan(workloads=(WORKLOAD,), rounds=3)
    assert [system for _, system in plan.visits("abc")] == list("abccbaabc")


def test_a_plan_is_cut_to_some_connections_and_says_how_long_it_takes() -> None:
    plan = Plan(seconds=5, warmup=10, rounds=1).over([64])
    assert [(one.connections, one.calls) for one in plan.workloads] == [
        ((64,), (64,)),
        ((64,), ()),
        ((64,), ()),
    ]
    about, most = plan.minutes(systems=2)
    assert about == pytest.approx(2 * (3 * (10 + 25) + 4 * 5) / 60)
    assert most > about


def test_a_whole_run_fits_into_an_hour_and_a_half() -> None:
    assert Plan().minutes(1 + len(PEERS))[0] < 90


def test_a_row_holds_medians_and_the_ratio_to_the_bare_server() -> None:
    visits = {
        ("one", BARE): [Visit({1: run(200), 64: run(400)}, {}, 100.0, 2.0)] * 2,
        ("one", "mosec"): [
            Visit({1: run(100, refused=1), 64: run(600)}, {64: run(50)}, 200.0, 4.0),
            Visit({1: run(300), 64: run(1000)}, {64: run(70)}, 220.0, 6.0),
        ],
    }
    absences = [Absence("one", "Triton", "no wheel"), Absence("one", "mosec", "died in the third")]
    told = sheet(Result(rows_of(visits), absences, 2, 5.0, {"cores": "2"}, "now"))
    assert [row[:5] for row in told.rows] == [
        ("one", BARE, "1 / 64", "200 / 400", "1.00 / 1.00"),
        ("one", "mosec", "1 / 64", "200 / 800", "1.00 / 2.00"),
        ("one", "Triton", "", "no wheel", ""),
        ("one, gRPC", "mosec", "64", "60", "-"),
    ]
    assert told.rows[1][7:] == ("1 / 0", "0 / 0", "210")
    assert {len(row) for row in told.rows} == {len(told.headings)}
    assert "mosec, one, in a part of the rounds: died in the third" in told.notes


def test_the_end_of_a_peer_is_the_end_of_all_below_it(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {stubborn!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()  # the child has begun
    below = processes.tree(process.pid)
    end(process)
    process.stdout.close()
    assert len(below) == 2
    assert [pid for pid in below if start_ticks(pid)] == []


def test_the_reason_of_an_end_is_the_last_line_that_says_something(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_line(log) == "it said nothing"
    log.write_text("first\nno port\n\n  \n")
    assert last_line(log) == "no port"


def test_a_program_is_given_its_models_by_the_environment(tmp_path: Path) -> None:
    told = given(Site(tmp_path, tmp_path / "w", Workload("x", ("a", "b"), (1,), wait_ms=20)), [7, 8])
    assert (told["DOORS_PORT"], told["DOORS_MODELS"], told["DOORS_WAIT_MS"]) == ("7", "a,b", "20")


def test_each_peer_is_named_once_and_pinned() -> None:
    names = [peer.name for peer in PEERS]
    assert len(set(names)) == len(names)
    assert all("==" in peer.requirements[0] for peer in PEERS if peer.requirements)
    assert {one.name for one in WORKLOADS} == {"one model", "20 models", "a 20 ms model"}
