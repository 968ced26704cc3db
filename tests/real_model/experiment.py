"""What a very small model says of itself: ``python -m tests.real_model.experiment``.

One question, "Name a US state.", asked for one answer, for a list of five and for five with their
probabilities, under one grammar: JSON in which each text is one of the fifty states. The model's
own probability of each state is read from its logits. docs/theory.md tells what came of it.

Intervals are 95 %, by the jackknife over calls with Student's t: a call is what is independent.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import numpy as np
from scipy.stats import spearmanr, t

from tests.real_model.server import MODEL, RealServer
from vs_core import Candidate, Distribution, parse, verbalize
from vs_core.clients import OpenAIModel
from vs_core.metrics import total_variation

PROMPT = "Name a US state."
K = 5
_STATES = (
    "Alabama Alaska Arizona Arkansas California Colorado Connecticut Delaware Florida Georgia "
    "Hawaii Idaho Illinois Indiana Iowa Kansas Kentucky Louisiana Maine Maryland Massachusetts "
    "Michigan Minnesota Mississippi Missouri Montana Nebraska Nevada New_Hampshire New_Jersey "
    "New_Mexico New_York North_Carolina North_Dakota Ohio Oklahoma Oregon Pennsylvania "
    "Rhode_Island South_Carolina South_Dakota Tennessee Texas Utah Vermont Virginia Washington "
    "West_Virginia Wisconsin Wyoming"
)
STATES = [name.replace("_", " ") for name in _STATES.split()]

Calls = list[list[Candidate]]


# --- asking ----------------------------------------------------------------------------------


def grammar(k: int, *, numbers: bool) -> dict[str, Any]:
    """JSON with exactly k answers, each one of the states."""
    item: dict[str, Any] = {"text": {"enum": STATES}}
    if numbers:
        item["probability"] = {"type": "number"}
    responses = {"type": "array", "minItems": k, "maxItems": k, "items": _object(item)}
    schema = _object({"responses": responses})
    return {"type": "json_schema", "json_schema": {"name": "responses", "schema": schema}}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def asked(base_url: str, strategy: str, calls: int, seed: int) -> Calls:
    """The candidates of each call; what ``direct`` answers is read as the JSON that it is."""
    k = 1 if strategy == "direct" else K
    model = OpenAIModel(
        MODEL,
        base_url=base_url,
        temperature=1.0,
        top_p=1.0,
        seed=seed,
        max_tokens=400,
        extra_body={"top_k": 0, "min_p": 0.0},
        response_format=grammar(k, numbers=strategy == "vs_standard"),
    )
    found = verbalize(
        PROMPT, model, strategy=strategy, k=k, n=k * calls, retries=0, max_concurrency=4
    )
    if strategy == "direct":
        return [[Candidate(text=_only(candidate.text))] for candidate in found]
    return [[c for c in found if c.call == call] for call in range(calls)]


def _only(answer: str) -> str:
    (candidate,) = parse(answer.replace("}", ', "probability": 1}', 1))
    return candidate.text


# --- the model's own probabilities -----------------------------------------------------------


def own_probabilities(base_url: str) -> dict[str, float]:
    """P(state) after the plain question, by the model's logits, as shares of the fifty.

    Read token by token, for the usual spelling of a state in tokens, up to the closing quote.
    """
    with httpx.Client(base_url=base_url.removesuffix("/v1"), timeout=300) as http:
        question = {"messages": [{"role": "user", "content": PROMPT}]}
        prompt = http.post("/apply-template", json=question).json()["prompt"]
        prompt += '{\n  "responses": [\n    {\n      "text": "'

        def tokens(text: str) -> list[int]:
            found: list[int] = http.post("/tokenize", json={"content": text}).json()["tokens"]
            return found

        start = tokens(prompt)
        spelled = {name: tokens(f'{prompt}{name}"')[len(start) :] for name in STATES}
        prefixes = {tuple(s[:i]) for s in spelled.values() for i in range(len(s))}
        after = {prefix: _next(http, [*start, *prefix]) for prefix in prefixes}
    logs = {
        name: sum(after[tuple(s[:i])].get(token, -math.inf) for i, token in enumerate(s))
        for name, s in spelled.items()
    }
    total = math.fsum(math.exp(log) for log in logs.values())
    return {name: math.exp(log) / total for name, log in logs.items()}


def _next(http: httpx.Client, prompt: list[int]) -> dict[int, float]:
    """Log probabilities of the next token."""
    body = {"prompt": prompt, "n_predict": 1, "n_probs": 20_000, "temperature": 0.0}
    (first,) = http.post("/completion", json=body).json()["completion_probabilities"]
    return {entry["id"]: entry["logprob"] for entry in first["top_logprobs"]}


# --- measuring -------------------------------------------------------------------------------


def jackknife(metric: Callable[[Calls], float], calls: Calls) -> str:
    """A metric of calls, with its interval."""
    size = len(calls)
    value = metric(calls)
    without = np.array([metric(calls[:i] + calls[i + 1 :]) for i in range(size)])
    error = math.sqrt((size - 1) / size * float(((without - without.mean()) ** 2).sum()))
    half = float(t.ppf(0.975, size - 1)) * error
    return f"{value:.2f} [{value - half:.2f}, {value + half:.2f}]"


def repetition(calls: Calls) -> float:
    """How often two answers of the whole are the same (Simpson's index, without bias)."""
    counts = Counter(candidate.text for call in calls for candidate in call)
    total = sum(counts.values())
    return sum(n * (n - 1) for n in counts.values()) / (total * (total - 1))


def repetition_of_first(calls: Calls) -> float:
    """The same of the first answer of each call."""
    return repetition([call[:1] for call in calls])


def repetition_of_drawn(calls: Calls) -> float:
    """How often two draws from the distributions of two calls are the same."""
    shares = [_shares([call]) for call in calls]
    pooled = _shares(calls)
    size = len(calls)
    same = sum(sum(p * p for p in share.values()) for share in shares) / size
    return (size * sum(p * p for p in pooled.values()) - same) / (size - 1)


def _shares(calls: Calls) -> dict[str, float]:
    """The weight of each state, by its probability, on average over calls."""
    total: Counter[str] = Counter()
    for call in calls:
        for candidate, weight in zip(call, Distribution(call).weights, strict=True):
            total[candidate.text] += weight / len(calls)
    return dict(total)


def _counted(calls: Calls) -> dict[str, float]:
    counts = Counter(candidate.text for call in calls for candidate in call)
    return {name: count / sum(counts.values()) for name, count in counts.items()}


def _rank(xs: Sequence[float], ys: Sequence[float]) -> float:
    return float(spearmanr(xs, ys).statistic)


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_model.experiment")
    parser.add_argument("--direct", type=int, default=100, help="calls for one answer")
    parser.add_argument("--calls", type=int, default=30, help="calls for five answers")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with RealServer() as server:
        own = own_probabilities(server.base_url)
        print("own probabilities:", _top(own))
        print(f"  repetition of draws from them: {sum(p * p for p in own.values()):.3f}")
        found = {
            strategy: asked(server.base_url, strategy, calls, options.seed)
            for strategy, calls in (
                ("direct", options.direct),
                ("sequence", options.calls),
                ("vs_standard", options.calls),
            )
        }
    for strategy, calls in found.items():
        answers = sum(map(len, calls))
        print(f"\n{strategy}: {len(calls)} calls, {answers} answers; {_top(_counted(calls))}")
        print("  repetition of all answers:", jackknife(repetition, calls))
        if strategy != "direct":
            print("  of the first of each call:", jackknife(repetition_of_first, calls))
        distance = jackknife(lambda some: total_variation(_counted(some), own), calls)
        chance = _distance_by_chance(own, answers)
        print(f"  distance to its own (total variation): {distance}; by chance alone {chance:.2f}")
    _print_stated(found["vs_standard"], own)


def _print_stated(calls: Calls, own: dict[str, float]) -> None:
    """What the probabilities that it states are worth."""
    readable = [[c for c in call if c.probability is not None] for call in calls]
    size = sum(map(len, readable))
    masses = [Distribution(call).mass for call in readable]

    def numbers(some: Calls) -> list[float]:
        return [c.probability or 0.0 for call in some for c in call]

    def with_own(some: Calls) -> float:
        return _rank(numbers(some), [own[c.text] for call in some for c in call])

    def with_place(some: Calls) -> float:
        return _rank(numbers(some), [place for call in some for place, _ in enumerate(call)])

    print(
        f"\nthe probabilities that it states: {size} of {sum(map(len, calls))} can be read as such"
    )
    print(f"  their sum in a call: median {np.median(masses):.2f}")
    print("  repetition of draws by them:", jackknife(repetition_of_drawn, calls))
    distance = jackknife(lambda some: total_variation(_shares(some), own), calls)
    print("  distance to its own probabilities (total variation):", distance)
    print("  rank correlation with its own:", jackknife(with_own, readable))
    print("  rank correlation with the place in the list:", jackknife(with_place, readable))


def _distance_by_chance(own: dict[str, float], size: int) -> float:
    """The distance that a sample of this size from these very probabilities would have."""
    rng = np.random.default_rng(0)
    p = np.array(list(own.values()))
    drawn = rng.multinomial(size, p / p.sum(), 2000) / size
    return float(np.abs(drawn - p).sum(axis=1).mean() / 2)


def _top(shares: dict[str, float]) -> str:
    most = sorted(shares, key=shares.__getitem__, reverse=True)[:6]
    return ", ".join(f"{name} {shares[name]:.3f}" for name in most)


if __name__ == "__main__":
    main()
