"""What the served files are made of: serving takes the scripts apart line by line, so they must be written for it."""

import re
from collections import Counter
from pathlib import Path

import pytest

from predictor.web.page.files import STATIC, static_files

SCRIPTS = sorted(STATIC.glob("*.js"))


def test_every_script_is_served_once_as_one_module() -> None:
    served = static_files()["app.js"][0].decode()
    assert not re.search(r"^(import|export)\b", served, re.MULTILINE)
    declared = re.findall(r"^(?:const|let|class|(?:async )?function) (\w+)", served, re.MULTILINE)
    written = [
        name
        for script in SCRIPTS
        for name in re.findall(
            r"^(?:export )?(?:const|let|class|(?:async )?function) (\w+)", script.read_text(), re.MULTILINE
        )
    ]
    assert set(written) <= set(declared)
    assert [name for name, count in Counter(written).items() if count > 1] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_string_goes_over_a_line(script: Path) -> None:
    assert [line for line in script.read_text().splitlines() if line.count("`") % 2] == []


def test_only_what_nobody_reads_is_left_out() -> None:
    style = static_files()["style.css"][0].decode()
    assert "/*" not in style
    assert style.count("{") == style.count("}") == (STATIC / "style.css").read_text().count("{")
