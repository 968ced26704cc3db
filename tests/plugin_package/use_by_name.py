"""Use the installed test plugin by name in one framework: python use_by_name.py FRAMEWORK.

The plugin is never imported here; its entry point alone makes the names known.
"""

import sys
from dataclasses import replace

from vs_core import Completion, Distribution, Message, parse, plugins, verbalize
from vs_core.clients import OpenAIModel
from vs_core.formats import Answer, Entry, Json, Shape
from vs_core.testing import SimulatedModel, SimulatedServer

PROMPT = "Name a US state."


class PipesModel(SimulatedModel):
    """The simulated model, taught the plugin's format: it answers in JSON, then rewrites that."""

    def answer(self, messages, json_schema=None) -> Completion:
        pipes, shape = plugins.format("pipes"), Shape(k=5)
        asked, wanted = pipes.instructions(shape), Json().instructions(shape)
        assert any(asked in message.text for message in messages), "pipes were not asked for"
        translated = [
            Message(message.role, message.text.replace(asked, wanted)) for message in messages
        ]
        completion = super().answer(translated, json_schema)
        text = completion.text
        start, end = text.index("{"), text.rindex("}") + 1
        entries = [Entry(c.text, c.probability) for c in parse(text[start:end])]
        written = pipes.write(Answer(entries), shape)
        return replace(completion, text=text[:start] + written + text[end:])


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


def main() -> None:
    framework = sys.argv[1]
    with SimulatedServer(PipesModel()) as server:
        distribution = globals()[framework](server.base_url)
    assert len(distribution) == 5
    assert distribution.metadata["strategy"] == "tail"
    assert all(candidate.probability < 0.05 for candidate in distribution)
    assert distribution.sample(2, resampler="last") == [distribution[4], distribution[3]]
    assert "vs_test_plugin" in sys.modules
    print(f"{framework}: tail, pipes and last work")


if __name__ == "__main__":
    main()
