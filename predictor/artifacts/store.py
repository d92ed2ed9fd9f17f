"""Where models are stored: a small protocol with a local and a Cloud Storage implementation.

A store is one folder of files, read and written as bytes; `predictor.artifacts.bundle` knows what they mean. Deadlines
are absolute instants of `time.monotonic()`, so that one time limit covers a whole load.
"""

from dataclasses import dataclass
from typing import Final, Protocol

REPLACED: Final = "it was replaced or removed after it was listed"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file as the store lists it. `generation` pins its content where the store has generations (else 0)."""

    name: str
    size: int
    generation: int = 0


class Store(Protocol):
    """One folder, flat. Every method raises `StoreUnavailable` when the store cannot be reached."""

    @property
    def uri(self) -> str:
        """What the folder is called in messages, without a trailing slash."""

    def list_files(self, *, deadline: float) -> dict[str, StoredFile]:
        """All files in the folder, by name; empty when there is no such folder."""

    def list_folders(self, *, deadline: float) -> list[str]:
        """Names of the folders directly below, sorted."""

    def read(self, file: StoredFile, *, deadline: float) -> bytes:
        """The bytes of exactly the listed generation; raises `StoreUnavailable` when it is gone meanwhile.

        At most `file.size` bytes are fetched: a file that turns out to be longer raises `SizeMismatch`.
        """

    def create(self, name: str, data: bytes, *, deadline: float) -> bool:
        """Write a file that must not exist yet; False (and nothing written) when it does."""

    def folder(self, name: str) -> "Store":
        """The store one folder down."""
