"""Commands for deployment and operation: `smoke`, `agreement`, `capacity`."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from predictor.cli import options
from predictor.cli.output import say, tell
from predictor.errors import ConfigurationError, Disagreement

if TYPE_CHECKING:
    from predictor.models import Golden


@click.command(short_help="Check that a running function is fit to serve.")
@click.argument("url", callback=options.service_url)
@options.digest_option(required=True, help="Digest of the model that the function must serve.")
@click.option(
    "--golden",
    metavar="MODEL_URI",
    callback=options.location,
    help="The published model whose golden rows (known answers) are sent. Default: the setting MODEL_URI.",
)
@click.option(
    "--p95-ms",
    type=options.Finite(min=0, min_open=True),
    default=500.0,
    show_default=True,
    help="The 95th percentile of the time of an answer must not be larger, in milliseconds.",
)
@click.option(
    "--requests", type=click.IntRange(min=1), default=100, show_default=True, help="How many requests are timed."
)
@click.option(
    "--wait-s",
    type=options.Finite(min=0),
    default=0.0,
    show_default=True,
    help="How many seconds the function may take to become ready.",
)
@options.json_option
def smoke(
    *, url: str, digest: str, golden: str | None, p95_ms: float, requests: int, wait_s: float, as_json: bool
) -> None:
    """Check that the running function at URL is fit to serve.

    It must be ready with the model of --digest, give the published answer to every golden row, refuse five bad requests
    as documented, and be fast enough. At the first check that fails, the exit status is 1 and the last line says why.

    For a function that is not public: export IDENTITY_TOKEN=$(gcloud auth print-identity-token)
    """
    from predictor.operations.remote import Function
    from predictor.operations.smoke import smoke as smoke_function

    uri = golden or os.environ.get("MODEL_URI")
    if not uri:
        raise ConfigurationError("MODEL_URI", None, "give --golden, or set it to the published model")
    rows = golden_rows(uri, digest)
    with Function(url, options.identity_token()) as function:
        result = smoke_function(
            function, digest, rows, p95_limit_ms=p95_ms, requests=requests, wait_s=wait_s, tell=tell
        )
    say(
        f"{url} is good: version {result.version}, {result.golden_rows} golden rows, {result.refusals} refusals,"
        f" p95 {result.p95_ms:.1f} ms over {result.requests} requests",
        {"url": url, **asdict(result)},
        as_json=as_json,
    )


def golden_rows(uri: str, digest: str) -> "Golden":
    """The golden rows of the model at `uri`, which may also name their file."""
    from predictor.artifacts import GOLDEN_FILE, open_store
    from predictor.operations import smoke as smoking

    return smoking.golden_rows(open_store(uri.removesuffix(f"/{GOLDEN_FILE}")), digest)


@click.command(short_help="Compare the predictions of two running functions.")
@click.argument("blue", metavar="BLUE_URL", callback=options.service_url)
@click.argument("green", metavar="GREEN_URL", callback=options.service_url)
@click.option(
    "--count", type=click.IntRange(min=1), default=1000, show_default=True, help="How many penguins are sent."
)
@click.option(
    "--max-disagreement",
    type=options.Finite(0, 1),
    default=0.02,
    show_default=True,
    help="The largest share of the predictions, 0 to 1, that may differ.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed chooses the same penguins."
)
@options.json_option
def agreement(*, blue: str, green: str, count: int, max_disagreement: float, seed: int, as_json: bool) -> None:
    """Send the same penguins to two running functions, and print how many got different predictions.

    The exit status is 1 when the share is above --max-disagreement.

    For functions that are not public: export IDENTITY_TOKEN=$(gcloud auth print-identity-token)
    """
    from predictor.operations.agreement import choose_penguins, compare
    from predictor.operations.remote import Function
    from predictor.training.dataset import load_penguins

    token = options.identity_token()
    penguins = choose_penguins(load_penguins().penguins, count, seed)
    with Function(blue, token) as first, Function(green, token) as second:
        result = compare(first, second, penguins)
    share = f"{result.disagreement:.2%}; allowed are {max_disagreement:.2%}"
    sentence = f"the revisions differ on {result.differing} of {result.count} penguins ({share})"
    if result.disagreement <= max_disagreement or as_json:
        say(sentence, {**asdict(result), "disagreement": result.disagreement}, as_json=as_json)
    if result.disagreement > max_disagreement:
        raise Disagreement(result.differing, result.count, max_disagreement)


@click.command(short_help="Compute the instances and the cost of a load.")
@click.option("--rps", type=options.Finite(0, 1e9, min_open=True), required=True, help="Expected requests per second.")
@click.option(
    "--figures",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What a benchmark measured on one instance. Default: ops/figures.json.",
)
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What Cloud Run charges. Default: ops/prices.json.",
)
@click.option("--cpu", type=options.Finite(0.08, 8), default=1.0, show_default=True, help="vCPUs per instance.")
@click.option(
    "--memory-mib", type=click.IntRange(128, 32768), default=512, show_default=True, help="Memory per instance, in MiB."
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=80,
    show_default=True,
    help="How many requests an instance takes at a time.",
)
@click.option(
    "--headroom",
    type=options.Finite(0, 1, max_open=True),
    default=0.4,
    show_default=True,
    help="Share of an instance's capacity to keep free.",
)
def capacity(
    *,
    rps: float,
    figures: Path | None,
    prices: Path | None,
    cpu: float,
    memory_mib: int,
    concurrency: int,
    headroom: float,
) -> None:
    """Compute how many instances a load and ten times that load need, and what predictions cost.

    It reads benchmark figures and a price table; both files state their date and source. A size that Cloud Run does not
    offer (CPUs with memory with concurrency) is refused.
    """
    from predictor.operations import bulk_costs
    from predictor.operations import capacity as planning
    from predictor.operations.instance import Instance

    instance = Instance(cpu, memory_mib, concurrency)
    measured = planning.Figures.from_file(figures or planning.FIGURES_FILE)
    price_table = planning.Prices.from_file(prices or planning.PRICES_FILE)
    plan = planning.plan(
        measured,
        price_table,
        instance,
        rps=rps,
        headroom=headroom,
        alert_conditions=planning.count_alert_conditions(),
    )
    bulk = bulk_costs.BulkFigures.from_file(bulk_costs.BULK_FIGURES_FILE)
    *lines, source = planning.describe(plan)
    rows = bulk_costs.describe(bulk_costs.roads(measured, bulk, price_table, instance), price_table.currency)
    click.echo("\n".join([*lines, *rows, source]))
