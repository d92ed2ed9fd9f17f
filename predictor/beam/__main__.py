"""`python -m predictor.beam`: score globs of files, in processes here or on a runner such as Dataflow."""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any, Final, get_args

import click

from predictor.beam.bigquery import TABLE_NAME, BigQuery
from predictor.beam.formats import Format
from predictor.beam.slices import SLICE_BYTES
from predictor.errors import PredictorError
from predictor.settings import Settings
from predictor.text import describe_error

_MIB: Final = 1024 * 1024
_MAX_SHOWN: Final = 10
_BUCKET: Final = "gs://"
_TABLE: Final = "bq://"
_EXPORTS: Final = "bq-export"


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option(
    "--input",
    "source",
    required=True,
    metavar="PATTERN",
    help="Files, such as gs://bucket/in/*.csv, or bq://PROJECT.DATASET.TABLE.",
)
@click.option("--output", required=True, metavar="FOLDER", help="Gets the answers, rejects/ and summary.json.")
@click.option(
    "--output-table",
    metavar="PROJECT.DATASET.TABLE",
    help="A BigQuery table that gets the answers as well, in place of what is in it. Needs --output gs://...",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(get_args(Format)),
    help="Of the answers. Default: Parquet with --output-table, else CSV for CSV and Parquet, NDJSON for NDJSON.",
)
@click.option("--uri", required=True, metavar="MODEL_URI", help="The published model.")
@click.option("--digest", metavar="sha256:HEX", help="The model's digest; required for gs://.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes, where no --runner is named.",
)
@click.option(
    "--slice-mib",
    type=click.IntRange(min=0),
    default=SLICE_BYTES // _MIB,
    show_default=True,
    help="Text is cut into slices of at most this size. 0: it is not cut, for tables with line ends in cells.",
)
@click.pass_context
def main(
    ctx: click.Context,
    *,
    source: str,
    output: str,
    output_table: str | None,
    file_format: Format | None,
    uri: str,
    digest: str | None,
    workers: int,
    slice_mib: int,
) -> None:
    """Score every row of the files that PATTERN matches, or of a BigQuery table.

    Other options go to Apache Beam, such as --runner DataflowRunner with --project and --region. The exit status is 1
    when a file could not be scored; an invalid row only gets an error.
    """
    settings = {"MODEL_URI": uri} | ({} if digest is None else {"MODEL_DIGEST": digest})
    try:
        Settings.from_env(settings)  # The same rules as for the functions.
    except PredictorError as error:
        raise click.UsageError(str(error)) from error
    if output_table is not None:
        output_table = _table_name(output_table)
        if not output.startswith(_BUCKET):
            raise click.UsageError(f"--output-table needs --output gs://BUCKET/FOLDER, but it is {output!r}")
        if file_format not in (None, "parquet"):
            raise click.UsageError("--output-table is loaded from Parquet: leave --format out")
        file_format = "parquet"
    table = _table_name(source) if source.startswith(_TABLE) else None
    # Importing Beam takes seconds.
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

    from predictor.beam.pipeline import SUMMARY_FILE, list_files

    cloud = PipelineOptions(ctx.args).view_as(GoogleCloudOptions)
    summary_path = FileSystems.join(output, SUMMARY_FILE)
    is_scored = FileSystems.exists(summary_path)
    another_run = click.UsageError(
        f"{summary_path} is there: these are the answers of another run; give another folder"
    )
    if is_scored and output_table is None:
        raise another_run
    pattern = source if table is None else _export(cloud, table, output)
    files = list_files(pattern)
    if not files:
        raise click.UsageError(f"no file matches {pattern}")
    if not is_scored:
        what = {"pattern": pattern, "output": output, "uri": uri, "digest": digest}
        _score(ctx.args, workers, **what, slice_bytes=slice_mib * _MIB, file_format=file_format)
    with FileSystems.open(summary_path) as stream:
        summary: dict[str, Any] = json.load(stream)
    model = {"uri": uri, "digest": digest}
    if is_scored and (summary["model"] != model or {*summary["files"]} != {file.path for file in files}):
        raise another_run
    if output_table is not None:
        _load(cloud, output, output_table, summary["rows"])
    sys.exit(_report(summary, summary_path))


def _table_name(given: str) -> str:
    name = given.removeprefix(_TABLE)
    if not re.fullmatch(TABLE_NAME, name):
        raise click.UsageError(f"{given!r} is no table: it must be PROJECT.DATASET.TABLE")
    return name


def _export(cloud: Any, table: str, output: str) -> str:
    """The pattern of the files that hold the table. `cloud` has Beam's options for Google Cloud."""
    from predictor.beam.pipeline import list_files

    folder = next((place for place in (output, cloud.temp_location or "") if place.startswith(_BUCKET)), None)
    if folder is None:
        raise click.UsageError("BigQuery exports to a bucket: give --output or --temp_location as gs://BUCKET/FOLDER")
    folder = f"{folder.rstrip('/')}/{_EXPORTS}"
    try:
        return BigQuery(cloud.project).export(table, folder, output, lambda files: len(list_files(files)))
    except PredictorError as error:
        raise click.ClickException(str(error)) from error


def _load(cloud: Any, output: str, table: str, rows: int) -> None:
    if not rows:
        click.echo(f"no row was scored, so {table} is left as it is", err=True)
        return
    try:
        BigQuery(cloud.project).load(output.rstrip("/"), table, rows)
    except PredictorError as error:
        raise click.ClickException(f"{error}; the answers are in {output}") from error


def _score(arguments: Sequence[str], workers: int, **what: Any) -> None:
    """Run the pipeline that `what` describes, with these arguments of Beam."""
    from apache_beam import Pipeline
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    from predictor.beam.pipeline import score_files

    options = PipelineOptions(arguments)
    # Beam's default downloads a runner when it starts, so this one is named.
    here = options.view_as(StandardOptions).runner is None
    if here:
        mode = "in_memory" if workers == 1 else "multi_processing"
        options = PipelineOptions([*arguments, "--direct_running_mode", mode, "--direct_num_workers", str(workers)])
    pipeline = Pipeline(runner=FnApiRunner() if here else None, options=options)
    try:
        score_files(pipeline, **what)
    except PredictorError as error:
        raise click.ClickException(str(error)) from error
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:  # Runners raise whatever stopped them, a lost worker as well.
        reason = f"{describe_error(error)}; what is written is complete, and the same command again writes the rest"
        raise click.ClickException(reason) from error


def _report(summary: dict[str, Any], path: str) -> int:
    """Say what became of the files; the exit status."""
    unusable = {name: file["error"] for name, file in summary["files"].items() if file["error"] is not None}
    for name in list(unusable)[:_MAX_SHOWN]:
        click.echo(f"{name}: {unusable[name]}", err=True)
    click.echo(
        f"{summary['rows']} rows in {len(summary['files'])} files, {summary['invalid']} of them invalid,"
        f" {len(unusable)} files unusable; see {path}",
        err=True,
    )
    return 1 if unusable else 0


if __name__ == "__main__":
    main()
