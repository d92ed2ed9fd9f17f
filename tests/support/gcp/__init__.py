"""A recording fake of Google's control plane, as much of it as deploy.sh and the real gcloud need.

It proves what is asked for, not that Google grants it. Resources are kept as the API would return them, updates honour
their masks, traffic must add up to 100, and every request is recorded. What it does not know it answers with 400, since
gcloud retries a 5xx for half a minute.
"""

from tests.support.gcp.cloud import FakeCloud, NotYet
from tests.support.gcp.observed import Observed
from tests.support.gcp.request import Recorded

__all__ = ["FakeCloud", "NotYet", "Observed", "Recorded"]
