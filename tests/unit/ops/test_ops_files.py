"""The files in `ops/`: each is what Google's API takes, and they agree with each other and with the runbook."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import log_filter
from tests.support.cloud_logging import VALUES, fill
from tests.support.ops_files import OPS, alerts, load, log_metrics, monitoring_filters
from tests.support.processes import PROJECT
from tests.support.programs import require_program

RESOURCES = sorted(
    path for path in OPS.rglob("*.json") if path.name not in ("figures.json", "bulk_figures.json", "prices.json")
)

# https://cloud.google.com/monitoring/api/metrics_gcp
GOOGLES_METRICS = {
    "run.googleapis.com/request_count",
    "run.googleapis.com/request_latencies",
    "run.googleapis.com/container/instance_count",
    "run.googleapis.com/container/cpu/utilizations",
    "run.googleapis.com/container/memory/utilizations",
    "run.googleapis.com/container/startup_latencies",
    "monitoring.googleapis.com/uptime_check/check_passed",
    "pubsub.googleapis.com/subscription/num_undelivered_messages",
    "pubsub.googleapis.com/subscription/oldest_unacked_message_age",
}

# Google's message of each kind of file: API, version, message.
MESSAGES = {
    "metrics": ("logging", "v2", "LogMetric"),
    "alerts": ("monitoring", "v3", "AlertPolicy"),
    "slo": ("monitoring", "v3", "ServiceLevelObjective"),
    "service.json": ("monitoring", "v3", "Service"),
    "uptime.json": ("monitoring", "v3", "UptimeCheckConfig"),
    "dashboard.json": ("monitoring", "v1", "Dashboard"),
}


def kind(path: Path) -> str:
    return path.relative_to(OPS).parts[0]


@pytest.mark.parametrize("path", RESOURCES, ids=lambda path: str(path.relative_to(OPS)))
def test_placeholders_are_known_and_leave_valid_json(path: Path) -> None:
    text = path.read_text()
    json.loads(text)
    json.loads(fill(text))
    assert set(re.findall(r"\$\{(?!(?:metric|resource)\.)(\w+)\}", text)) <= VALUES.keys()


def test_every_resource_has_a_name_of_its_own() -> None:
    names = [(kind(path), load(path).get("displayName", load(path).get("name"))) for path in RESOURCES]
    assert all(name and name.startswith(VALUES["FUNCTION"]) for _, name in names)
    assert len(set(names)) == len(names)


def test_the_metrics_file_names_are_the_metrics_names() -> None:
    assert {name: metric.name for name, metric in log_metrics().items()} == {
        name: f"{VALUES['FUNCTION']}-{name}" for name in log_metrics()
    }


def test_every_file_is_a_message_of_googles_api(tmp_path: Path) -> None:
    """The real gcloud's own message classes read each file, and know every field and every word in it."""
    where = subprocess.run(
        [require_program("gcloud"), "info", "--format=value(installation.sdk_root,basic.python_location)"],
        env={**os.environ, "CLOUDSDK_CONFIG": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    sdk, python = where.stdout.split("\t")
    files = [[*MESSAGES[kind(path)], fill(path.read_text())] for path in RESOURCES]
    done = subprocess.run(
        [python.strip(), "-W", "ignore", str(PROJECT / "tests/support/gcloud_messages.py"), sdk],
        input=json.dumps(files),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[] for _ in RESOURCES], [str(path) for path in RESOURCES]


@pytest.mark.parametrize("metric", log_metrics().values(), ids=lambda metric: metric.name)
def test_a_metric_reads_lines_of_our_services_and_declares_what_it_extracts(metric: Any) -> None:
    assert {"resource.type", "resource.labels.service_name"} <= metric.filter.fields
    described = metric.config["metricDescriptor"]
    assert {label["key"] for label in described.get("labels", [])} == metric.config.get("labelExtractors", {}).keys()
    distribution = described["valueType"] == "DISTRIBUTION"
    assert distribution == ("valueExtractor" in metric.config) == ("bucketOptions" in metric.config)


BURN_RATE = re.compile(r'select_slo_burn_rate\("projects/a-project/services/penguins/\w+/([\w-]+)", "\d+s"\)')


def test_burn_rates_are_those_of_our_objectives() -> None:
    burning = [text for _, text in monitoring_filters() if text.startswith("select_")]
    assert {BURN_RATE.fullmatch(text)[1] for text in burning} == {path.stem for path in (OPS / "slo").glob("*.json")}  # type: ignore[index]


@pytest.mark.parametrize(("where", "text"), [each for each in monitoring_filters() if "select_" not in each[1]])
def test_filters_read_metrics_that_exist(where: str, text: str) -> None:
    parsed = log_filter.parse(text)
    (metric,) = re.findall(r'metric\.type="([^"]+)"', text)
    own = {f"logging.googleapis.com/user/{m.name}": m for m in log_metrics().values()}
    assert metric in GOOGLES_METRICS | own.keys(), where
    assert {"metric.type", "resource.type"} <= parsed.fields
    # A metric of ours counts lines of the service that the filter asks for, or the chart stays empty for ever.
    if metric in own:
        for service in re.findall(r'service_name="([^"]+)"', text):
            assert f'"{service}"' in own[metric].config["filter"]


def test_every_metric_of_ours_is_shown_or_alerted_on_or_in_the_runbook() -> None:
    used = " ".join(text for _, text in monitoring_filters())
    runbook = (PROJECT / "docs/how-to/runbook.md").read_text()
    for name, metric in log_metrics().items():
        assert f'user/{metric.name}"' in used or f"`{name}`" in runbook, name


def test_the_uptime_check_wakes_somebody_and_probes_are_no_traffic() -> None:
    (check,) = (condition["conditionThreshold"] for condition in alerts()["uptime"]["conditions"])
    host = load(OPS / "uptime.json")["monitoredResource"]["labels"]["host"]
    assert f'resource.labels.host="{host}"' in check["filter"]
    probe, prediction = (
        {
            "logName": "projects/a-project/logs/run.googleapis.com%2Frequests",
            "resource": {"type": "cloud_run_revision", "labels": {"service_name": VALUES["FUNCTION"]}},
            "httpRequest": {"requestUrl": f"https://{host}{path}", "latency": "0.1s"},
        }
        for path in ("/health?for=/predict", "/predict?details=true")
    )
    metric = log_metrics()["predictions"]
    assert [len(metric.points([entry])) for entry in (probe, prediction)] == [0, 1]


def test_cloud_runs_own_line_about_memory_is_counted() -> None:
    line = {
        "logName": "projects/a-project/logs/run.googleapis.com%2Fvarlog%2Fsystem",
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": VALUES["EVENTS_FUNCTION"]}},
        "textPayload": "Memory limit of 512 MiB exceeded with 530 MiB used. Consider increasing the memory limit.",
    }
    assert len(log_metrics()["memory-exceeded"].points([line])) == 1
    assert log_metrics()["memory-exceeded"].points([line | {"textPayload": "Memory limit of the day"}]) == []


def test_grouped_labels_are_labels_of_the_metric() -> None:
    own = {f"logging.googleapis.com/user/{m.name}": m for m in log_metrics().values()}
    googles = {
        "run.googleapis.com/request_count": {"response_code", "response_code_class"},
        "run.googleapis.com/container/instance_count": {"state"},
    }
    for tile in load(OPS / "dashboard.json")["mosaicLayout"]["tiles"]:
        for data in tile["widget"].get("xyChart", {}).get("dataSets", []):
            query = data["timeSeriesQuery"].get("timeSeriesFilter")
            for field in query["aggregation"].get("groupByFields", []) if query else []:
                owner, _, label = field.partition(".label.")
                (metric,) = re.findall(r'metric\.type="([^"]+)"', query["filter"])
                if owner == "metric":
                    known = own[metric].config["labelExtractors"] if metric in own else googles[metric]
                    assert label in known, (metric, label)


def test_the_dashboards_tiles_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    layout = load(OPS / "dashboard.json")["mosaicLayout"]
    for tile in layout["tiles"]:
        assert tile["xPos"] + tile["width"] <= layout["columns"]
        cells = {
            (x, y)
            for x in range(tile["xPos"], tile["xPos"] + tile["width"])
            for y in range(tile["yPos"], tile["yPos"] + tile["height"])
        }
        assert not cells & taken
        taken |= cells


def test_an_events_function_that_never_starts_is_noticed_before_its_messages_are_dead() -> None:
    """It prints nothing, so what counts its lines is silent."""
    filters = [c["conditionThreshold"]["filter"] for c in alerts()["event-age"]["conditions"]]
    assert any("user/" not in text and f'subscription_id="{VALUES["SUBSCRIPTION"]}"' in text for text in filters)


def test_each_alert_points_to_its_section_of_the_runbook() -> None:
    sections = re.findall(r"^### `([\w-]+)`", (PROJECT / "docs/how-to/runbook.md").read_text(), re.MULTILINE)
    assert sorted(sections) == sorted(alerts())
    for name, alert in alerts().items():
        assert f"section `{name}`" in alert["documentation"]["content"]
