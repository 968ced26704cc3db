"""The theory's formulas, and that the fit recovers a bias that is known."""

import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import softmax

from tests.strict import warnings_are_errors
from vs_core import Candidate, ConfigurationError, Distribution
from vs_core.metrics import kl_divergence
from vs_core.theory import fit_typicality_bias, gamma, optimal_policy, sharpen

pytestmark = warnings_are_errors

weights = st.lists(st.floats(0.01, 10), min_size=1, max_size=10)


def test_gamma_is_the_formula_of_the_paper():
    assert gamma(0.57, 0.1) == pytest.approx(6.7)
    assert gamma(0, 3) == 1
    assert gamma(-1, 2) == 0.5


@pytest.mark.parametrize(("alpha", "beta"), [(1, 0), (1, -1), (math.nan, 1), (1, math.inf)])
def test_gamma_needs_a_penalty(alpha, beta):
    with pytest.raises(ConfigurationError, match="beta"):
        gamma(alpha, beta)


@given(weights, st.floats(0, 20))
def test_sharpening_is_a_power_normalised(p, exponent):
    powers = [value**exponent for value in p]
    expected = [power / sum(powers) for power in powers]
    assert sharpen(p, exponent) == pytest.approx(expected, abs=1e-9)


@given(weights, st.floats(0.1, 10))
def test_sharpening_is_reweighting_at_the_inverse_temperature(p, exponent):
    shares = [value / sum(p) for value in p]
    distribution = Distribution(
        Candidate(text=str(i), probability=share) for i, share in enumerate(shares)
    )
    cooled = distribution.reweight(1 / exponent)
    assert sharpen(shares, exponent) == pytest.approx(cooled.weights, abs=1e-9)


def test_documented_values_of_sharpening():
    assert sharpen({"a": 3, "b": 1}, 1) == pytest.approx({"a": 0.75, "b": 0.25})
    assert sharpen([4, 1, 0], 0.5) == pytest.approx([2 / 3, 1 / 3, 0])
    assert sharpen({"a": 3, "b": 1, "c": 0}, 0) == pytest.approx({"a": 0.5, "b": 0.5, "c": 0})
    assert sharpen([7], 9) == [1]
    assert sharpen([1e-300, 2e-300], 500).tolist() == pytest.approx([0, 1])  # does not underflow


@pytest.mark.parametrize(
    ("p", "exponent", "message"),
    [
        ([], 1, "weight over 0"),
        ({}, 1, "weight over 0"),
        ([0, 0], 1, "weight over 0"),
        ([1, -1], 1, "at least 0"),
        ([1, math.nan], 1, "at least 0"),
        ([1], -1, "gamma"),
        ([1], math.inf, "gamma"),
    ],
)
def test_what_cannot_be_sharpened_is_said(p, exponent, message):
    with pytest.raises(ConfigurationError, match=message):
        sharpen(p, exponent)


# --- the policy --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_no_other_policy_has_more_of_what_rlhf_maximises(seed):
    rng = np.random.default_rng(seed)
    reference, reward = rng.dirichlet(np.ones(5)), rng.normal(size=5)
    alpha, beta = rng.uniform(0, 1), rng.uniform(0.3, 2)

    def objective(policy):
        biased = reward + alpha * np.log(reference)
        return policy @ biased - beta * kl_divergence(policy, reference)

    best = optimal_policy(reference, reward, alpha=alpha, beta=beta)
    searched = minimize(lambda logits: -objective(softmax(logits)), np.zeros(5), tol=1e-12)
    assert objective(best) >= -searched.fun - 1e-12
    assert best == pytest.approx(softmax(searched.x), abs=1e-3)


def test_where_rewards_are_equal_the_policy_is_the_sharpened_reference():
    reference = [0.5, 0.3, 0.2, 0.0]
    policy = optimal_policy(reference, 3.0, alpha=0.5, beta=0.25)
    assert policy == pytest.approx(sharpen(reference, 3))
    assert optimal_policy(reference, [0, 0, 9, 99], alpha=0.5, beta=0.25)[3] == 0


@pytest.mark.parametrize("reward", [[1, 2], [1, 2, math.nan], [[1, 2, 3]]])
def test_every_answer_has_one_reward(reward):
    with pytest.raises(ConfigurationError, match="one for each answer"):
        optimal_policy([0.5, 0.3, 0.2], reward, alpha=0, beta=1)


# --- the fit -----------------------------------------------------------------------------------


def preferences(rng, n, alpha):
    """Pairs of log-likelihoods, ordered by preferences that Bradley-Terry draws."""
    first, second = rng.normal(-60, 2, size=(2, n))
    wins = rng.random(n) < 1 / (1 + np.exp(-alpha * (first - second)))
    return np.where(wins, first, second), np.where(wins, second, first)


def test_a_known_alpha_is_in_its_interval_at_the_nominal_rate():
    rng = np.random.default_rng(7)
    trials = 300
    fits = [fit_typicality_bias(*preferences(rng, 200, 0.57), level=0.9) for _ in range(trials)]
    hits = sum(fit.low <= 0.57 <= fit.high for fit in fits)
    assert 0.85 <= hits / trials <= 0.95  # 90 % within three standard errors of 300 trials
    spread = np.std([fit.alpha for fit in fits])
    assert np.mean([fit.standard_error for fit in fits]) == pytest.approx(spread, rel=0.15)


def test_without_bias_the_p_value_is_uniform():
    from scipy.stats import kstest

    rng = np.random.default_rng(8)
    fits = [fit_typicality_bias(*preferences(rng, 100, 0.0)) for _ in range(200)]
    assert kstest([fit.p_value for fit in fits], "uniform").pvalue > 1e-3
    assert np.mean([fit.typical_share for fit in fits]) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("scale", [1e-6, 1, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_the_scale_of_the_likelihoods_scales_alpha(seed, scale):
    chosen, rejected = preferences(np.random.default_rng(seed), 60, 0.4)
    fit = fit_typicality_bias(chosen, rejected)
    scaled = fit_typicality_bias(chosen * scale, rejected * scale)
    for name in ("alpha", "standard_error", "low", "high"):
        assert getattr(scaled, name) * scale == pytest.approx(getattr(fit, name), rel=1e-6)
    assert scaled.p_value == pytest.approx(fit.p_value, rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_estimate_is_the_most_likely(seed):
    chosen, rejected = preferences(np.random.default_rng(seed), 60, 0.4)
    difference = chosen - rejected

    def loss(alpha):
        return float(np.logaddexp(0, -alpha * difference).sum())

    best = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-12})
    fit = fit_typicality_bias(chosen, rejected)
    assert fit.alpha == pytest.approx(best.x, abs=1e-6)
    shares = 1 / (1 + np.exp(-fit.alpha * difference))
    information = (difference**2 * shares * (1 - shares)).sum()
    assert fit.standard_error == pytest.approx(information**-0.5, rel=1e-6)
    assert fit.low == pytest.approx(fit.alpha - 1.959964 * fit.standard_error, abs=1e-6)
    assert fit.high == pytest.approx(fit.alpha + 1.959964 * fit.standard_error, abs=1e-6)
    z = fit.alpha / fit.standard_error
    assert fit.p_value == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), abs=1e-9)
    assert (fit.pairs, fit.typical_share) == (60, (difference > 0).mean())


def test_only_pairs_of_equal_correctness_count():
    rng = np.random.default_rng(1)
    chosen, rejected = preferences(rng, 100, 0.5)
    better = rng.integers(0, 2, 100)
    fit = fit_typicality_bias(chosen, rejected, correctness=(3 + better, np.full(100, 3)))
    matched = better == 0
    alone = fit_typicality_bias(chosen[matched], rejected[matched])
    assert asdict(fit) == pytest.approx(asdict(alone), rel=0, abs=0, nan_ok=True)
    assert fit.pairs == matched.sum() < 100


def test_pairs_of_equal_likelihood_say_nothing():
    chosen, rejected = [1.0, 0.0, 2.0], [0.0, 1.0, 0.0]
    fit = fit_typicality_bias(chosen, rejected)
    padded = fit_typicality_bias([*chosen, 5.0], [*rejected, 5.0])
    assert (padded.alpha, padded.typical_share) == (fit.alpha, fit.typical_share)
    assert (fit.pairs, padded.pairs) == (3, 4)


@pytest.mark.parametrize(
    ("chosen", "rejected", "options", "message"),
    [
        ([], [], {}, "No pair"),
        ([1.0], [1.0], {}, "No pair"),
        ([2.0, 3.0], [1.0, 1.0], {}, "answer is always the more likely"),
        ([0.0, 0.0], [1.0, 2.0], {}, "answer is never the more likely"),
        ([1.0], [1.0, 2.0], {}, "log-likelihoods must be two rows"),
        ([math.nan], [1.0], {}, "finite"),
        (["x"], ["y"], {}, "must be numbers"),
        ([1.0, 0.0], [0.0, 1.0], {"correctness": ([1], [1])}, "1 correctness scores for 2 pairs"),
        ([1.0, 0.0], [0.0, 1.0], {"correctness": ([1, 2], [2, 1])}, "No pair"),
        ([1.0, 0.0], [0.0, 1.0], {"level": 95}, "level"),
    ],
)
def test_what_cannot_be_fitted_is_said(chosen, rejected, options, message):
    with pytest.raises(ConfigurationError, match=message):
        fit_typicality_bias(chosen, rejected, **options)


def test_without_the_extra_it_is_said_what_to_install():
    import subprocess
    import sys

    code = "import sys; sys.modules['numpy'] = None; import vs_core.theory"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'vs-core[metrics]'" in done.stderr.splitlines()[-1]


# --- likelihoods per token -----------------------------------------------------------------------


def pairs_of_lengths(rng, n, alpha, length):
    """People who like what is likely per token, and longer answers."""
    tokens = rng.integers(10, 60, size=(2, n))
    likelihood = rng.normal(-1.5, 0.8, size=(2, n))
    odds = alpha * (likelihood[0] - likelihood[1]) + length * (tokens[0] - tokens[1])
    first = rng.random(n) < 1 / (1 + np.exp(-odds))
    total = likelihood * tokens
    chosen, rejected = (np.where(won, total[0], total[1]) for won in (first, ~first))
    sizes = tuple(np.where(won, tokens[0], tokens[1]) for won in (first, ~first))
    return chosen, rejected, sizes


def test_alpha_per_token_is_recovered_beside_a_liking_for_length():
    rng = np.random.default_rng(5)
    fits = []
    for _ in range(60):
        chosen, rejected, tokens = pairs_of_lengths(rng, 400, 0.57, 0.03)
        fits.append(fit_typicality_bias(chosen, rejected, tokens=tokens))
    assert np.mean([fit.alpha for fit in fits]) == pytest.approx(0.57, abs=0.05)
    assert np.mean([fit.length for fit in fits]) == pytest.approx(0.03, abs=0.005)
    assert np.mean([fit.low < 0.57 < fit.high for fit in fits]) > 0.87
    # Of whole answers the liking for length hides the bias.
    assert fit_typicality_bias(chosen, rejected).alpha < 0.57 / 35 / 2


def test_lengths_that_cannot_be_are_errors():
    rng = np.random.default_rng(6)
    chosen, rejected, tokens = pairs_of_lengths(rng, 50, 0.5, 0.0)
    for wrong in ((tokens[0], tokens[1][1:]), (tokens[0] * 0, tokens[1])):
        with pytest.raises(ConfigurationError, match="tokens"):
            fit_typicality_bias(chosen, rejected, tokens=wrong)
    same = np.full(50, 20)
    fit = fit_typicality_bias(chosen, rejected, tokens=(same, same))
    assert fit.length == 0
    assert fit.alpha == pytest.approx(20 * fit_typicality_bias(chosen, rejected).alpha)
    assert math.isnan(fit_typicality_bias(chosen, rejected).length)
    with pytest.raises(ConfigurationError, match="without error"):
        fit_typicality_bias([-2, -30, -9], [-4, -2, -8.5], tokens=([9, 8, 7], [1, 2, 3]))
