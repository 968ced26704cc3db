"""What crosses the boundary to a model."""

import pytest

from vs_core import Completion, ConfigurationError, Message, ModelError
from vs_core.messages import as_completion, as_messages, with_instructions

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def test_a_string_is_one_user_message():
    assert as_messages("hi") == (Message("user", "hi"),)


def test_mappings_and_messages_mix():
    conversation = [{"role": "system", "content": "Be brief."}, Message("user", "hi")]
    assert as_messages(conversation) == (Message("system", "Be brief."), Message("user", "hi"))
    assert as_messages({"role": "user", "content": "hi"}) == (Message("user", "hi"),)


@pytest.mark.parametrize("prompt", ["", "  \n", [], ["hi"], [{"role": "user"}], [3]])
def test_what_is_no_prompt_is_refused(prompt):
    with pytest.raises(ConfigurationError):
        as_messages(prompt)


def test_instructions_join_the_system_message():
    task = as_messages(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "x"}]
    )
    assert with_instructions(task, "Give 5.") == (
        Message("system", "Be brief.\n\nGive 5."),
        Message("user", "x"),
    )
    assert with_instructions(task[1:], "Give 5.") == (Message("system", "Give 5."), task[1])


def test_instructions_become_a_part_of_a_multimodal_system_message():
    task = (Message("system", [IMAGE]), Message("user", [IMAGE, {"type": "text", "text": "what?"}]))
    woven = with_instructions(task, "Give 5.")
    assert woven[0].content == [IMAGE, {"type": "text", "text": "Give 5."}]
    assert woven[1] is task[1]
    assert woven[1].text == "what?"


def test_completions():
    assert as_completion("hi") == Completion("hi")
    completion = Completion("hi", {"input_tokens": 1})
    assert as_completion(completion) is completion
    with pytest.raises(ModelError, match="NoneType"):
        as_completion(None)
