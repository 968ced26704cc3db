"""What does the same as the page, in each framework and on the command line."""

from __future__ import annotations

import shlex
from textwrap import indent
from typing import Any

from vs_core.studio.settings import Settings

__all__ = ["TARGETS", "code"]

TARGETS = ("core", "langchain", "dspy", "llama_index", "shell")


def code(settings: Settings, target: str) -> str:
    """Return a program with exactly these settings.

    Args:
        settings: Of the page.
        target: One of `TARGETS`.

    Raises:
        ConfigurationError: If the resampler is written in a way that is none.
    """
    made = {
        "core": _core,
        "langchain": _langchain,
        "dspy": _dspy,
        "llama_index": _llama_index,
        "shell": _shell,
    }
    return made[target](settings)


def _arguments(given: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def _messages(settings: Settings) -> str:
    if not settings.system.strip():
        return repr(settings.prompt)
    return (
        f'[{{"role": "system", "content": {settings.system!r}}}, '
        f'{{"role": "user", "content": {settings.prompt!r}}}]'
    )


def _model(settings: Settings, url: str, before: str = "") -> str:
    """The model's name and what it is set to."""
    name = repr(before + settings.model)
    if settings.simulated:
        return f"{name}, {url}=server.base_url, api_key='none'"
    given: dict[str, Any] = {}
    if settings.base_url:
        given[url] = settings.base_url
    if settings.temperature is not None:
        given["temperature"] = settings.temperature
    return ", ".join(filter(None, (name, _arguments(given))))


def _served(settings: Settings, imports: str, body: str) -> str:
    """A program; that of the simulated model serves it over HTTP, as frameworks want it."""
    if not settings.simulated:
        return f"{imports}\n{body}"
    return (
        f"{imports}from vs_core.testing import SimulatedServer\n\n"
        f"with SimulatedServer() as server:\n{indent(body, '    ')}"
    )


def _drawn(settings: Settings) -> str:
    """The arguments of `Distribution.sample`."""
    name, options = settings.drawing()
    return _arguments({"resampler": name, **options}) if name else ""


def _drawing(settings: Settings) -> tuple[str, str]:
    """What a sampler is told of drawing, and what that imports."""
    name, options = settings.drawing()
    if not options:
        return (f", resampler={name!r}" if name else ""), ""
    given = _arguments(options)
    return (
        f", resampler=resampler_of({name!r}, {given})",
        "from vs_core.candidates import resampler_of\n",
    )


def _core(settings: Settings) -> str:
    if settings.simulated:
        model = "from vs_core.testing import SimulatedModel\n\nmodel = SimulatedModel()"
    else:
        made = f"OpenAIModel({_model(settings, 'base_url')})"
        model = f"from vs_core.clients import OpenAIModel\n\nmodel = {made}"
    return (
        f"from vs_core import verbalize\n{model}\n"
        f"distribution = verbalize({_messages(settings)}, model, "
        f"{_arguments(settings.options())})\n"
        f"print(distribution)\nprint(distribution.sample({_drawn(settings)}).text)\n"
    )


def _langchain(settings: Settings) -> str:
    return _served(
        settings,
        "from langchain_openai import ChatOpenAI\nfrom vs_langchain import VerbalizedSampler\n",
        f"llm = ChatOpenAI(model={_model(settings, 'base_url')})\n"
        f"sampler = VerbalizedSampler(llm, {_arguments(settings.options())})\n"
        f"distribution = sampler.invoke({_messages(settings)})\n"
        f"print(distribution)\nprint(distribution.sample({_drawn(settings)}).text)\n",
    )


def _dspy(settings: Settings) -> str:
    options = {key: value for key, value in settings.options().items() if key != "format"}
    instruction = settings.system.strip() or "Answer the request."
    drawing, imported = _drawing(settings)
    return _served(
        settings,
        f"import dspy\n{imported}from vs_dspy import VerbalizedSampler\n",
        f"lm = dspy.LM({_model(settings, 'api_base', 'openai/')})\n"
        f"signature = dspy.Signature('request -> answer', {instruction!r})\n"
        "with dspy.context(lm=lm):\n"
        f"    sampler = VerbalizedSampler(signature, {_arguments(options)}{drawing})\n"
        f"    prediction = sampler(request={settings.prompt!r})\n"
        "print(prediction.distribution)\nprint(prediction.answer)\n",
    )


def _llama_index(settings: Settings) -> str:
    options = _arguments(settings.options())
    drawing, imported = _drawing(settings)
    ask = f"ChatMessage(role='user', content={settings.prompt!r})"
    if settings.system.strip():
        ask = f"ChatMessage(role='system', content={settings.system!r}), {ask}"
    return _served(
        settings,
        "from llama_index.core.llms import ChatMessage\n"
        f"from llama_index.llms.openai_like import OpenAILike\n{imported}"
        "from vs_llama_index import VerbalizedLLM, distribution_of\n",
        f"llm = OpenAILike(model={_model(settings, 'api_base')}, is_chat_model=True)\n"
        f"response = VerbalizedLLM(llm, {options}{drawing}).chat([{ask}])\n"
        "print(distribution_of(response))\nprint(response.message.content)\n",
    )


def _shell(settings: Settings) -> str:
    given = dict(settings.options())
    words = ["vs", "sample", settings.prompt, "-k", str(given.pop("k"))]
    if "n" in given:
        words += ["-n", str(given.pop("n"))]
    if settings.drawing()[0]:
        given["resampler"] = settings.resampler
    for name, value in given.items():
        words += [f"--{name}", str(value)]
    if settings.system.strip():
        words += ["--system", settings.system]
    if settings.simulated:
        words.append("--simulated")
    else:
        words += ["--model", settings.model]
        if settings.base_url:
            words += ["--base-url", settings.base_url]
        if settings.temperature is not None:
            words += ["--temperature", str(settings.temperature)]
    return shlex.join(words) + "\n"
