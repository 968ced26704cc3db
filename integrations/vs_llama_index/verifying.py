"""Whether what an answer cites supports it, by a check that the user chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from vs_core import Candidate, ConfigurationError, Distribution
from vs_core.checks import is_number
from vs_core.effects import Effect, Effects
from vs_llama_index.citing import ABSTAINS, SOURCES
from vs_llama_index.merging import normalised
from vs_llama_index.voting import SUPPORTED

__all__ = ["Evaluator", "Verify", "require_verify", "verified"]


@runtime_checkable
class Evaluator(Protocol):
    """A ``BaseEvaluator`` of LlamaIndex, as far as it is needed here."""

    def evaluate(self, *, query: str, response: str, contexts: Sequence[str]) -> Any:
        """Return a result that says in ``passing`` whether the response is supported."""

    async def aevaluate(self, *, query: str, response: str, contexts: Sequence[str]) -> Any:
        """Return the same without blocking."""


Check = Callable[[str, str], bool | float]
Verify = Literal["overlap", "embedding", "llm"] | Evaluator | Check | None

_SHORT = 3  # letters of words that every text has


def require_verify(verify: Any, support: Any) -> None:
    """Refuse what cannot verify.

    Raises:
        ConfigurationError: If it is no check, or the threshold is not on [-1, 1].
    """
    names = get_args(get_args(Verify)[0])
    if not (verify is None or verify in names or callable(verify)) and not isinstance(
        verify, Evaluator
    ):
        raise ConfigurationError(
            f"verify must be None, one of {', '.join(names)}, an evaluator of LlamaIndex or a "
            f"function of an answer and a passage, not {verify!r}."
        )
    if not is_number(support) or not -1 <= support <= 1:
        raise ConfigurationError(f"support must be from -1 to 1, not {support!r}.")


def verified(
    distribution: Distribution,
    passages: Mapping[int, str],
    verify: Verify,
    support: float,
    query: str,
    llm: LLM,
    embed_model: Callable[[], BaseEmbedding],
) -> Effects[Distribution]:
    """Check every citation; ``metadata["supported"]`` of a candidate is the share that holds.

    Args:
        distribution: Candidates whose metadata has their ``"sources"``.
        passages: The text of each source.
        verify: ``"overlap"``, ``"embedding"``, ``"llm"``, an evaluator or a function.
        support: Least value of a check that is a number.
        query: The question.
        llm: Of the check ``"llm"``.
        embed_model: Gives that of the check ``"embedding"``.
    """
    pairs = list(dict.fromkeys(
        (candidate.text, passages[number])
        for candidate in distribution
        for number in _cited(candidate)
    ))  # fmt: skip
    if verify is None or not pairs:
        return distribution
    values: Sequence[bool | float]
    if verify == "embedding":
        values = yield from _similarities(pairs, embed_model())
    elif verify == "llm":
        values = yield from _asked(pairs, llm)
    elif isinstance(verify, Evaluator):
        values = yield from _judged(pairs, query, verify)
    else:
        check: Any = _overlap if verify == "overlap" else verify
        values = [check(*pair) for pair in pairs]
    holds = {
        pair: value if isinstance(value, bool) else float(value) >= support
        for pair, value in zip(pairs, values, strict=True)
    }

    def checked(candidate: Candidate) -> Candidate:
        found = [holds[candidate.text, passages[number]] for number in _cited(candidate)]
        if not found:
            return candidate
        failed = [n for n, one in zip(_cited(candidate), found, strict=True) if not one]
        about = {**candidate.metadata, SUPPORTED: sum(found) / len(found)}
        said = [f"source {number} does not support it" for number in failed]
        return candidate.model_copy(update={"metadata": about}).repaired(*said)

    return distribution.map(checked)


def _cited(candidate: Candidate) -> list[int]:
    if candidate.metadata.get(ABSTAINS):
        return []
    return list(candidate.metadata.get(SOURCES, ()))


def _overlap(answer: str, passage: str) -> float:
    """Share of the longer words of an answer that stand in a passage; 1 if it has none."""
    words = [word for word in normalised(answer).split() if len(word) > _SHORT]
    there = set(normalised(passage).split())
    return sum(word in there for word in words) / len(words) if words else 1.0


def _similarities(pairs: Sequence[tuple[str, str]], model: BaseEmbedding) -> Effects[list[float]]:
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    vectors = yield Effect(
        lambda: model.get_text_embedding_batch(texts),
        lambda: model.aget_text_embedding_batch(texts),
    )
    of = dict(zip(texts, vectors, strict=True))
    return [float(model.similarity(of[answer], of[passage])) for answer, passage in pairs]


def _asked(pairs: Sequence[tuple[str, str]], llm: LLM) -> Effects[list[bool]]:
    """Ask as ``FaithfulnessEvaluator`` does, whose ``evaluate`` runs an event loop each time."""
    from llama_index.core.evaluation.faithfulness import DEFAULT_EVAL_TEMPLATE  # loads slowly

    said = []
    for answer, passage in pairs:
        values = {"query_str": answer, "context_str": passage}
        text = yield Effect(
            partial(llm.predict, DEFAULT_EVAL_TEMPLATE, **values),
            partial(llm.apredict, DEFAULT_EVAL_TEMPLATE, **values),
        )
        said.append("yes" in text.lower())
    return said


def _judged(
    pairs: Sequence[tuple[str, str]], query: str, evaluator: Evaluator
) -> Effects[list[bool]]:
    judged = []
    for answer, passage in pairs:
        asked: dict[str, Any] = {"query": query, "response": answer, "contexts": [passage]}
        run, arun = partial(evaluator.evaluate, **asked), partial(evaluator.aevaluate, **asked)
        result = yield Effect(run, arun)
        judged.append(bool(result.passing))
    return judged
