"""What tokens cost: by the prices of the kept package ``genai-prices``, or of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vs_core.errors import ConfigurationError, raise_missing_extra

__all__ = ["Price"]


class Price:
    """The price of a model's tokens.

    Args:
        model: Its name; None where it has none.
        given: Of a million input and of a million output tokens, in any currency; None takes the
            prices of ``genai-prices``, in US dollars (extra ``generation``).

    Raises:
        ConfigurationError: If a given price is not a pair of numbers of at least 0.
    """

    def __init__(self, model: str | None, given: tuple[float, float] | None = None) -> None:
        if given is not None and (len(given) != 2 or not all(each >= 0 for each in given)):
            raise ConfigurationError(
                "price is a pair, of a million input and a million output tokens: (0.4, 1.6)."
            )
        self._model = model
        self._given = given
        self._known: tuple[float, float] | None = given

    def of(self, usage: Mapping[str, int]) -> float | None:
        """Return what these tokens cost; None where no price is known."""
        pair = self.pair()
        if pair is None:
            return None
        input_price, output_price = pair
        tokens = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
        return (tokens[0] * input_price + tokens[1] * output_price) / 1e6

    def pair(self) -> tuple[float, float] | None:
        """Return the prices of a million input and a million output tokens; None if not known."""
        if self._known is None and self._model is not None:
            self._known = _looked_up(self._model)
            self._model = None  # once is enough
        return self._known

    def require(self) -> None:
        """Refuse a budget where no price is known.

        Raises:
            ConfigurationError: If there is none.
            MissingExtraError: If ``genai-prices`` is not installed, and none was given.
        """
        if self._given is None and self._model is not None:
            _package()
        if self.pair() is None:
            raise ConfigurationError(
                "A budget needs a price: give that of a million input and output tokens "
                "(price=(0.4, 1.6), --price 0.4,1.6)."
            )


def _looked_up(model: str) -> tuple[float, float] | None:
    try:
        prices = _package()
    except ImportError:
        return None
    try:
        found = [
            prices.calc_price(prices.Usage(**{name: 1000}), model_ref=model).total_price * 1000
            for name in ("input_tokens", "output_tokens")
        ]
    except LookupError:  # a model that it does not know
        return None
    return float(found[0]), float(found[1])


def _package() -> Any:
    try:
        import genai_prices
    except ImportError as error:
        raise_missing_extra("generation", error)
    return genai_prices
