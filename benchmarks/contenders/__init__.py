"""Who takes part, in the order in which they take their turns."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from benchmarks.contenders.bentoml import BentoML
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.echo import Echo
from benchmarks.contenders.litserve import LitServe
from benchmarks.contenders.mlserver import MLServer
from benchmarks.contenders.ours import Ours, OursEager, OursForest, OursGcs, OursSklearn
from benchmarks.contenders.predecessor import Predecessor
from benchmarks.contenders.vetiver import Vetiver

ALL: Final[tuple[type[Contender], ...]] = (
    Echo,
    Ours,
    OursEager,
    OursGcs,
    OursForest,
    OursSklearn,
    Predecessor,
    Vetiver,
    LitServe,
    MLServer,
    BentoML,
)
PEERS: Final = tuple(kind.name for kind in (Vetiver, LitServe, MLServer, BentoML))

__all__ = ["ALL", "PEERS", "Contender", "select"]


def select(patterns: Iterable[str]) -> list[type[Contender]]:
    """The contenders whose names match one of the patterns (`ours*`). Raises `ValueError` for one that matches none."""
    chosen: set[type[Contender]] = set()
    for pattern in patterns:
        matching = {kind for kind in ALL if fnmatchcase(kind.name, pattern)}
        if not matching:
            raise ValueError(f"no contender is called {pattern}; there are {', '.join(kind.name for kind in ALL)}")
        chosen |= matching
    return [kind for kind in ALL if kind in chosen]
