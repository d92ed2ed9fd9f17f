"""When work leaves the event loop, so that the loop goes on answering everyone else."""

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from predictor.web.memory import keep_little

P = ParamSpec("P")
T = TypeVar("T")

BLOCKING_BODY_BYTES: Final = 64 * 1024
"""Larger bodies are decoded and scored in a thread."""
VALID_BATCH_BODY_BYTES: Final = 192 * 1024
"""The same for a batch in which every row is valid: a thousand birds or more.

Scoring it takes about as long as the interpreter lets one thread keep the others waiting anyway
(`sys.getswitchinterval`), and a thread makes it a third slower (docs/explanation/performance.md).
"""


async def run_maybe_in_thread(in_thread: bool, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `work`, run in a thread or right here."""
    if not in_thread:
        return work(*args, **kwargs)
    keep_little()
    return await asyncio.to_thread(work, *args, **kwargs)
