import io
import pickle
from collections.abc import Callable
from pathlib import Path

import joblib
import pytest
from sklearn.preprocessing import LabelEncoder

from predictor.errors import PublishRefused
from predictor.training.pickles import dump, open_unverified


def test_equal_values_give_equal_bytes_however_their_parts_are_shared() -> None:
    # Not one object each, as literals would be.
    name, other = "".join(["is", "land"]), "".join(["isl", "and"])
    assert name is not other
    assert pickle.dumps([name, name]) != pickle.dumps([name, other])
    assert dump([name, name]) == dump([other, other])
    loaded = joblib.load(io.BytesIO(dump([name, other])))
    assert dump(loaded) == dump([name, other])


def test_a_pickle_of_another_scikit_learn_is_refused() -> None:
    encoder = LabelEncoder().fit(["a", "b"])
    data = dump(encoder)
    from sklearn import __version__

    newer = data.replace(__version__.encode(), __version__[:-1].encode() + b"9")
    assert newer != data
    with pytest.raises(PublishRefused, match="was saved with scikit-learn"):
        open_unverified(Path("label_encoder.pkl"), newer)


def test_a_pickle_that_needs_a_module_that_is_not_here_names_it() -> None:
    data = b"cno_such_module\nThing\n."
    with pytest.raises(PublishRefused, match="no_such_module"):
        open_unverified(Path("model.pkl"), data)


class _Counts:
    """Says another number each time it is saved."""

    saved = 0

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        type(self).saved += 1
        return (_restore, (self.saved,))


def _restore(_saved: int) -> "_Counts":
    return _Counts()


def test_a_value_that_gives_another_pickle_each_time_is_refused() -> None:
    with pytest.raises(PublishRefused, match="a _Counts gives another pickle each time it is saved"):
        dump(_Counts())


def test_whatever_unpickling_raises_is_refused_with_the_file() -> None:
    with pytest.raises(PublishRefused, match=r"model\.pkl cannot be unpickled: "):
        open_unverified(Path("model.pkl"), b"no pickle")
