"""The server that the framework starts: gunicorn with uvicorn's worker. How it is told what this program needs."""

import tempfile
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from predictor.web.admission import StartQueue

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from uvicorn import Config

    from predictor.web.connection import Connection

GRACEFUL_TIMEOUT_S: Final = 8
"""After SIGTERM the worker waits so long for answers to be made and read; Cloud Run kills the process after 10 s."""

_ANY_PATH: Final = "/{path:path}"
# gunicorn's worker keeps a file without a name there.
_SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108  # nosec B108


@dataclass(frozen=True, slots=True)
class _Connections:
    """Makes the connections of a worker."""

    starts: StartQueue

    def __call__(self, *, config: "Config", **options: Any) -> "Connection":
        from predictor.web.connection import Connection  # The parent process, which never serves, need not import it.

        _function_first(config.loaded_app)
        return Connection(config=config, starts=self.starts, **options)


@cache  # Once for an app, not for each connection.
def _function_first(app: "Starlette") -> None:
    """Let the route that leads to the function be the first that is tried; the others are for /robots.txt and the like.

    The framework tries them in turn for every request, and answers theirs as plain text.
    """
    app.router.routes.sort(key=lambda route: getattr(route, "path", "") != _ANY_PATH)


def configure_server(starts: StartQueue) -> None:
    """Let the worker make our connections, and let it start where only shared memory can be written.

    The framework offers no other way than the worker's own class attribute.
    """
    from uvicorn_worker import UvicornWorker  # The framework is about to import it.

    UvicornWorker.CONFIG_KWARGS |= {
        "http": _Connections(starts),
        "ws": "none",
        "proxy_headers": False,  # Nothing here reads who the client is.
        "timeout_graceful_shutdown": GRACEFUL_TIMEOUT_S,
    }
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        tempfile.tempdir = _SHARED_MEMORY
