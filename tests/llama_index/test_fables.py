"""The figures that the docs give: real embeddings, and the real retrievers of both sides."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from examples.fables import FABLES, HELD_OUT, QUESTIONS, WRITTEN, MiniLM

ROOT = Path(__file__).parents[2]
KINDS = ("rewrite", "hyde", "decompose")


@pytest.fixture(scope="module")
def printed():
    """What the example prints: method and kind to recall; and its intervals."""
    example = runpy.run_path(str(ROOT / "examples/llama_index/retrieving.py"))
    plain = example["VectorStoreIndex"](
        [example["TextNode"](id_=f.id, text=f.text, metadata={"title": f.title}) for f in FABLES],
        embed_model=example["MiniLMEmbedding"](),
    ).as_retriever(similarity_top_k=10)
    return {
        (method.name, kind): example["measured"](method, kind, HELD_OUT, None).recall
        for method in example["methods"](plain)
        for kind in method.kinds
    }


@pytest.mark.slow
def test_the_table_of_the_docs_is_what_is_measured(printed):
    page = (ROOT / "docs/llama_index.md").read_text()
    rows = re.findall(
        r"^\| (one query|`HyDE|`Query\S+ `\w+`|verbalized, `coverage`)(.*)\|$", page, re.M
    )
    assert len(rows) == 7
    for name, rest in rows:
        plain = name.replace("`", "").replace("HyDEQueryTransform", "HyDE")
        cells = [cell.strip() for cell in rest.split("|")[1:]]
        for kind, cell in zip(KINDS, cells, strict=True):
            if cell:
                key = (plain, "none" if plain == "one query" else kind)
                assert float(cell) == pytest.approx(np.mean(printed[key]), abs=6e-4), key


@pytest.mark.slow
def test_coverage_is_at_least_as_good_as_the_best_mode_of_query_fusion(printed):
    """The mean over the kinds of queries, on questions that it was not chosen by."""

    def means(name):
        return np.mean([printed[name, kind] for kind in KINDS], axis=0)

    differences = means("verbalized, coverage") - means("QueryFusionRetriever, relative_score")
    half = 2.101 * differences.std(ddof=1) / len(differences) ** 0.5  # t of 18 degrees
    assert differences.mean() - half > -0.03


def test_the_embeddings_are_those_of_the_model():
    """Against the package where it is installed; of length 1 and for all texts in any case."""
    embed = MiniLM()
    texts = [f"title: {fable.title}\n\n{fable.text}" for fable in FABLES]
    texts += [question.question for question in QUESTIONS]
    texts += [
        one["text"] for written in WRITTEN.values() for kind in KINDS for one in written[kind]
    ]
    vectors = np.array(embed(texts))
    assert vectors.shape == (len(texts), 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0)
    model = pytest.importorskip(MiniLM.PACKAGE).load_model()
    again = model.encode(texts[::50], normalize_embeddings=True)
    assert (again * vectors[::50]).sum(axis=1) == pytest.approx(1.0, abs=1e-4)
