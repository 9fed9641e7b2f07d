"""The benchmarks' pieces that could fail silently: a wrong percentile, CPU of nobody, an empty answer as speed."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from joserfc.errors import JoseError
from msgspec import json

from benchmarks import in_process, report, tokens
from benchmarks.bodies import TODAY, order_sign
from benchmarks.cells import Cell, Round, percentile
from benchmarks.load import Answers, Job, client, run
from benchmarks.over_http import Plan, compare, memory_of_ours, services
from benchmarks.peers.spine_rule import Fact, facts_in_dicts, facts_in_models, summary_of
from benchmarks.pool import CHARTS, body
from benchmarks.servers import FLOOR, MODELS, OURS, Service, running
from benchmarks.targets import SIZE, targets
from benchmarks.usage import Usage, usage_of
from plugin.app import create_app

SMALL = Plan(rounds=1, seconds=0.1, sizes=(20_000,), connections=(1, 2))
Start = Callable[[str], subprocess.Popen[bytes]]


def a_cell(service: str, *rounds: Round, size: int = SIZE, connections: int = 1) -> Cell:
    return Cell(service, size, connections, rounds, memory_mb=80)


def verdicts(cells: list[Cell], memory_mb: list[float]) -> list[str]:
    return [target.verdict for target in targets(cells, memory_mb)]


@pytest.fixture
def start() -> Iterator[Start]:
    """A Python program in a process group of its own, which stays until its input ends."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(program: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", staying(program)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True))
        assert started[-1].stdout
        started[-1].stdout.readline()
        return started[-1]

    yield begin
    for process in started:
        process.communicate(timeout=120)


def staying(program: str) -> str:
    return f"import sys\n{program}\nprint(flush=True)\nsys.stdin.read()"


@pytest.mark.parametrize(("hundredths", "is_"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_the_nearest_measured_value(hundredths: int, is_: int) -> None:
    assert percentile(range(100, 0, -1), hundredths) == is_


def test_of_few_calls_the_99th_percentile_is_the_slowest() -> None:
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0
    assert percentile([7.0], 50) == 7.0


def test_cpu_is_a_call_s_share_and_its_ratio_the_round_in_the_middle() -> None:
    rounds = (Round((1.0,) * 10, 20.0, 1.0), Round((1.0,) * 10, 30.0, 1.0), Round((1.0,) * 20, 200.0, 1.0))
    cell = a_cell(OURS.name, *rounds)
    assert cell.calls == 40
    assert cell.cpu_ms == 6.25
    assert cell.cpu_over_parsing == 3.0


def test_cpu_of_a_child_is_counted_with_its_group(start: Start) -> None:
    burn = staying("import time\nwhile time.process_time() < 2: pass")
    parent = (
        "from subprocess import PIPE, Popen\n"
        f"child = Popen([sys.executable, '-c', {burn!r}], stdin=PIPE, stdout=PIPE)\n"
        "child.stdout.readline()"
    )
    idle, busy = start(""), start(parent)
    assert usage_of(busy.pid).cpu_ms - usage_of(idle.pid).cpu_ms > 1000  # a start costs far less than that to differ


def test_memory_is_that_of_the_group_and_of_nobody_else(start: Start) -> None:
    small, large = start(""), start("kept = b'x' * 50_000_000")
    assert 40 < usage_of(large.pid).memory_mb - usage_of(small.pid).memory_mb < 60


def test_a_group_that_is_gone_uses_nothing(start: Start) -> None:
    process = start("kept = b'x' * 50_000_000")
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert usage_of(process.pid).memory_mb == 0
    process.wait(120)
    assert usage_of(process.pid) == Usage(0, 0)


def test_no_two_bodies_are_the_same_and_all_are_of_the_size() -> None:
    bodies = [body(20_000, number) for number in range(2 * CHARTS)]
    assert len(set(bodies)) == len(bodies)
    assert {json.decode(one)["context"]["patientId"] for one in bodies[:2]} == {"p0000000", "p0000001"}
    assert all(18_000 < len(one) < 22_000 for one in bodies)


def test_a_target_is_held_at_its_limit_and_missed_above_it() -> None:
    held = a_cell(OURS.name, Round((1.0,) * 98 + (5.0,) * 2, 200.0, 1.0))
    peer = a_cell(MODELS.name, Round((15.0,), 40.0, 1.0))
    assert verdicts([held, peer], [100.0, 105.0]) == ["held"] * 4
    missed = a_cell(OURS.name, Round((1.01,) * 98 + (5.1,) * 2, 201.0, 1.0))
    assert verdicts([missed, peer], [100.0, 105.1]) == ["MISSED"] * 4


def test_faster_is_what_the_lesser_of_latency_and_cpu_says() -> None:
    ours = a_cell(OURS.name, Round((1.0,), 1.0, 1.0))
    assert verdicts([ours, a_cell(MODELS.name, Round((60.0,), 14.0, 1.0))], [])[1] == "MISSED"
    assert verdicts([ours, a_cell(MODELS.name, Round((14.0,), 60.0, 1.0))], [])[1] == "MISSED"
    held = [ours, a_cell(MODELS.name, Round((15.0,), 15.0, 1.0))]
    assert verdicts(held, [])[1] == "held"
    crowded = [a_cell(name, Round((ms,), ms, 1.0), connections=8) for name, ms in ((OURS.name, 1), (MODELS.name, 14))]
    assert verdicts([*held, *crowded], [])[1] == "MISSED"


def test_what_was_not_measured_is_neither_held_nor_missed() -> None:
    assert verdicts([], []) == ["not measured"] * 4
    without_peers = [a_cell(OURS.name, Round((1.0,), 1.0, 1.0)), a_cell(FLOOR.name, Round((1.0,), 1.0, 1.0))]
    assert verdicts(without_peers, []) == ["held", "not measured", "held", "not measured"]


def test_targets_are_about_one_connection_and_spread_about_the_worst_size() -> None:
    crowded = a_cell(OURS.name, Round((9.0,), 900.0, 1.0), connections=8)
    calm, uneven = Round((1.0,), 1.0, 1.0), Round((1.0,) * 9 + (6.0,), 1.0, 1.0)
    assert verdicts([crowded], [])[0] == "not measured"
    assert verdicts([a_cell(OURS.name, calm), a_cell(OURS.name, uneven, size=20_000)], [])[2] == "MISSED"


def test_the_verdicts_give_measure_limit_and_floor() -> None:
    cells = [a_cell(OURS.name, Round((1.0,), 3.0, 1.0)), a_cell(FLOOR.name, Round((1.0,), 1.5, 1.0))]
    lines = report.verdicts(targets(cells)).splitlines()
    about = "CPU of a call of 200 KB, as a multiple of orjson.loads of its body"
    assert " ".join(lines[1].split()) == f"MISSED 3.00, at most 2: {about} (the floor: 1.50)"
    assert " ".join(lines[2].split()).startswith("not measured at least 15: times faster")


def test_our_service_and_the_floor_give_one_warning_for_every_body_and_are_gone_afterwards() -> None:
    cells = compare((OURS, FLOOR), SMALL)
    assert [(cell.service, cell.connections) for cell in cells] == [
        (OURS.name, 1), (FLOOR.name, 1), (OURS.name, 2), (FLOOR.name, 2),
    ]  # fmt: skip
    assert all(cell.calls and cell.memory_mb > 10 for cell in cells)
    table = report.table(cells)
    assert table.count(OURS.name) == 2
    assert "20 KB, 2 connections" in table
    assert "1.7 MB, 1 connection\n" in report.table([a_cell(OURS.name, Round((1.0,), 1.0, 1.0), size=1_700_000)])


def test_our_card_in_the_benchmark_is_about_nonsurgical_care() -> None:
    client = create_app("http://127.0.0.1", today=lambda: TODAY).test_client()
    answer = client.post(OURS.path, data=body(SIZE, 7), content_type="application/json")
    [card] = json.decode(answer.data)["cards"]
    assert card["summary"].startswith("Lumbar fusion planned after 40 weeks of nonsurgical care")


def test_memory_is_sampled_after_each_number_of_calls() -> None:
    samples = memory_of_ours((10, 15))
    assert [calls for calls, _ in samples] == [10, 15]
    assert report.memory(samples).endswith("MB after 15 calls")


class Silent(BaseHTTPRequestHandler):
    """As a service that fails and answers 200 with no card."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = b'{"cards":[]}' if self.path == "/silent" else b"oops"
        self.send_response(500 if self.path == "/broken" else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def silent() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Silent) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "problem"), [("/silent", "one warning was expected"), ("/broken", "500"), ("/odd", "JSON is malformed")]
)
def test_an_answer_without_the_card_is_never_measured(silent: int, path: str, problem: str) -> None:
    answers = run(Job(silent, path, 20_000, 1, 0.1, 5))
    assert answers.milliseconds == []
    assert problem in answers.problem


def test_a_client_s_problem_ends_the_run(silent: int) -> None:
    with pytest.raises(SystemExit, match="one warning was expected"), client() as send:
        send(Job(silent, "/silent", 20_000, 1, 0.1, 5))


def test_nobody_listening_is_a_problem_not_a_fast_answer() -> None:
    assert "refused" in run(Job(1, "/", 20_000, 2, 0.1, 5)).problem


def test_a_job_sends_no_more_calls_than_it_says() -> None:
    with running(FLOOR) as server:
        answers = run(Job(server.port, FLOOR.path, 20_000, 3, 30, 7))
    assert isinstance(answers, Answers)
    assert len(answers.milliseconds) == 7


def test_a_service_that_does_not_start_is_named_with_what_it_said() -> None:
    broken = Service("Broken", "/", (sys.executable, "-c", "print('no such table')"))
    with pytest.raises(SystemExit, match=r"Broken did not start. It said:\nno such table"), running(broken):
        pass


def test_our_service_and_the_floor_are_measured_with_and_without_peers() -> None:
    assert services()[:2] == (OURS, FLOOR)


def bundles(size: int) -> tuple[dict[str, Any], dict[str, Any]]:
    prefetch = json.decode(order_sign(size, TODAY))["prefetch"]
    return prefetch["service_requests"], prefetch["procedures"]


@pytest.mark.parametrize("size", [20_000, SIZE])
def test_the_peers_rule_says_the_same_of_dicts_and_of_models(size: int) -> None:
    orders, procedures = (list(facts_in_dicts(bundle)) for bundle in bundles(size))
    assert [orders, procedures] == [list(facts_in_models(Bundle.model_validate(bundle))) for bundle in bundles(size)]
    assert summary_of(orders, procedures, TODAY).startswith("Lumbar fusion planned after")


def test_the_peers_rule_speaks_only_of_what_it_is_about() -> None:
    fusion, day = [Fact("draft", ("22633",))], date(2026, 11, 1)
    therapy = [Fact("completed", ("97110",), date(2026, month, 1)) for month in (6, 11)]
    enough = [*therapy, Fact("completed", ("62323",), day)]
    assert summary_of([Fact("draft", ("27447",))], [], TODAY) == ""
    assert summary_of(fusion, enough, TODAY) == ""
    assert "21 weeks" in summary_of(fusion, therapy, TODAY)
    assert "earlier spine operation" in summary_of(fusion, [*enough, Fact("completed", ("63030",), day)], TODAY)
    assert "after 0 weeks" in summary_of(fusion, [Fact("completed", ("97110",))], TODAY)


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_measured_token_is_truly_checked(algorithm: str) -> None:
    key, other = tokens.new_keys()[algorithm], tokens.new_keys()[algorithm]
    tokens.check(tokens.signed(key, algorithm), key, algorithm)
    with pytest.raises(JoseError):
        tokens.check(tokens.signed(other, algorithm), key, algorithm)


def test_the_cost_of_tokens_is_reported() -> None:
    assert "ES384" in tokens.report()


def test_the_cost_of_a_request_without_http_is_reported() -> None:
    assert in_process.report(rounds=3).count("Lumbar fusion planned") == len(in_process.SIZES)


def test_the_command_says_what_it_can_do() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks", "--help"], capture_output=True, text=True, check=True)
    assert "--quick" in done.stdout
