"""The protocols of other services: what their clients send is decoded, scored and answered as `POST /predict` does.

Imported with the first request to a path that this service does not have itself.
"""

from predictor.web.protocols.routing import ProtocolRoutes
from predictor.web.protocols.scorer import Scorer

__all__ = ["ProtocolRoutes", "Scorer"]
