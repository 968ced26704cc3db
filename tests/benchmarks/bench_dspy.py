"""What the DSPy module adds to a call, and what one call saves where dspy.BestOfN makes N.

Run: python -m tests.benchmarks.bench_dspy

The overhead is that over ``dspy.Predict`` of the very signature that the sampler calls the adapter
with, and of a list of a pydantic model with the same five candidates, which is how a user of
``dspy.Predict`` asks for them; over an LM that answers at once in the same process. Then n=7 over
n=10, where the last call asks for 2 of k=5. Calls and tokens are counted on the simulated server
for the same reward: until a threshold is reached, and with one that never is; then the time of both
over the LM that answers at once, and that of ``dspy.Predict`` for the one request and for a plain
one, below which nothing comes that calls an untouched adapter once.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import dspy
from pydantic import BaseModel, Field

from vs_core.testing import SimulatedServer
from vs_dspy import VerbalizedBestOfN, VerbalizedSampler

TOPICS = ("coffee", "rain", "a cat", "the moon", "trains", "chess", "soup", "the office")


class Typed(dspy.Signature):
    """Tell a joke about the topic."""

    topic: str = dspy.InputField()
    joke: str = dspy.OutputField()
    rating: int = dspy.OutputField()


class Instant(dspy.LM):
    """Answers at once."""

    def __init__(self, answer: str) -> None:
        super().__init__("openai/instant", cache=False)
        self.said = answer

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        from litellm import ModelResponse

        message = {"role": "assistant", "content": self.said}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return ModelResponse(choices=choices, usage=usage, model="instant")


_CANDIDATES = [{"joke": f"answer {i}", "rating": i, "probability": 0.2} for i in range(5)]
JSON = json.dumps({"candidates": _CANDIDATES})
XML = "".join(
    f"<item><joke>{c['joke']}</joke><rating>{c['rating']}</rating>"
    f"<probability>{c['probability']}</probability></item>"
    for c in _CANDIDATES
)
XML = f"<candidates>{XML}</candidates>"
ANSWER = f"[[ ## candidates ## ]]\n{json.dumps(_CANDIDATES)}\n\n[[ ## completed ## ]]"


def seconds(work: Callable[[], object], runs: int) -> float:
    begin = time.process_time()  # of this process alone: the machine may be busy
    for _ in range(runs):
        work()
    return (time.process_time() - begin) / runs


class Joke(BaseModel):
    """A candidate as a user of ``dspy.Predict`` would type it."""

    joke: str
    probability: float = Field(description="the estimated probability, from 0.0 to 1.0")


class RatedJoke(Joke):
    """A candidate of two fields."""

    rating: int


class Listed(dspy.Signature):
    """Give 5 different jokes about the topic, each with its probability."""

    topic: str = dspy.InputField()
    candidates: list[Joke] = dspy.OutputField(desc="exactly 5 different candidates")


class ListedTyped(dspy.Signature):
    """Give 5 different jokes about the topic, each with its probability."""

    topic: str = dspy.InputField()
    candidates: list[RatedJoke] = dspy.OutputField(desc="exactly 5 different candidates")


def ratio(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> tuple[float, ...]:
    """Median ratio and difference in seconds, of runs taken in turn."""
    ours(), theirs()
    rounds = [(seconds(ours, runs), seconds(theirs, runs)) for _ in range(31)]
    return (
        statistics.median(one / other for one, other in rounds),
        statistics.median(one - other for one, other in rounds),
    )


def overheads() -> None:
    print("VerbalizedSampler over dspy.Predict (limit 1.15)    same signature   list of models")
    pairs = (("topic -> joke", Listed), (Typed, ListedTyped))
    for name, (signature, listed) in zip(("one field", "two typed fields"), pairs, strict=True):
        for adapter, answer in (
            (dspy.ChatAdapter(), ANSWER), (dspy.JSONAdapter(), JSON), (dspy.XMLAdapter(), XML)
        ):  # fmt: skip
            sampler = VerbalizedSampler(signature, k=5)
            found = []
            with dspy.context(lm=Instant(answer), adapter=adapter):
                for other in (sampler.verbalized_signature, listed):
                    ours, theirs = partial(sampler, topic="coffee"), dspy.Predict(other)
                    found.append(ratio(ours, partial(theirs, topic="coffee"), 20))
            texts = [f"{times:.2f} {more * 1e6:+5.0f} µs" for times, more in found]
            print(f"{name:<17} {type(adapter).__name__:<32} {texts[0]}   {texts[1]}")


def within() -> None:
    with dspy.context(lm=Instant(ANSWER), num_threads=1):
        ten, seven = (VerbalizedSampler("topic -> joke", k=5, n=n) for n in (10, 7))
        times, _ = ratio(lambda: seven(topic="coffee"), lambda: ten(topic="coffee"), 10)
    print(f"\nn=7 over n=10, k=5 (limit 1.3)                   {times:.2f}")
    signatures = ("topic -> joke", "topic -> joke, rating: int")
    for signature in signatures:
        times, _ = ratio(
            lambda s=signature: VerbalizedSampler(s), lambda s=signature: dspy.Predict(s), 10
        )
        print(f"constructing over dspy.Predict (limit 3)          {times:.2f}   {signature}")


def reward(inputs: dict[str, Any], prediction: dspy.Prediction) -> float:
    """Longer is better, up to 62 characters."""
    return min(1.0, len(prediction.joke) / 62)


def used(server: SimulatedServer, program: dspy.Module) -> tuple[int, int, float]:
    """Calls, tokens and the mean reward of a program over the topics."""
    server.requests.clear()
    lm = dspy.LM("openai/simulated", api_base=server.base_url, api_key="x", cache=False)
    total, rewards = 0, []
    with dspy.context(lm=lm, track_usage=True):
        for topic in TOPICS:
            with dspy.track_usage() as tracker:
                rewards.append(reward({}, program(topic=topic)))
            usage = tracker.get_total_tokens()
            total += sum(entry["total_tokens"] for entry in usage.values())
    return len(server.requests), total, statistics.mean(rewards)


def best_of_n() -> None:
    print(f"\n{len(TOPICS)} inputs, 5 candidates each     calls   tokens   mean reward")
    for threshold in (1.0, 2.0):  # 2 is never reached
        with SimulatedServer() as server:
            module = dspy.Predict("topic -> joke")
            programs = {
                "dspy.BestOfN": dspy.BestOfN(module, 5, reward, threshold),
                "VerbalizedBestOfN": VerbalizedBestOfN(module, 5, reward, threshold),
            }
            until = "until 1.0" if threshold == 1 else "all five"
            found = {name: used(server, program) for name, program in programs.items()}
        for name, (calls, tokens, mean) in found.items():
            print(f"{name:<18} {until:<13} {calls:5d}  {tokens:7d}   {mean:8.2f}")
        (calls, tokens, _), (one, fewer, _) = found.values()
        print(f"ratio: {calls / one:.1f} times the calls, {tokens / fewer:.1f} times the tokens")


def best_of_n_in_time() -> None:
    """Best of N over an LM that answers at once: what is left is DSPy's own work and ours."""
    single = "[[ ## joke ## ]]\nanswer\n\n[[ ## completed ## ]]"

    def run(program: dspy.Module, answer: str) -> Callable[[], object]:
        lm = Instant(answer)

        def once() -> object:
            with dspy.context(lm=lm, trace=[]):
                return program(topic="coffee")

        return once

    print("\ntime over dspy.BestOfN (limit 0.15)        N=5    N=10    N=20")
    rows: dict[str, list[float]] = {}
    for count in (5, 10, 20):
        module = dspy.Predict("topic -> joke")
        items = [{"joke": f"answer {i}", "probability": 1 / count} for i in range(count)]
        several = f"[[ ## candidates ## ]]\n{json.dumps(items)}\n\n[[ ## completed ## ]]"
        theirs = run(dspy.BestOfN(module, count, reward, 2.0), single)
        asked = VerbalizedSampler("topic -> joke", k=count).verbalized_signature
        for name, program, answer in (
            ("VerbalizedBestOfN", VerbalizedBestOfN(module, count, reward, 2.0), several),
            ("its one request, by dspy.Predict", dspy.Predict(asked), several),
            ("one plain request, by dspy.Predict", module, single),
        ):
            times, _ = ratio(run(program, answer), theirs, 3)
            rows.setdefault(name, []).append(times)
    for name, found in rows.items():
        print(f"{name:<38} {found[0]:6.2f}  {found[1]:6.2f}  {found[2]:6.2f}")


if __name__ == "__main__":
    overheads()
    within()
    best_of_n()
    best_of_n_in_time()
