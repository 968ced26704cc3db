"""The metrics as plugins and as a package: by name, with options, lazily."""

import subprocess
import sys
from importlib import import_module

import pytest

from vs_core import ConfigurationError, hookimpl, metrics, plugins
from vs_core.plugins import Plugins

TOOLS = {
    "Agreement", "Bin", "Difference", "HypothesisTest", "Interval", "agreement",
    "confidence_interval", "corrected", "fit_shared_temperature", "fit_temperature",
    "paired_difference",
    "reliability_diagram", "units_needed",
}  # fmt: skip


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_every_metric_is_registered_under_its_name():
    assert set(plugins.table("metrics")) == set(metrics.__all__) - TOOLS
    for name in plugins.table("metrics"):
        assert plugins.metric(name).func is getattr(metrics, name)
        assert plugins.owner("metrics", name) == "vs-core"


def test_every_public_name_is_public_where_it_lives():
    for name in metrics.__all__:
        home = import_module(getattr(metrics, name).__module__)
        assert name in home.__all__


def test_options_are_bound_by_name():
    assert plugins.metric("distinct_n", n=1)(["a b", "a c"]) == 0.75
    assert plugins.metric("coverage", truth=["a", "b"])(["a"]) == 0.5
    assert plugins.metric(max) is max


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plugins.metric("self_blue"), "Did you mean 'self_bleu'"),
        (lambda: plugins.metric("distinct_n", colour=1), "colour"),
        (lambda: plugins.metric(max, key=abs), "bind them"),
    ],
)
def test_what_cannot_be_made_is_said(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_a_plugin_adds_a_metric():
    class Lengths:
        @hookimpl
        def vs_metrics(self):
            return {"longest": lambda: lambda texts: max(map(len, texts))}

    registry = Plugins()
    registry.register(Lengths())
    assert registry.metric("longest")(["a", "abc"]) == 3


def test_nothing_heavy_is_loaded_before_a_metric_is():
    code = (  # the stopping rules are built on the richness estimates
        "import sys, vs_core.metrics, vs_core.metrics.richness, vs_core.stopping;"
        "vs_core.plugins.table('metrics');"
        "print(*{'numpy', 'scipy', 'rapidfuzz', 'pandas'} & set(sys.modules))"
    )
    done = run(code)
    assert (done.stdout, done.stderr) == ("\n", "")


def test_without_the_extra_it_is_said_what_to_install():
    for blocked, statement in [
        ("numpy", "from vs_core.metrics import semantic_diversity"),
        ("rapidfuzz", "vs_core.plugins.metric('rouge_l')"),
    ]:
        done = run(f"import sys; sys.modules[{blocked!r}] = None; import vs_core; {statement}")
        assert done.returncode == 1
        assert "MissingExtraError" in done.stderr.splitlines()[-1]
        assert "pip install 'vs-core[metrics]'" in done.stderr.splitlines()[-1]


def test_names_are_listed_before_they_are_loaded():
    done = run("import vs_core.metrics as m; print(sorted(set(m.__all__) - set(dir(m))))")
    assert done.stdout == "[]\n"


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'bleu'"):
        metrics.bleu  # noqa: B018
