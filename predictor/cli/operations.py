"""Commands for deployment and operation: `smoke`, `agreement`, `capacity`."""

import os
from pathlib import Path
from typing import Final

import click

from predictor.cli import options
from predictor.cli.output import tell
from predictor.errors import ConfigurationError, Disagreement

GOLDEN_SUFFIX: Final = "/golden.json"


@click.command()
@click.argument("url", callback=options.service_url)
@click.option(
    "--digest",
    metavar="sha256:HEX",
    callback=options.digest,
    required=True,
    help="Digest of the model that must be served.",
)
@click.option(
    "--golden",
    metavar="MODEL_URI",
    callback=options.location,
    help="The published model (or its golden.json) whose golden rows are sent. Default: MODEL_URI.",
)
@click.option(
    "--p95-ms",
    type=options.Finite(min=0, min_open=True),
    default=500.0,
    show_default=True,
    help="Limit of the 95th percentile.",
)
@click.option(
    "--requests", type=click.IntRange(min=1), default=100, show_default=True, help="Number of timed requests."
)
@click.option(
    "--wait-s",
    type=options.Finite(min=0),
    default=0.0,
    show_default=True,
    help="Seconds that it may take to become ready.",
)
def smoke(*, url: str, digest: str, golden: str | None, p95_ms: float, requests: int, wait_s: float) -> None:
    """Smoke-test the function at URL: ready, the pinned model, every golden row, five refusals, latency.

    If a check fails, the status is 1 and the last line says why. IDENTITY_TOKEN (environment) is sent as a bearer
    token.
    """
    from predictor.artifacts import open_store
    from predictor.operations.remote import Function
    from predictor.operations.smoke import golden_rows
    from predictor.operations.smoke import smoke as smoke_function

    uri = golden or os.environ.get("MODEL_URI")
    if not uri:
        raise ConfigurationError("MODEL_URI", None, "give --golden, or set it to the published model")
    rows = golden_rows(open_store(uri.removesuffix(GOLDEN_SUFFIX)), digest)
    with Function(url, options.identity_token()) as function:
        result = smoke_function(
            function, digest, rows, p95_limit_ms=p95_ms, requests=requests, wait_s=wait_s, tell=tell
        )
    click.echo(
        f"{url} is good: version {result.version}, {result.golden_rows} golden rows, {result.refusals} refusals,"
        f" p95 {result.p95_ms:.1f} ms over {result.requests} requests"
    )


@click.command()
@click.argument("blue", callback=options.service_url)
@click.argument("green", callback=options.service_url)
@click.option("--count", type=click.IntRange(min=1), default=1000, show_default=True, help="Number of penguins.")
@click.option(
    "--max-disagreement",
    type=options.Finite(0, 1),
    default=0.02,
    show_default=True,
    help="The largest share, 0 to 1, that may differ.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Chooses the penguins.")
def agreement(blue: str, green: str, count: int, max_disagreement: float, seed: int) -> None:
    """Send the same penguins to the functions at BLUE and GREEN; print the share with different predictions.

    Status 1 when it is above --max-disagreement. IDENTITY_TOKEN (environment) is sent to both as a bearer token.
    """
    from predictor.operations.agreement import choose_penguins, compare
    from predictor.operations.remote import Function
    from predictor.training.dataset import load_penguins

    token = options.identity_token()
    penguins = choose_penguins(load_penguins().penguins, count, seed)
    with Function(blue, token) as first, Function(green, token) as second:
        result = compare(first, second, penguins)
    if result.disagreement > max_disagreement:
        raise Disagreement(result.differing, result.count, max_disagreement)
    share = f"{result.disagreement:.2%}; allowed are {max_disagreement:.2%}"
    click.echo(f"the revisions differ on {result.differing} of {result.count} penguins ({share})")


@click.command()
@click.option("--rps", type=options.Finite(0, 1e9, min_open=True), required=True, help="Expected requests per second.")
@click.option(
    "--figures", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: ops/figures.json."
)
@click.option(
    "--prices", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: ops/prices.json."
)
@click.option("--cpu", type=options.Finite(0.08, 8), default=1.0, show_default=True, help="vCPU per instance.")
@click.option("--memory-mib", type=click.IntRange(128, 32768), default=512, show_default=True, help="Per instance.")
@click.option("--concurrency", type=click.IntRange(1, 1000), default=80, show_default=True, help="Per instance.")
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
    """Compute how many instances a load and ten times that load need, and what a million predictions cost.

    The inputs are benchmark results and a price table; both files state their date and source.
    """
    from predictor.operations import capacity as planning

    instance = planning.Instance(cpu, memory_mib, concurrency)
    plan = planning.plan(
        planning.Figures.from_file(figures or planning.FIGURES_FILE),
        planning.Prices.from_file(prices or planning.PRICES_FILE),
        instance,
        rps=rps,
        headroom=headroom,
        alert_conditions=planning.count_alert_conditions(),
    )
    click.echo("\n".join(planning.describe(plan)))
