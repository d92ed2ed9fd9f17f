"""The one Cloud Storage client: how it is made, its time limits and retries, and what its errors become.

Artifacts, events and publishing share it. `google-cloud-storage` takes 0.35 s to import, so these functions import it
when they are called, never before.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

from predictor.errors import StoreUnavailable
from predictor.text import describe_error

if TYPE_CHECKING:
    from google.api_core.retry import Retry

CONNECT_TIMEOUT_S: Final = 3.0
_NO_PROJECT: Final = "-"  # Reading and writing objects needs no project; the client's constructor demands a name.


def new_client() -> Any:
    # Otherwise the client asks for the bucket's metadata in a thread of its own, for traces nobody collects.
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    from google.cloud.storage import Client

    return Client(project=_NO_PROJECT)


def timeout(deadline: float) -> tuple[float, float]:
    """Of one request, in seconds: to connect, and between two received pieces."""
    remaining = max(0.1, deadline - time.monotonic())
    return min(CONNECT_TIMEOUT_S, remaining), remaining


def retry(deadline: float) -> "Retry":
    from google.cloud.storage.retry import DEFAULT_RETRY

    policy: Retry = DEFAULT_RETRY.with_timeout(max(0.1, deadline - time.monotonic())).with_delay(initial=0.1, maximum=2)
    return policy


@contextmanager
def translated(uri: str, action: Literal["read", "written"] = "read") -> Iterator[None]:
    """Turn the client's exceptions into `StoreUnavailable`, once, here; `action` is what was to be done."""
    from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, Unauthorized
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except NotFound as error:
        raise StoreUnavailable(uri, "there is no such bucket", action=action) from error
    except (Forbidden, Unauthorized) as error:
        raise StoreUnavailable(uri, f"access was refused ({error.code})", action=action) from error
    except (GoogleAPIError, GoogleAuthError, RequestException, HTTPError, OSError) as error:
        raise StoreUnavailable(uri, describe_error(error), action=action) from error
