"""`python -m predictor.beam`: score globs of files, in processes here or on a runner such as Dataflow."""

import json
import sys
from typing import Any, Final, get_args

import click

from predictor.beam.formats import Format
from predictor.beam.slices import SLICE_BYTES
from predictor.errors import PredictorError
from predictor.settings import Settings
from predictor.text import describe_error

_MIB: Final = 1024 * 1024
_MAX_SHOWN: Final = 10


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--input", "pattern", required=True, metavar="PATTERN", help="Files, such as gs://bucket/in/*.csv.")
@click.option("--output", required=True, metavar="FOLDER", help="Gets the answers, rejects/ and summary.json.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(get_args(Format)),
    help="Of the answers. Default: CSV for CSV and Parquet, NDJSON for NDJSON.",
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
    pattern: str,
    output: str,
    file_format: Format | None,
    uri: str,
    digest: str | None,
    workers: int,
    slice_mib: int,
) -> None:
    """Score every row of the files that PATTERN matches.

    Other options go to Apache Beam, such as --runner DataflowRunner with --project and --region. The exit status is 1
    when a file could not be scored; an invalid row only gets an error.
    """
    settings = {"MODEL_URI": uri} | ({} if digest is None else {"MODEL_DIGEST": digest})
    try:
        Settings.from_env(settings)  # The same rules as for the functions.
    except PredictorError as error:
        raise click.UsageError(str(error)) from error
    # Importing Beam takes seconds.
    from apache_beam import Pipeline
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    from predictor.beam.pipeline import SUMMARY_FILE, score_files

    summary_path = FileSystems.join(output, SUMMARY_FILE)
    if FileSystems.exists(summary_path):
        raise click.UsageError(f"{summary_path} is there: these are the answers of another run; give another folder")
    if not FileSystems.match([pattern], limits=[1])[0].metadata_list:
        raise click.UsageError(f"no file matches {pattern}")
    options = PipelineOptions(ctx.args)
    # Beam's default downloads a runner when it starts, so this one is named.
    here = options.view_as(StandardOptions).runner is None
    if here:
        mode = "in_memory" if workers == 1 else "multi_processing"
        options = PipelineOptions([*ctx.args, "--direct_running_mode", mode, "--direct_num_workers", str(workers)])
    pipeline = Pipeline(runner=FnApiRunner() if here else None, options=options)
    try:
        score_files(
            pipeline,
            pattern=pattern,
            output=output,
            uri=uri,
            digest=digest,
            slice_bytes=slice_mib * _MIB,
            file_format=file_format,
        )
    except PredictorError as error:
        raise click.ClickException(str(error)) from error
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:  # Runners raise whatever stopped them, a lost worker as well.
        reason = f"{describe_error(error)}; what is written is complete, and the same command again writes the rest"
        raise click.ClickException(reason) from error
    with FileSystems.open(summary_path) as stream:
        summary: dict[str, Any] = json.load(stream)
    unusable = {path: file["error"] for path, file in summary["files"].items() if file["error"] is not None}
    for path in list(unusable)[:_MAX_SHOWN]:
        click.echo(f"{path}: {unusable[path]}", err=True)
    click.echo(
        f"{summary['rows']} rows in {len(summary['files'])} files, {summary['invalid']} of them invalid,"
        f" {len(unusable)} files unusable; see {summary_path}",
        err=True,
    )
    sys.exit(1 if unusable else 0)


if __name__ == "__main__":
    main()
