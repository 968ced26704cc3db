"""Use the installed test plugin by name in one framework: python use_by_name.py FRAMEWORK.

The plugin is never imported here; its entry point alone makes the names known.
"""

import sys

from vs_core import Distribution, plugins, verbalize
from vs_core.clients import OpenAIModel
from vs_core.testing import SimulatedModel, SimulatedServer

PROMPT = "Name a US state."


def core(base_url: str) -> Distribution:
    model = OpenAIModel("simulated", base_url=base_url)
    return verbalize(PROMPT, model, strategy="tail", format="pipes", seed=1)


def langchain(base_url: str) -> Distribution:
    from langchain_openai import ChatOpenAI

    from vs_langchain import VerbalizedSampler

    llm = ChatOpenAI(base_url=base_url, api_key="x", model="simulated")
    sampler = VerbalizedSampler(llm, strategy="tail", format="pipes", resampler="last")
    drawn = VerbalizedSampler(
        llm, strategy="tail", format="pipes", resampler="last", output="text"
    ).invoke(PROMPT)
    distribution = sampler.invoke(PROMPT)
    assert drawn, "nothing was drawn by the resampler 'last'"
    return distribution


def dspy(base_url: str) -> Distribution:
    import dspy

    from vs_dspy import VerbalizedSampler

    lm = dspy.LM("openai/simulated", api_base=base_url, api_key="x", cache=False)
    sampler = VerbalizedSampler(
        "request -> response", strategy="tail", format="pipes", resampler="last"
    )
    with dspy.context(lm=lm):
        prediction = sampler(request=PROMPT)
    assert prediction.response == prediction.distribution[-1].text
    return prediction.distribution


def llama_index(base_url: str) -> Distribution:
    from llama_index.llms.openai_like import OpenAILike

    from vs_llama_index import VerbalizedQueryTransform

    llm = OpenAILike(model="simulated", api_base=base_url, api_key="x", is_chat_model=True)
    transform = VerbalizedQueryTransform(llm=llm, strategy="tail", format="pipes")
    return transform.run(PROMPT).distribution


def evaluation() -> None:
    """The plugin's task, typed, by the plugin's strategies: table, figures, report."""
    import tempfile

    from vs_core.evaluation import Experiment

    strategies = ["gruff", "tail", "vs_standard"]
    with tempfile.TemporaryDirectory() as folder:
        experiment = Experiment(
            ["colours", "states"], strategies, model=SimulatedModel(), n=6, k=3, out=folder,
            thresholds=(None, 0.05, 0.02),
        ).run()  # fmt: skip
        table = experiment.table()
        typed = table[table["task"] == "colours"]
        assert set(typed["strategy"]) == set(strategies)
        assert list(typed["candidates"]) == [6] * len(typed), typed
        assert (typed["longest"] > 0).all()
        for name in ("diversity", "answers", "thresholds", "calibration"):
            getattr(experiment, f"plot_{name}")("states")
        assert "gruff" in experiment.report().read_text()
    # Its baseline runs once, as nobody asks it for probabilities; and it counts as direct.
    assert len(typed[typed["strategy"] == "gruff"]) == 1
    assert plugins.metric("longest")(["a", "abc"]) == 3
    written = verbalize(PROMPT, SimulatedModel(), strategy="gruff", format="pipes")
    assert written[0].text
    print("evaluation: colours, gruff and longest work")


def main() -> None:
    framework = sys.argv[1]
    if framework == "evaluation":
        evaluation()
        return
    with SimulatedServer(SimulatedModel()) as server:
        distribution = globals()[framework](server.base_url)
    assert len(distribution) == 5
    assert distribution.metadata["strategy"] == "tail"
    assert all(candidate.probability < 0.05 for candidate in distribution)
    assert distribution.sample(2, resampler="last") == [distribution[4], distribution[3]]
    assert "vs_test_plugin" in sys.modules
    print(f"{framework}: tail, pipes and last work")


if __name__ == "__main__":
    main()
