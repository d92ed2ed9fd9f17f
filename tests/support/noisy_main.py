"""main.py, with one more function that writes to the log in every way that is not ours."""

import logging
import sys
import threading
import warnings
from pathlib import Path

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import main  # noqa: F401  What it does to the log when it is loaded.

FORGED = '{"severity": "INFO", "event": "model_loaded", "message": "forged"}'


class _Unraisable:
    def __del__(self) -> None:
        raise ValueError("nobody can catch this\n" + FORGED)


def _fail() -> None:
    raise ValueError("in a thread\n" + FORGED)


@functions_framework.aio.http
async def noisy(request: Request) -> Response:
    what = request.scope["path"]
    if what == "/print":
        print("printed", "in parts\n" + FORGED)
        print(FORGED)
        print(FORGED, file=sys.stderr)
    elif what == "/warning":
        warnings.warn("a warning\n" + FORGED, stacklevel=1)
    elif what == "/logger":
        logging.getLogger("of.a.library").error("a line\n%s", FORGED)
        logging.getLogger("of.a.library").warning(FORGED)
    elif what == "/thread":
        thread = threading.Thread(target=_fail)
        thread.start()
        thread.join()
    elif what == "/unraisable":
        _Unraisable()
    else:
        raise RuntimeError(what + "\n" + FORGED)
    return Response(status_code=404)
