"""From a prediction of DSPy, or the failure of an adapter, to what a flow of the core reads."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import lru_cache
from itertools import chain
from typing import Any

import dspy
from dspy.utils.callback import BaseCallback
from dspy.utils.exceptions import AdapterParseError
from dspy.utils.usage_tracker import UsageTracker
from pydantic_core import to_json

from vs_core import Candidate, Completion, Distribution, ParseError
from vs_core.strategies import Strategy
from vs_dspy.candidates import Candidates
from vs_dspy.signatures import AskedSignature
from vs_dspy.streaming import CandidateStream, Unread

__all__ = ["Attempt", "VerbalizedParseError", "reading"]


class VerbalizedParseError(ParseError, AdapterParseError):
    """A `vs_core.ParseError` that is DSPy's own kind of failure too.

    What DSPy does where an adapter fails (GEPA reflects on it, tracing keeps a failed prediction)
    it does here.

    Args:
        reason: What was wrong with the answer, in words.
        text: The whole answer.
        signature: That of the predictor.
    """

    def __init__(self, reason: str, text: str, signature: Any) -> None:
        AdapterParseError.__init__(self, "VerbalizedSampler", signature, text, reason)
        ParseError.__init__(self, reason, text)

    def __reduce__(self) -> Any:
        """Rebuild it from its arguments."""
        return VerbalizedParseError, (self.reason, self.text, self.signature)


class _BySignature(Unread):
    """The form of an answer is that of the signature: the adapter says and reads it."""

    name = "signature"


_BY_SIGNATURE = _BySignature()


def reading(strategy: Strategy, schema: Any) -> Strategy:
    """Return a strategy that takes its answers as they were read, with values of a type."""
    try:
        return _reading(strategy, schema)
    except TypeError:  # of what cannot be hashed
        return strategy.replace(format=_BY_SIGNATURE, schema=schema)


@lru_cache(maxsize=256)
def _reading(strategy: Strategy, schema: Any) -> Strategy:
    return strategy.replace(format=_BY_SIGNATURE, schema=schema)


class _Watch(BaseCallback):
    """What models said during one call. DSPy writes its history of them here, as of a module."""

    def __init__(self) -> None:
        self.history: list[dict[str, Any]] = []

    def on_lm_end(self, call_id: str, outputs: Any, exception: Any = None) -> None:  # noqa: ARG002
        """Note an answer, where DSPy is to keep no history."""
        self.history.append({"outputs": outputs})

    def settings(self, given: Any) -> dict[str, Any]:
        """The settings under which a call is watched. Callbacks cost more than a history."""
        if given.disable_history or not given.max_history_size:
            return {"callbacks": [*given.callbacks, self]}
        return {"caller_modules": [self, *(given.caller_modules or [])]}

    @property
    def texts(self) -> list[str]:
        """The texts of the answers."""
        return [_text(entry.get("outputs")) for entry in self.history]

    def about(self, text: str) -> dict[str, Any]:
        """What is known of the answer with this text, as `vs_core.Completion` takes it."""
        entry = next((e for e in self.history if _text(e.get("outputs")) == text), None)
        if entry is None:
            return {}
        response = entry.get("response")
        first = response[0] if isinstance(response, (list, tuple)) and response else response
        choice = next(iter(getattr(first, "choices", None) or ()), first)
        said = _first(entry.get("outputs"))
        return {
            "reasoning": said.get("reasoning_content") if isinstance(said, Mapping) else None,
            "finish_reason": getattr(choice, "finish_reason", None),
            "model": entry.get("response_model") or entry.get("model"),
        }


def _first(outputs: Any) -> Any:
    return outputs[0] if isinstance(outputs, list) and outputs else None


def _text(outputs: Any) -> str:
    first = _first(outputs)
    if isinstance(first, Mapping):
        first = first.get("text")
    return first if isinstance(first, str) else ""


_TOKENS = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
"""Names of the core for those of DSPy."""


class _Usage(UsageTracker):
    """Counts the tokens of one call, and hands them on to whoever else counts."""

    def __init__(self, outer: Any) -> None:
        super().__init__()
        self.outer = outer

    def add_usage(self, lm: str, usage_entry: dict[str, Any]) -> None:
        """See ``dspy.track_usage``."""
        super().add_usage(lm, usage_entry)
        if self.outer is not None:
            self.outer.add_usage(lm, usage_entry)

    def counts(self) -> dict[str, int]:
        """The tokens of all models, by the names of the core."""
        entries = list(chain.from_iterable(self.usage_data.values()))
        total = {
            ours: sum([entry.get(theirs) or 0 for entry in entries])
            for ours, theirs in _TOKENS.items()
        }
        return {name: tokens for name, tokens in total.items() if tokens > 0}


class Attempt:
    """One call through the user's adapter, and what came of it.

    Args:
        asked: What is asked for.
        settings: Those of DSPy.
    """

    def __init__(self, asked: AskedSignature, settings: Any) -> None:
        self.asked = asked
        self.settings = settings
        self.stream: CandidateStream | None = None
        self.prediction: dspy.Prediction | None = None
        self.text = ""
        self.outputs: dict[str, Any] = {}
        self.found: Distribution | None = None
        self._watch = _Watch()
        self._usage = _Usage(settings.usage_tracker)

    def watching(self, **settings: Any) -> AbstractContextManager[None]:
        """Watch the call that is made inside."""
        settings.update(self._watch.settings(self.settings))
        context: AbstractContextManager[None] = dspy.context(
            usage_tracker=self._usage, trace=None, **settings
        )
        return context

    def read(self, failed: AdapterParseError | None = None) -> None:
        """Read what the call gave.

        Raises:
            AdapterParseError: As the adapter did, where a plain answer was asked for that is none.
        """
        said = self._watch.texts or [failed.lm_response if failed else ""]
        self.text = said[-1]
        self.found = self._predicted() or self._recovered(said)
        if self.found is None:
            self.text, self.outputs = said[0], {}
            if failed is not None and self.asked.kind is None:
                raise failed

    @property
    def asked_twice(self) -> bool:
        """Whether the adapter has itself asked again, and that for nothing."""
        if isinstance(self.settings.adapter, dspy.TwoStepAdapter):
            return False  # the others are requests to its second model
        return self.found is None and len(self._watch.texts) > 1

    def unsent(self) -> list[Any]:
        """What of the answer is still to be streamed."""
        return self.stream.rest(self.found) if self.stream and self.found else []

    def completion(self) -> Completion:
        """The answer, as a flow takes it."""
        about = self._watch.about(self.text)
        return Completion(
            self.text, self._usage.counts(), self.prediction, found=self.found, **about
        )

    # --- reading -----------------------------------------------------------------------------

    def _predicted(self) -> Distribution | None:
        """What the prediction holds; None if there is none, or nothing in it."""
        if self.prediction is None:
            return None
        self.outputs = dict(self.prediction.items())
        said = self.prediction.get(self.asked.reasoning) if self.asked.reasoning else None
        reasoning = None if said in (None, "") else str(said)
        if self.asked.kind is None:
            record = {name: self.prediction[name] for name in self.asked.names}
            return Distribution([self._plain(record)], reasoning=reasoning)
        found = self.prediction[self.asked.candidates]
        if not isinstance(found, Candidates):
            return None
        full = found.distribution
        if any(map(_is_empty, full)):
            full = full.filter(lambda each: not _is_empty(each))
        if not full:
            return None
        mended = self._mended(full)
        return mended.model_copy(update={"reasoning": reasoning}) if reasoning else mended

    def _recovered(self, said: list[str]) -> Distribution | None:
        """What vs-core reads in the texts of an answer that the adapter could not read."""
        best: Distribution | None = None
        for text in said if self.asked.kind is not None else ():
            try:
                found = self.asked.content.read(text)
            except ParseError:
                continue
            if best is None or len(found) > len(best):
                best, self.text = found, text
        if best is not None and self.asked.kind is not None:
            self.outputs = {
                **({self.asked.reasoning: best.reasoning} if self.asked.reasoning else {}),
                self.asked.candidates: self.asked.kind.holding_of(best),
            }
            return best
        plain = self.asked.kind is None and self.asked.content.kind is str
        return Distribution([self.text.strip()]) if plain and self.text.strip() else None

    def _mended(self, found: Distribution) -> Distribution:
        """The candidates with the repairs that DSPy made in silence, where vs-core sees them."""
        if self.asked.content.format is not None or self.asked.content.is_clean(self.text):
            return found
        try:
            read = self.asked.content.read(self.text)
        except ParseError:
            return found
        if [c.text for c in read] != [c.text for c in found]:
            return found
        repairs = iter([c.repairs for c in read])
        return found.map(lambda c: c.model_copy(update={"repairs": next(repairs)}))

    def _plain(self, record: dict[str, Any]) -> Candidate:
        """One plain answer as a candidate."""
        if self.asked.content.name is None:
            value: Any = self.asked.content.kind.model_construct(**record)
        else:
            (value,) = record.values()
        text = value if isinstance(value, str) else to_json(value, fallback=str).decode()
        return Candidate(text=text.strip(), value=None if self.asked.content.kind is str else value)


def _is_empty(candidate: Candidate) -> bool:
    """Whether it is nothing: what adapters make of an answer that ends before a text."""
    return not candidate.text and candidate.probability is None
