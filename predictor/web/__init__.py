"""HTTP: requests to answers. `web_app` makes the function `predict`; the rest is shared with `score`."""

from predictor.web.admission import Admission, StartQueue
from predictor.web.app import web_app
from predictor.web.body import read_body
from predictor.web.endpoint import Endpoint, Handler, Routes
from predictor.web.limits import RequestLimits
from predictor.web.memory import Trimmer
from predictor.web.path_convertor import accept_any_path
from predictor.web.probes import Probes
from predictor.web.problems import HttpProblem, ProblemType
from predictor.web.responses import BytesResponse, no_content
from predictor.web.server import configure_server
from predictor.web.threads import BLOCKING_BODY_BYTES, run_maybe_in_thread
from predictor.web.timing import FirstAnswer

__all__ = [
    "BLOCKING_BODY_BYTES",
    "Admission",
    "BytesResponse",
    "Endpoint",
    "FirstAnswer",
    "Handler",
    "HttpProblem",
    "Probes",
    "ProblemType",
    "RequestLimits",
    "Routes",
    "StartQueue",
    "Trimmer",
    "accept_any_path",
    "configure_server",
    "no_content",
    "read_body",
    "run_maybe_in_thread",
    "web_app",
]
