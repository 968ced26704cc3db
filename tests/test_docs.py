"""Every Python snippet of the README and the docs is executed, every example run.

They are what a user would paste: they name a real model. The environment that the clients of all
frameworks read points them to the simulated server.
"""

import importlib
import inspect
import logging
import os
import re
import runpy
from pathlib import Path

import pytest
import yaml
from llama_index.core import Settings

from vs_core import plugins
from vs_core.testing import SimulatedServer

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LONG = {"retrieving.py"}
"""Examples that take long; what it measures is in the slow set too."""
EXAMPLES = [
    pytest.param(path, marks=pytest.mark.slow if path.name in LONG else ())
    for path in sorted((ROOT / "examples").rglob("*.py"))
    if path.name != "__init__.py"
]
SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    plugins.load()
    with SimulatedServer() as server:
        for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE"):
            monkeypatch.setenv(name, server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "simulated")
        for name in ("_llm", "_embed_model"):  # what a page sets there, another must not find
            monkeypatch.setattr(Settings, name, None)
        before = set(plugins.manager.get_plugins())
        yield
        for plugin in set(plugins.manager.get_plugins()) - before:
            plugins.unregister(plugin)
    logging.getLogger("vs_core").setLevel(logging.NOTSET)  # other tests listen to what we log


def snippets(page: Path) -> list[tuple[int, str]]:
    text = page.read_text()
    return [(text[: m.start(1)].count("\n"), m[1]) for m in SNIPPET.finditer(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_snippets_of_a_page_run_in_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": page.stem}
    for line, code in snippets(page):
        # Blank lines in front, so that a traceback points into the page.
        exec(compile("\n" * line + code, str(page), "exec"), namespace)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_example_runs(example, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(example)])
    runpy.run_path(str(example), run_name="__main__")
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_there_is_something_to_run():
    assert sum(len(snippets(page)) for page in PAGES) >= 10
    assert os.environ["OPENAI_API_KEY"] == "simulated"


def test_every_path_that_contributing_names_exists():
    root = Path(__file__).parent.parent
    text = (root / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`((?:vs_core|integrations|tests)/[\w./]*)`", text)
    assert len(named) > 40
    assert [path for path in named if not (root / path).exists()] == []


def test_every_page_is_in_the_navigation_of_the_site():
    navigation = (ROOT / "mkdocs.yml").read_text().split("\nnav:\n")[1]
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.ipynb")]
    missing = [str(p.relative_to(ROOT / "docs")) for p in pages if p.name not in navigation]
    assert missing == []


def test_every_page_is_in_llms_txt():
    docs = ROOT / "docs"
    used = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["plugins"]
    sections = next(plugin["llmstxt"]["sections"] for plugin in used if "llmstxt" in plugin)
    listed = {page for globs in sections.values() for each in globs for page in docs.glob(each)}
    assert listed == set(docs.rglob("*.md"))


def test_the_reference_has_every_public_module():
    text = "".join(page.read_text() for page in (ROOT / "docs" / "reference").glob("*.md"))
    named = set(re.findall(r"^::: (\S+)$", text, re.MULTILINE))
    assert {"vs_core", "vs_langchain", "vs_dspy", "vs_llama_index", "vs_core.metrics"} <= named
    shown = "".join(code for page in PAGES for _, code in snippets(page))
    assert set(re.findall(r"^(?:from|import) (vs_[\w.]+)", shown, re.MULTILINE)) <= named
    for module in named:
        found = importlib.import_module(module)
        assert found.__doc__, module
        for name in getattr(found, "__all__", ()):
            documented = getattr(found, name)
            described = inspect.isclass(documented) or inspect.isfunction(documented)
            assert not described or documented.__doc__, f"{module}.{name}"
