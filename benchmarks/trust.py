"""What the trust fields are worth: `make bench-trust` prints the tables; `--document` writes them into the page.

Everything is measured on birds that were not used to fit. With `--quick` fewer repeats, for a look.
"""

import argparse
from collections.abc import Iterator

import numpy as np

from benchmarks import trust_cost, trust_novelty, trust_slips
from benchmarks.document import write_between
from benchmarks.other_penguins import OTHERS
from benchmarks.paths import ROOT
from predictor.training.dataset import Dataset, load_penguins
from predictor.training.penguin_trust import COVERAGES, SetFigures, random_split, total, years_left_out

PAGE = ROOT / "docs/explanation/trust.md"
_SEED = 20140305


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--document", action="store_true", help=f"also write the tables into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    dataset = load_penguins()
    scale = 20 if options.quick else 1
    tables = {
        "novelty": novelty(dataset, repeats=max(1, 10 // scale), simulated=2000 // scale),
        "slips": slips(dataset),
        "sets": sets(dataset, splits=200 // scale),
        "cost": "\n".join(trust_cost.table()),
    }
    print("\n\n".join(tables.values()))
    if options.document:
        for name, table in tables.items():
            write_between(PAGE, f"<!-- {name} -->", "<!-- end -->", table)


def novelty(dataset: Dataset, repeats: int, simulated: int) -> str:
    found = trust_novelty.measure(dataset, np.random.default_rng(_SEED), repeats, simulated)
    return "\n".join(_novelty(found, repeats))


def _novelty(found: trust_novelty.Novelty, repeats: int) -> Iterator[str]:
    low, high = min(found.held_out), max(found.held_out)
    yield "| birds | flagged or refused |\n|---|---|"
    yield f"| held out in 10-fold cross-validation, {repeats} times | {low:.1%} to {high:.1%} |"
    for name, (birds, flagged) in found.species.items():
        yield f"| {name}, left out of the reference entirely | {flagged / birds:.1%} of {birds} |"
    for other in OTHERS:
        yield f"| {other.name} penguin, simulated (goal: {other.floor:.0%}) | {found.others[other.name]:.1%} |"
    yield f"| mean birds of these species that are neither flagged nor refused | {len(found.unflagged_means)} |"
    yield f"| hints for simulated birds of other species, all of them wrong | {found.others_wrong_hints} |"


def slips(dataset: Dataset) -> str:
    found = trust_slips.measure(dataset, np.random.default_rng(_SEED))
    rows = [
        f"| {kind} | {of.birds} | {of.stopped / of.birds:.1%} | {of.right / of.stopped:.1%} | {of.wrong} |"
        for kind, of in found.outcomes.items()
    ]
    return "\n".join(
        [
            "| slip | birds | flagged or refused | with the right hint | with a wrong one |",
            "|---|---|---|---|---|",
            *rows,
            f"| none | {found.good_birds} | | | {found.good_hinted} |",
        ]
    )


def sets(dataset: Dataset, splits: int) -> str:
    rng = np.random.default_rng(_SEED)
    rows: dict[str, SetFigures] = {f"{splits} random splits": total(random_split(dataset, rng) for _ in range(splits))}
    rows |= {f"{year} left out": figures for year, figures in years_left_out(dataset).items()}
    stated = " | ".join(f"{coverage:.0%}: covered, size" for coverage in COVERAGES)
    lines = [f"| birds | count | {stated} | flagged | answered | wrong |", "|---" * (len(COVERAGES) + 5) + "|"]
    for name, of in rows.items():
        each = " | ".join(f"{of.covered[c] / of.birds:.1%}, {of.sizes[c] / of.birds:.3f}" for c in COVERAGES)
        shares = f"{of.flagged / of.birds:.1%} | {of.answered / of.birds:.1%} | {of.wrong}"
        lines.append(f"| {name} | {of.birds} | {each} | {shares} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
