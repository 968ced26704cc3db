"""What is kept when connections fail: a table, over HTTP on the simulated server.

Run: python -m tests.faults

One request in five fails: with 429, with 500, by a connection that is dropped, by one that is slow
and by one that stays silent; and each of these at one in ten. Every row is a run for 100 candidates
in 20 calls, answered whole or as streams, without retries of the client and with five.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from vs_core import Candidate, Completion, Message, Request, VSStandard, stream, verbalize
from vs_core.clients import OpenAIModel
from vs_core.testing import SimulatedModel, SimulatedServer

KINDS = ("429", "500", "drop", "slow", "timeout")
NAMES = {"drop": "dropped", "slow": "slow", "timeout": "silent", "all": "all of these"}
N, K = 100, 5


class Unlike(SimulatedModel):
    """Never says the same twice, so that what is lost or doubled is seen."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count()

    def answer(self, messages, json_schema=None):
        items = [{"text": f"answer {next(self._numbers)}", "probability": 0.1} for _ in range(K)]
        usage = {"input_tokens": 9, "output_tokens": 50}
        return Completion(json.dumps({"responses": items}), usage, "stop")


@dataclass
class Outcome:
    """What a run kept of what it received."""

    received: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    failed: int = 0

    @property
    def lost(self) -> int:
        return len(self.received - set(self.texts))

    @property
    def doubled(self) -> int:
        return len(self.texts) - len(set(self.texts))


def schedule(kind: str, seed: int) -> list[str | None]:
    """Faults for as many requests as a run may make."""
    rng = random.Random(seed)
    if kind == "all":
        return rng.choices([None, *KINDS], [0.5, *[0.1] * len(KINDS)], k=400)
    return rng.choices([None, kind], [0.8, 0.2], k=400)


def attempt(kind: str, *, streamed: bool, retries: int, seed: int = 1) -> Outcome:
    """One run under faults of a kind."""
    outcome = Outcome()
    with SimulatedServer(Unlike(), faults=schedule(kind, seed)) as server:
        # Waits between attempts are the client's own, and long; the server asks for short ones.
        model = OpenAIModel("m", base_url=server.base_url, timeout=2, max_retries=retries)
        if streamed:
            flow = VSStandard(k=K, n=N, on_failure="keep", retries=retries).flow(
                [Message("user", "x")]
            )
            for event in stream(flow, model.stream):
                if isinstance(event, Candidate):
                    outcome.received.add(event.text)
                else:
                    found = event
        else:

            def complete(request: Request) -> Completion:
                completion = model(request)
                outcome.received.update(_texts(completion.text))
                return completion

            found = verbalize("x", complete, k=K, n=N, on_failure="keep", retries=retries)
        outcome.texts = found.texts
        outcome.failed = len(found.metadata.get("failed", ()))
    return outcome


def _texts(answer: str) -> Iterator[str]:
    return (item["text"] for item in json.loads(answer)["responses"])


def main() -> None:
    print("| one in five is | answered | kept of received | twice | calls failed of 20 | "
          "complete with 5 retries |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    for kind in (*KINDS, "all"):
        for streamed in (False, True):
            once = attempt(kind, streamed=streamed, retries=0)
            again = [attempt(kind, streamed=streamed, retries=5, seed=seed) for seed in range(3)]
            complete = sum(len(each.texts) == N for each in again)
            kept = len(once.received) - once.lost
            print(
                f"| {NAMES.get(kind, kind)} | {'in pieces' if streamed else 'whole'} | "
                f"{kept} of {len(once.received)} | {once.doubled} | {once.failed} | "
                f"{complete} of {len(again)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
