"""The model in somebody's files: recognised, opened in a worker, matched with this service's features and classes."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from predictor.artifacts import COLUMNS_FILE, LABEL_ENCODER_FILE, MODEL_FILE, PIPELINE_FILE, InputColumn
from predictor.batch import PenguinColumns
from predictor.errors import NotCompilable, NotConvertible, NotRefittable, PublishRefused
from predictor.models.compiled import Form, form_from_bytes
from predictor.penguin import LABEL, SPECIES, Penguin
from predictor.publishing.environments import Tell, environment_for
from predictor.publishing.input_columns import canonical_name, find_input, input_frame, spelled_values
from predictor.publishing.remote_model import Description, RemoteModel
from predictor.publishing.source_file import SourceFile, installed_version, names_in, read_source
from predictor.schema import CATEGORIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from predictor.publishing.onnx_source import OnnxModel

_SKOPS: Final = "0.13.0"
"""A version that reads skops files; they do not name one."""
_MODEL_FORMATS: Final = frozenset({"pickle", "skops", "xgboost", "lightgbm"})


@dataclass(frozen=True, slots=True)
class Options:
    """What the person who publishes says beside the files. `libraries`: distribution name -> version, of `--with`."""

    columns: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)


class SourceModel:
    """A model that a worker holds, in terms of this service's features and classes."""

    def __init__(
        self,
        remote: RemoteModel,
        input_columns: tuple[InputColumn, ...],
        classes: tuple[str, ...],
        pickles: Mapping[str, bytes],
    ) -> None:
        self.classes = classes
        """In the order of the probabilities."""
        self.input = input_columns
        self.columns = tuple(map(canonical_name, input_columns))
        self.pickles = pickles
        """The files that the scikit-learn engine reads, byte for byte as they came; none for other formats."""
        self._remote = remote
        self._compilers: Mapping[str, str] = {}

    @property
    def description(self) -> Description:
        return self._remote.description

    @property
    def name(self) -> str:
        return self.description.estimator

    @property
    def parameters(self) -> str:
        """The estimator's `repr`."""
        return self.description.parameters

    def libraries(self, *, compiled: bool) -> Mapping[str, str]:
        found = self.description.libraries
        return {**found, **self._compilers} if compiled else found

    def probabilities(self, penguins: Sequence[Penguin]) -> "NDArray[np.float64]":
        """`predict_proba`, shape (len(penguins), classes)."""
        return np.array(self._ask("probabilities", penguins), dtype=np.float64)

    def predict(self, penguins: Sequence[Penguin]) -> list[str]:
        """The classes that `predict` of the estimator answers."""
        return [self.classes[index] for index in self._ask("predictions", penguins)]

    def out_of_fold(
        self, penguins: Sequence[Penguin], classes: Sequence[int], folds: Sequence[int]
    ) -> "NDArray[np.float64]":
        answer = self._ask("refit", penguins, classes=list(classes), folds=list(folds))
        if "reason" in answer:
            raise NotRefittable(answer["reason"])
        return np.array(answer["probabilities"], dtype=np.float64)

    def onnx_forms(self) -> Iterator[bytes]:
        """Every ONNX form, best first. Raises `NotConvertible` when there is none."""
        strings = {
            column.name: spelled_values(column)
            for column in self.input
            if column.feature in CATEGORIES and column.value is None
        }
        names = [column.name for column in self.input]
        answer = self._remote.ask("onnx", names=names, classes=len(self.classes), strings=strings)
        if "reason" in answer:
            raise NotConvertible(self.description.estimator, answer["reason"])
        self._compilers = answer["libraries"]
        for form in answer["forms"]:
            yield base64.b64decode(form)

    def compiled_form(self) -> Form:
        """The content of `compiled.json`. Raises `NotCompilable` when there is none."""
        answer = self._remote.ask("compiled", input=[column.model_dump() for column in self.input])
        if "reason" in answer:
            raise NotCompilable(self.description.estimator, answer["reason"])
        return form_from_bytes(answer["form"].encode(), len(self.classes))

    def _ask(self, call: str, penguins: Sequence[Penguin], **more: Any) -> Any:
        names = [column.name for column in self.input]
        columns = input_frame(self.input, PenguinColumns.of(penguins))
        return self._remote.ask(call, names=names, columns=columns, **more)


@contextmanager
def open_sources(paths: Sequence[Path], options: Options, tell: Tell) -> "Iterator[SourceModel | OnnxModel]":
    """Open a model's files. Raises `PublishRefused` with what is wrong, and what to do.

    Pickles are opened in a process of their own, with the library versions that wrote them. That runs the code in them.
    """
    sources = [read_source(path) for path in paths]
    columns, classes = _given_names(sources, options)
    graphs = [source for source in sources if source.format == "onnx"]
    files = [source for source in sources if source.format in _MODEL_FORMATS]
    if len(graphs) == 1 and not files:
        from predictor.publishing.onnx_source import OnnxModel

        tell(f"{graphs[0].path}: onnx")
        yield OnnxModel(graphs[0], columns, _known_classes(classes) if classes else ())
        return
    if graphs:
        raise PublishRefused(
            f"{graphs[0].path} is ONNX: give it alone, with --columns and --classes instead of other files"
        )
    if not files:
        raise PublishRefused(
            f"{', '.join(map(str, paths))}: only names of columns or classes, no model; also give the model's file"
        )
    libraries = _libraries(files, options)
    for source in files:
        versions = ", ".join(f"{name} {version}" for name, version in source.libraries.items())
        tell(f"{source.path}: {source.format}{f' written with {versions}' if versions else ''}")
    if any(source.format in ("pickle", "skops") for source in files):
        tell("opening a pickle runs the code in it; publish only files that you trust")
    python = environment_for(libraries, tell)
    with RemoteModel(python, [(source.path, source.format) for source in files]) as remote:
        description = remote.description
        input_columns = find_input(_column_names(description, columns), description.categories)
        yield SourceModel(remote, input_columns, _class_names(description, classes), _pickles(files, description.roles))


def _given_names(sources: Sequence[SourceFile], options: Options) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns and classes from options and from files of names."""
    columns, classes = options.columns, options.classes
    for source in sources:
        if source.format == "names":
            names = tuple(names_in(source))
            if {name.casefold() for name in names} <= {name.casefold() for name in SPECIES}:
                classes = classes or names
            else:
                columns = columns or names
    return columns, classes


def _libraries(files: Sequence[SourceFile], options: Options) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in files:
        for name, version in source.libraries.items():
            if found.setdefault(name, version) != version and name not in options.libraries:
                raise PublishRefused(
                    f"the files were written with {name} {found[name]} and {version};"
                    f" say which one opens both: --with {name}=={version}"
                )
    for source in files:
        for module in source.modules:
            if module == "catboost":
                raise PublishRefused(f"{source.path} is a CatBoost model, which is not supported; save it as ONNX")
            if module not in found and module not in options.libraries:
                raise PublishRefused(
                    f"{source.path} needs {module}, and does not say which version;"
                    f" add --with {module}=={installed_version(module) or 'VERSION'}"
                )
    if any(source.format == "skops" for source in files):
        found["skops"] = installed_version("skops") or _SKOPS
    return {**found, **options.libraries}


def _column_names(description: Description, given: tuple[str, ...]) -> list[str]:
    """The names of the estimator's columns, in its order."""
    fitted, from_file = description.feature_names, description.columns
    named = list(given) or from_file
    if fitted is not None:
        if named is not None and set(named) != set(fitted):
            differing = sorted(set(named) ^ set(fitted))
            raise PublishRefused(
                f"the model was fitted with other columns than given; they differ in {', '.join(differing)}"
            )
        return list(fitted)
    if named is None:
        raise PublishRefused(
            f"the {description.estimator} was fitted without column names; give them in its order,"
            " for example --columns bill_length_mm,bill_depth_mm"
        )
    if description.features is not None and len(named) != description.features:
        raise PublishRefused(
            f"the model takes {description.features} columns, named are {len(named)}: {', '.join(named)};"
            " name all of them in its order with --columns"
        )
    return named


def _class_names(description: Description, given: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the estimator's classes, in its order, as the domain spells them.

    `given` names numbers, and strings that the domain does not know; strings that it knows speak for themselves.
    """
    classes = description.classes
    named = [str(name) for name in classes if isinstance(name, str)]
    if len(named) == len(classes) and (not given or not _unknown_classes(named)):
        return _known_classes(named)
    if given:
        if len(given) != len(classes):
            raise PublishRefused(
                f"the model has {len(classes)} classes, and {len(given)} are named: {', '.join(given)};"
                " name all of them in its order with --classes"
            )
        return _known_classes(given)
    if description.encoder_classes is not None:
        return _known_classes(_decoded(classes, description.encoder_classes))
    raise PublishRefused(
        f"the model's classes are the numbers {', '.join(map(str, classes))}; add the label encoder's file,"
        f" or their names in order: --classes {','.join(SPECIES)}"
    )


def _decoded(classes: Sequence[Any], table: Sequence[str]) -> list[str]:
    """The label encoder's names of the classes."""
    if any(not 0 <= index < len(table) for index in classes):
        raise PublishRefused(
            f"the model's classes are the numbers {', '.join(map(str, classes))}, and the label encoder names 0 to"
            f" {len(table) - 1}: {', '.join(table)}; give their names in order with --classes instead"
        )
    return [table[index] for index in classes]


def _unknown_classes(names: Sequence[str]) -> list[str]:
    known = {name.casefold() for name in SPECIES}
    return [name for name in names if name.casefold() not in known]


def _known_classes(names: Sequence[str]) -> tuple[str, ...]:
    """The names as the domain spells them."""
    if _unknown_classes(names):
        raise PublishRefused(
            f"the model's classes are {', '.join(names)}; this service's {LABEL} is one of {', '.join(SPECIES)}."
            " If only the names differ, give these in the model's order with --classes; for other data, change"
            " predictor/penguin.py"
        )
    if len(names) < 2:
        raise PublishRefused(f"the model knows only the class {names[0]}; a classifier needs at least two")
    folded = [name.casefold() for name in names]
    if len(set(folded)) != len(folded):
        raise PublishRefused(f"the model's classes are {', '.join(names)}; each needs a name of its own")
    known = {name.casefold(): name for name in SPECIES}
    return tuple(known[name] for name in folded)


def _pickles(files: Sequence[SourceFile], roles: Mapping[str, str]) -> dict[str, bytes]:
    """The files by the names that they have in a bundle; none where the estimator is not a pickle."""
    names = {"estimator": PIPELINE_FILE if len(files) == 1 else MODEL_FILE, "label_encoder": LABEL_ENCODER_FILE}
    names["columns"] = COLUMNS_FILE
    pickles = {names[roles[str(source.path)]]: source.data for source in files if source.format == "pickle"}
    return pickles if names["estimator"] in pickles else {}
