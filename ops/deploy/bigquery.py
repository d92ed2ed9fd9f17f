"""What `deploy.sh bigquery` sends to BigQuery, and the queries that it prints, made from the features of the domain."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Final

from predictor.penguin import EXAMPLES, LABEL, NOUN_PLURAL
from predictor.schema import CATEGORIES, EXAMPLE, FEATURES, MEASUREMENTS, SYNONYMS

FUNCTIONS: Final = {LABEL: ("STRING", "false"), f"{LABEL}_details": ("JSON", "true")}
"""By name: what a remote function returns, and whether it asks the service for details."""
MODEL: Final = f"{LABEL}_model"
_PUBLIC_TABLE: Final = "bigquery-public-data.ml_datasets.penguins"


def routine(project: str, dataset: str, name: str, connection: str, endpoint: str) -> str:
    """A remote function as BigQuery's REST API describes it."""
    returned, details = FUNCTIONS[name]
    arguments = [
        {"name": feature, "dataType": {"typeKind": "STRING" if feature in CATEGORIES else "FLOAT64"}}
        for feature in FEATURES
    ]
    return json.dumps(
        {
            "routineReference": {"projectId": project, "datasetId": dataset, "routineId": name},
            "routineType": "SCALAR_FUNCTION",
            "arguments": arguments,
            "returnType": {"typeKind": returned},
            "remoteFunctionOptions": {
                "endpoint": endpoint,
                "connection": connection,
                "userDefinedContext": {"details": details},
                "maxBatchingRows": "1000",  # The service's own limit of a batch.
            },
        }
    )


def creation(project: str, dataset: str, uri: str, location: str) -> str:
    """The query job that imports the model, as the REST API takes it."""
    statement = f"CREATE OR REPLACE MODEL `{project}.{dataset}.{MODEL}`"
    options = f"OPTIONS(model_type = 'ONNX', model_path = '{uri}/bigquery.onnx')"
    return json.dumps(
        {"query": f"{statement} {options}", "useLegacySql": False, "location": location, "timeoutMs": 50_000}
    )


def queries(project: str, dataset: str) -> str:
    """Three queries to try: the imported model, the model on a table with other names, and the remote function."""
    one = ",\n    ".join(f"{_literal(EXAMPLE[name])} AS {name}" for name in FEATURES)
    columns = [f"{SYNONYMS[name][0]} AS {name}" if name in SYNONYMS else name for name in MEASUREMENTS]
    for name, values in CATEGORIES.items():
        columns.append(f"LOWER({name}) AS {name}" if all(map(str.islower, values)) else name)
    arguments = ", ".join(str(_literal(EXAMPLES[-1][name])) for name in FEATURES)
    given = " AND ".join(f"{SYNONYMS.get(name, (name,))[0]} IS NOT NULL" for name in FEATURES)
    public = ",\n    ".join([f"{LABEL} AS labelled", *columns])
    return f"""\
-- One row, by the imported model: no server takes part.
SELECT prediction, probabilities FROM ML.PREDICT(MODEL `{project}.{dataset}.{MODEL}`, (
  SELECT
    {one}));

-- A table whose columns have other names: a row that the service would refuse gets an empty prediction.
SELECT prediction, labelled, COUNT(*) AS {NOUN_PLURAL} FROM ML.PREDICT(MODEL `{project}.{dataset}.{MODEL}`, (
  SELECT
    {public}
  FROM `{_PUBLIC_TABLE}`
  WHERE {given}))
GROUP BY prediction, labelled ORDER BY labelled;

-- The service itself, with everything that it says of an answer.
SELECT `{project}.{dataset}.{LABEL}_details`({arguments});"""  # noqa: S608  # nosec B608


def _literal(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


_COMMANDS: Final[Mapping[str, Callable[..., str]]] = {
    "names": lambda: "\n".join(FUNCTIONS),
    "model": lambda: MODEL,
    "routine": routine,
    "creation": creation,
    "queries": queries,
}


def main(arguments: list[str]) -> int:
    """Print what a command makes of its arguments."""
    command, *rest = arguments
    print(_COMMANDS[command](*rest))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
