"""Compressed bodies and answers at a real process: curl's own, and bombs."""

import json
import subprocess
import zlib
from pathlib import Path

import httpx
import psutil
from backports import zstd

from tests.conftest import StartFunction
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.programs import require_program

MIB = 1024 * 1024


def test_curl_sends_and_gets_compressed_batches(
    start_function: StartFunction, bundle: PublishedBundle, tmp_path: Path
) -> None:
    function = start_function(bundle.env)
    (tmp_path / "birds.json.gz").write_bytes(
        zlib.compress(json.dumps({"instances": [EXAMPLE] * 500}).encode(), wbits=31)
    )
    command = [require_program("curl"), "-sS", "--compressed", "--fail", f"{function.url}/predict"]
    headers = ["-H", "Content-Type: application/json", "-H", "Content-Encoding: gzip"]
    written = ["--data-binary", "@birds.json.gz", "-o", "answer.json", "-w", "%{size_download}"]
    done = subprocess.run([*command, *headers, *written], cwd=tmp_path, capture_output=True, text=True, check=True)
    answer = (tmp_path / "answer.json").read_bytes()
    assert len(json.loads(answer)["predictions"]) == 500
    assert int(done.stdout) < len(answer) / 4


def test_a_bomb_is_refused_before_it_takes_memory(start_function: StartFunction, bundle: PublishedBundle) -> None:
    function = start_function({**bundle.env, "MODEL_LOADING": "eager"})
    block = b" " * MIB
    deflate, compressor = zlib.compressobj(wbits=31), zstd.ZstdCompressor()
    bombs = {
        "gzip": b"".join([*(deflate.compress(block) for _ in range(256)), deflate.flush()]),
        "zstd": b"".join([*(compressor.compress(block) for _ in range(256)), compressor.flush()]),
    }
    master = psutil.Process(function.process.pid)
    (worker,) = master.children()
    before = worker.memory_info().rss
    with httpx.Client(base_url=function.url, timeout=30) as client:
        for _ in range(5):
            for coding, bomb in bombs.items():
                headers = {"Content-Type": "application/json", "Content-Encoding": coding}
                assert client.post("/predict", content=bomb, headers=headers).status_code == 413
    peak_kib = int(Path(f"/proc/{worker.pid}/status").read_text().split("VmHWM:")[1].split()[0])
    assert peak_kib * 1024 - before < 32 * MIB
