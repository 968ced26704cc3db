"""Spans of OpenTelemetry."""

import subprocess
import sys

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from vs_core import (
    Completion,
    Message,
    ModelError,
    VSStandard,
    astream,
    averbalize,
    stream,
    verbalize,
)

ANSWER = '[{"text": "a secret", "probability": 1}]'


@pytest.fixture(scope="module")
def exporter():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture(autouse=True)
def _empty(exporter):
    exporter.clear()


def complete(request):
    with trace.get_tracer("client").start_as_current_span("chat m"):
        return Completion(
            ANSWER, {"input_tokens": 3, "output_tokens": 5}, finish_reason="stop", model="m-1"
        )


async def acomplete(request):
    return complete(request)


async def by_astream():
    async def pieces(request):
        yield complete(request)

    return [event async for event in astream(VSStandard(k=1).flow([Message("user", "x")]), pieces)]


async def test_a_request_is_a_span_above_those_of_its_calls(exporter):
    verbalize("x", complete, k=1, n=2, threshold=0.1)
    await averbalize("x", acomplete, k=1, n=2, threshold=0.1)
    spans = exporter.get_finished_spans()
    whole = [span for span in spans if span.name == "verbalize"]
    assert len(whole) == 2
    for request in whole:
        assert dict(request.attributes) == {
            "gen_ai.operation.name": "chat",
            "gen_ai.response.model": "m-1",
            "gen_ai.response.finish_reasons": ("stop", "stop"),
            "gen_ai.usage.input_tokens": 6,
            "gen_ai.usage.output_tokens": 10,
            "vs_core.strategy": "vs_standard",
            "vs_core.k": 1,
            "vs_core.n": 2,
            "vs_core.threshold": 0.1,
            "vs_core.calls": 2,
            "vs_core.candidates": 2,
            "vs_core.failed": 0,
            "vs_core.repairs": 0,
        }
        below = [s for s in spans if s.parent and s.parent.span_id == request.context.span_id]
        assert [span.name for span in below] == ["chat m"] * 2
    assert "secret" not in "".join(span.to_json() for span in spans)


async def test_streams_are_traced_too(exporter):
    list(stream(VSStandard(k=1).flow([Message("user", "x")]), lambda r: iter([complete(r)])))
    await by_astream()
    whole = [span for span in exporter.get_finished_spans() if span.name == "verbalize"]
    assert [span.attributes["vs_core.candidates"] for span in whole] == [1, 1]


async def test_what_is_done_between_two_pieces_is_not_below_the_span(exporter):
    def two():
        return VSStandard(k=1, n=2).flow([Message("user", "x")])

    async def pieces(request):
        yield complete(request)

    def within():
        return trace.get_current_span().is_recording()

    seen = [within() for _ in stream(two(), lambda r: iter([complete(r)]))]
    seen += [within() async for _ in astream(two(), pieces)]
    assert len(seen) >= 4
    assert not any(seen)


def test_an_error_is_that_of_the_span(exporter):
    def fail(request):
        raise ModelError("no")

    with pytest.raises(ModelError):
        verbalize("x", fail)
    with pytest.raises(ModelError):
        list(stream(VSStandard(k=1).flow([Message("user", "x")]), fail))
    for span in exporter.get_finished_spans():
        assert span.status.status_code is StatusCode.ERROR
        assert span.events[0].name == "exception"


def test_without_it_nothing_is_traced():
    code = (
        "import sys; sys.modules['opentelemetry'] = None; sys.modules['opentelemetry.trace'] = None"
        f"\nimport vs_core; print(vs_core.verbalize('x', lambda r: '{ANSWER}', k=1)[0].text)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "a secret\n", done.stderr
