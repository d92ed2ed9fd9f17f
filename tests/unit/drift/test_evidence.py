"""e-values: their mean is at most 1 where nothing has changed, and they grow where something has."""

import numpy as np
import pytest
from scipy import stats

from predictor.drift import evidence

ROWS, REFERENCE_ROWS = 200, 333


def test_the_mean_e_value_of_unchanged_means_is_one() -> None:
    """Exactly: a normal mean over a chi-squared estimate of its spread, as the reference gives it."""
    random = np.random.default_rng(1)
    variance, freedom = 1 / ROWS + 1 / REFERENCE_ROWS, 10
    spread = np.sqrt(random.chisquare(freedom, 400_000) / freedom)
    means = random.normal(0, np.sqrt(variance), 400_000) / spread
    # The tail is heavy: half of the mean is in rare large values. So the exact probability of each is used.
    grid = np.linspace(-60, 60, 2_000_001)
    density = stats.t.pdf(grid / np.sqrt(variance), freedom) / np.sqrt(variance)
    e_values = np.exp(evidence.of_means(grid, variance, freedom))
    assert np.trapezoid(density * e_values, grid) == pytest.approx(1, abs=0.01)
    assert np.mean(evidence.of_means(means, variance, freedom) >= np.log(20)) <= 1 / 20


def test_a_moved_mean_is_evidence_in_both_directions_and_an_unmoved_one_against() -> None:
    variance, freedom = 1 / 1000 + 1 / REFERENCE_ROWS, 327
    up, down, none = evidence.of_means(np.array([0.5, -0.5, 0.0]), variance, freedom)
    assert up == down > 20
    assert none < 0


def test_a_mean_of_no_rows_is_no_evidence() -> None:
    assert evidence.of_means(0.0, np.inf, 327) == pytest.approx(0)


def test_the_mean_e_value_of_unchanged_shares_is_one() -> None:
    """Over all counts of five rows of three kinds, weighted by their prediction from the reference."""
    reference = np.array([7, 2, 0])
    counts = np.array([(a, b, 5 - a - b) for a in range(6) for b in range(6 - a)])
    chances = np.exp([stats.dirichlet_multinomial.logpmf(row, reference + 0.5, 5) for row in counts])
    assert np.sum(chances) == pytest.approx(1)
    assert np.sum(chances * np.exp(evidence.of_shares(counts, reference))) == pytest.approx(1)


def test_a_doubled_share_is_evidence_and_a_kept_one_against() -> None:
    assert evidence.of_shares([40, 60], [20, 80]) > evidence.of_shares([30, 70], [20, 80])
    assert evidence.of_shares([400, 600], [68, 265]) > 5
    assert evidence.of_shares([204, 796], [68, 265]) < 0


def test_one_kind_alone_is_no_evidence() -> None:
    assert evidence.of_shares([1000], [333]) == pytest.approx(0)


def test_the_mean_e_value_of_a_tolerated_share_is_at_most_one() -> None:
    counts = np.arange(1001)
    log_e = evidence.of_rare(counts, 1000)
    means = []
    for share in (evidence.TOLERATED_OUT_OF_RANGE, evidence.TOLERATED_OUT_OF_RANGE / 2):
        log_chances = stats.binom.logpmf(counts, 1000, share)
        means.append(np.sum(np.exp(log_chances + log_e)))
    assert means[0] == pytest.approx(1)
    assert means[1] < 1
    assert np.all(np.diff(log_e) > 0)
    assert evidence.of_rare(20, 1000) > np.log(1200)
    assert -1e3 < evidence.of_rare(0, 10**6) < 0
    assert evidence.of_rare(0, 0) == pytest.approx(0)


def test_a_mean_of_e_values_is_theirs() -> None:
    logs = [np.log(1.0), np.log(9.0)]
    assert evidence.mean(logs) == pytest.approx(np.log(5))
    assert evidence.mean(logs, [0.75, 0.25]) == pytest.approx(np.log(3))
    many = evidence.mean([np.log([1.0, 2.0]), np.log([3.0, 4.0])])
    assert many == pytest.approx(np.log([2.0, 3.0]))
