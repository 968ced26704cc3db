"""Simulated models that can do what a test of DSPy needs of them, over HTTP as the others."""

import json

from vs_core import Completion, ParseError, parse
from vs_core.testing import SimulatedModel
from vs_core.testing.model import tokens


def completion(messages, text):
    used = sum(tokens(message.text) for message in messages)
    return Completion(text, {"input_tokens": used, "output_tokens": tokens(text)})


class Says(SimulatedModel):
    """Says one thing, whatever it is asked."""

    def __init__(self, text):
        super().__init__()
        self.said = text

    def answer(self, messages, json_schema=None):
        return completion(messages, self.said)


class Extracts(SimulatedModel):
    """Answers freely, and extracts the fields of an answer where TwoStepAdapter asks for them."""

    extractions = 0
    can_extract = True

    def answer(self, messages, json_schema=None):
        if "extract the fields from the text verbatim" not in messages[0].text:
            return super().answer(messages, json_schema)
        self.extractions += 1
        text = messages[-1].text.partition("[[ ## text ## ]]")[2].partition("Respond with")[0]
        try:
            found = parse(text) if self.can_extract else None
        except ParseError:
            found = None
        if found is None:
            return completion(messages, "I cannot.")
        items = [{"joke": c.text, "probability": c.probability} for c in found]
        return completion(messages, f"[[ ## candidates ## ]]\n{json.dumps(items)}")
