"""`smoke` and `agreement` from the command line, against the real function in a real process, good and bad."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from predictor.cli import main
from tests.conftest import StartFunction
from tests.support.bundles import PublishedBundle, publish_by_hand
from tests.support.fault_proxy import Answer, FaultProxy, replace_in
from tests.support.gcs import GcsServer
from tests.support.processes import PROJECT, FunctionProcess, free_port

Proxied = Callable[[FunctionProcess], FaultProxy]

PATIENT = ("--p95-ms", "20000")
"""How fast the machine of a test is does not matter here."""


def predictor(*arguments: str, **env: str) -> Result:
    unset = {"MODEL_URI": None, "MODEL_DIGEST": None, "IDENTITY_TOKEN": None}
    result = CliRunner().invoke(main, arguments, env={**unset, **env})
    if not isinstance(result.exception, SystemExit | None):
        raise result.exception
    return result


def smoke(url: str, bundle: PublishedBundle, *more: str) -> Result:
    return predictor("smoke", url, "--digest", bundle.digest, "--golden", str(bundle.folder), *PATIENT, *more)


def reason(result: Result) -> str:
    """Why it was refused: the last line on stderr, and nothing on stdout."""
    assert result.exit_code == 1, result
    assert result.stdout == ""
    last: str = result.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    return last.removeprefix("error: ")


@pytest.fixture(scope="module")
def function(bundle: PublishedBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionProcess]:
    """A good function, for all tests: none of them changes it."""
    process = FunctionProcess(bundle.env, log_file=tmp_path_factory.mktemp("function") / "log")
    yield process.wait_until_up()
    process.stop()


@pytest.fixture
def proxied() -> Iterator[Proxied]:
    """A proxy in front of a function, that can break its answers."""
    proxies: list[FaultProxy] = []

    def start(function: FunctionProcess) -> FaultProxy:
        proxies.append(FaultProxy(function.port))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.stop()


def test_the_result_as_json(function: FunctionProcess, bundle: PublishedBundle) -> None:
    result = smoke(function.url, bundle, "--requests", "5", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document.pop("p95_ms") > 0
    assert document.pop("golden_rows") == 12
    expected = {"url": function.url, "version": bundle.folder.name, "refusals": 5, "requests": 5}
    assert document == expected


@pytest.mark.parametrize(("p95_ms", "status"), [("20000", 0), ("0.001", 1)])
def test_as_a_program_it_ends_with_a_status_and_its_reason_last(
    function: FunctionProcess, bundle: PublishedBundle, p95_ms: str, status: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "predictor", "smoke", function.url, "--digest", bundle.digest, "--p95-ms", p95_ms],
        cwd=PROJECT,
        env={**os.environ, "MODEL_URI": str(bundle.folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == status, done.stderr
    assert bool(done.stdout) == (status == 0)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: latency: p95 is over 0.001 ms" if status else "latency: p95 ")


class TestGood:
    def test_a_good_function_is_good(self, function: FunctionProcess, bundle: PublishedBundle) -> None:
        result = smoke(function.url, bundle)
        assert result.exit_code == 0, result.stderr
        (line,) = result.stdout.splitlines()
        assert line.startswith(
            f"{function.url} is good: version {bundle.folder.name}, 12 golden rows, 5 refusals, p95 "
        )
        assert [step.partition(":")[0] for step in result.stderr.splitlines()] == [
            *("ready", "golden", "refusals", "latency")
        ]

    def test_the_golden_rows_may_come_from_model_uri_or_be_named_themselves(
        self, function: FunctionProcess, bundle: PublishedBundle
    ) -> None:
        arguments = ("smoke", function.url, "--digest", bundle.digest, "--requests", "5", *PATIENT)
        assert predictor(*arguments, MODEL_URI=str(bundle.folder)).exit_code == 0
        assert predictor(*arguments, "--golden", str(bundle.folder / "golden.json")).exit_code == 0

    def test_the_golden_rows_may_come_from_a_bucket(
        self, function: FunctionProcess, bundle: PublishedBundle, gcs_server: GcsServer, bucket: str
    ) -> None:
        uri = gcs_server.put_folder(bucket, "root/v1", bundle.folder)
        result = predictor(
            *("smoke", function.url, "--digest", bundle.digest, "--golden", uri, "--requests", "5", *PATIENT),
            STORAGE_EMULATOR_HOST=gcs_server.url,
        )
        assert result.exit_code == 0, result.stderr

    def test_the_identity_token_goes_with_every_request_and_is_never_printed(
        self, function: FunctionProcess, bundle: PublishedBundle, proxied: Proxied
    ) -> None:
        proxy = proxied(function)
        result = predictor(
            *(
                "smoke",
                proxy.url,
                "--digest",
                bundle.digest,
                "--golden",
                str(bundle.folder),
                "--requests",
                "5",
                *PATIENT,
            ),
            IDENTITY_TOKEN="a-secret",
        )
        assert result.exit_code == 0, result.stderr
        assert {headers.get("Authorization") for headers in proxy.headers} == {"Bearer a-secret"}
        assert "a-secret" not in result.stdout + result.stderr

    def test_without_a_token_none_is_sent(
        self, function: FunctionProcess, bundle: PublishedBundle, proxied: Proxied
    ) -> None:
        proxy = proxied(function)
        assert smoke(proxy.url, bundle, "--requests", "5").exit_code == 0
        assert not any("Authorization" in headers for headers in proxy.headers)

    def test_it_waits_for_a_function_that_is_not_ready_yet(
        self, function: FunctionProcess, bundle: PublishedBundle, proxied: Proxied
    ) -> None:
        proxy = proxied(function)

        def not_yet(_path: str, answer: Answer) -> None:
            if proxy.paths.count("/ready") < 3:
                answer.status = 503

        proxy.fault = not_yet
        assert reason(smoke(proxy.url, bundle)).startswith("ready: GET /ready gave 503")
        proxy.paths.clear()
        assert smoke(proxy.url, bundle, "--wait-s", "30", "--requests", "5").exit_code == 0


class TestBad:
    def test_another_model_than_the_pinned_one(
        self, start_function: StartFunction, bundle: PublishedBundle, tmp_path: Path
    ) -> None:
        other = publish_by_hand(tmp_path / "other", seed=2)
        function = start_function(other.env)
        assert (
            reason(smoke(function.url, bundle))
            == f"ready: it serves the model {other.digest}, pinned is {bundle.digest}"
        )

    def test_a_corrupt_model(self, start_function: StartFunction, bundle: PublishedBundle, tmp_path: Path) -> None:
        corrupt = publish_by_hand(tmp_path / "corrupt")
        assert corrupt.digest == bundle.digest
        (corrupt.folder / "model.onnx").write_bytes(b"not a model")
        function = start_function(corrupt.env)
        assert reason(smoke(function.url, bundle)).startswith("ready: GET /ready gave 503 {")

    def test_golden_rows_that_the_digest_does_not_verify(
        self, function: FunctionProcess, bundle: PublishedBundle, tmp_path: Path
    ) -> None:
        tampered = publish_by_hand(tmp_path / "tampered")
        (tampered.folder / "golden.json").write_bytes((tampered.folder / "golden.json").read_bytes()[::-1])
        answer = predictor("smoke", function.url, "--digest", bundle.digest, "--golden", str(tampered.folder))
        assert reason(answer).startswith("golden.json has digest sha256:")

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_caller_who_may_not_invoke_it_is_told_so(
        self, function: FunctionProcess, bundle: PublishedBundle, proxied: Proxied, status: int
    ) -> None:
        proxy = proxied(function)
        proxy.fault = lambda _path, answer: setattr(answer, "status", status)
        assert reason(smoke(proxy.url, bundle)) == (
            f"ready: GET /ready gave {status}: the caller may not invoke it (is IDENTITY_TOKEN set, and for this URL?)"
        )

    def test_nobody_is_there(self, bundle: PublishedBundle) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        assert reason(smoke(url, bundle)) == (
            f"{url} could not be reached: GET /ready failed, because nothing accepts connections there;"
            " is it running, and on this port?"
        )

    @pytest.mark.parametrize(
        ("path", "old", "new", "expected"),
        [
            ("?details=true", b'"Adelie":0.', b'"Adelie":1.', "golden: row 0 gave {"),
            ("?details=true", b'"prediction":"Adelie"', b'"prediction":"Gentoo"', "golden: row 0 gave 'Gentoo'"),
            ("?details=true", b"sha256:", b"sha256:f", "golden: row 0 was answered by the model"),
            ("?details=true", b'{"prediction"', b'["prediction"', "golden: row 0 gave 200 ["),
            ("/predict", b'{"prediction":"Adelie"}', b'{"prediction":"Gentoo"}', "latency: request 1 of 100 gave 200"),
            ("/predict", b'"errors":', b'"other":', "refusals: a penguin with a missing field gave 422 without a list"),
            ("/no-such-path", b'"title"', b'"name"', "refusals: a path that is not there gave 404 without a problem"),
            ("/ready", b'"model"', b'"other"', "ready: GET /ready names no model"),
        ],
    )
    def test_a_wrong_answer(
        self,
        function: FunctionProcess,
        bundle: PublishedBundle,
        proxied: Proxied,
        path: str,
        old: bytes,
        new: bytes,
        expected: str,
    ) -> None:
        proxy = proxied(function)

        def change(asked: str, answer: Answer) -> None:
            if asked.endswith(path):
                replace_in(answer, old, new)

        proxy.fault = change
        assert reason(smoke(proxy.url, bundle)).startswith(expected)

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (400, "refusals: JSON that breaks off must be refused with 400 and gave 200"),
            (404, "refusals: a path that is not there must be refused with 404 and gave 200"),
            (405, "refusals: GET /predict must be refused with 405 and gave 200"),
            (415, "refusals: a body that is not JSON must be refused with 415 and gave 200"),
            (422, "refusals: a penguin with a missing field must be refused with 422 and gave 200"),
        ],
    )
    def test_every_bad_request_must_be_refused(
        self, function: FunctionProcess, bundle: PublishedBundle, proxied: Proxied, status: int, expected: str
    ) -> None:
        proxy = proxied(function)

        def accept(_path: str, answer: Answer) -> None:
            if answer.status == status:
                answer.status = 200

        proxy.fault = accept
        assert reason(smoke(proxy.url, bundle)).startswith(expected)

    @pytest.mark.parametrize("header", ["allow", "content-type"])
    def test_a_refusal_has_its_headers(
        self, function: FunctionProcess, bundle: PublishedBundle, proxied: Proxied, header: str
    ) -> None:
        proxy = proxied(function)

        def strip(_path: str, answer: Answer) -> None:
            if answer.status == 405:
                answer.headers = [(name, value) for name, value in answer.headers if name.lower() != header]

        proxy.fault = strip
        assert "GET /predict gave 405 without" in reason(smoke(proxy.url, bundle))

    def test_a_slow_function_fails_as_soon_as_it_cannot_pass_any_more(
        self, function: FunctionProcess, bundle: PublishedBundle, proxied: Proxied
    ) -> None:
        proxy = proxied(function)

        def slow(path: str, answer: Answer) -> None:
            if path == "/predict" and answer.status == 200:
                answer.pause_s = 0.1

        proxy.fault = slow
        assert (
            reason(smoke(proxy.url, bundle, "--p95-ms", "100"))
            == "latency: p95 is over 100 ms: 6 of the first 6 requests took longer"
        )

    def test_a_few_slow_requests_are_forgiven(
        self, function: FunctionProcess, bundle: PublishedBundle, proxied: Proxied
    ) -> None:
        proxy = proxied(function)
        left = [1]

        def slow(path: str, answer: Answer) -> None:
            if path == "/predict" and answer.status == 200 and left[0]:
                left[0] -= 1
                answer.pause_s = 2.0

        proxy.fault = slow
        assert smoke(proxy.url, bundle, "--p95-ms", "1900", "--requests", "20").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("smoke", "https://x.example"),
        ("smoke", "https://x.example", "--digest", "sha256:short"),
        ("smoke", "x.example", "--digest", "sha256:" + "0" * 64),
        ("smoke", "https://x.example/?query", "--digest", "sha256:" + "0" * 64),
        ("smoke", "https://user:password@x.example", "--digest", "sha256:" + "0" * 64),
        ("smoke", "https://x.example", "--digest", "sha256:" + "0" * 64),  # neither --golden nor MODEL_URI
        ("smoke", "https://x.example", "--digest", "sha256:" + "0" * 64, "--requests", "0"),
        ("agreement", "https://x.example"),
        ("agreement", "https://x.example", "https://y.example", "--max-disagreement", "2"),
        ("capacity",),
        ("capacity", "--rps", "0"),
    ],
)
def test_a_bad_command_line_is_status_2(arguments: tuple[str, ...]) -> None:
    result = predictor(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")


class TestAgreement:
    def test_a_function_agrees_with_itself(self, function: FunctionProcess) -> None:
        result = predictor("agreement", function.url, function.url, "--count", "500", "--max-disagreement", "0")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == "the revisions differ on 0 of 500 penguins (0.00%; allowed are 0.00%)\n"

    def test_too_much_disagreement_is_refused_and_some_can_be_allowed(
        self, function: FunctionProcess, proxied: Proxied
    ) -> None:
        proxy = proxied(function)

        def swap(_path: str, answer: Answer) -> None:
            replace_in(answer, b'"prediction":"Gentoo"', b'"prediction":"Adelie"')

        proxy.fault = swap
        result = predictor("agreement", function.url, proxy.url, "--count", "200", "--max-disagreement", "0.1")
        assert result.exit_code == 1
        differing = int(result.stderr.removeprefix("error: the functions give different predictions for ").split()[0])
        share = differing / 200
        assert share > 0.1
        assert result.stderr.splitlines() == [
            f"error: the functions give different predictions for {differing} of 200 penguins ({share:.2%});"
            " the limit is 10.00%"
        ]
        as_json = predictor("agreement", function.url, proxy.url, "--count", "200", "--json")
        assert as_json.exit_code == 1
        assert json.loads(as_json.stdout) == {"count": 200, "differing": differing, "disagreement": share}
        allowed = predictor("agreement", function.url, proxy.url, "--count", "200", "--max-disagreement", str(share))
        assert allowed.exit_code == 0
        assert allowed.stdout.startswith(f"the revisions differ on {differing} of 200 penguins")

    def test_a_function_that_gives_no_prediction_cannot_be_compared(
        self, function: FunctionProcess, proxied: Proxied
    ) -> None:
        proxy = proxied(function)
        proxy.fault = lambda _path, answer: setattr(answer, "status", 500)
        result = predictor("agreement", function.url, proxy.url, "--count", "50")
        assert reason(result) == f"{proxy.url} cannot be compared: a batch of 50 penguins gave 500."
        proxy.fault = lambda _path, answer: replace_in(answer, b'{"prediction":"Adelie"', b'{"error":"no"')
        result = predictor("agreement", function.url, proxy.url, "--count", "50")
        assert "of a batch has no prediction" in reason(result)
