"""The command `canary`: deploy.sh asks it between two steps of a rollout."""

import json
from collections import Counter
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from predictor.cli import options
from predictor.cli.operations import golden_rows
from predictor.cli.output import tell

if TYPE_CHECKING:
    from predictor.operations.canary import Observed


@click.command(short_help="Compare a new revision with the one in service.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--blue", required=True, help="Name of the revision in service.")
@click.option("--green", required=True, help="Name of the new revision.")
@click.option("--blue-since", required=True, type=options.Instant(), help="Blue's requests count from then on.")
@click.option("--green-since", required=True, type=options.Instant(), help="Green's requests count from then on.")
@click.option("--url", required=True, callback=options.service_url, help="Green's own URL, for smoke traffic.")
@options.digest_option(required=True, help="The digest of green's model.")
@click.option(
    "--golden",
    metavar="MODEL_URI",
    callback=options.location,
    required=True,
    help="Green's model, whose golden rows are sent.",
)
@click.option(
    "--minimum",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Requests of each revision that a verdict needs; smoke traffic makes up the rest of green's.",
)
@click.option(
    "--error",
    type=options.Finite(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="Probability, over a whole rollout, that a revision which is as good is called worse.",
)
@click.option("--steps", type=click.IntRange(min=1), default=4, show_default=True, help="Verdicts of a rollout.")
@click.option(
    "--max-share",
    type=options.Finite(0, 1),
    default=0.01,
    show_default=True,
    help="By how much the share of bad or slow answers may exceed blue's.",
)
@click.option(
    "--max-mix",
    type=options.Finite(0, 1),
    default=0.01,
    show_default=True,
    help="By how much the share of a predicted class may differ before it is pointed out.",
)
def canary(
    *,
    folder: Path,
    blue: str,
    green: str,
    blue_since: datetime,
    green_since: datetime,
    url: str,
    digest: str,
    golden: str,
    minimum: int,
    error: float,
    steps: int,
    max_share: float,
    max_mix: float,
) -> None:
    """Compare two revisions by what Cloud Monitoring and Cloud Logging answered about them, saved in FOLDER.

    For each COLOUR (blue, green) FOLDER has COLOUR-requests.json and COLOUR-latencies.json (time series) and
    COLOUR-log.json (log entries). Prints a table. Status 1 if green is worse. IDENTITY_TOKEN (environment) is sent as a
    bearer token.
    """
    from predictor.errors import CanaryFailed
    from predictor.operations import canary as judging

    seen_blue = _observed(folder, "blue", blue, blue_since)
    seen_green = _observed(folder, "green", green, green_since)
    if (missing := minimum - seen_green.total) > 0:
        tell(f"{green} had {seen_green.total} requests: sending {missing} more to {url}")
        seen_green = seen_green.with_added(_send(url, digest, golden, missing))
    limits = judging.Limits(minimum, error, steps, max_share, max_mix)
    verdict = judging.judge(seen_blue, seen_green, limits)
    click.echo("\n".join(judging.table(verdict)))
    if verdict.worse:
        raise CanaryFailed(green, judging.sentences(verdict))
    seen_from = f"with so many requests, 5xx would show from {verdict.seen_from:.1%} on"
    click.echo(f"{green} is not worse than {blue}; {seen_from}")


def _observed(folder: Path, colour: str, name: str, since: datetime) -> "Observed":
    from predictor.operations.canary import Observed
    from predictor.operations.log_entries import mixes, refused
    from predictor.operations.time_series import counts, latencies

    by_code = counts(_json(folder / f"{colour}-requests.json"), "response_code", since)
    log = _json(folder / f"{colour}-log.json")
    statuses = {int(code): count for code, count in by_code.items()}
    statuses[HTTPStatus.TOO_MANY_REQUESTS] = max(statuses.get(HTTPStatus.TOO_MANY_REQUESTS, 0), refused(log))
    slow = latencies(_json(folder / f"{colour}-latencies.json"), since)
    return Observed(name, statuses, slow, mixes=mixes(log, since))


def _json(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if text.strip() else None


def _send(url: str, digest: str, golden: str, count: int) -> Counter[int]:
    from predictor.operations.remote import Function
    from predictor.operations.smoke import statuses_of

    rows = golden_rows(golden, digest)
    with Function(url, options.identity_token()) as function:
        return statuses_of(function, rows, count)
