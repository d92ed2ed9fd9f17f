"""Programs for the tests: on Debian as root, and on GitHub's Ubuntu, where chromium is there and is no package."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import PROJECT

PROGRAMS = ("chromium", "nginx", "haproxy", "slowhttptest", "softhsm2-util")


def install(folder: Path, user: int, present: tuple[str, ...], *, apt: bool = True) -> list[str]:
    """What is run on a machine that has only these programs, as this user."""
    log = folder / "log"
    log.touch()
    recorded = f'echo "${{0##*/}} $*" >>{log}'
    fakes = {"id": f"echo {user}", "sudo": f'{recorded}; exec "$@"', "env": 'exec "${@:2}"'}
    fakes |= dict.fromkeys(present, "") | ({"apt-get": recorded} if apt else {})
    for name, body in fakes.items():
        program = folder / name
        program.write_text(f"#!{shutil.which('bash')}\n{body}\n")
        program.chmod(0o755)
    command = [shutil.which("bash") or "bash", str(PROJECT / ".ci" / "install-programs")]
    subprocess.run(command, env={"PATH": str(folder)}, check=True, timeout=30)
    return log.read_text().splitlines()


def test_root_installs_what_is_missing(tmp_path: Path) -> None:
    packages = "chromium nginx-light haproxy slowhttptest softhsm2"
    assert install(tmp_path, 0, ()) == [
        "apt-get update -qq",
        f"apt-get install -y -qq --no-install-recommends {packages}",
    ]


def test_another_user_asks_sudo_and_does_not_install_what_is_there(tmp_path: Path) -> None:
    ran = install(tmp_path, 1001, ("chromium", "nginx"))
    assert ran[:2] == ["sudo apt-get update -qq", "apt-get update -qq"]
    assert ran[2].startswith("sudo env ")
    assert ran[3:] == ["apt-get install -y -qq --no-install-recommends haproxy slowhttptest softhsm2"]


@pytest.mark.parametrize(("present", "apt"), [(PROGRAMS, True), ((), False)])
def test_nothing_is_installed_where_nothing_is_missing_or_no_apt_get_is(
    tmp_path: Path, present: tuple[str, ...], apt: bool
) -> None:
    assert install(tmp_path, 0, present, apt=apt) == []
