"""Runs as logs of inspect_ai, which its viewer opens (``inspect view --log-dir …``).

A log is one arm on one task. A sample of it is a prompt, and an epoch an answer to it. Written as
JSON by the format's version 2; nothing of inspect_ai is needed for that.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import vs_core
from vs_core.errors import ConfigurationError
from vs_core.evaluation.findings import Arm, Findings
from vs_core.evaluation.measures import Answer

__all__ = ["exported_logs", "log_of"]

_VERSION = 2
_SCORER = "vs"


def exported_logs(findings: Findings, folder: Path) -> list[Path]:
    """Write a log for each arm, and return the files.

    Raises:
        ConfigurationError: If a file cannot be written, or nothing was run.
    """
    now = datetime.now(timezone.utc).replace(microsecond=0)
    files = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for arm in findings.arms:
            log = log_of(findings, arm, now)
            # As inspect names them: its viewer sorts by the time in front.
            stamp = now.strftime("%Y-%m-%dT%H-%M-%S+00-00")
            path = folder / f"{stamp}_{_plain(arm.task)}_{log['eval']['task_id']}.json"
            text = json.dumps(log, ensure_ascii=False, allow_nan=False, indent=1)
            path.write_text(text, encoding="utf-8", errors="replace")
            files.append(path)
    except OSError as error:
        raise ConfigurationError(f"Cannot write to {folder}: {error.strerror}.") from error
    return files


def log_of(findings: Findings, arm: Arm, created: datetime) -> dict[str, Any]:
    """Return the log of one arm as plain data."""
    task = findings.tasks[arm.task]
    name = _digest(arm.model, arm.task, arm.label)
    answers = [answer for group in findings.arms[arm] for answer in group]
    samples = list(_samples(arm, [a for a in answers if task.asked_for(a.candidate)]))
    time = created.isoformat()
    strategy = findings.strategies[arm.strategy]
    return {
        "version": _VERSION,
        "status": "success",
        "eval": {
            "eval_id": name,
            "run_id": _digest(*map(str, findings.arms), time),
            "task_id": name,
            "created": time,
            "task": f"{arm.task}: {arm.label}",
            "task_version": 0,
            "task_args": _settings(findings, arm),
            "solver": arm.strategy,
            "dataset": {
                "name": arm.task,
                "samples": len(task.items),
                "sample_ids": list(range(1, len(task.items) + 1)),
                "shuffled": False,
            },
            "model": arm.model or "unknown",
            "config": {"epochs": max((sample["epoch"] for sample in samples), default=1)},
            "packages": {"vs-core": vs_core.__version__},
            "metadata": {"note": findings.note, "strategy": strategy.name},
        },
        "plan": {"name": arm.label, "steps": [{"solver": arm.strategy, "params": {}}]},
        "results": {
            "total_samples": len(samples),
            "completed_samples": len(samples),
            "scores": [
                {
                    "name": _SCORER,
                    "scorer": _SCORER,
                    "scored_samples": len(samples),
                    "metrics": dict(_metrics(findings, arm)),
                }
            ],
        },
        "stats": {"started_at": time, "completed_at": time, "model_usage": _usage(findings, arm)},
        "samples": samples,
    }


def _settings(findings: Findings, arm: Arm) -> dict[str, Any]:
    if not findings.asked:
        return {}
    strategy = findings.strategies[arm.strategy]
    return {"n": findings.n, "k": strategy.k, "threshold": arm.threshold}


def _metrics(findings: Findings, arm: Arm) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every figure of the arm, its interval with it."""
    for measure in findings.tasks[arm.task].measures:
        estimate, low, high = findings.interval(arm, measure)
        if math.isfinite(estimate):
            ends = {name: end for name, end in (("low", low), ("high", high)) if math.isfinite(end)}
            about = {"label": measure.label, "level": 0.95, **ends}
            yield measure.name, {"name": measure.name, "value": estimate, "metadata": about}


def _samples(arm: Arm, answers: Sequence[Answer]) -> Iterator[dict[str, Any]]:
    numbers: dict[str, int] = {}
    epochs: defaultdict[str, int] = defaultdict(int)
    for answer in answers:
        prompt = answer.item.prompt
        number = numbers.setdefault(prompt, len(numbers) + 1)
        epochs[prompt] += 1
        said = {"role": "assistant", "content": answer.candidate.text, "source": "generate"}
        model = arm.model or "unknown"
        yield {
            "id": number,
            "epoch": epochs[prompt],
            "input": prompt,
            "target": list(answer.item.truth or ()),
            "messages": [{"role": "user", "content": prompt, "source": "input"}, said],
            "output": {
                "model": model,
                "choices": [{"message": said, "stop_reason": "stop"}],
                "completion": answer.candidate.text,
            },
            "scores": {_SCORER: {"value": _scores(answer), "answer": answer.text}},
            "metadata": _about(answer),
        }


def _scores(answer: Answer) -> dict[str, Any]:
    """Whether an answer counts, and as far as that is known, is right, and how good."""
    found: dict[str, Any] = {"counts": answer.counts}
    if answer.item.truth:
        found["right"] = answer.right
    if answer.score is not None:
        found["quality"] = answer.score
    return found


def _about(answer: Answer) -> dict[str, Any]:
    candidate = answer.candidate
    return {
        "probability": candidate.probability,
        "call": candidate.call,
        "same": answer.kind,
        "repairs": list(candidate.repairs),
    }


def _usage(findings: Findings, arm: Arm) -> dict[str, Mapping[str, int]]:
    tokens = {"input_tokens": 0, "output_tokens": 0}
    for result in findings.results_of(arm):
        for name in tokens:
            tokens[name] += result.usage.get(name, 0)
    if not any(tokens.values()):
        return {}
    return {arm.model or "unknown": {**tokens, "total_tokens": sum(tokens.values())}}


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)


def _digest(*parts: str) -> str:
    """A name of 22 letters and digits, as inspect's own are."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:22]
