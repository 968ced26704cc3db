"""The plugin manager, and a plugin installed as a real package."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from vs_core import ConfigurationError, hookimpl, plugins
from vs_core.plugins import KINDS, Plugins

HERE = Path(__file__).parent


class Duplicate:
    @hookimpl
    def vs_strategies(self):
        return {"direct": object}


class Misspelled:
    @hookimpl
    def vs_strategy(self):
        return {}


def test_built_in_parts_are_registered_through_the_hooks():
    assert list(plugins.table("strategies")) == [
        "direct", "cot", "sequence", "multi_turn", "vs_standard", "vs_cot", "vs_multi",
    ]  # fmt: skip
    assert list(plugins.table("formats")) == ["json", "tags", "lines"]
    assert len(plugins.table("resamplers")) == 10
    assert all(plugins.owner(kind, name) for kind in KINDS for name in plugins.table(kind))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plugins.strategy("vs_standart"), "Did you mean 'vs_standard'"),
        (lambda: plugins.format("jsn"), "Did you mean 'json'"),
        (lambda: plugins.resampler("gumbel_topk"), "Did you mean 'gumbel_top_k'"),
        (lambda: plugins.strategy("zzz"), "Known: cot, direct"),
        (lambda: plugins.strategy("direct", colour=1), "colour"),
    ],
)
def test_an_unknown_name_lists_the_known_and_the_nearest(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_objects_pass_through():
    strategy, format = plugins.strategy("direct"), plugins.format("json")
    assert plugins.strategy(strategy) is strategy
    assert plugins.format(format) is format


def test_two_plugins_with_one_name_are_an_error_that_names_both():
    registry = Plugins()
    registry.load()
    registry.register(Duplicate(), "duplicate")
    with pytest.raises(ConfigurationError, match=r"'direct'.*strategies.*duplicate"):
        registry.table("strategies")


def test_a_hook_that_does_not_exist_is_refused_and_leaves_no_trace():
    registry = Plugins()
    plugin = Misspelled()
    with pytest.raises(ConfigurationError, match="vs_strategy"):
        registry.register(plugin)
    assert not registry.manager.is_registered(plugin)
    assert "direct" in registry.table("strategies")


def test_a_plugin_registered_twice_is_refused():
    registry = Plugins()
    plugin = Duplicate()
    registry.register(plugin)
    with pytest.raises(ConfigurationError):
        registry.register(plugin)


def test_the_first_look_ups_may_come_from_many_threads():
    for _ in range(20):
        registry = Plugins()
        with ThreadPoolExecutor(8) as executor:
            tables = list(executor.map(registry.table, ["strategies"] * 8))
        assert [len(table) for table in tables] == [7] * 8


def test_a_broken_plugin_is_left_out_with_a_warning(monkeypatch):
    broken = EntryPoint("broken", "no_such_module", "vs_core")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [broken])
    registry = Plugins()
    with pytest.warns(RuntimeWarning, match="broken"):
        assert "direct" in registry.table("strategies")
    assert list(registry.broken) == ["broken"]


# --- a real package ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, str]:
    """Environment in which the test plugin is installed, by pip, with its entry point."""
    target = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "vs_test_plugin.py"):
        (source / name).write_text((HERE / "plugin_package" / name).read_text())
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--root-user-action=ignore", "--target", target, source],
        check=True,
    )  # fmt: skip
    path = os.pathsep.join([str(target), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


@pytest.mark.parametrize("framework", ["core", "langchain", "dspy", "llama_index"])
def test_an_installed_plugin_is_used_by_name(installed, framework):
    script = HERE / "plugin_package" / "use_by_name.py"
    done = subprocess.run(
        [sys.executable, script, framework], env=installed, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{framework}: tail, pipes and last work"


def test_the_command_line_lists_an_installed_plugin(installed):
    done = subprocess.run(
        [sys.executable, "-m", "vs_core.cli", "plugins"],
        env=installed, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines()]
    for name in ("tail", "pipes", "last"):
        assert any(name in row and "test_plugin" in row for row in rows)
