"""Measuring anybody's answers, from a table of them: no model is asked."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vs_core.candidates import Candidate, Distribution
from vs_core.equivalence import vectors_of
from vs_core.errors import ConfigurationError
from vs_core.evaluation.catalogue import CATALOGUE, measure_of
from vs_core.evaluation.findings import Arm
from vs_core.evaluation.items import Item
from vs_core.evaluation.measures import Measure
from vs_core.evaluation.runner import Cell, Result
from vs_core.evaluation.sameness import Same, SameJudge, equivalence_of
from vs_core.evaluation.showing import Shown
from vs_core.evaluation.tasks.base import Task
from vs_core.plugins import plugins
from vs_core.strategies import SequenceList, Strategy, VSStandard
from vs_core.tables import rows_of, table_name

if TYPE_CHECKING:
    from vs_core.metrics.diversity import Embed

__all__ = ["Columns", "Scores", "score"]

Source = str | Path | Iterable[Mapping[str, Any]]

_USUAL: Mapping[str, tuple[str, ...]] = {
    "text": ("vs_text", "text", "response", "output", "completion", "generation", "answer"),
    "prompt": ("prompt", "question", "problem", "instruction", "input", "item"),
    "call": ("vs_call", "call"),
    "probability": ("vs_probability", "probability"),
    "score": ("quality",),
}
"""Under which names a column is looked for, the surest first."""

_NESTED = ("vs_candidates", "candidates", "responses")
"""Columns that hold all answers of one call as a list."""

_ARMS = ("vs_model", "model", "vs_strategy", "strategy")
_THRESHOLD = "threshold"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column says what; what is None is looked for under its usual names.

    Args:
        text: The answer.
        prompt: What it answers. Without one all answers are to one prompt.
        call: Which request it came from, within its prompt. Answers of one call depend on each
            other. Without one each answer counts as a call of its own.
        probability: As the model verbalized it, on [0, 1].
        score: What a judge gave it, on [0, 1].
        by: Columns whose values are compared; default: model and strategy, where they vary.
    """

    text: str | None = None
    prompt: str | None = None
    call: str | None = None
    probability: str | None = None
    score: str | None = None
    by: Sequence[str] | None = None


class Scores(Shown):
    """What was measured of given answers; made by `score`.

    Attributes:
        notes: What a reader of the figures must know.
        answers: How many answers there are.
    """

    asked = False

    def __init__(
        self,
        task: Task,
        models: Iterable[str],
        strategies: Mapping[str, Strategy],
        notes: Sequence[str],
        *,
        files: int,
    ) -> None:
        nobody = dict.fromkeys(models, _nobody)
        super().__init__(
            {task.name: task}, nobody, strategies, n=0, k=0, price=None, note=" ".join(notes)
        )
        self.notes = tuple(notes)
        self.answers = 0
        self._files = files

    @property
    def heading(self) -> str:
        """How much was scored."""
        (task,) = self.tasks.values()
        return f"{self.answers:,} answers to {len(task.items):,} prompts: {task.name}"

    def baseline(self, task: str, model: str) -> Arm:
        """Of several files the first; of one the direct answers, or what comes first."""
        return next(iter(self.arms)) if self._files > 1 else super().baseline(task, model)

    def sort(self, same: Same) -> None:
        """Put the answers to each prompt into classes of the same answer.

        Raises:
            ConfigurationError: If a model would have to be asked.
        """
        by = equivalence_of(same)
        if isinstance(by, SameJudge):
            raise ConfigurationError("No model is asked here: what is the same by text or meaning?")
        self.classes[by.label] = {
            place: dict(zip(texts, by.classes(texts), strict=True))
            for place, texts in self._unnamed().items()
        }
        self._arms.clear()
        self._intervals.clear()

    def as_dict(self) -> dict[str, Any]:
        """Return all figures as plain data; what is not known is None."""
        (task,) = self.tasks.values()
        return {
            "answers": self.answers,
            "prompts": len(task.items),
            "arms": [_plain(row) for row in self.table().to_dict("records")],
            "differences": [_plain(row) for row in self.differences_table().to_dict("records")],
            "same": [_plain(row) for row in self.agreement_table().to_dict("records")],
            "notes": list(self.notes),
        }


def score(
    *sources: Source,
    columns: Columns | None = None,
    items: Iterable[Item] = (),
    measures: Iterable[str | Measure] | None = None,
    embed: Embed | None = None,
    same: Same | Sequence[Same] = (),
) -> Scores:
    """Measure given answers; of several tables each is compared with the first.

    A row is an answer, or all answers of one call as a list in a column ``responses`` or
    ``candidates`` (as ``vs generate --nested`` writes them, and the authors of the paper theirs).

    Args:
        *sources: Tables as `vs_core.tables.rows_of` reads them.
        columns: Which column says what.
        items: What is known of the prompts: their right answers and references. A column
            ``truth`` says the first too.
        measures: Names of measures or of registered metrics of texts, or measures; default: all
            that can be taken.
        embed: From texts to vectors, for semantic diversity; see `vs_core.metrics`.
        same: What makes two answers to a prompt the same, as of `Experiment`: a function from a
            text to a key, or `vs_core.equivalence.ByMeaning`; of several the first counts.

    Raises:
        ConfigurationError: If there is no answer, a row cannot be read, or a column is missing.
        MissingExtraError: If the extra ``metrics`` is not installed.
    """
    if not sources:
        raise ConfigurationError("Give at least one table of answers.")
    wanted = CATALOGUE if measures is None else measures
    chosen = [each if isinstance(each, Measure) else measure_of(each) for each in wanted]
    tables = [_Table(source, columns or Columns()) for source in sources]
    labels = _labels([table.name for table in tables])
    notes = list(dict.fromkeys(note for table in tables for note in table.notes))
    known = {item.prompt: item for item in items}
    prompts = list(dict.fromkeys(answer.prompt for table in tables for answer in table.answers))
    if known and not known.keys() & set(prompts):
        raise ConfigurationError("No prompt of the answers is among those whose truth is known.")
    own = {
        answer.prompt: answer.truth
        for table in tables for answer in table.answers if answer.truth is not None
    }  # fmt: skip
    task = Task(
        name=" and ".join(labels),
        items=[known.get(p) or Item(prompt=p, truth=own.get(p)) for p in prompts],
        measures=chosen,
        quality="precision",
    )
    arms: dict[tuple[str, str, float | None, str], list[_Answer]] = defaultdict(list)
    for table, label in zip(tables, labels, strict=True):
        for answer in table.answers:
            model, strategy = (answer.model, answer.arm or label)
            if len(tables) > 1:
                model, strategy = "", ": ".join(filter(None, (label, answer.model, answer.arm)))
            arms[model, strategy, answer.threshold, answer.prompt].append(answer)
    models = (model for model, *_ in arms)
    scores = Scores(task, models, _strategies(arms), notes, files=len(tables))
    places = {prompt: place for place, prompt in enumerate(prompts)}
    for (model, strategy, threshold, prompt), found in arms.items():
        cell = Cell(model, task.name, places[prompt], 0, strategy, threshold, 0, len(found))
        scores.results.append(Result(cell, Distribution(a.candidate for a in found), 0))
        scores.answers += len(found)
        for text, values in _by_text(found).items():
            scores.scores[task.name, prompt, text] = math.fsum(values) / len(values)
    if embed is not None:
        texts = {c.text for result in scores.results for c in result.distribution if c.text.strip()}
        scores.embedded(vectors_of(embed, sorted(texts)))
    for each in same if isinstance(same, Sequence) else [same]:
        scores.sort(each)
    return scores


# --- reading a table -------------------------------------------------------------------------


class _Answer(NamedTuple):
    candidate: Candidate
    prompt: str
    model: str
    arm: str
    threshold: float | None
    score: float | None
    truth: Any


class _Table:
    """The answers of one table, and what had to be assumed to read them."""

    def __init__(self, source: Source, columns: Columns) -> None:
        self.name = table_name(source)
        self.notes: list[str] = []
        rows = [part for place, row in enumerate(rows_of(source)) for part in _flat(place, row)]
        if not rows:
            raise ConfigurationError(f"{self.name} holds no answer.")
        names = dict.fromkeys(name for _, values in rows for name in values)
        self._of = {kind: self._column(kind, names, columns) for kind in _USUAL}
        if self._of["text"] is None:
            raise ConfigurationError(
                f"{self.name} has no column of answers among {', '.join(names)}: name it (--text)."
            )
        self._generated = next(
            (f"{p}id" for p in ("vs_", "") if {f"{p}id", f"{p}repairs", f"{p}weight"} <= {*names}),
            None,
        )
        """The id of a task, in a table of ours: calls are numbered within it."""
        if self._of["prompt"] is None:
            self._of["prompt"] = self._generated
        self._by = self._varied(rows, names, columns.by)
        self._calls: dict[str, dict[Hashable, int]] = defaultdict(dict)
        self._unread = 0
        self.answers = [self._answer(line, values) for line, values in rows]
        self._note()

    def _column(self, kind: str, names: Iterable[str], columns: Columns) -> str | None:
        given: str | None = getattr(columns, kind)
        if given is not None and given not in names:
            raise ConfigurationError(
                f"{self.name} has no column {given!r}; it has {', '.join(names)}."
            )
        return given or next((name for name in _USUAL[kind] if name in names), None)

    def _varied(
        self, rows: Sequence[tuple[int, Mapping[str, Any]]], names: Iterable[str],
        given: Sequence[str] | None,
    ) -> list[str]:  # fmt: skip
        for name in given or ():
            if name not in names:
                raise ConfigurationError(f"{self.name} has no column {name!r}.")
        if given is not None:
            return list(given)
        return [n for n in _ARMS if len({str(values.get(n)) for _, values in rows}) > 1]

    def _answer(self, line: int, values: Mapping[str, Any]) -> _Answer:
        def cell(kind: str) -> Any:
            column = self._of[kind]
            return None if column is None else values.get(column)

        prompt = _said(cell("prompt")) or "all answers"
        named = {name: _said(values.get(name)) for name in self._by}
        models = [value for name, value in named.items() if name in ("vs_model", "model")]
        rest = [value for name, value in named.items() if name not in ("vs_model", "model")]
        candidate = Candidate(
            text=_said(cell("text")).strip(),
            probability=self._share(cell("probability")),
            call=self._call(prompt, values, cell("call")),
        )
        return _Answer(
            candidate,
            prompt,
            ", ".join(models),
            ", ".join(filter(None, rest)),
            _number(values.get(_THRESHOLD)),
            self._score(line, cell("score")),
            _truth(values.get("truth")),
        )

    def _call(self, prompt: str, values: Mapping[str, Any], call: Any) -> int | None:
        """A number for what the answer came from; each its own where that is not said."""
        if call is None and _LIST not in values:
            return None
        task = None if self._generated is None else values.get(self._generated)
        place = (*(str(each) for each in (values.get("run"), task, call)), values.get(_LIST))
        seen = self._calls[prompt]
        return seen.setdefault(place, len(seen))

    def _share(self, value: Any) -> float | None:
        number = _number(value)
        if number is not None and 0 <= number <= 1:
            return number
        self._unread += _said(value) != ""
        return None

    def _score(self, line: int, value: Any) -> float | None:
        number = _number(value)
        if _said(value) and (number is None or not 0 <= number <= 1):
            raise ConfigurationError(
                f"{self.name}:{line}: a score is a number from 0 to 1, not {_said(value)[:40]!r}."
            )
        return number

    def _note(self) -> None:
        """Say what the figures leave out or take for granted."""
        empty = sum(not answer.candidate.text for answer in self.answers)
        prompts = {answer.prompt for answer in self.answers}
        if self._of["prompt"] is None:
            self.notes.append(f"{self.name}: no column names the prompt: all answers are to one.")
        if len(prompts) < 4 and any(answer.candidate.call is None for answer in self.answers):
            self.notes.append(
                f"{self.name}: no column says which call an answer came from: each counts as a "
                "draw of its own. Where several came from one call, intervals are too narrow."
            )
        if len(prompts) == len(self.answers) > 1:
            self.notes.append(f"{self.name}: each prompt has one answer: diversity is not known.")
        if empty:
            self.notes.append(f"{self.name}: {empty} empty answers do not count.")
        if self._unread:
            self.notes.append(f"{self.name}: {self._unread} probabilities are not on [0, 1].")


_LIST = " place of the list"
"""Of rows that came from one list; no column has a blank in front."""


def _flat(place: int, row: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """The answers of a row: itself, or those that it lists."""
    line, values = row
    for name in _NESTED:
        listed = values.get(name)
        if isinstance(listed, str) and listed.lstrip().startswith("["):  # a cell of a CSV file
            try:
                listed = json.loads(listed)
            except (ValueError, RecursionError):
                raise ConfigurationError(f"Row {line}: {name} holds no list of JSON.") from None
        if isinstance(listed, (list, tuple)):
            rest = {key: value for key, value in values.items() if key != name}
            parts = [each if isinstance(each, Mapping) else {"text": each} for each in listed]
            return [(line, {**rest, **part, _LIST: place}) for part in parts]
    return [(line, values)]


def _said(value: Any) -> str:
    """A cell as text: nothing for None and for what pandas has in its place."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _truth(value: Any) -> Any:
    """The right answers that a row names: one, or a list as `Item` takes it."""
    text = _said(value)
    if not text:
        return None
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    return [text]


# --- what is compared --------------------------------------------------------------------------


def _labels(names: Sequence[str]) -> list[str]:
    """Short names of tables; in full, and numbered, where short ones are the same."""
    for shown in ([Path(name).stem for name in names], list(names)):
        if len(set(shown)) == len(shown):
            return shown
    return [f"{name} {place}" for place, name in enumerate(names, start=1)]


def _strategies(
    arms: Mapping[tuple[str, str, float | None, str], Sequence[_Answer]],
) -> dict[str, Strategy]:
    """What figures have to know of each arm: the strategy of its name, or one like it."""
    known = plugins.table("strategies")
    found: dict[str, Strategy] = {}
    for (_, name, *_), answers in arms.items():
        if name in known:
            found.setdefault(name, plugins.strategy(name))
        elif any(answer.candidate.probability is not None for answer in answers):
            found[name] = VSStandard()
        else:
            found.setdefault(name, SequenceList())
    return found


def _by_text(answers: Iterable[_Answer]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for answer in answers:
        if answer.score is not None:
            found[answer.candidate.text].append(answer.score)
    return found


def _nobody(request: Any) -> str:  # noqa: ARG001
    raise ConfigurationError("These answers were given: there is no model to ask.")


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row with None where there is no number that JSON has."""
    return {
        str(key): None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }
