"""Why aligned models collapse, in formulas, and how to measure it (extra ``metrics``).

Zhang et al. 2025, section 3: annotators prefer what is typical, so the reward that a model is
trained on holds a share α of the base model's log-likelihood, and the best policy for it is the
base model sharpened. ``docs/theory.md`` derives it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from vs_core.errors import ConfigurationError, raise_missing_extra

try:
    import numpy as np
except ImportError as error:
    raise_missing_extra("metrics", error)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["TypicalityBias", "fit_typicality_bias", "gamma", "optimal_policy", "sharpen"]


def gamma(alpha: float, beta: float) -> float:
    """Return the exponent γ = 1 + α/β by which alignment sharpens the base model.

    Args:
        alpha: Typicality bias: how much reward a unit of base log-likelihood (in nats) is worth.
        beta: Weight of the KL penalty of RLHF (or β of DPO), over 0.

    Returns:
        Over 1 for a positive bias, 1 for none.

    Raises:
        ConfigurationError: If beta is not positive, or a value is not finite.
    """
    if not (math.isfinite(alpha) and 0 < beta < math.inf):
        raise ConfigurationError(
            f"alpha must be finite and beta positive and finite, not {alpha} and {beta}."
        )
    return 1 + alpha / beta


@overload
def sharpen(p: Mapping[Hashable, float], gamma: float) -> dict[Hashable, float]: ...
@overload
def sharpen(p: ArrayLike, gamma: float) -> NDArray[np.float64]: ...
def sharpen(p: Any, gamma: float) -> Any:
    """Raise a distribution to the power γ and normalise it: p^γ / Σ p^γ.

    Args:
        p: Weights, at least 0 and not all 0: by outcome, or as a row of shape (n,).
        gamma: At least 0: over 1 sharpens, 1 leaves p as it is, under 1 flattens; 0 is uniform over
            what p can give. It is one over the temperature of `Distribution.reweight`.

    Returns:
        Probabilities as p was given: a mapping, or an array of shape (n,). What p cannot give stays
        at 0.

    Raises:
        ConfigurationError: If p is not a distribution or gamma is negative or not finite.
    """
    if not 0 <= gamma < math.inf:
        raise ConfigurationError(f"gamma must be at least 0 and finite, not {gamma}.")
    if isinstance(p, Mapping):
        return dict(zip(p, sharpen(list(p.values()), gamma).tolist(), strict=True))
    return _normalised(_scaled(gamma, _logs(p)))


def optimal_policy(
    reference: ArrayLike, reward: ArrayLike, *, alpha: float, beta: float
) -> NDArray[np.float64]:
    """Return the best policy of RLHF under typicality bias, in closed form.

    π*(y) ∝ π_ref(y)^γ · exp(r(y)/β) with γ = 1 + α/β maximises E[r + α log π_ref] − β KL(π‖π_ref)
    (Zhang et al. 2025, section 3). Where rewards are equal it is `sharpen` of the reference.

    Args:
        reference: π_ref: weights of the n answers, shape (n,).
        reward: r: what each answer is truly worth, shape (n,), or one number for all.
        alpha: Typicality bias α; see `gamma`.
        beta: Weight of the KL penalty, over 0.

    Returns:
        Probabilities, shape (n,).

    Raises:
        ConfigurationError: If the reference is not a distribution, the rewards are not finite or
            not as many, or alpha and beta cannot work.
    """
    exponent = gamma(alpha, beta)
    logs = _logs(reference)
    worth = np.asarray(reward, dtype=np.float64)
    if worth.shape not in ((), logs.shape) or not np.isfinite(worth).all():
        raise ConfigurationError("reward must be one finite number, or one for each answer.")
    return _normalised(_scaled(exponent, logs) + worth / beta)


def _logs(p: ArrayLike) -> NDArray[np.float64]:
    weights = np.asarray(p, dtype=np.float64)
    if weights.ndim != 1 or not (weights >= 0).all() or not np.isfinite(weights).all():
        raise ConfigurationError("A distribution is one row of finite weights of at least 0.")
    if not weights.any():
        raise ConfigurationError("A distribution needs a weight over 0.")
    return np.log(weights, out=np.full(weights.shape, -np.inf), where=weights > 0)


def _scaled(exponent: float, logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logs times the exponent; what cannot come stays so, even to the power 0."""
    scaled = np.full(logs.shape, -np.inf)
    possible = logs > -np.inf
    scaled[possible] = exponent * logs[possible]
    return scaled


def _normalised(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logs - logs.max())
    return np.asarray(powers / powers.sum())


# --- measuring the bias --------------------------------------------------------------------------


@dataclass(frozen=True)
class TypicalityBias:
    """An estimate of the typicality bias α from preferences.

    Args:
        alpha: The estimate: change of the log odds of being preferred for a unit of base
            log-likelihood (nats).
        standard_error: Of alpha.
        low: Lower end of the confidence interval.
        high: Upper end.
        level: Its confidence, on (0, 1).
        p_value: Two-sided, of the hypothesis α = 0 (Wald).
        pairs: How many pairs were used.
        typical_share: Share of the pairs, ties aside, whose more likely answer was preferred, on
            [0, 1]; 0.5 without bias.
        length: Change of the log odds for a token more, where tokens were given; else ``nan``.
    """

    alpha: float
    standard_error: float
    low: float
    high: float
    level: float
    p_value: float
    pairs: int
    typical_share: float
    length: float = math.nan


def fit_typicality_bias(
    chosen: ArrayLike,
    rejected: ArrayLike,
    *,
    correctness: tuple[ArrayLike, ArrayLike] | None = None,
    tokens: tuple[ArrayLike, ArrayLike] | None = None,
    level: float = 0.95,
) -> TypicalityBias:
    """Estimate the typicality bias α by Bradley–Terry logistic regression.

    Bradley and Terry 1952 with the reward r_true + α log π_ref (Zhang et al. 2025, section 3): for
    two answers that are equally correct r_true cancels, and the log odds that the first is
    preferred are α · (log π_ref(first) − log π_ref(second)). α is the one coefficient of a logistic
    regression without intercept (statsmodels).

    Args:
        chosen: Log-likelihood under the base model, in nats, of the preferred answer of each pair,
            shape (n,).
        rejected: That of the other answer, shape (n,).
        correctness: Scores of the chosen and of the rejected answers, shape (n,) each; only pairs
            with equal scores are used. None says that the pairs are matched already.
        tokens: Length in tokens, over 0, of the chosen and of the rejected answers, shape (n,)
            each. Log-likelihoods are then taken per token, as the paper's figures of α suggest, and
            the difference in length stands beside them in the regression: people like longer
            answers, which are less likely as a whole. None takes whole answers; their α is smaller
            by about their length, and cannot be compared with the paper's.
        level: Confidence of the interval, on (0, 1).

    Returns:
        The estimate with its standard error, confidence interval and p-value.

    Raises:
        ConfigurationError: If arrays differ in shape or are not finite, no pair is left whose
            likelihoods differ, or the preferred answer is always the more likely one (or never) or
            can be told from both without error: then no finite α fits best.
    """
    if not 0 < level < 1:
        raise ConfigurationError(f"level must be between 0 and 1, not {level}.")
    longer = None
    if tokens is not None:
        longer = _paired("tokens", *tokens)
        chosen, rejected = _per_token(chosen, tokens[0]), _per_token(rejected, tokens[1])
    difference = _paired("log-likelihoods", chosen, rejected)
    if correctness is not None:
        gap = _paired("correctness", *correctness)
        if gap.shape != difference.shape:
            raise ConfigurationError(f"{gap.size} correctness scores for {difference.size} pairs.")
        difference = difference[gap == 0]
        longer = None if longer is None else longer[gap == 0]
    informative = difference[difference != 0]
    typical = informative > 0
    if not informative.size:
        raise ConfigurationError(
            "No pair of equal correctness is left whose log-likelihoods differ."
        )
    if typical.all() or not typical.any():
        how_often = "always" if typical.all() else "never"
        raise ConfigurationError(
            f"The preferred answer is {how_often} the more likely one: no finite alpha fits best. "
            "More pairs are needed."
        )
    columns = [np.abs(informative)]
    if longer is not None:
        columns.append(longer[difference != 0] * np.sign(informative))
    columns = [column for column in columns if column.any()]  # equal lengths say nothing
    fit, scales = _logit(typical, columns)
    scale = float(scales[0])
    low, high = fit.conf_int(1 - level)[0] / scale
    return TypicalityBias(
        alpha=float(fit.params[0]) / scale,
        standard_error=float(fit.bse[0]) / scale,
        low=float(low),
        high=float(high),
        level=level,
        p_value=float(fit.pvalues[0]),
        pairs=int(difference.size),
        typical_share=float(typical.mean()),
        length=math.nan
        if longer is None
        else float(fit.params[1] / scales[1])
        if len(columns) > 1
        else 0.0,
    )


def _logit(typical: NDArray[np.bool_], columns: list[NDArray[np.float64]]) -> tuple[Any, Any]:
    """Whether the more likely answer won, on how much more likely it was, and how much longer.

    That has the same likelihood as asking whether the chosen one won, with two outcomes as the
    regression wants them. Returns the fit, and what each column was divided by.
    """
    from numpy.linalg import LinAlgError
    from statsmodels.api import Logit
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    scales = np.sqrt([np.mean(column**2) for column in columns])  # Newton's steps want about 1
    model = Logit(typical.astype(float), np.stack(columns, axis=1) / scales)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PerfectSeparationWarning)
            return model.fit(disp=False, maxiter=100), scales
    except (LinAlgError, PerfectSeparationWarning) as error:
        raise ConfigurationError(
            "Likelihood and length tell the preferred answers without error, or each other: no "
            "finite alpha fits best. More pairs are needed."
        ) from error


def _per_token(likelihoods: ArrayLike, tokens: ArrayLike) -> Any:
    """The log-likelihoods divided by the lengths; what is no row of numbers is told later."""
    first, second = np.asarray(likelihoods), np.asarray(tokens)
    if first.shape != second.shape or not (second > 0).all():
        raise ConfigurationError("Give a number of tokens over 0 for each answer.")
    return first / second


def _paired(name: str, first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """The difference of two rows of finite numbers."""
    try:
        a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"The {name} must be numbers: {error}") from error
    if a.ndim != 1 or a.shape != b.shape or not np.isfinite([a, b]).all():
        raise ConfigurationError(f"The {name} must be two rows of finite numbers, equally long.")
    return a - b
