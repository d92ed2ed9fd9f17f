"""Trees of XGBoost and LightGBM, from the descriptions that the libraries give of a model. Imports neither."""

import json
import math
from typing import Any, Final

import numpy as np

from predictor.models.compiled import Link
from predictor.training.compile.thresholds import rounded_below
from predictor.training.compile.tree import LEAF, Tree, TreeModel, Unsupported

_XGBOOST: Final[dict[str, Link]] = {
    "binary:logistic": "sigmoid",
    "reg:logistic": "sigmoid",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
}
_LIGHTGBM: Final[dict[str, Link]] = {"binary": "sigmoid", "cross_entropy": "sigmoid", "multiclass": "softmax"}


def xgboost(estimator: Any) -> TreeModel:
    booster = estimator.get_booster()
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    kind, objective = learner["gradient_booster"]["name"], learner["objective"]["name"]
    if kind != "gbtree":
        raise Unsupported(f"its booster is {kind}")
    if objective not in _XGBOOST:
        raise Unsupported(f"its objective is {objective}")
    link = _XGBOOST[objective]
    model = learner["gradient_booster"]["model"]
    scores = 1 if link == "sigmoid" else int(learner["learner_model_param"]["num_class"])
    best = getattr(estimator, "best_iteration", None) if _stopped_early(estimator) else None
    count = len(model["trees"]) if best is None else _trees_until(model, best, scores)
    numbered = list(zip(model["tree_info"], model["trees"], strict=True))[:count]
    trees = [_xgboost_tree(tree) for score in range(scores) for group, tree in numbered if group == score]
    # A number for all scores, or since 3.1 a list.
    written = learner["learner_model_param"]["base_score"].strip("[]").split(",")
    base = [float(np.float32(part)) for part in written]
    if link == "sigmoid":
        base = [math.log(share / (1 - share)) for share in base]
    return TreeModel(trees, tuple(base if len(base) == scores else base * scores), link, separate=True)


def _stopped_early(estimator: Any) -> bool:
    return getattr(estimator, "early_stopping_rounds", None) is not None


def _trees_until(model: dict[str, Any], best: int, scores: int) -> int:
    parallel = max(1, int(model["gbtree_model_param"].get("num_parallel_tree", "1")))
    ends = model.get("iteration_indptr")
    return int(ends[best + 1]) if ends else (best + 1) * scores * parallel


def _xgboost_tree(tree: dict[str, Any]) -> Tree:
    if tree["tree_param"].get("size_leaf_vector", "1") not in ("0", "1"):
        raise Unsupported("a leaf has a value for each class")
    if any(tree.get("split_type", ())):
        raise Unsupported("it has categorical columns")
    # A leaf's value is where a node has its threshold.
    numbers = np.array(tree["split_conditions"], np.float32)
    return Tree(
        columns=tree["split_indices"],
        thresholds=rounded_below(numbers).tolist(),
        lefts=[left if left >= 0 else LEAF for left in tree["left_children"]],
        rights=tree["right_children"],
        values=[(value,) for value in numbers.astype(np.float64).tolist()],
    )


def lightgbm(estimator: Any) -> TreeModel:
    """Compares doubles by `<=`, as the form does."""
    model = estimator.booster_.dump_model()
    name, *settings = model["objective"].split()
    if model.get("average_output") or name not in _LIGHTGBM:
        raise Unsupported(f"its objective is {name}, or it averages")
    scores = model["num_tree_per_iteration"]
    listed = model["tree_info"]
    if any(info.get("num_cat", 0) for info in listed):
        raise Unsupported("it has categorical columns")
    trees = [_lightgbm_tree(info["tree_structure"]) for score in range(scores) for info in listed[score::scores]]
    slope = next((float(text.partition(":")[2]) for text in settings if text.startswith("sigmoid:")), 1.0)
    if name == "binary" and slope != 1.0:
        trees = [tree.scaled(slope) for tree in trees]
    return TreeModel(trees, (0.0,) * scores, _LIGHTGBM[name], separate=True)


def _lightgbm_tree(root: dict[str, Any]) -> Tree:
    columns: list[int] = []
    thresholds: list[float] = []
    lefts: list[int] = []
    rights: list[int] = []
    values: list[tuple[float, ...]] = []
    waiting: list[tuple[dict[str, Any], list[int], int]] = [(root, [0], 0)]
    while waiting:
        node, parents, index = waiting.pop()
        number = len(lefts)
        parents[index] = number
        split = "split_feature" in node
        if "leaf_coeff" in node:
            raise Unsupported("its leaves are linear models")
        if split and (node["decision_type"] != "<=" or node["missing_type"] == "Zero"):
            raise Unsupported("it takes 0 for a missing value, or compares otherwise than by <=")
        columns.append(node["split_feature"] if split else 0)
        thresholds.append(float(node["threshold"]) if split else 0.0)
        values.append((0.0,) if split else (float(node["leaf_value"]),))
        lefts.append(LEAF)
        rights.append(LEAF)
        if split:
            waiting += [(node["right_child"], rights, number), (node["left_child"], lefts, number)]
    return Tree(columns, thresholds, lefts, rights, values)
