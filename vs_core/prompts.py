r"""Every word that vs-core says to a model, as plain text.

Written in the spirit of the paper's templates (Zhang et al. 2025, arXiv 2510.01171): ask for k
responses, say what probability means, sample at random from the full distribution or from its
tails, and want the format alone. How each format describes itself stands in that format's file.

Replace any of them::

    VSStandard(prompts=Prompts(verbalize="Give {k} unusual answers.\n{sampling}"))
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from string import Formatter

from vs_core.errors import ConfigurationError

__all__ = ["DEFAULT_PROMPTS", "QUERY_PROMPTS", "Prompts"]

_PLACEHOLDERS = {
    "verbalize": {"k", "sampling"},
    "sequence": {"k"},
    "reason": {"k"},
    "reason_once": set[str](),
    "another": set[str](),
    "more": {"k", "sampling"},
    "full": {"threshold"},
    "tail": {"threshold"},
    "unreadable": {"k", "reason", "format"},
    "short": {"k", "given", "format"},
    "invalid": {"k", "errors", "format"},
    "tools": set[str](),
}


@dataclass(frozen=True)
class Prompts:
    """The templates, filled with `str.format`. Each may use the placeholders that it names.

    Raises:
        ConfigurationError: If a template uses a placeholder that it does not have.
    """

    verbalize: str = (
        "Give {k} different responses to the request instead of one, each together with its "
        "probability. {sampling}"
    )
    """Instruction of VS-Standard, VS-CoT and the first turn of VS-Multi: {k}, {sampling}."""

    sequence: str = "Give {k} different responses to the request instead of one."
    """Instruction of the list baseline: {k}."""

    reason: str = (
        "Before you respond, reason about the angles, styles and perspectives from which the "
        "request can be answered, and which of them are usually overlooked."
    )
    """Added for VS-CoT: {k}."""

    reason_once: str = "Reason about the request step by step before you answer it."
    """Instruction of the chain-of-thought baseline."""

    another: str = "Give one more response to the same request, different from all before."
    """Each further turn of the multi-turn baseline."""

    more: str = (
        "Give {k} more responses to the same request, different from all before, each together "
        "with its probability. {sampling}"
    )
    """Each further turn of VS-Multi: {k}, {sampling}."""

    full: str = "Sample them at random from the full distribution of possible responses."
    """{sampling} without a threshold."""

    tail: str = (
        "Sample them at random from the tails of the distribution, so that the probability of "
        "each response is below {threshold}."
    )
    """{sampling} with a {threshold}."""

    unreadable: str = (
        "Your answer could not be read: {reason}. Answer the request again, with {k} responses.\n"
        "{format}"
    )
    """Asks again after an unreadable answer: {k}, {reason}, {format}."""

    short: str = (
        "You gave {given} of the responses that were asked for. Give {k} more, different from "
        "those.\n{format}"
    )
    """Asks for what is missing: {k}, {given}, {format}."""

    invalid: str = (
        "These responses do not fit what was asked for:\n{errors}\nGive {k} in their place.\n"
        "{format}"
    )
    """Asks again for typed responses that failed validation: {k}, {errors}, {format}."""

    tools: str = (
        "All this is about how you answer. As long as you need a tool for that, call it in the "
        "usual way instead of answering."
    )
    """Added where the model has tools of its own."""

    def __post_init__(self) -> None:
        for template in fields(self):
            self._check(template.name)

    def _check(self, name: str) -> None:
        text, allowed = getattr(self, name), _PLACEHOLDERS[name]
        try:
            used = {part[1] for part in Formatter().parse(text) if part[1] is not None}
        except ValueError as error:
            raise ConfigurationError(
                f"The prompt {name!r} is not a template: {error}. Write {{{{ for a brace."
            ) from None
        if not used <= allowed:
            raise ConfigurationError(
                f"The prompt {name!r} uses {sorted(used - allowed)}; it may use {sorted(allowed)}."
            )

    def sampling(self, threshold: float | None) -> str:
        """The sentence that says where in the distribution to sample."""
        if threshold is None:
            return self.full
        return self.tail.format(threshold=f"{threshold:g}")

    def replace(self, **templates: str) -> Prompts:
        """Return these prompts with some of them replaced."""
        return replace(self, **templates)


DEFAULT_PROMPTS = Prompts()

QUERY_PROMPTS = {
    "rewrite": (
        "Write a search query that would find passages which answer the question, in words other "
        "than its own.\nQuestion: {query}"
    ),
    "hyde": "Write a short passage that could answer the question.\nQuestion: {query}",
    "decompose": (
        "Write a simpler sub-question, the answer to which helps to answer the question.\n"
        "Question: {query}"
    ),
}
"""What is asked for in the place of a {query}: a rewrite of it, a hypothetical document that
answers it (HyDE, arXiv 2212.10496), or a sub-question."""
