"""Markdown pages: the code blocks in them, and the shell commands in those."""

import re
import shlex
import textwrap

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def blocks(page: str, language: str) -> list[str]:
    """The code blocks in one language, also those inside lists."""
    return [textwrap.dedent(code) for _, found, code in _BLOCK.findall(page) if found == language]


def shell_commands(page: str) -> list[str]:
    """Every command in the page's bash blocks, each as it can be pasted."""
    return [command for block in blocks(page, "bash") for command in split_commands(block)]


def split_commands(script: str) -> list[str]:
    """A command goes on after a backslash, and until its quotes are closed."""
    commands = []
    while script := script.strip():
        command = first_command(script)
        commands.append(command)
        script = script[len(command) :]
    return commands


def first_command(script: str) -> str:
    lines = script.strip().split("\n")
    for end in range(1, len(lines) + 1):
        command = "\n".join(lines[:end])
        if not command.endswith("\\") and not _has_open_quote(command):
            return command
    raise ValueError(f"this command never ends: {script}")


def _has_open_quote(text: str) -> bool:
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return True
    return False


def one_line(command: str) -> str:
    """The command without its line ends."""
    return " ".join(command.replace("\\\n", " ").split("\n"))
