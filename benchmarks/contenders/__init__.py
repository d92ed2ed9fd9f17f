"""Everything that is compared, in the order in which a round measures it."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from benchmarks.contenders.base import Contender, Echo, EchoPydantic, Unavailable, run
from benchmarks.contenders.ours import (
    Ours,
    OursDeployed,
    OursEager,
    OursForest,
    OursForestOnnx,
    OursGcs,
    OursSklearn,
    OursXgboost,
    OursXgboostOnnx,
)
from benchmarks.contenders.peers import BentoML, LitServe, MLServer, ReplacedService, Vetiver

TREES: Final = (OursForest, OursForestOnnx, OursXgboost, OursXgboostOnnx)
OURS: Final = (Ours, OursEager, OursGcs, OursDeployed, *TREES, OursSklearn)
PEERS: Final = (Vetiver, LitServe, MLServer, BentoML)
ALL: Final[tuple[type[Contender], ...]] = (Echo, EchoPydantic, *OURS, ReplacedService, *PEERS)

__all__ = ["ALL", "PEERS", "Contender", "Ours", "Unavailable", "run", "select"]


def select(patterns: Iterable[str]) -> list[type[Contender]]:
    """The contenders whose names match a pattern such as `ours*`. Raises `ValueError` for one that matches none."""
    chosen: set[type[Contender]] = set()
    for pattern in patterns:
        matching = {kind for kind in ALL if fnmatchcase(kind.name, pattern)}
        if not matching:
            raise ValueError(f"no contender is called {pattern!r}; choose from {', '.join(kind.name for kind in ALL)}")
        chosen |= matching
    return [kind for kind in ALL if kind in chosen]
