"""What the DSPy module adds to a call, and what one call saves where dspy.BestOfN makes N.

Run: python -m tests.benchmarks.bench_dspy

The overhead is that over ``dspy.Predict`` with the very signature of k candidates that the module
uses, over an LM that answers at once in the same process. The module writes the system message once
for a signature, where ``dspy.Predict`` writes it at each call: the second ratio is without that.
Calls and tokens are counted on the
simulated server for the same reward: until a threshold is reached, and with one that never is.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import dspy

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

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        from litellm import ModelResponse

        message = {"role": "assistant", "content": ANSWER}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return ModelResponse(choices=choices, usage=usage, model="instant")


_CANDIDATES = [{"joke": f"answer {i}", "rating": i, "probability": 0.2} for i in range(5)]
ANSWER = f"[[ ## candidates ## ]]\n{json.dumps(_CANDIDATES)}\n\n[[ ## completed ## ]]"


def seconds(work: Callable[[], object], runs: int) -> float:
    begin = time.perf_counter()
    for _ in range(runs):
        work()
    return (time.perf_counter() - begin) / runs


class AnyAdapter(dspy.ChatAdapter):
    """An adapter that the module does not know, and has write each message anew."""


def overhead(signature: Any, adapter: dspy.Adapter) -> tuple[float, float]:
    """Median ratio and difference in seconds, of calls taken in turn."""
    sampler = VerbalizedSampler(signature, k=5)
    predict = dspy.Predict(sampler.predict.signature)
    with dspy.context(lm=Instant("openai/instant", cache=False), adapter=adapter):
        rounds = [
            (
                seconds(lambda: sampler(topic="coffee"), 20),
                seconds(lambda: predict(topic="coffee"), 20),
            )
            for _ in range(31)
        ]
    ratio = statistics.median(ours / theirs for ours, theirs in rounds)
    return ratio, statistics.median(ours - theirs for ours, theirs in rounds)


def overheads() -> None:
    print("VerbalizedSampler over dspy.Predict of the same signature (limit 1.30)")
    for name, signature in (("one field", "topic -> joke"), ("two typed fields", Typed)):
        ratio, difference = overhead(signature, dspy.ChatAdapter())
        anew, more = overhead(signature, AnyAdapter())
        print(
            f"{name:<17} ratio {ratio:.2f}, {difference * 1e6:+.0f} µs a call; "
            f"system message written anew: {anew:.2f}, {more * 1e6:+.0f} µs"
        )


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


if __name__ == "__main__":
    overheads()
    best_of_n()
