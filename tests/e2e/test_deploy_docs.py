"""Every gcloud command that the documentation gives its readers is one that the real gcloud understands."""

from pathlib import Path

from tests.support.gcloud import complaints, gcloud_lines
from tests.support.processes import PROJECT

PAGES = (PROJECT / "README.md", PROJECT / "deploy.env.example", *sorted((PROJECT / "docs").rglob("*.md")))


def test_every_command_in_the_documentation_parses(tmp_path: Path) -> None:
    lines = [line for page in PAGES for line in gcloud_lines(page.read_text())]
    assert len(lines) >= 10
    assert complaints(lines, tmp_path) == []


def test_the_check_itself_sees_unknown_flags_and_commands(tmp_path: Path) -> None:
    bad = ["gcloud functions deploy f --no-traffic", "gcloud pubsub topics invent t"]
    assert len(complaints(bad, tmp_path)) == len(bad)
