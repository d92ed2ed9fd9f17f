from benchmarks.sample_penguins import FEATURES, MEASUREMENTS, sample_penguins


def test_the_first_penguin_comes_again_after_the_last_one() -> None:
    many = sample_penguins(1000)
    assert many[0] == many[333]
    assert len(many) == 1000


def test_a_penguin_has_all_features_with_numbers_for_measurements() -> None:
    for penguin in sample_penguins(333):
        assert tuple(penguin) == FEATURES
        assert all(isinstance(penguin[name], float) == (name in MEASUREMENTS) for name in FEATURES)
