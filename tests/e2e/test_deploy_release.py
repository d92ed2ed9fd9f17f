"""Blue-green, with the real gcloud: a good revision takes over in steps, a bad one leaves the old one in service."""

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import ServedModel
from tests.support.fault_proxy import Answer, FaultProxy, replace_in
from tests.support.gcloud import TIMEOUT_S, Deployment, Outcome, complaints, gcloud_lines
from tests.support.gcp import FakeCloud, NotYet, Observed, Recorded
from tests.support.processes import wait_until

BLUE, GREEN = "predict-00001-abc", "predict-00002-abc"
SHIFT = [{GREEN: 5, BLUE: 95}, {GREEN: 25, BLUE: 75}, {GREEN: 50, BLUE: 50}, {GREEN: 100}]


@pytest.fixture
def in_service(cloud: FakeCloud, blue_model: ServedModel, green_model: ServedModel) -> None:
    """A project whose first revision serves the blue model and takes whatever traffic there is."""
    cloud.buckets[green_model.bucket] = {"name": green_model.bucket, "projectNumber": cloud.number}
    cloud.place_function("predict", blue_model.url, MODEL_URI=blue_model.uri, MODEL_DIGEST=blue_model.bundle.digest)
    assert cloud.services["predict"].shares() == {BLUE: 100}
    cloud.next_backend["predict"] = green_model.url


@pytest.fixture
def green_proxy(cloud: FakeCloud, green_model: ServedModel) -> Iterator[FaultProxy]:
    """Stands before the green function, to spoil what it answers. Goes with, and after, `in_service`."""
    proxy = FaultProxy(int(green_model.url.rpartition(":")[2]))
    cloud.next_backend["predict"] = proxy.url
    yield proxy
    proxy.stop()


def _assert_blue_serves(cloud: FakeCloud, outcome: Outcome) -> None:
    assert outcome.status == 1, outcome.stderr
    service = cloud.services["predict"]
    assert service.shares() == {BLUE: 100}
    assert service.tags() == {}, "a tagged revision would keep its instances, and cost money"
    assert f"all traffic is on {BLUE}" in outcome.last_line


def _swap_species(_path: str, answer: Answer) -> None:
    for old, new in ((b"Adelie", b"A?"), (b"Gentoo", b"Adelie"), (b"A?", b"Gentoo")):
        replace_in(answer, old, new)


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_good_revision_takes_over_in_steps(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel
) -> None:
    cloud.observed = {BLUE: Observed({200: 19_000}), GREEN: Observed({200: 995, 500: 5})}  # Within the limit of 1 %.
    # gcloud hands out a cached token, which ends in the middle of the rollout.
    ended = NotYet(lambda r: r.path.endswith("/timeSeries"), 401, "Request had invalid authentication credentials.", 1)
    cloud.not_yet = [ended]
    outcome = deployment.run("release", "--agreement", "20", MAX_DISAGREEMENT="1", **green_model.settings)
    assert outcome.status == 0, outcome.stderr
    assert ended.times == 0

    pinned, tagged, *shifted, untagged = cloud.traffic_changes("predict")
    assert (pinned, tagged) == ({BLUE: 100}, {BLUE: 100})
    assert shifted == SHIFT
    assert untagged == {GREEN: 100}
    assert cloud.services["predict"].shares() == {GREEN: 100}
    assert cloud.services["predict"].tags() == {}

    (patch,) = cloud.mutations("cloudfunctions")
    assert patch.method == "PATCH"
    mask = patch.query["updateMask"]
    for field in ("environment_variables", "min_instance_count", "service_account_email", "available_cpu", "labels"):
        assert field in mask
    assert "all_traffic_on_latest_revision" not in mask, "it would put everything on the new revision at once"
    assert patch.body["serviceConfig"]["environmentVariables"]["MODEL_DIGEST"] == green_model.bundle.digest

    order = [request for request in cloud.mutations() if request.api in {"run", "cloudfunctions"}]
    assert order[0].api == "run", "blue is pinned before the deployment"
    looks = [request.query for request in cloud.requests if request.path.endswith("/timeSeries")]
    assert len(looks) == len(SHIFT) * 4 + 1, "counts and latencies of both, after each step; and once again"
    minutes = {(look["interval.startTime"], look["interval.endTime"]) for look in looks if BLUE in look["filter"]}
    assert len(minutes) == len(SHIFT), "at 100 % blue has no traffic; its minutes are then those of the step before"
    assert outcome.stderr.count("is not worse than") == len(SHIFT)


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_dry_run_prints_the_whole_shift_and_changes_nothing(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel, tmp_path: Path
) -> None:
    outcome = deployment.run("--dry-run", "release", **green_model.settings)
    assert outcome.status == 0, outcome.stderr
    assert cloud.mutations() == []
    lines = outcome.stdout.splitlines()
    shifts = [line for line in lines if line.startswith("gcloud run services update-traffic predict --to-revisions ")]
    assert f"--to-revisions {BLUE}=100 " in shifts[0]
    assert [shift.split()[6] for shift in shifts[1:]] == [
        f'"$GREEN=5,{BLUE}=95"',
        f'"$GREEN=25,{BLUE}=75"',
        f'"$GREEN=50,{BLUE}=50"',
        '"$GREEN=100"',
    ]
    assert sum("python -m predictor smoke" in line for line in lines) == len(shifts)
    canary = [line.partition(":")[0] for line in lines if line.startswith("# canary")]
    assert canary == [f"# canary at {share}%" for share in (5, 25, 50, 100)]
    assert complaints(gcloud_lines(outcome.stdout), tmp_path / "lint") == []
    assert subprocess.run(["bash", "-n"], input=outcome.stdout, text=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
@pytest.mark.parametrize(
    ("green", "reason"),
    [
        pytest.param(Observed({200: 50, 422: 950}), "4xx (not 429): 95.00% (950 of 1000)", id="rejects"),
        pytest.param(Observed({200: 1000}, latency_ms=40.0), "slower than 111 ms: 2.00% (20 of 1000)", id="slow"),
        pytest.param(Observed({200: 900}, not_free=100), "429: 10.00% (100 of 1000)", id="no-instance-free"),
    ],
)
def test_a_green_that_is_worse_than_blue_goes_back(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel, green: Observed, reason: str
) -> None:
    cloud.observed = {BLUE: Observed({200: 18_900, 422: 100}), GREEN: green}
    outcome = deployment.run("release", **green_model.settings)
    _assert_blue_serves(cloud, outcome)
    assert f"the canary at 5% failed: error: {GREEN} is worse: {reason}" in outcome.last_line
    assert "WORSE" in outcome.stderr, "the table is shown"
    assert cloud.traffic_changes("predict")[2:] == [SHIFT[0], {BLUE: 100}]


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_with_three_requests_smoke_traffic_makes_up_the_rest(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel
) -> None:
    summary = {"rows": 500, "flagged": 250, "groups": {"Gentoo": {"male": 500}}}
    usual = {"rows": 500, "flagged": 5, "groups": {"Gentoo": {"male": 200}, "Adelie": {"male": 300}}}
    cloud.observed = {
        BLUE: Observed({200: 18_900, 422: 100}, summaries=(usual,)),
        GREEN: Observed({200: 3}, summaries=(summary,)),
    }
    outcome = deployment.run("release", **green_model.settings)
    assert outcome.status == 0, outcome.stderr
    assert "3 + 197 smoke" in outcome.stderr
    assert "too few to judge" in outcome.stderr, "the p99 of three requests says nothing"
    assert "differs, look" in outcome.stderr, "another mix of species is shown, and stops nothing"
    assert cloud.traffic_changes("predict")[2:-1] == SHIFT


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_return_to_blue_that_fails_says_what_to_do_by_hand(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel
) -> None:
    cloud.observed = {GREEN: Observed({500: 10})}
    cloud.refuse = lambda request: request.method == "PUT" and cloud.services["predict"].shares() == SHIFT[0]
    outcome = deployment.run("release", **green_model.settings)
    assert outcome.status == 1
    assert outcome.last_line.endswith(f"TRAFFIC COULD NOT BE PUT BACK, do it by hand: ./deploy.sh rollback {BLUE}")


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_revision_that_answers_wrongly_gets_no_traffic(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel, green_proxy: FaultProxy
) -> None:
    green_proxy.fault = _swap_species
    outcome = deployment.run("release", **green_model.settings)
    _assert_blue_serves(cloud, outcome)
    assert "golden" in outcome.last_line
    assert all(split == {BLUE: 100} for split in cloud.traffic_changes("predict"))


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_slow_revision_gets_no_traffic(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel, green_proxy: FaultProxy
) -> None:
    count = itertools.count()

    def every_tenth(_path: str, answer: Answer) -> None:
        answer.pause_s = 1.0 if next(count) % 10 == 0 else 0.0

    green_proxy.fault = every_tenth
    outcome = deployment.run("release", SMOKE_P95_MS="900", **green_model.settings)
    _assert_blue_serves(cloud, outcome)
    assert "p95" in outcome.last_line
    assert all(split == {BLUE: 100} for split in cloud.traffic_changes("predict"))


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_an_unhealthy_revision_gets_no_traffic(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel, green_proxy: FaultProxy
) -> None:
    def not_ready(path: str, answer: Answer) -> None:
        if path == "/ready":
            answer.status, answer.body = 503, b'{"status": 503, "detail": "no model"}'

    green_proxy.fault = not_ready
    outcome = deployment.run("release", **green_model.settings)
    _assert_blue_serves(cloud, outcome)
    assert "503" in outcome.last_line
    assert all(split == {BLUE: 100} for split in cloud.traffic_changes("predict"))


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_revision_that_serves_another_model_gets_no_traffic(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel, green_model: ServedModel
) -> None:
    cloud.next_backend["predict"] = blue_model.url
    outcome = deployment.run("release", **green_model.settings)
    _assert_blue_serves(cloud, outcome)
    assert blue_model.bundle.digest in outcome.last_line
    assert all(split == {BLUE: 100} for split in cloud.traffic_changes("predict"))


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_revision_that_disagrees_with_the_one_in_service_gets_no_traffic(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel, green_model: ServedModel
) -> None:
    proxy = FaultProxy(int(blue_model.url.rpartition(":")[2]), fault=_swap_species)
    del cloud.services["predict"]
    cloud.place_function("predict", proxy.url)
    cloud.next_backend["predict"] = green_model.url
    outcome = deployment.run("release", "--agreement", "50", MAX_DISAGREEMENT="0.2", **green_model.settings)
    proxy.stop()
    _assert_blue_serves(cloud, outcome)
    assert "disagree" in outcome.last_line
    assert all(split == {BLUE: 100} for split in cloud.traffic_changes("predict"))


@pytest.mark.usefixtures("in_service")
@pytest.mark.slow
def test_a_build_that_fails_leaves_blue_alone(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel
) -> None:
    cloud.deployment_failures = iter(["Build failed: no matching distribution"])
    outcome = deployment.run("release", **green_model.settings)
    _assert_blue_serves(cloud, outcome)
    assert "no matching distribution" in outcome.stderr
    assert cloud.traffic_changes("predict") == [{BLUE: 100}]
    again = deployment.run("--dry-run", "release", **green_model.settings)
    assert "gcloud functions deploy predict" in again.stdout, "what failed is not taken for what is in service"


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_ctrl_c_in_the_middle_of_the_shift_puts_everything_back(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel
) -> None:
    run = deployment.start("release", **green_model.settings)

    def interrupt_at_25(request: Recorded) -> None:
        if request.api == "run" and request.method == "PUT" and _percent(request, GREEN) == 25:
            cloud.on_request = interrupt_again
            run.interrupt()

    def interrupt_again(request: Recorded) -> None:
        """By somebody impatient, while everything goes back."""
        if request.api == "run" and request.method == "PUT":
            cloud.on_request = lambda _: None
            run.interrupt()

    cloud.on_request = interrupt_at_25
    outcome = run.wait()
    assert outcome.status == 130, outcome.stderr
    assert outcome.last_line == f"deploy.sh: interrupted; all traffic is on {BLUE} again"
    assert cloud.services["predict"].shares() == {BLUE: 100}
    assert cloud.services["predict"].tags() == {}


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_closed_terminal_in_the_middle_of_the_shift_puts_everything_back(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel
) -> None:
    run = deployment.start("release", **green_model.settings)

    def hang_up_at_25(request: Recorded) -> None:
        if request.api == "run" and request.method == "PUT" and _percent(request, GREEN) == 25:
            cloud.on_request = lambda _: None
            run.hang_up()

    cloud.on_request = hang_up_at_25
    outcome = run.wait()
    assert outcome.status == 129, outcome.stderr
    assert cloud.services["predict"].shares() == {BLUE: 100}
    assert cloud.services["predict"].tags() == {}


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_ci_job_that_is_cancelled_while_it_waits_puts_everything_back_at_once(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel
) -> None:
    run = deployment.start("release", **{**green_model.settings, "STEP_WAIT_S": "3600"})
    wait_until(lambda: "waiting 3600 s" in run.said(), "the first step", timeout_s=TIMEOUT_S)
    run.terminate()
    outcome = run.wait()
    assert (outcome.status, outcome.last_line) == (
        143,
        f"deploy.sh: terminated; all traffic is on {BLUE} again",
    )
    assert cloud.services["predict"].shares() == {BLUE: 100}


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_traffic_that_somebody_else_moved_is_theirs(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel
) -> None:
    """Whoever is on call rolls back while the shift goes on: the release must not undo that."""

    def roll_back_at_25(request: Recorded) -> None:
        service = cloud.services["predict"]
        if request.path.endswith("/timeSeries") and service.shares() == SHIFT[1]:
            service.split([{"revisionName": BLUE, "percent": 100}])

    cloud.on_request = roll_back_at_25
    outcome = deployment.run("release", **green_model.settings)
    assert outcome.status == 1
    assert "somebody else moved the traffic of predict while this ran" in outcome.last_line
    assert outcome.last_line.endswith(f"it is left as it is: {BLUE}=100")
    assert cloud.traffic_changes("predict")[-1] == SHIFT[1]


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_second_deployment_at_the_same_time_is_noticed(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel
) -> None:
    def deploy_too(request: Recorded) -> None:
        """Right after ours, before anything was asked about it."""
        if "/operations/" in request.path:
            cloud.on_request = lambda _: None
            cloud.place_function("predict", green_model.url, FINGERPRINT="another")

    cloud.on_request = deploy_too
    outcome = deployment.run("release", **green_model.settings)
    _assert_blue_serves(cloud, outcome)
    assert "somebody else deployed predict while this ran" in outcome.last_line
    assert cloud.traffic_changes("predict") == [{BLUE: 100}]


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_shift_that_cannot_be_watched_ends(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel
) -> None:
    cloud.refuse = lambda request: request.path.endswith("/timeSeries")
    outcome = deployment.run("release", **green_model.settings)
    _assert_blue_serves(cloud, outcome)
    assert "timeSeries: Permission denied" in outcome.last_line


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_half_way_split_that_a_dead_release_left_is_not_taken_for_done(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel
) -> None:
    """The same files and settings, half of the traffic: `up` must go on."""
    first = deployment.run("release", **green_model.settings)
    assert first.status == 0, first.stderr
    cloud.services["predict"].split(
        [{"revisionName": GREEN, "percent": 50, "tag": "green"}, {"revisionName": BLUE, "percent": 50}]
    )
    outcome = deployment.run("--dry-run", "release", **green_model.settings)
    assert outcome.status == 0, outcome.stderr
    assert f"update-traffic predict --to-revisions {BLUE}=100 " in outcome.stdout
    assert "gcloud functions deploy predict" in outcome.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("in_service")
def test_a_url_that_is_not_known_everywhere_yet_is_waited_for(
    deployment: Deployment, green_model: ServedModel, green_proxy: FaultProxy
) -> None:
    unknown = itertools.chain([True] * 3, itertools.repeat(False))

    def not_found_at_first(_path: str, answer: Answer) -> None:
        if next(unknown):
            answer.status, answer.body = 404, b"<html>"

    green_proxy.fault = not_found_at_first
    outcome = deployment.run("release", **{**green_model.settings, "SMOKE_WAIT_S": "60"})
    assert outcome.status == 0, outcome.stderr


def _percent(request: Recorded, revision: str) -> int:
    return sum(t.get("percent", 0) for t in request.body["spec"]["traffic"] if t.get("revisionName") == revision)


@pytest.mark.slow
def test_a_first_revision_that_is_bad_is_reported_as_such(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel, green_model: ServedModel
) -> None:
    cloud.buckets[green_model.bucket] = {"name": green_model.bucket, "projectNumber": cloud.number}
    cloud.next_backend["predict"] = blue_model.url
    outcome = deployment.run("up", "--public", **green_model.settings)
    assert outcome.status == 1, outcome.stderr
    assert blue_model.bundle.digest in outcome.last_line
    assert outcome.last_line.endswith("there is no earlier revision to return to; only its invokers can call this one")
    assert not any("setIamPolicy" in request.path for request in cloud.mutations("run")), "nobody was let in"
