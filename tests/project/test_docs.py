"""Every code block of README and the site is run, and every command in them is parsed.

Python blocks of a page run in order, in one namespace and an empty folder, as a reader would type
them. What takes minutes is made small, never replaced: the fixture ``small`` bounds the counts that
are handed to trainings, collections and replay buffers, and all else is the real thing. A comment
``<!-- test: CODE -->`` before a block runs first (a stand-in for what the reader has: a folder, a
dataset); ``<!-- not run: REASON -->`` leaves a block out, which is only compiled then.

In shell blocks each ``bvae-rl`` command goes through its own parser, each ``make`` target has to
exist, and other programs have to be in ``PROGRAMS``. Of `` `bvae-rl ...` `` within text the command
and its options have to exist.
"""

from __future__ import annotations

import os
import re
import shlex
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tyro
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

import bvae_rl
from bvae_rl.metrics import MetricReport
from bvae_rl.runtime.runs import Run

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "hooks"))
import commands as hook  # type: ignore[import-not-found]  # noqa: E402

sys.path.remove(str(DOCS / "hooks"))

PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(r"((?:^<!--.*?-->\n)?)^ *```(\w+)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(bvae-rl [a-z][^`]*)`")
PROGRAMS = {".", "bvae-rl", "apt", "cd", "git", "pip", "pytest", "python", "uv"}
COMMANDS = hook.commands()
EDITABLE = any("__editable__" in str(finder) for finder in sys.meta_path)
OTHERS = {  # of pip, pytest, rl_zoo3 and of every command
    "--extra-index-url", "--dist", "--optimize-hyperparameters", "--gym-packages", "--debug",
    "--help",
}  # fmt: skip
OTHERS_SAY = {"could not broadcast"}


class Block(NamedTuple):
    """A code block, and the comment before it."""

    comment: str
    language: str
    code: str

    def said(self, kind: str) -> str:
        """What stands in ``<!-- KIND: ... -->`` before the block, or nothing."""
        found = re.fullmatch(rf"<!-- {kind}: (.*?) -->", self.comment.strip(), re.DOTALL)
        return found[1] if found else ""


def blocks(page: Path, *languages: str) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [block for block in map(Block._make, BLOCK.findall(text)) if block.language in languages]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


PYTHON = [page for page in PAGES if blocks(page, "python")]


def bounded(call: Callable[..., Any], **most: Any) -> Callable[..., Any]:
    """``call`` with its named arguments set to these, where it takes them as keywords."""

    def smaller(*args: Any, **kwargs: Any) -> Any:
        return call(*args, **{**kwargs, **most})

    return smaller


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Trainings, collections and replay buffers of a few steps, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for base in (OnPolicyAlgorithm, OffPolicyAlgorithm):
        monkeypatch.setattr(base, "learn", bounded(base.learn, total_timesteps=32))
    monkeypatch.setattr(PPO, "__init__", bounded(PPO.__init__, n_steps=8, batch_size=8, n_epochs=1))
    monkeypatch.setattr(SAC, "__init__", bounded(SAC.__init__, buffer_size=64, learning_starts=8))
    for function, most in (
        ("pretrain", {"frames": 256, "steps": 4}),
        ("collect", {"frames": 256}),
        ("harden", {"steps": 4}),
    ):
        if function in bvae_rl.__all__:
            real = getattr(bvae_rl, function)
            monkeypatch.setattr(bvae_rl, function, bounded(real, **most), raising=False)
    monkeypatch.setattr(
        MetricReport, "__init__", bounded(MetricReport.__init__, replicates=2, steps=50)
    )
    yield


@pytest.mark.parametrize("page", PYTHON, ids=name)
def test_python_blocks_run(page: Path, small: None) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number, block in enumerate(blocks(page, "python"), start=1):
        where = f"{name(page)}, block {number}"
        code = compile(block.code, where, "exec")
        if block.said("not run"):
            continue
        exec(compile(block.said("test"), f"before {where}", "exec"), namespace)
        exec(code, namespace)


def shell_lines(page: Path) -> list[str]:
    """The commands of a page's shell blocks, loops and comments taken away."""
    found = []
    for block in blocks(page, "sh"):
        for line in block.code.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|;|\bdo\b", line.partition("  #")[0]):
                part = re.sub(r"\$\w+", "0", part.strip())
                if part and not part.startswith(("#", "for ", "done")):
                    found.append(part)
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if shell_lines(page)], ids=name)
def test_shell_blocks_are_parsed(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in shell_lines(page):
        program, *arguments = shlex.split(line)
        if program == "make":
            targets = [word for word in arguments if "=" not in word]
            assert all(re.search(f"^{word}:", makefile, re.MULTILINE) for word in targets), line
        elif program == "bvae-rl":
            assert parsed(*arguments), f"bvae-rl refuses: {line}"
        else:
            assert program in PROGRAMS, line


def parsed(command: str, *arguments: str) -> bool:
    config = (tyro.conf.OmitArgPrefixes,)
    args = COMMANDS[command].Args
    try:
        tyro.cli(args, args=arguments, config=config, console_outputs=False)
    except SystemExit:
        return False
    return True


@pytest.mark.parametrize(
    "page", [page for page in PAGES if INLINE.search(page.read_text())], ids=name
)
def test_commands_in_text_exist(page: Path) -> None:
    for line in INLINE.findall(page.read_text(encoding="utf-8").replace("\n", " ")):
        _, command, *words = line.split()
        known = flags_of(COMMANDS[command]) | OTHERS
        for flag in (word for word in words if word.startswith("--")):
            assert flag in known, f"{line}: no option {flag}"


def test_options_in_text_exist() -> None:
    known = {flag for module in COMMANDS.values() for flag in flags_of(module)} | OTHERS
    for page in PAGES:
        for code in re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")):
            for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", code):
                assert flag in known, f"{name(page)}: {flag}"


def flags_of(module: Any) -> set[str]:
    options = " ".join(option.flag for option in hook.options_of(module.Args))
    return set(re.findall(r"--[a-z][a-z0-9-]*", options))


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in COMMANDS:
        assert f'id="{command}"' in (tmp_path / "commands" / "index.html").read_text()


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_links_of_readme_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / "README.md").read_text()):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("folder", ["as README says", "bvae_rl"])
def test_trap_39_a_script_beside_the_clone_imports_the_package(folder: str, tmp_path: Path) -> None:
    """A folder called like the package hides an editable installation as a namespace package."""
    (said,) = set(re.findall(r"git clone <url> (\S+)", (ROOT / "README.md").read_text()))
    called = said if folder == "as README says" else folder
    (tmp_path / called).symlink_to(ROOT)
    script = tmp_path / "script.py"
    script.write_text("from bvae_rl import __version__\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True)
    if called == said:
        assert done.returncode == 0, done.stderr
    elif EDITABLE:
        assert "cannot import name '__version__' from 'bvae_rl' (unknown location)" in done.stderr


def test_errors_on_the_page_of_symptoms_are_those_of_the_package() -> None:
    rooms = (ROOT / room for room in ("bvae_rl", "agents", "envs", "scripts"))
    source = " ".join(path.read_text("utf-8") for room in rooms for path in room.rglob("*.py"))
    source = re.sub(r'"\s*\n\s*[fr]*"', "", source)  # one message in several literals
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    for quoted in re.findall(r'^\|[^|]*?"([^"|]+)"', text, re.MULTILINE):
        words = quoted.removesuffix(" ...")
        assert words in source or words in OTHERS_SAY, words


def test_every_example_is_on_a_page_and_every_named_one_exists() -> None:
    files = {path.name for path in (ROOT / "examples").glob("*.py")}
    text = (DOCS / "quickstart.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(?:examples/)?(\w+\.py)`", text)) == files


def test_speeds_in_readme_are_those_that_were_measured() -> None:
    figures = Run(DOCS / "results").read_json("bench_plugin.json")["figures"]

    def rounds(figure: str) -> list[float]:
        return figures[figure]["rounds"]

    def median(figure: str) -> str:
        value = statistics.median(rounds(figure))
        return f"{value:,.0f}" if value > 10 else f"{value:.1f}"

    def ratio(figure: str, digits: int) -> str:
        low, high = min(rounds(figure)), max(rounds(figure))
        middle = statistics.median(rounds(figure))
        return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"

    memory = median("replay bytes of SAC, encode once")
    extractor = ratio("PPO, frozen extractor / PPO, pixels", 1)
    for row in (
        f"| {median('PPO, pixels')} | 1 | {median('SAC, pixels')} | 1 |",
        f"| {median('PPO, frozen extractor')} | {extractor} |",
        f"| {median('PPO, encode once')} | {ratio('PPO, encode once / PPO, pixels', 1)} "
        f"| {median('SAC, encode once')} | {ratio('SAC, encode once / SAC, pixels', 0)} "
        f"| {memory} bytes |",
    ):
        assert row in (ROOT / "README.md").read_text(encoding="utf-8"), row


def test_scores_in_readme_stand_on_the_pages_of_results() -> None:
    pages = (DOCS / "results" / "representation.md", *(DOCS / "results/hardening").glob("*.md"))
    results = "".join(page.read_text(encoding="utf-8") for page in pages)
    cells = re.findall(
        r"-?\d?\.\d\d \[-?\d?\.\d\d, -?\d?\.\d\d\]", (ROOT / "README.md").read_text()
    )
    found = re.findall(r"-?\d?\.\d\d \[-?\d?\.\d\d, -?\d?\.\d\d\]", results)
    assert len(cells) > 12
    for cell in cells:
        assert {cell, re.sub(r"(?<!\d)\.", "0.", cell)} & {*found}, cell
