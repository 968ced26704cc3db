"""Profiles: small files that hold the settings which work for a model, and how that is known.

``vs check`` writes them, as ``vs tune`` does; whatever asks a model takes them::

    verbalize("Tell me a joke about coffee", complete, profile="jokes.toml")
    prompt | llm | VerbalizedSampler(profile="jokes.toml")

What is given beside a profile wins over what the profile says.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Union

from pydantic import TypeAdapter, ValidationError

from vs_core.errors import ConfigurationError, raise_missing_extra
from vs_core.redaction import redacted

__all__ = ["Figure", "Profile", "ProfileLike", "require_place", "same_model"]

_PLAIN = (str, int, float, bool)


@dataclass(frozen=True)
class Figure:
    """A number that was measured.

    Args:
        value: The number.
        low: Lower end of its 95 % interval; None where there is none.
        high: Upper end of it.
        n: Of how many things it is taken; None where that means nothing.
        unit: What it counts, such as ``"share of answers"`` or ``"s"``.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Settings that work for a model, and how that is known.

    Args:
        settings: Options of a strategy by their names, ``strategy`` among them; see
            `vs_core.strategies.Strategy`. ``prompts`` are a table of templates.
        model: Name of the model that they were chosen for.
        answers_as: The name that its answers gave, where that is another: that of a snapshot.
        parameters: Of the model, as `vs_core.clients.OpenAIModel` takes them: ``temperature``,
            ``structured``, …. ``vs sample`` and the like set them; elsewhere the model is yours.
        figures: What was measured.
        simulated: Whether that was a simulated model, of which figures say nothing about others.
        note: For people.
        made_by: What made it.
        made: When, in ISO 8601.
        versions: Of what it was made with.

    Raises:
        ConfigurationError: If a setting is no plain data.
    """

    settings: dict[str, Any]
    model: str | None = None
    answers_as: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    simulated: bool = False
    note: str = ""
    made_by: str = ""
    made: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.settings.items():
            plain = isinstance(value, Mapping) if name == "prompts" else isinstance(value, _PLAIN)
            if not plain:
                raise ConfigurationError(
                    f"A profile holds plain settings: {name} is a {type(value).__name__}."
                )

    # --- files ---------------------------------------------------------------------------------

    @classmethod
    def of(cls, profile: ProfileLike) -> Profile:
        """Return a profile: itself, or what stands in a file."""
        return profile if isinstance(profile, Profile) else cls.load(profile)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Profile:
        """Read a profile.

        Args:
            path: A file of TOML, or of JSON if its name ends so.

        Raises:
            ConfigurationError: If there is no such file, or it holds no profile; it says what is
                wrong.
        """
        file = Path(path)
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise ConfigurationError(f"The profile {file} cannot be read: {why}.") from error
        try:
            data = json.loads(text) if file.suffix == ".json" else _toml(text)
        except ValueError as error:
            kind = "JSON" if file.suffix == ".json" else "TOML"
            raise ConfigurationError(f"The profile {file} is no {kind}: {error}.") from error
        try:
            return cls._from(data)
        except ConfigurationError as error:
            raise ConfigurationError(f"The profile {file}: {error}") from error

    @classmethod
    def _from(cls, data: Any) -> Profile:
        known = {each.name for each in fields(cls)}
        unknown = sorted(data.keys() - known) if isinstance(data, Mapping) else ["no table"]
        if unknown:
            raise ConfigurationError(
                f"it may hold {', '.join(sorted(known))}, not {', '.join(unknown)}."
            )
        if isinstance(data.get("made"), datetime):  # what TOML makes of it
            data = {**data, "made": data["made"].isoformat()}
        try:
            return TypeAdapter(cls).validate_python(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "it"
            raise ConfigurationError(f"{where}: {first['msg']}.") from error

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write this profile, in the place of what stands there; no secret is written.

        Args:
            path: A file that ends in ``.toml``, or ``.json``.

        Returns:
            The path.

        Raises:
            ConfigurationError: If it ends in something else, or cannot be written.
            MissingExtraError: For TOML without the extra ``cli``.
        """
        file = require_place(path)
        data = _without_nothing(asdict(replace(self, parameters=redacted(self.parameters))))
        if file.suffix == ".json":
            text = json.dumps(data, ensure_ascii=False, indent=2) + "\n"
        else:
            try:
                import tomli_w
            except ImportError as error:
                raise_missing_extra("cli", error)
            text = tomli_w.dumps(data)
        aside = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            aside.write_text(text, "utf-8")
            aside.replace(file)
        except OSError as error:
            why = error.strerror or error
            raise ConfigurationError(f"The profile {file} cannot be written: {why}.") from error
        return file

    # --- using ---------------------------------------------------------------------------------

    def options(self, **given: Any) -> dict[str, Any]:
        """Return the options of a strategy: those given, and for the rest those of the profile.

        Args:
            **given: Options of a strategy, ``strategy`` among them. None for a ``strategy`` is not
                given.

        Raises:
            ConfigurationError: If a strategy is given that is an object, with options of its own.
        """
        if given.get("strategy", "") is None:
            del given["strategy"]
        if not isinstance(given.get("strategy", ""), str):
            raise ConfigurationError(
                "A strategy that is an object has its options: give its name beside a profile."
            )
        return {**self.settings, "made_for": self.models, **given}

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the model that this was made for; empty if that does not matter."""
        return tuple(dict.fromkeys(name for name in (self.model, self.answers_as) if name))

    @classmethod
    def made_now(cls, *, made_by: str, packages: Iterable[str] = (), **parts: Any) -> Profile:
        """Return a profile that says when it was made, and with which versions.

        Args:
            made_by: What makes it.
            packages: Further distributions of which the version matters, where they are installed.
            **parts: The rest of it.
        """
        from importlib.metadata import PackageNotFoundError, version

        versions = {"python": platform.python_version()}
        for name in ("vs-core", *packages):
            try:
                versions[name] = version(name)
            except PackageNotFoundError:
                continue
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return cls(made_by=made_by, made=now, versions=versions, **parts)


ProfileLike = Union[str, "os.PathLike[str]", Profile]
"""A profile, or the file that it stands in."""


def require_place(path: str | os.PathLike[str]) -> Path:
    """Return where a profile can be written; to be asked before anything is paid for.

    Raises:
        ConfigurationError: If its name does not end in ``.toml`` or ``.json``, or its folder is not
            there.
    """
    file = Path(path)
    if file.suffix not in (".toml", ".json"):
        raise ConfigurationError(f"A profile ends in .toml or .json, not as {file.name!r}.")
    if not file.absolute().parent.is_dir():
        raise ConfigurationError(f"The profile {file} cannot be written: its folder is not there.")
    return file


_PROVIDER = re.compile(r"^.*/")
_SNAPSHOT = re.compile(r"[-@:](\d{4}-?\d{2}-?\d{2}|\d{6}|\d{4}|\d{3}|latest)$")


def same_model(one: str, other: str) -> bool:
    """Whether two names are those of one model: but for case, provider, date and path of a file.

    ``"openai/gpt-4.1-mini"`` is ``"gpt-4.1-mini-2025-04-14"``; ``"gpt-4.1"`` is neither.
    """
    first, second = (_PROVIDER.sub("", name.strip().casefold()) for name in (one, other))
    first, second = (name.removesuffix(".gguf") for name in (first, second))
    return first == second or _SNAPSHOT.sub("", first) == _SNAPSHOT.sub("", second)


def _toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]
    data: dict[str, Any] = tomllib.loads(text)
    return data


def _without_nothing(data: Mapping[str, Any]) -> dict[str, Any]:
    """A table without what is None, for which TOML has no word, nor empty tables and texts."""
    filled = {
        name: _without_nothing(value) if isinstance(value, Mapping) else value
        for name, value in data.items()
    }
    return {name: value for name, value in filled.items() if value not in (None, "", {})}
