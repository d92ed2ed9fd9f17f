"""`Server-Timing` (W3C): how long a prediction took, and in the first answers how long the start took."""

from predictor.models import LoadedModel


class FirstAnswer:
    """Until the first prediction is answered, answers show the phases of the start."""

    def __init__(self, import_ms: float) -> None:
        """`import_ms` is what the process needed until it could take a request."""
        self._import_ms = import_ms
        self._pending = True

    def phases(self, model: LoadedModel) -> bytes | None:
        """The phases of the start, for an answer that predicts nothing; None once a prediction has shown them."""
        return _header({"import": self._import_ms, **model.phases_ms}) if self._pending else None

    def prediction(self, model: LoadedModel, predict_ms: float) -> bytes:
        """The header of a prediction: with the phases of the start for the first one."""
        if not self._pending:
            return b"predict;dur=%.3f" % predict_ms
        self._pending = False
        return _header({"import": self._import_ms, **model.phases_ms, "predict": predict_ms})


def _header(phases_ms: dict[str, float]) -> bytes:
    return ", ".join(f"{name};dur={ms:.3f}" for name, ms in phases_ms.items()).encode()
