"""GEPA learns from answers in a wrong format, as it does with dspy.Predict."""

import json

import dspy
import pytest

from tests.dspy.models import HELD_OUT, TRAIN, Learns, completion
from tests.dspy.test_optimizers import needs_gepa
from vs_dspy import VerbalizedParseError, VerbalizedSampler

REMEDY = "Follow the form of the answer to the letter."


class Rambles(Learns):
    """Answers in no form at all, until its instruction holds the remedy.

    It proposes the remedy only where reflection shows it an answer that could not be read.
    """

    def answer(self, messages, json_schema=None):
        text = "\n".join(message.text for message in messages)
        if "[[ ## ticket ## ]]" not in messages[0].text:
            return completion(messages, self._proposed(text))
        if REMEDY not in text:
            return completion(messages, "Well, who can say?")
        if "`candidates`" in messages[0].text:
            return self.knowing.answer(messages, json_schema)
        return completion(messages, "[[ ## team ## ]]\nbilling\n\n[[ ## completed ## ]]")

    def _proposed(self, text):
        self.authored.append(text)
        seen = "Well, who can say?" in text and "failed to parse" in text.lower()
        instruction = REMEDY if seen else "Name the team."
        return json.dumps({"new_instruction": instruction})


def answered(example, prediction, trace=None, pred_name=None, pred_trace=None):
    return dspy.Prediction(score=float(bool(prediction.team)), feedback="There is an answer.")


@needs_gepa
@pytest.mark.parametrize(
    "student",
    [dspy.Predict("ticket -> team"), VerbalizedSampler("ticket -> team", k=3, retries=0)],
    ids=lambda student: type(student).__name__,
)
def test_gepa_reflects_on_answers_in_a_wrong_format(student, server, lm):
    server.model = Rambles()
    compiled = dspy.GEPA(
        metric=answered, reflection_lm=lm, max_metric_calls=20, num_threads=1,
        add_format_failure_as_feedback=True,
    ).compile(student, trainset=TRAIN[:3], valset=TRAIN[3:5])  # fmt: skip
    assert len(server.model.authored) == 1
    assert REMEDY in compiled.signature.instructions
    assert compiled(ticket=HELD_OUT[0].ticket).team
    with pytest.raises(dspy.utils.exceptions.AdapterParseError) as caught:
        student(ticket=HELD_OUT[0].ticket)
    assert isinstance(caught.value, VerbalizedParseError) == isinstance(student, VerbalizedSampler)
