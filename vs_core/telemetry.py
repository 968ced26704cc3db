"""Spans of OpenTelemetry, where ``opentelemetry-api`` is installed: one for each request.

A request is what a driver runs, of however many calls; the calls' own spans, by whatever
instruments the client, stand below it. Attributes follow the semantic conventions for generative
AI where these have a name (``gen_ai.usage.input_tokens``, ``gen_ai.response.model``, …); what is
ours alone begins with ``vs_core``. Texts are never recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import Any

from vs_core.candidates import Distribution

__all__ = ["Span", "span"]


class Span:
    """A request that is traced, or one that nobody traces."""

    def __init__(self, traced: Any = None) -> None:
        self._traced = traced

    def finish(self, distribution: Distribution) -> None:
        """Record what came of the request."""
        if self._traced is not None and self._traced.is_recording():
            self._traced.set_attributes(_attributes(distribution))


_UNTRACED = nullcontext(Span())


def span(*, current: bool = True) -> Any:
    """Return a context manager that yields a `Span` and ends it, with the error if there is one.

    Args:
        current: Whether what happens within belongs to it. A generator cannot promise that.
    """
    tracer = _tracer()
    return _UNTRACED if tracer is None else _traced(tracer, current)


@contextmanager
def _traced(tracer: Any, current: bool) -> Iterator[Span]:
    from opentelemetry.trace import Status, StatusCode, use_span

    begun = tracer.start_span("verbalize")
    if current:
        with use_span(begun, end_on_exit=True):  # which records an error by itself
            yield Span(begun)
        return
    try:
        yield Span(begun)
    except Exception as error:
        begun.record_exception(error)
        begun.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        raise
    finally:
        begun.end()


def _tracer() -> Any:
    """What starts spans; None where nobody would see them."""
    trace = _opentelemetry()
    provider = trace and trace.get_tracer_provider()
    if provider is None or isinstance(provider, trace.ProxyTracerProvider):
        return None
    return _tracer_of(provider)


@lru_cache(maxsize=1)
def _tracer_of(provider: Any) -> Any:
    return provider.get_tracer("vs_core")


@lru_cache(maxsize=1)
def _opentelemetry() -> Any:
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    return trace


def _attributes(distribution: Distribution) -> dict[str, Any]:
    about = distribution.metadata
    models = [each.model for each in distribution.completions if each.model]
    ends = [each.finish_reason for each in distribution.completions if each.finish_reason]
    found = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": models[0] if models else None,
        "gen_ai.response.finish_reasons": ends or None,
        "gen_ai.usage.input_tokens": about.get("usage", {}).get("input_tokens"),
        "gen_ai.usage.output_tokens": about.get("usage", {}).get("output_tokens"),
        "vs_core.strategy": about.get("strategy"),
        "vs_core.k": about.get("k"),
        "vs_core.n": about.get("n"),
        "vs_core.threshold": about.get("threshold"),
        "vs_core.calls": about.get("calls"),
        "vs_core.candidates": len(distribution),
        "vs_core.failed": len(about.get("failed", ())),
        "vs_core.repairs": len(distribution.repairs),
    }
    return {name: value for name, value in found.items() if value is not None}
