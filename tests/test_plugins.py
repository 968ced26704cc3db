"""The plugin manager, and a plugin installed as a real package."""

import copy
import os
import pickle
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint
from pathlib import Path

import cloudpickle
import pytest

from vs_core import ConfigurationError, Direct, builtin, hookimpl, plugins, verbalize
from vs_core.plugins import KINDS, Plugins

HERE = Path(__file__).parent


class Duplicate:
    @hookimpl
    def vs_strategies(self):
        return {"direct": object, "other": Direct}


class Raising:
    @hookimpl
    def vs_strategies(self):
        raise RuntimeError("no strategies today")

    @hookimpl
    def vs_request(self, request):
        raise OSError("no disk left")


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


def test_a_name_that_is_taken_keeps_its_first_owner_and_the_rest_of_the_plugin_works():
    registry = Plugins()
    registry.register(Duplicate(), "duplicate")  # before the built-in parts are there
    with pytest.warns(RuntimeWarning, match=r"'duplicate'.*vs-core registers.*'direct' already"):
        assert registry.strategy("direct") == Direct()
    assert registry.owner("strategies", "direct") == "vs-core"
    assert registry.owner("strategies", "other") == "duplicate"
    assert "'direct'" in str(registry.broken["duplicate"])


def test_a_hook_that_raises_harms_nobody_else():
    registry = Plugins()
    registry.register(Raising(), "raising")
    registry.register(Duplicate(), "duplicate")
    with pytest.warns(RuntimeWarning, match="'raising'.*no strategies today"):
        assert "other" in registry.table("strategies")
    assert registry.strategy("vs_standard").name == "vs_standard"
    assert isinstance(registry.broken["raising"], RuntimeError)


def test_an_observer_that_raises_does_not_stop_a_run():
    seen = []

    class Watching:
        @hookimpl
        def vs_request(self):  # it asks for nothing of what it could be told
            seen.append("request")

        @hookimpl
        def vs_distribution(self, distribution):
            seen.append(len(distribution))

    raising, watching = Raising(), Watching()
    plugins.register(raising, "raising")
    plugins.register(watching, "watching")
    try:
        with pytest.warns(RuntimeWarning, match="'raising'.*no disk left"):
            found = verbalize("x", lambda request: "a", strategy="direct")
    finally:
        plugins.unregister(raising)
        plugins.unregister(watching)
    assert [candidate.text for candidate in found] == ["a"]
    assert seen == ["request", 1]
    assert "raising" not in plugins.broken  # it is gone, and so is what was wrong with it


def _resampler_in_a_worker():
    return plugins.resampler("argmax").func.__name__


def test_the_registry_travels_as_a_reference():
    assert pickle.loads(pickle.dumps(plugins)) is plugins
    assert copy.deepcopy(plugins) is plugins
    # As Ray and Spark send a function whose module the worker does not have: by value, with what
    # it refers to.
    sent = cloudpickle.dumps(type(_resampler_in_a_worker)(
        _resampler_in_a_worker.__code__, {**globals(), "__name__": "__main__"}
    ))  # fmt: skip
    worker = "import pickle, sys; print(pickle.load(sys.stdin.buffer)())"
    done = subprocess.run([sys.executable, "-c", worker], input=sent, capture_output=True)
    assert (done.stdout.decode().strip(), done.stderr.decode()) == ("argmax", "")


@pytest.mark.parametrize("blocked", ["numpy", "scipy", "rapidfuzz", "matplotlib"])
def test_a_look_up_needs_no_extra_whatever_pluggy_looks_at(blocked):
    """Before 1.7 pluggy calls getattr on every name that dir() lists of a plugin."""
    code = f"""
import sys
sys.modules[{blocked!r}] = None
import pluggy
register = pluggy.PluginManager.register
def looking(manager, plugin, name=None):
    for each in dir(plugin):
        getattr(plugin, each)
    return register(manager, plugin, name)
pluggy.PluginManager.register = looking
import vs_core
print(vs_core.parse("1. Ohio (probability: 0.2)")[0].text, len(vs_core.plugins.table("metrics")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"Ohio {len(builtin.vs_metrics())}\n", "")


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


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "framework",
    ["core", *(pytest.param(name, marks=SLOW) for name in ("langchain", "dspy", "llama_index"))],
)
def test_an_installed_plugin_is_used_by_name(installed, framework):
    script = HERE / "plugin_package" / "use_by_name.py"
    done = subprocess.run(
        [sys.executable, script, framework], env=installed, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{framework}: tail, pipes and last work"


@SLOW
def test_an_installed_plugin_is_evaluated_and_drawn(installed):
    script = HERE / "plugin_package" / "use_by_name.py"
    done = subprocess.run(
        [sys.executable, script, "evaluation"], env=installed, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "evaluation: colours, gruff and longest work"


@SLOW
def test_an_installed_plugin_goes_through_the_conformance_suite(installed):
    """Its strategies in every format, and its format with every strategy, in every framework."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-x", "-p", "no:cacheprovider",
         "tests/conformance", "-k", "tail or gruff or pipes"],
        env=installed, cwd=HERE.parent, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    passed = Counter(re.findall(r"^tests/conformance/test_(\w+)\.py::.* PASSED", done.stdout, re.M))
    assert set(passed) == {"core", "langchain", "dspy", "llama_index", "litellm"}
    assert min(passed.values()) >= 2 * 9, passed


def test_the_command_line_lists_an_installed_plugin(installed):
    done = subprocess.run(
        [sys.executable, "-m", "vs_core.cli", "plugins"],
        env=installed, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines()]
    for name in ("tail", "pipes", "last"):
        assert any(name in row and "test_plugin" in row for row in rows)
