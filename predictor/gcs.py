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
from predictor.gcs_timeout import AnswerTooLarge, GcsTimeout
from predictor.text import describe_error

if TYPE_CHECKING:
    from google.api_core.retry import Retry

CONNECT_TIMEOUT_S: Final = 3.0
_NO_PROJECT: Final = "-"  # Reading and writing objects needs no project; the client's constructor demands a name.


def new_client() -> Any:
    # Otherwise the client asks for the bucket's metadata in a thread of its own, for traces nobody collects.
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    from google.cloud.storage import Client

    return with_deadlines(Client(project=_NO_PROJECT))


def with_deadlines(client: Any) -> Any:
    """The client, whose requests end at the instant that `timeout` gives them."""
    from predictor.gcs_transport import DeadlineAdapter

    for scheme in ("http://", "https://"):
        client._http.mount(scheme, DeadlineAdapter())
    return client


def timeout(deadline: float) -> GcsTimeout:
    """Of one operation, for each of its requests."""
    return GcsTimeout(deadline, CONNECT_TIMEOUT_S)


def retry(deadline: float) -> "Retry":
    from google.cloud.storage.retry import DEFAULT_RETRY

    policy: Retry = DEFAULT_RETRY.with_timeout(max(0.1, deadline - time.monotonic())).with_delay(initial=0.1, maximum=2)
    return policy


@contextmanager
def translated(
    uri: str, action: Literal["read", "written"] = "read", *, limit: GcsTimeout | None = None, file: str | None = None
) -> Iterator[None]:
    """Turn the client's exceptions into `StoreUnavailable`, once, here; `action` is what was to be done.

    `limit` counts the attempts; `file` is the one that was to be read or written.
    """
    from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, RetryError, Unauthorized
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    def unavailable(reason: str) -> StoreUnavailable:
        attempts = limit.attempts if limit is not None else None
        return StoreUnavailable(uri, reason, action=action, file=file, attempts=attempts)

    try:
        yield
    except NotFound as error:
        raise unavailable("there is no such bucket") from error
    except (Forbidden, Unauthorized) as error:
        raise unavailable(f"access was refused ({error.code})") from error
    except RetryError as error:
        raise unavailable(f"no time was left after {describe_error(_reason(error.cause or error))}") from error
    except AnswerTooLarge as error:
        raise unavailable(str(error)) from error
    except (GoogleAPIError, GoogleAuthError, RequestException, HTTPError, OSError) as error:
        raise unavailable(describe_error(_reason(error))) from error


def _reason(error: BaseException) -> BaseException:
    """What went wrong, without the pool and the URL that the HTTP client wraps around it."""
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", None)
    return reason if isinstance(reason, Exception) else error
