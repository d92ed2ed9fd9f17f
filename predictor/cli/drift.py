"""The command `drift`: has the traffic changed since the model was published?"""

import os
import re
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from predictor.cli import options
from predictor.cli.output import tell
from predictor.errors import DriftFound, NoTraffic

if TYPE_CHECKING:
    from predictor.prediction import ModelIdentity
    from predictor.trust.reference import Reference

_FETCH_TIMEOUT_S: Final = 60.0
_AGE: Final = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


def _since(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    if match := _AGE.fullmatch(value):
        return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is neither a date such as 2026-11-01 nor an age such as 30d") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


@click.command(short_help="Find out whether the traffic has changed.")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option("--since", callback=_since, help="Leave out what is older: a date (UTC), or an age such as 12h, 30d, 8w.")
@click.option("--uri", callback=options.location, help="The model. Default: MODEL_URI, or the newest under artifacts/.")
@options.digest_option(help="The model's digest. Default: MODEL_DIGEST, unless --uri is given.")
@options.json_option
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Also write a page with plots.")
def drift(
    *,
    files: tuple[Path, ...],
    since: datetime | None,
    uri: str | None,
    digest: str | None,
    as_json: bool,
    html: Path | None,
) -> None:
    """Read the traffic summaries in log FILES (- is stdin); say by day, week and month whether traffic has changed.

    FILES are what `gcloud logging read --format=json` writes, or lines as the function prints them, of any number of
    instances. Status 1 on an alarm.
    """
    from predictor.drift.baseline import Baseline
    from predictor.drift.log_lines import Source, read_summaries
    from predictor.drift.report import make_report, report_json, report_lines

    model, reference = _model(uri, digest)
    with ExitStack() as stack:
        opened = [
            Source("stdin", sys.stdin.buffer)
            if str(path) == "-"
            else Source(str(path), stack.enter_context(path.open("rb")))
            for path in files
        ]
        summaries = [summary for summary in read_summaries(opened) if since is None or summary.until >= since]
    baseline = Baseline.of(reference)
    report = make_report(summaries, model, baseline, None if reference.sets is None else reference.coverage)
    if report is None:
        raise NoTraffic(model.digest, sorted({summary.model_digest for summary in summaries}))
    for other, count in report.others.items():
        tell(f"{count} summaries are of another model, {other}: name it with --uri to see its drift")
    if as_json:
        click.echo(report_json(report), nl=False)
    else:
        click.echo("\n".join(report_lines(report)))
    if html is not None:
        from predictor.drift.page import report_page

        html.write_text(report_page(report, baseline), encoding="utf-8")
        tell(f"written: {html}")
    if alarms := report.alarms():
        raise DriftFound(alarms)


def _model(uri: str | None, digest: str | None) -> "tuple[ModelIdentity, Reference]":
    """The model's identity and its verified reference. Nothing else of it is read."""
    from predictor.artifacts import REFERENCE_FILE, fetch_bundle, newest_version, open_store
    from predictor.bootstrap import DEFAULT_ROOT
    from predictor.prediction import ModelIdentity
    from predictor.trust.reference import Reference

    deadline = time.monotonic() + _FETCH_TIMEOUT_S
    pin = digest or (os.environ.get("MODEL_DIGEST") if uri is None else None) or None
    location = uri or os.environ.get("MODEL_URI")
    store = open_store(location) if location else newest_version(open_store(str(DEFAULT_ROOT)), deadline=deadline)
    bundle = fetch_bundle(store, pin=pin, choose=lambda _: [REFERENCE_FILE], deadline=deadline)
    reference = Reference.from_bytes(bundle[REFERENCE_FILE], bundle.manifest.features)
    return ModelIdentity(bundle.manifest.version, bundle.digest), reference
