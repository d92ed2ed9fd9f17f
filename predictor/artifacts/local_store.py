"""A folder on the local disk as a store: for development, tests and a model that ships with the source."""

import os
import time
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from predictor.artifacts.store import REPLACED, StoredFile
from predictor.errors import SizeMismatch, StoreUnavailable


class LocalStore:
    """Files directly in `folder`; names that begin with a dot are not part of it."""

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)

    @property
    def uri(self) -> str:
        return str(self._folder)

    def list_files(self, *, deadline: float) -> dict[str, StoredFile]:
        self._check_time(deadline)
        try:
            return {
                entry.name: StoredFile(entry.name, entry.stat().st_size)
                for entry in os.scandir(self._folder)
                if entry.is_file() and not entry.name.startswith(".")
            }
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreUnavailable(self.uri, _reason(error)) from error

    def list_folders(self, *, deadline: float) -> list[str]:
        self._check_time(deadline)
        try:
            entries = list(os.scandir(self._folder))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreUnavailable(self.uri, _reason(error)) from error
        return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))

    def read(self, file: StoredFile, *, deadline: float) -> bytes:
        self._check_time(deadline)
        try:
            with (self._folder / file.name).open("rb") as stream:
                data = stream.read(file.size + 1)
        except FileNotFoundError as error:
            raise StoreUnavailable(f"{self.uri}/{file.name}", REPLACED) from error
        except OSError as error:
            raise StoreUnavailable(f"{self.uri}/{file.name}", _reason(error)) from error
        if len(data) != file.size:
            raise SizeMismatch(file.name, file.size, len(data))
        return data

    def create(self, name: str, data: bytes, *, deadline: float) -> bool:
        self._check_time(deadline)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self._folder, prefix=".", suffix=".part") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
                part = Path(stream.name)
                part.chmod(0o644)
                # A hard link appears with its whole content or not at all, and never replaces what is there.
                with suppress(FileExistsError):
                    (self._folder / name).hardlink_to(part)
                    return True
                return False
        except OSError as error:
            raise StoreUnavailable(f"{self.uri}/{name}", _reason(error), action="written") from error

    def folder(self, name: str) -> "LocalStore":
        return LocalStore(self._folder / name)

    def _check_time(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise StoreUnavailable(self.uri, "no time was left")


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
