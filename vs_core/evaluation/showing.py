"""Findings as a person looks at them: tables, figures, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vs_core.errors import ConfigurationError
from vs_core.evaluation import figures
from vs_core.evaluation.captioned import exported
from vs_core.evaluation.findings import Findings
from vs_core.evaluation.inspecting import exported_logs
from vs_core.evaluation.report import html
from vs_core.evaluation.tables import agreements, differences, expected, table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Shown"]


class Shown(Findings):
    """Findings with their tables, figures and report."""

    out: Path | None = None
    """Folder in which the report is written where no other place is named."""

    def table(self) -> pd.DataFrame:
        """Return the figures, a row for each model, task, strategy and threshold.

        Returns:
            Columns ``model``, ``task``, ``strategy``, ``threshold``; for each measure its estimate
            and, as ``…_low`` and ``…_high``, the ends of its 95 % interval, ``nan`` where a task
            has no such measure; then ``candidates``, ``missing`` (asked for and not given),
            ``useful`` (right as far as the task can tell, and different from those before unless
            the task says that repeats are as good), ``calls``,
            ``input_tokens``, ``output_tokens``, ``cost`` (``nan`` without a price), and
            ``calls_per_useful``, ``tokens_per_useful``, ``cost_per_useful``. A judge's calls are
            not counted.

        Raises:
            ConfigurationError: If the experiment was not run.
            MissingExtraError: If the extra ``metrics`` is not installed.
        """
        return table(self)

    def differences_table(self) -> pd.DataFrame:
        """Return how much each strategy is over the baseline: the direct answers, or the first.

        Returns:
            Columns ``model``, ``task``, ``strategy``, ``baseline``, ``measure``; the ``difference``
            with its 95 % interval, ``low`` and ``high``; its ``pvalue``, corrected for all
            differences of the task (Holm); how many ``units`` (prompts, or else calls) say so; and
            ``prompts_for_2_points``: how many would tell a difference of ±0.02 from none, ``nan``
            with fewer than four prompts.

        Raises:
            ConfigurationError: If the experiment was not run.
            MissingExtraError: If the extra ``metrics`` is not installed.
        """
        return differences(self)

    def agreement_table(self) -> pd.DataFrame:
        """Return how far the ways to tell what is the same agree, where ``same`` was given.

        Returns:
            Columns ``task``; ``counts``, the equivalence that is counted by, and ``other``, one
            that it is compared with (the texts among them); ``answers``, how many different texts
            there are, in how many ``classes`` and ``other_classes``; over their ``pairs`` within a
            prompt the ``share`` of which both say the same, and Cohen's ``kappa`` of that.

        Raises:
            ConfigurationError: If the experiment was not run.
        """
        return agreements(self)

    def expected_table(self) -> pd.DataFrame:
        """Return the figures of the paper beside those that were measured.

        Returns:
            Columns ``model``, ``task``, ``strategy``, ``measure``; what the paper has,
            ``expected``; what was ``measured``, with its interval, ``low`` and ``high``, ``nan``
            where it was not; and ``source``, of what the paper's is the figure. Empty unless
            something is ``expected``.

        Raises:
            ConfigurationError: If the experiment was not run.
            MissingExtraError: If the extra ``metrics`` is not installed.
        """
        return expected(self)

    def plot_diversity(self, task: str | None = None) -> Figure:
        """Draw diversity by strategy, with intervals; ``task`` may be left out if there is one."""
        return figures.diversity(self, self._task(task))

    def plot_quality(self, task: str | None = None) -> Figure:
        """Draw quality against diversity, with the Pareto front.

        Raises:
            ConfigurationError: If there is no quality: no judge, and no measure of the task's own.
        """
        return figures.quality(self, self._task(task))

    def plot_answers(self, task: str | None = None) -> Figure:
        """Draw which answers came how often, beside the reference where there is one.

        For dialogues: the donations, as cumulative shares.
        """
        return figures.answers(self, self._task(task))

    def plot_thresholds(self, task: str | None = None) -> Figure:
        """Draw diversity against the probability threshold.

        Raises:
            ConfigurationError: If there are not at least two thresholds.
        """
        return figures.thresholds(self, self._task(task))

    def plot_calibration(self, task: str | None = None) -> Figure:
        """Draw verbalized probabilities against the reference, or else against direct answers.

        Raises:
            ConfigurationError: If no strategy verbalizes, or there is nothing to compare with.
        """
        return figures.calibration(self, self._task(task))

    def export_figures(
        self, folder: str | Path | None = None, formats: Sequence[str] = ("svg", "pdf")
    ) -> list[Path]:
        """Write every figure as files for a paper, and return them.

        Vectors, with their fonts in them: ``1-joke-diversity.pdf``, and so on by task and figure.

        Args:
            folder: Default: ``figures`` in ``out``.
            formats: Of ``svg``, ``pdf`` and ``png`` (300 dots an inch).

        Raises:
            ConfigurationError: If there is no folder to write to, or a format is unknown.
        """
        if folder is None and self.out is None:
            raise ConfigurationError("Say where to write: export_figures('figures').")
        place = Path(folder) if folder is not None else (self.out or Path()) / "figures"
        return exported(self, place, formats)

    def export_inspect(self, folder: str | Path | None = None) -> list[Path]:
        """Write a log of inspect_ai for each arm, for ``inspect view``, and return the files.

        Args:
            folder: Default: ``inspect`` in ``out``.

        Raises:
            ConfigurationError: If there is no folder to write to, or nothing was run.
        """
        if folder is None and self.out is None:
            raise ConfigurationError("Say where to write: export_inspect('logs').")
        return exported_logs(self, Path(folder or (self.out or Path()) / "inspect"))

    def report(self, path: str | Path | None = None) -> Path:
        """Write ``report.html``, one self-contained file, and return where it is.

        Args:
            path: The file; default: ``report.html`` in ``out``.

        Raises:
            ConfigurationError: If neither is given, or the file cannot be written.
        """
        if path is None and self.out is None:
            raise ConfigurationError("Say where to write the report: report('report.html').")
        target = Path(path) if path is not None else (self.out or Path()) / "report.html"
        try:
            target.write_text(html(self), encoding="utf-8", errors="replace")
        except OSError as error:
            raise ConfigurationError(f"Cannot write {target}: {error.strerror}.") from error
        return target
