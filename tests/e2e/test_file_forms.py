"""The data set in every form that its publishers give it: each is predicted as the plain form is."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from predictor.artifacts.local_store import LocalStore
from predictor.bulk import ScoredLines
from predictor.models import LoadedModel, load_model
from predictor.schema import FEATURES
from predictor.training.dataset import DATA_FILE
from tests.support.bundles import PublishedBundle
from tests.support.cli import model as model_options
from tests.support.cli import run
from tests.support.processes import PROJECT

Rows = list[dict[str, str]]
ROWS: Rows = list(csv.DictReader(DATA_FILE.read_text().splitlines()))
BIRDS = [{name: row[name] for name in FEATURES} for row in ROWS]
COMPLETE = 333
RENAMED = {"bill_length_mm": "culmen_length_mm", "bill_depth_mm": "culmen_depth_mm"}
RAW = {
    "bill_length_mm": "Culmen Length (mm)",
    "bill_depth_mm": "Culmen Depth (mm)",
    "flipper_length_mm": "Flipper Length (mm)",
    "body_mass_g": "Body Mass (g)",
    "sex": "Sex",
    "island": "Island",
}
LATIN = {"Adelie": "Adelie Penguin (Pygoscelis adeliae)", "Gentoo": "Gentoo penguin (Pygoscelis papua)"}


def table(rows: Rows, separator: str = ",", quoting: Any = csv.QUOTE_MINIMAL, end: str = "\n") -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]), delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def with_rowid() -> Rows:
    return [{"rowid": str(number), **row} for number, row in enumerate(ROWS, start=1)]


def raw() -> Rows:
    """palmerpenguins' penguins_raw.csv."""
    return [
        {
            "studyName": "PAL0708",
            "Sample Number": str(number),
            "Species": LATIN.get(row["species"], "Chinstrap penguin (Pygoscelis antarctica)"),
            "Individual ID": f"N{number}A1",
            "Date Egg": f"{row['year']}-11-11",
            **{RAW[name]: row[name].upper() if name == "sex" else row[name] for name in FEATURES},
            "Comments": "Adult not sampled, nor measured." if row["sex"] == "NA" else "",
        }
        for number, row in enumerate(ROWS, start=1)
    ]


def seaborn() -> Rows:
    return [
        {
            "species": row["species"],
            **{n: row[n].title() if n == "sex" else row[n].removeprefix("NA") for n in FEATURES},
        }
        for row in ROWS
    ]


def bigquery() -> Rows:
    """bigquery-public-data.ml_datasets.penguins, of which one row has `.` as its sex."""
    rows = [
        {
            "species": LATIN.get(row["species"], "Chinstrap penguin (Pygoscelis antarctica)"),
            **{RENAMED.get(name, name): "" if row[name] == "NA" else row[name] for name in FEATURES},
            "sex": "" if row["sex"] == "NA" else row["sex"].upper(),
        }
        for row in ROWS
    ]
    next(row for row in rows if row["sex"] == "" and row["body_mass_g"])["sex"] = "."
    return rows


def shouted() -> Rows:
    return [{name.upper(): row[name].upper() for name in FEATURES} for row in ROWS]


def in_units(units: Mapping[str, str]) -> Rows:
    factors = {
        "cm": Decimal(10),
        "m": Decimal(1000),
        "in": Decimal("25.4"),
        "kg": Decimal(1000),
        "oz": Decimal("28.349523125"),
    }
    rows = []
    for row in ROWS:
        cells = dict(row)
        for name, unit in units.items():
            value = cells.pop(name)
            base = name.rpartition("_")[0]
            cells[f"{base}_{unit}"] = value if value == "NA" else str(Decimal(value) / factors[unit])
        rows.append(cells)
    return rows


def records(rows: Rows) -> list[dict[str, Any]]:
    """As BigQuery exports them: numbers as numbers, what is not there left out."""
    return [
        {
            name: float(cell) if cell.replace(".", "", 1).isdigit() and name != "rowid" else cell
            for name, cell in row.items()
            if cell not in ("", "NA")
        }
        for row in rows
    ]


def ndjson(documents: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def parquet(frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame), stream)
    return stream.getvalue()


def frame() -> pd.DataFrame:
    return pd.read_csv(DATA_FILE)


CM_AND_KG = {"bill_length_mm": "cm", "bill_depth_mm": "m", "body_mass_g": "kg"}
TABLES: dict[str, Callable[[], bytes]] = {
    "only the features": lambda: table(BIRDS),
    "palmerpenguins": DATA_FILE.read_bytes,
    "palmerpenguins with rowid": lambda: table(with_rowid()),
    "raw": lambda: table(raw()),
    "raw, all quoted": lambda: table(raw(), quoting=csv.QUOTE_ALL, end="\r\n"),
    "seaborn": lambda: table(seaborn()),
    "seaborn, all quoted": lambda: table(seaborn(), quoting=csv.QUOTE_ALL),
    "BigQuery": lambda: table(bigquery()),
    "all in capitals": lambda: table(shouted()),
    "semicolons": lambda: table(ROWS, ";"),
    "semicolons, raw, CRLF": lambda: table(raw(), ";", end="\r\n"),
    "tabs": lambda: table(ROWS, "\t"),
    "tabs, quoted": lambda: table(raw(), "\t", csv.QUOTE_ALL),
    "byte order mark": lambda: b"\xef\xbb\xbf" + table(ROWS),
    "byte order mark, semicolons": lambda: b"\xef\xbb\xbf" + table(ROWS, ";"),
    "gzip": lambda: gzip.compress(DATA_FILE.read_bytes()),
    "gzip in two members": lambda: gzip.compress(table(ROWS)[:5000]) + gzip.compress(table(ROWS)[5000:]),
    "centimetres, metres, kilograms": lambda: table(in_units(CM_AND_KG)),
    "centimetres, quoted": lambda: table(in_units(CM_AND_KG), ";", csv.QUOTE_ALL),
    "spaces": lambda: table([{f" {name} ": f" {cell} " for name, cell in row.items()} for row in ROWS]),
    "pandas": lambda: frame().to_csv(index=False).encode(),
    "pandas with its index": lambda: frame().to_csv().encode(),
}
DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "only the features": lambda: ndjson(records(BIRDS)),
    "palmerpenguins with rowid": lambda: ndjson(records(with_rowid())),
    "raw": lambda: ndjson(records(raw())),
    "seaborn": lambda: ndjson(records(seaborn())),
    "BigQuery": lambda: ndjson(records(bigquery())),
    "gzip": lambda: gzip.compress(ndjson(records(ROWS))),
    "byte order mark": lambda: b"\xef\xbb\xbf" + ndjson(records(ROWS)),
    "centimetres, metres, kilograms": lambda: ndjson(records(in_units(CM_AND_KG))),
    "pandas": lambda: frame().to_json(orient="records", lines=True).encode(),
}
PARQUET: dict[str, Callable[[], bytes]] = {
    "pandas": lambda: parquet(frame()),
    "categories": lambda: parquet(frame().astype({"sex": "category", "island": "category"})),
    "four-byte floats": lambda: parquet(frame().astype({"bill_length_mm": "float32", "bill_depth_mm": "float32"})),
    "BigQuery's names": lambda: parquet(frame().rename(columns=RENAMED)),
    "metres": lambda: parquet(pd.DataFrame(in_units({"bill_length_mm": "m"})).replace("NA", None)),
}


def predicted(bundle: PublishedBundle, data: bytes, folder: Path) -> tuple[list[dict[str, str]], list[str]]:
    """The rows of the output, and what was said on stderr."""
    file = folder / "birds"
    file.write_bytes(data)
    result = run("predict", *model_options(bundle), str(file))
    assert result.exit_code == 1, result.stderr
    said = result.stderr.splitlines()
    assert said[-1] == f"{len(ROWS) - COMPLETE} of {len(ROWS)} rows are invalid; each has an error in the output"
    if result.stdout.startswith("{"):
        return [flat(json.loads(line)) for line in result.stdout.splitlines()], said[:-1]
    separator = next(mark for mark in (",", ";", "\t") if f"{mark}prediction{mark}" in result.stdout)
    return list(csv.DictReader(io.StringIO(result.stdout), delimiter=separator)), said[:-1]


def flat(document: dict[str, Any]) -> dict[str, str]:
    if "error" in document:
        return {"prediction": ""}
    probabilities = {f"probability_{name}": str(value) for name, value in document["probabilities"].items()}
    return {"prediction": document["prediction"], **probabilities}


def answers(rows: list[dict[str, str]]) -> list[tuple[str, list[float]]]:
    names = ("probability_Adelie", "probability_Chinstrap", "probability_Gentoo")
    return [(row["prediction"], [float(row[name]) for name in names] if row["prediction"] else []) for row in rows]


@pytest.fixture(scope="module")
def plain(bundle: PublishedBundle, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, list[float]]]:
    rows, said = predicted(bundle, table(BIRDS), tmp_path_factory.mktemp("plain"))
    assert said == []
    found = answers(rows)
    assert {name for name, _ in found} == {"", "Adelie", "Chinstrap", "Gentoo"}
    return found


@pytest.mark.parametrize(
    "make",
    [
        *(pytest.param(make, id=f"table: {name}") for name, make in TABLES.items()),
        *(pytest.param(make, id=f"ndjson: {name}") for name, make in DOCUMENTS.items()),
        *(pytest.param(make, id=f"parquet: {name}") for name, make in PARQUET.items()),
    ],
)
def test_every_form_is_predicted_as_the_plain_one(
    make: Callable[[], bytes], plain: list[tuple[str, list[float]]], bundle: PublishedBundle, tmp_path: Path
) -> None:
    rows, said = predicted(bundle, make(), tmp_path)
    assert len(said) <= 1
    assert answers(rows) == plain


@pytest.fixture(scope="module")
def model(bundle: PublishedBundle) -> LoadedModel:
    return load_model(LocalStore(bundle.folder), pin=bundle.digest, choice="onnx", deadline=time.monotonic() + 30)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_in_a_bucket_is_predicted_so_too(
    name: str, plain: list[tuple[str, list[float]]], model: LoadedModel
) -> None:
    lines = b"".join(ScoredLines(model, io.BytesIO(TABLES[name]()), "csv")).splitlines()
    assert answers([flat(json.loads(line)) for line in lines]) == plain


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_in_a_bucket_are_predicted_so_too(
    name: str, plain: list[tuple[str, list[float]]], model: LoadedModel
) -> None:
    lines = b"".join(ScoredLines(model, io.BytesIO(DOCUMENTS[name]()), "ndjson")).splitlines()
    assert answers([flat(json.loads(line)) for line in lines]) == plain


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (table(raw(), ";"), "read as CSV (;): 'Culmen Length (mm)' -> bill_length_mm, "),
        (
            gzip.compress(table(bigquery()), mtime=0),
            "read as CSV, gzip: culmen_length_mm -> bill_length_mm, culmen_depth_mm -> ",
        ),
        (table(with_rowid(), "\t"), "read as CSV (tab): id: rowid; ignored: species, year"),
        (table(BIRDS, "\t"), "read as CSV (tab): every column by its own name"),
        (table(in_units({"body_mass_g": "kg"})), "read as CSV: body_mass_kg -> body_mass_g (x 1000); ignored: species"),
        (ndjson(records(bigquery())), "read as NDJSON: culmen_length_mm -> bill_length_mm, "),
        (parquet(frame()), "read as Parquet: ignored: species, year"),
    ],
)
def test_what_was_understood_is_said_once(data: bytes, line: str, bundle: PublishedBundle, tmp_path: Path) -> None:
    _, said = predicted(bundle, data, tmp_path)
    assert len(said) == 1
    assert said[0].startswith(line)


def test_ids_are_carried_to_every_output(bundle: PublishedBundle, tmp_path: Path, model: LoadedModel) -> None:
    rows, _ = predicted(bundle, table(with_rowid()), tmp_path)
    assert [row["rowid"] for row in rows] == [row["rowid"] for row in with_rowid()]
    for end in ("\n", '"\n'):  # Without quotes, and with some.
        data = table(with_rowid()).replace(b"year\n", f'year,"note{end}'.encode() if end[0] == '"' else b"year,note\n")
        lines = b"".join(ScoredLines(model, io.BytesIO(data), "csv")).splitlines()
        assert [json.loads(line)["id"] for line in lines] == [row["rowid"] for row in with_rowid()]
        assert list(json.loads(lines[0])) == ["row", "id", "prediction", "probability", "probabilities", "model"]
        assert list(json.loads(lines[3])) == ["row", "id", "error"]
    documents = [{"id": number, **row} for number, row in enumerate(records(ROWS))]
    lines = b"".join(ScoredLines(model, io.BytesIO(ndjson(documents)), "ndjson")).splitlines()
    assert [json.loads(line)["id"] for line in lines] == list(range(len(ROWS)))
    result = run("predict", *model_options(bundle), "-", stdin=ndjson(documents))
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == list(range(len(ROWS)))


def test_a_row_without_an_id_has_none(model: LoadedModel) -> None:
    data = b"id," + table(BIRDS[:2]).replace(b"\n39.1", b"\nA,39.1").replace(b"\n39.5", b"\n,39.5")
    first, second = (json.loads(line) for line in b"".join(ScoredLines(model, io.BytesIO(data), "csv")).splitlines())
    assert (first["id"], "id" in second) == ("A", False)
    documents = ndjson([{**records(BIRDS)[0], "id": given} for given in ("A", None, [1], "x" * 300)])
    lines = b"".join(ScoredLines(model, io.BytesIO(documents), "ndjson")).splitlines()
    assert [json.loads(line).get("id") for line in lines] == ["A", None, None, None]


GOOD = json.dumps(records(BIRDS)[0])


@pytest.mark.parametrize(
    ("line", "pointer", "code"),
    [
        (GOOD.replace("bill_length_mm", "bill_lenght_mm"), "/bill_lenght_mm", "unknown_field"),
        (GOOD.replace("bill_length_mm", "bill_length_ft"), "/bill_length_ft", "unknown_field"),
        (GOOD.replace("bill_length_mm", "bill_length"), "/bill_length", "unknown_field"),
        (GOOD.replace("}", ', "Sex": "male"}'), "/Sex", "duplicate_key"),
        (GOOD.replace("}", ', "sex": "male"}'), "/sex", "duplicate_key"),
        (GOOD.replace('"male"', "null"), "/sex", "missing"),
        (GOOD.replace('"male"', '"."'), "/sex", "missing"),
        (GOOD.replace("39.1", '"39.1"'), "/bill_length_mm", "wrong_type"),
        (GOOD.replace("39.1", "true").replace("length_mm", "length_cm", 1), "/bill_length_mm", "wrong_type"),
        (GOOD.replace("39.1", "NaN").replace("length_mm", "length_cm", 1), "/bill_length_mm", "not_finite"),
        (GOOD.replace("39.1", "39.1").replace("length_mm", "length_cm", 1), "/bill_length_mm", "out_of_range"),
        (f"[{GOOD}]", "", "wrong_type"),
    ],
)
def test_a_document_that_is_wrong_says_where(line: str, pointer: str, code: str, model: LoadedModel) -> None:
    lines = b"".join(ScoredLines(model, io.BytesIO(f"{GOOD}\n{line}\n{GOOD}".encode()), "ndjson")).splitlines()
    good, bad, again = (json.loads(answer) for answer in lines)
    assert {**again, "row": 1} == good
    assert (pointer, code) in [(error["pointer"], error["code"]) for error in bad["error"]["errors"]]


NO_SUCH_UNIT = "names no unit that is known; call it"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "the file is empty: it has neither a header nor a row"),
        (gzip.compress(b"\n", mtime=0), "the file is empty: it has neither a header nor a row"),
        (table(ROWS)[:80].partition(b"\n")[0], "the file has no rows: there is nothing below its header"),
        (table(ROWS).replace(b"bill_length_mm", b"bill_lenght_mm"), "is unknown; did you mean bill_length_mm?"),
        (table(ROWS).replace(b"bill_length_mm", b"bill_length_ft"), f"{NO_SUCH_UNIT} bill_length_mm, or give its unit"),
        (
            table(ROWS).replace(b"body_mass_g", b"body_mass"),
            f"{NO_SUCH_UNIT} body_mass_g, or give its unit as one of kg",
        ),
        (
            table(ROWS).replace(b"year", b"Island"),
            "names island more than once, as 'island', 'Island'; keep one of each",
        ),
        (
            b"PK\x03\x04\x14\0\6\0xl/workbook.xml" + b"\0" * 99,
            "this is a spreadsheet; open it and save it as CSV (UTF-8)",
        ),
        (gzip.compress(table(ROWS), mtime=0)[:2000], "the gzip data end early; the file was not copied completely"),
        (parquet(frame())[:-4] + b"xxxx", "it cannot be read as Parquet: "),
        (parquet(frame().drop(columns="sex")), "the header lacks sex; it has: "),
        (b"1,2,3\n4,5,6\n", "it has: '1', '2', '3'"),
    ],
)
def test_a_file_that_is_wrong_is_one_line_that_says_what_and_what_to_do(
    data: bytes, sentence: str, bundle: PublishedBundle, tmp_path: Path
) -> None:
    file = tmp_path / "birds.csv"
    file.write_bytes(data)
    result = run("predict", *model_options(bundle), str(file))
    assert result.exit_code == 1
    *_, last = result.stderr.splitlines()
    assert last.startswith(f"error: {file}: ")
    assert sentence in last


def test_parquet_needs_pyarrow_and_a_name(bundle: PublishedBundle, tmp_path: Path) -> None:
    file = tmp_path / "birds.parquet"
    file.write_bytes(parquet(frame()))
    program = "import sys; sys.modules['pyarrow'] = None; from predictor.cli import main; main()"
    env = {**os.environ, **bundle.env}
    for command, sentence in (
        ([sys.executable, "-c", program, "predict", str(file)], "which needs pyarrow: `pip install pyarrow`"),
        (
            [sys.executable, "-m", "predictor", "predict", "-"],
            "Parquet cannot be read from a pipe; give the file's name",
        ),
    ):
        done = subprocess.run(command, cwd=PROJECT, env=env, input=file.read_bytes(), capture_output=True, check=False)
        assert done.returncode == 1
        assert sentence in done.stderr.decode()


def test_csv_never_imports_pyarrow(bundle: PublishedBundle) -> None:
    program = (
        "import sys; from predictor.cli import main; main(standalone_mode=False); assert 'pyarrow' not in sys.modules"
    )
    env = {**os.environ, **bundle.env}
    command = [sys.executable, "-c", program, "predict", "-"]
    done = subprocess.run(command, cwd=PROJECT, env=env, input=table(BIRDS[:2]), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
