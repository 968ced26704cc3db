"""Which figures there are of a task: for the report, and as files for a paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vs_core.display import shorten
from vs_core.errors import ConfigurationError
from vs_core.evaluation import figures
from vs_core.evaluation.canvas import FORMATS, save
from vs_core.evaluation.findings import Findings
from vs_core.evaluation.tasks.base import Task
from vs_core.evaluation.tasks.dialogue import Dialogue

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Captioned", "captioned", "exported"]


class Captioned(NamedTuple):
    """A figure of a task.

    Args:
        name: Of its file.
        caption: Below it.
        draw: Makes it; ConfigurationError where it cannot be, such as quality without a judge.
    """

    name: str
    caption: str
    draw: Callable[[Findings, Task], Figure]


def captioned(task: Task) -> Iterator[Captioned]:
    """Yield the figures of a task."""
    came = "What was donated, as cumulative shares."
    if not isinstance(task, Dialogue):
        came = f"Which answers came how often: {shorten(task.items[0].prompt, 100)}"
    yield Captioned("diversity", "Diversity by strategy, with 95 % intervals.", figures.diversity)
    yield Captioned(
        "quality", "Quality against diversity. Up and to the right is better.", figures.quality
    )
    yield Captioned("answers", came, figures.answers)
    yield Captioned(
        "thresholds", "Diversity against the probability threshold.", figures.thresholds
    )
    yield Captioned(
        "calibration",
        "Calibration: the probability that the model states, and what it ought to be.",
        figures.calibration,
    )


def exported(findings: Findings, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write every figure that can be drawn, and return the files.

    Raises:
        ConfigurationError: If a format is unknown, or a file cannot be written.
    """
    for format in formats:
        if format not in FORMATS:
            raise ConfigurationError(
                f"A figure is written as {', '.join(FORMATS)}, and not as {format!r}."
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"Cannot write {folder}: {error.strerror}.") from error
    return list(_files(findings, folder, formats))


def _files(findings: Findings, folder: Path, formats: Sequence[str]) -> Iterator[Path]:
    for place, task in enumerate(findings.tasks.values(), start=1):
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in task.name)
        for each in captioned(task):
            try:
                figure = each.draw(findings, task)
            except ConfigurationError:  # such as quality without a judge
                continue
            for format in formats:
                yield save(figure, folder / f"{place}-{name}-{each.name}.{format}")
