"""The classes of other providers, over HTTP, on endpoints that speak as theirs do.

Their packages are in no extra of ours, and what is not installed is skipped::

    pip install langchain-{anthropic,aws,google-genai,ollama} \\
        llama-index-llms-{anthropic,bedrock-converse,google-genai,ollama} 'anthropic<1'

LlamaIndex's ``Anthropic`` (0.12) fails by itself with anthropic 1 and 2; LangChain's does not.
"""

import asyncio
import os
from importlib import import_module
from importlib.metadata import version

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("httpx")

from tests.providers.endpoints import USED, Providers
from vs_core.testing.conformance import PROMPT, K, assert_same, reference, serving

KEY = "secret-key"
AWS = {"aws_access_key_id": "a", "aws_secret_access_key": KEY}
CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
PROVIDERS = ["anthropic", "ollama", "gemini", "bedrock"]


@pytest.fixture(scope="module")
def running():
    with Providers() as running:
        yield running


@pytest.fixture
def server(running):
    serving(running.simulated)
    return running


def of(module, name):
    pytest.importorskip(module.partition(".")[0], reason=f"{module} is not installed")
    pytest.importorskip(module, reason=f"{module} is not installed")
    return getattr(import_module(module), name)


def langchain(provider, url):
    match provider:
        case "anthropic":
            made = of("langchain_anthropic", "ChatAnthropic")
            return made(model="claude-sonnet-4-5", base_url=url, api_key=KEY, max_retries=0)
        case "ollama":
            return of("langchain_ollama", "ChatOllama")(model="llama3.2", base_url=url)
        case "gemini":
            made = of("langchain_google_genai", "ChatGoogleGenerativeAI")
            return made(model="gemini-2.5-flash", base_url=url, api_key=KEY, max_retries=1)
    made = of("langchain_aws", "ChatBedrockConverse")
    return made(model=CLAUDE, endpoint_url=url, region_name="us-east-1", **AWS)


def llama_index(provider, url):
    match provider:
        case "anthropic":
            made = of("llama_index.llms.anthropic", "Anthropic")
            if int(version("anthropic").partition(".")[0]) > 0:
                pytest.skip("LlamaIndex's Anthropic does not work with this anthropic")
            return made(model="claude-sonnet-4-5", base_url=url, api_key=KEY, max_retries=0)
        case "ollama":
            made = of("llama_index.llms.ollama", "Ollama")
            return made(model="llama3.2", base_url=url, context_window=8000)
        case "gemini":
            made = of("llama_index.llms.google_genai", "GoogleGenAI")
            return made(
                model="gemini-2.5-flash", api_key=KEY, http_options={"base_url": url},
                context_window=8000, max_tokens=1000,
            )  # fmt: skip
    made = of("llama_index.llms.bedrock_converse", "BedrockConverse")
    return made(model=CLAUDE, endpoint_url=url, region_name="us-east-1", **AWS)


DSPY = {
    "anthropic": ("anthropic/claude-sonnet-4-5", {"api_key": KEY}),
    "ollama": ("ollama_chat/llama3.2", {}),  # by OpenAI's API, which Ollama speaks too
    "gemini": ("gemini/gemini-2.5-flash", {"api_key": KEY}),
    "bedrock": (f"bedrock/{CLAUDE}", {**AWS, "aws_region_name": "us-east-1"}),
}


def last(items):
    return [*items][-1]


@pytest.mark.filterwarnings("ignore:The 'strict' parameter only applies")  # of ChatBedrockConverse
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("method", ["text", "tool", "json_schema"])
def test_langchain(provider, method, server):
    pytest.importorskip("langchain_core")
    from vs_langchain import VerbalizedSampler

    sampler = VerbalizedSampler(langchain(provider, server.url), k=K, method=method, retries=0)
    found = sampler.invoke(PROMPT)
    assert_same(found, reference(k=K))
    assert found.metadata["usage"].items() >= USED.items()
    serving(server.simulated)
    assert_same(last(sampler.stream(PROMPT)), reference(k=K))

    async def awaited():
        serving(server.simulated)
        assert_same(await sampler.ainvoke(PROMPT), reference(k=K))
        serving(server.simulated)
        assert_same([item async for item in sampler.astream(PROMPT)][-1], reference(k=K))

    asyncio.run(awaited())


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("method", ["text", "tool"])
def test_llama_index(provider, method, server):
    pytest.importorskip("llama_index.core")
    from vs_llama_index import VerbalizedQueryTransform

    llm = llama_index(provider, server.url)
    sampler = VerbalizedQueryTransform(llm=llm, prompt="{query_str}", k=K, method=method)
    found = sampler.run(PROMPT).distribution
    assert_same(found, reference(k=K))
    assert found.metadata["usage"] == USED
    serving(server.simulated)
    assert_same(asyncio.run(sampler.arun(PROMPT)).distribution, reference(k=K))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_dspy(provider, server):
    dspy = pytest.importorskip("dspy")
    from vs_dspy import VerbalizedSampler

    if provider == "bedrock":
        pytest.importorskip("boto3")
    name, settings = DSPY[provider]
    url = server.simulated.base_url if provider == "ollama" else server.url
    lm = dspy.LM(name, api_base=url, cache=False, num_retries=0, **settings)
    sampler = VerbalizedSampler("request -> response", k=K)
    with dspy.context(lm=lm):
        found = sampler(request=PROMPT).distribution
    assert_same(found, reference(k=K))
    if provider != "ollama":
        assert found.metadata["usage"].items() >= USED.items()
