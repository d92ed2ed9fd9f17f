"""The server that the framework starts: gunicorn with uvicorn's worker. How it is told what this program needs."""

import tempfile
from typing import Final

_CONNECTION: Final = "predictor.web.connection:Connection"
"""A name, because the parent process, which never serves, need not import it."""
GRACEFUL_TIMEOUT_S: Final = 8
"""After SIGTERM the worker waits so long for answers to be made and read; Cloud Run kills the process after 10 s."""

# gunicorn's worker keeps a file without a name there.
_SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108  # nosec B108


def configure_server() -> None:
    """Let the worker make our connections, and let it start where only shared memory can be written.

    The framework offers no other way than the worker's own class attribute.
    """
    from uvicorn_worker import UvicornWorker  # The framework is about to import it.

    UvicornWorker.CONFIG_KWARGS |= {
        "http": _CONNECTION,
        "ws": "none",
        "timeout_graceful_shutdown": GRACEFUL_TIMEOUT_S,
    }
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        tempfile.tempdir = _SHARED_MEMORY
