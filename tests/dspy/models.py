"""Simulated models that can do what a test of DSPy needs of them, over HTTP as the others."""

import json
import re
from itertools import count

import dspy

from vs_core import Completion, ParseError, parse
from vs_core.testing import SimulatedModel, SimulatedTask
from vs_core.testing.model import tokens
from vs_core.testing.reading import understand


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


TEAMS = ("accounts", "billing", "hardware", "network")
TICKETS = {
    "I was charged twice.": "billing",
    "The cable is torn.": "hardware",
    "My password is not accepted.": "accounts",
    "Nothing loads on the third floor.": "network",
    "The invoice names the wrong company.": "billing",
    "The screen flickers.": "hardware",
    "I cannot change my user name.": "accounts",
    "The connection drops at noon.": "network",
    "You did not refund me.": "billing",
    "A key of my keyboard is stuck.": "hardware",
    "Somebody else has my login.": "accounts",
    "Downloads take for ever.": "network",
    "My discount is missing.": "billing",
    "The fan is loud.": "hardware",
}
EXAMPLES = [
    dspy.Example(ticket=ticket, team=team).with_inputs("ticket") for ticket, team in TICKETS.items()
]
TRAIN, HELD_OUT = EXAMPLES[:8], EXAMPLES[8:]

RULE = "Judge by what has to be mended."
"""What the model has to be told, or shown by a demo, to send a ticket to the right team."""


def _tickets(right):
    """The tickets as tasks whose answer is known with a probability of ``right``."""
    return [
        SimulatedTask(
            ticket,
            re.escape(ticket),
            {t: right if t == team else (1 - right) / 3 for t in TEAMS},
        )
        for ticket, team in TICKETS.items()
    ]


class Learns(SimulatedModel):
    """Knows the right team for a ticket only where its prompt says how, or shows it.

    As the model of an optimizer it writes instructions: every other one holds the rule, and where
    there is feedback, only those that are asked for with the ``hint`` in it do. None of them says
    anything of probabilities.
    """

    hint = "The right team is"

    def __init__(self):
        super().__init__()
        self.without = SimulatedModel(tasks=_tickets(0.05))
        self.knowing = SimulatedModel(tasks=_tickets(0.85))
        self.proposals = count()
        self.authored = []

    def answer(self, messages, json_schema=None):
        asked = understand(messages, json_schema)
        fields = asked.wrapper.schema["properties"]
        if "candidates" not in fields and "team" not in fields:
            return completion(messages, self._authored(asked.wrapper, messages))
        demos = [message.text for message in messages if message.role == "assistant"]
        shown = any(team in text for text in demos for team in TEAMS)
        model = self.knowing if shown or RULE in messages[0].text else self.without
        return model.answer(messages, json_schema)

    def _authored(self, wrapper, messages):
        text = "\n".join(message.text for message in messages)
        self.authored.append(text)
        instruction = RULE if next(self.proposals) % 2 else "Name the team."
        if "Feedback" in text:
            instruction = RULE if self.hint in text else "Name the team."
        values = dict.fromkeys(wrapper.schema["properties"], "A note.")
        for name in ("proposed_instruction", "new_instruction"):
            values |= {name: instruction} if name in values else {}
        if "module_advice" in values:
            values["module_advice"] = {"self": RULE, "route": RULE}
        if wrapper.style == "json":
            return json.dumps(values)
        blocks = [
            f"[[ ## {name} ## ]]\n{value if isinstance(value, str) else json.dumps(value)}"
            for name, value in values.items()
        ]
        return "\n\n".join([*blocks, "[[ ## completed ## ]]"])


class Repeats(Learns):
    """Varies one answer, until it is told otherwise: by a rule that feedback on that leads to."""

    hint = "are near-duplicates:"

    def __init__(self):
        super().__init__()
        same = {f"The team on floor {number} takes the ticket.": 1.0 for number in range(9)}
        other = dict.fromkeys(
            ("Ask Ada.", "Billing", "Floor two can.", "Nobody knows", "We do"), 1.0
        )
        self.without = SimulatedModel(tasks=[SimulatedTask("same", "", same)])
        self.knowing = SimulatedModel(tasks=[SimulatedTask("other", "", other)])
