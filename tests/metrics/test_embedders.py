"""Every framework's own embedder is a callable that the metrics take as it is."""

import pytest

from vs_core.metrics import semantic_diversity, vendi_score
from vs_core.testing import SimulatedServer

TEXTS = ["A bear in the wood.", "A bear in a wood.", "Quarterly figures."]


def plain(base_url):
    from openai import OpenAI

    client = OpenAI(base_url=base_url, api_key="simulated")
    return lambda texts: [
        item.embedding for item in client.embeddings.create(model="simulated", input=texts).data
    ]


def langchain(base_url):
    from langchain_openai import OpenAIEmbeddings

    return OpenAIEmbeddings(
        base_url=base_url, api_key="simulated", model="simulated", check_embedding_ctx_length=False
    ).embed_documents


def llama_index(base_url):
    from llama_index.embeddings.openai import OpenAIEmbedding

    return OpenAIEmbedding(api_base=base_url, api_key="simulated").get_text_embedding_batch


def dspy(base_url):
    import dspy

    return dspy.Embedder("openai/simulated", api_base=base_url, api_key="simulated", caching=False)


@pytest.mark.parametrize("framework", [plain, langchain, llama_index, dspy])
def test_an_embedder_of_a_framework_is_taken_as_it_is(framework, monkeypatch):
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with SimulatedServer() as server:
        embed = framework(server.base_url)
        vectors = plain(server.base_url)(TEXTS)
        assert semantic_diversity(TEXTS, embed=embed) == pytest.approx(
            semantic_diversity(vectors), abs=1e-6
        )
        assert vendi_score(TEXTS, embed=embed) == pytest.approx(vendi_score(vectors), abs=1e-6)
    assert semantic_diversity(vectors[:2]) < semantic_diversity(vectors)
