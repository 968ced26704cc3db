"""Creative writing: poems, stories and jokes (Zhang et al. 2025, section 5). Prompts of our own."""

from __future__ import annotations

from vs_core.evaluation.items import Source, items_of
from vs_core.evaluation.tasks.base import Task

__all__ = ["joke", "poem", "story"]

_POEMS = (
    "Write a poem of at most eight lines about the first frost.",
    "Write a poem of at most eight lines about a railway station at night.",
    "Write a poem of at most eight lines about a grandmother's hands.",
    "Write a poem of at most eight lines about the sea in winter.",
    "Write a poem of at most eight lines about moving house.",
)
_STORIES = (
    "Write a story of at most 150 words about a lighthouse keeper.",
    "Write a story of at most 150 words about a letter that arrives years too late.",
    "Write a story of at most 150 words about a child who finds a bear.",
    "Write a story of at most 150 words about the last day of a shop.",
    "Write a story of at most 150 words about two neighbours and a fence.",
)
_JOKES = (
    "Tell me a joke about coffee.",
    "Tell me a joke about cats.",
    "Tell me a joke about the weather.",
    "Tell me a joke about mathematicians.",
    "Tell me a joke about moving house.",
)


def poem(file: Source | None = None) -> Task:
    """Return the task of writing short poems; ``file`` holds prompts of your own."""
    rubric = (
        "The poem keeps to the topic and the length. Its images are concrete and fresh, its sound "
        "and rhythm carry it, and it moves a reader."
    )
    return Task(name="poem", items=items_of(file, *_POEMS), rubric=rubric)


def story(file: Source | None = None) -> Task:
    """Return the task of writing short stories; ``file`` holds prompts of your own."""
    rubric = (
        "The story keeps to the topic and the length. It has people, a turn and an end, hangs "
        "together, and is written in a voice of its own."
    )
    return Task(name="story", items=items_of(file, *_STORIES), rubric=rubric)


def joke(file: Source | None = None) -> Task:
    """Return the task of telling jokes; ``file`` holds prompts of your own."""
    rubric = (
        "The joke is about the topic and can be understood at once. It is funny: there is a set-up "
        "and a turn that surprises and still makes sense."
    )
    return Task(name="joke", items=items_of(file, *_JOKES), rubric=rubric)
