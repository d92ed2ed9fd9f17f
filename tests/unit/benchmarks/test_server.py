import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.contenders import Contender, Unavailable
from benchmarks.contenders.base import Environment
from benchmarks.server import Server, cpu_s, memory, tree

SERVE = """
from http.server import BaseHTTPRequestHandler, HTTPServer
import sys
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Server-Timing", "load;dur=3, total;dur=4")
        self.end_headers()
        self.wfile.write(sys.argv[2].encode())
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Fake(Contender):
    name = "fake"
    title = "a fake"
    code = SERVE
    answer = '{"prediction": "Adelie"}'
    environment = Environment("fake", Path("requirements.txt"), here=True)

    def command(self, port: int) -> list[str]:
        return [sys.executable, "-c", self.code, str(port), self.answer]


def test_a_start_is_timed_to_the_first_prediction_and_by_phase(tmp_path: Path) -> None:
    with Server(Fake(tmp_path)) as server:
        phases_ms = server.start()
        assert list(phases_ms) == ["total", "load", "boot"]
        assert phases_ms["load"] == 3.0
        assert phases_ms["total"] == pytest.approx(phases_ms["load"] + phases_ms["boot"])
        assert server.memory().pss_mib > 1
    assert not any(Path(f"/proc/{pid}").exists() for pid in server.pids)


def test_a_wrong_answer_is_an_error(tmp_path: Path) -> None:
    contender = Fake(tmp_path)
    contender.answer = '{"prediction": "Gentoo"}'
    with Server(contender) as server, pytest.raises(Unavailable, match="did not answer Adelie"):
        server.start()


def test_a_process_that_ends_is_an_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    contender = Fake(tmp_path)
    contender.code = "raise SystemExit('no such model')"
    with pytest.raises(Unavailable, match="fake exited with 1: no such model"):
        Server(contender).start()


def test_a_tree_is_a_process_its_children_and_its_session() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, start_new_session=True)
    try:
        while len(tree(process.pid)) < 2:
            assert process.poll() is None
        assert process.pid in tree(process.pid)
    finally:
        process.communicate(b"\n", timeout=10)


def test_cpu_time_and_memory_of_processes_that_ended_are_nothing() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert cpu_s([ended.pid]) == 0.0
    assert memory([ended.pid]) == (0.0, 0.0)
    assert cpu_s([os.getpid()]) > 0
    assert memory([os.getpid()]).alone_mib > 1
