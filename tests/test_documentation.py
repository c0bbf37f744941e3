"""Every Python block of the documentation runs, every TOML block parses, every link leads to a file, and the commands
of the README work as they stand."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"# ([\w/]+\.py)\n")


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    return [found["code"] for found in BLOCK.finditer(page.read_text("utf-8")) if found["language"] == language]


def workplace(folder: Path) -> Path:
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("results", "out", "reduced"))
    return folder


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name)
def test_python_blocks_run(page, tmp_path):
    """All blocks of a page in order as one program; a block that starts with a file name becomes that file."""
    workplace(tmp_path)
    program = []
    for code in blocks(page, "python"):
        if file := FILE_NAME.match(code):
            (tmp_path / file[1]).parent.mkdir(exist_ok=True)
            (tmp_path / file[1]).write_text(code, encoding="utf-8")
            program.append(f"import {file[1].removesuffix('.py').replace('/', '.')}\n")
        else:
            program.append(code)
    (tmp_path / "page.py").write_text("\n".join(program), encoding="utf-8")
    done = run([sys.executable, "-W", "error", "page.py"], tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=name)
def test_toml_blocks_parse(page):
    for code in blocks(page, "toml"):
        tomllib.loads(code)


def links(page: Path) -> list[Path]:
    found = re.findall(r"\]\((?!https?:|mailto:)([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    return [(page.parent / link).resolve() for link in found]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    assert [link for link in links(page) if not link.exists()] == []


def test_every_page_is_reached_from_the_index():
    reached: set[Path] = set()
    waiting = [(ROOT / "docs" / "index.md").resolve()]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            waiting += links(page)
    assert [name(page) for page in (ROOT / "docs").rglob("*.md") if page.resolve() not in reached] == []


def test_commands_of_the_readme_work(tmp_path):
    folder = workplace(tmp_path)
    lines = [line for code in blocks(ROOT / "README.md", "sh") for line in code.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("labile ")]
    assert {command[0] for command in commands} == {"new", "check", "run", "read", "reduce", "formats", "cite"}
    for command in commands:
        done = run([sys.executable, "-m", "labile", *command], folder)
        assert done.returncode == 0, (command, done.stderr)
    assert {path.name for path in (folder / "my_study" / "results").iterdir()} >= {
        "report.html",
        "results.json",
        "results.nc",
        "tables",
        "figures",
    }


def test_make_targets_of_the_readme_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = re.findall(r"\bmake (?:PYTHON=\S+ )?([a-z]+)\b", (ROOT / "README.md").read_text("utf-8"))
    assert {"demo", "test"} <= set(named) & targets
