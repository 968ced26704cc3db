"""Is a model collapsed? Published dice of GPT-4.1, asked directly and asked for a distribution.

The counts are those of two times 600 answers that the authors of Verbalized Sampling published
(Zhang et al. 2025, Apache-2.0). Nothing is simulated here. Writes dice.svg, the README's picture.

Run: python -m examples.evaluation.dice
"""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from vs_core.metrics import kl_divergence, total_variation

FACES = ["1", "2", "3", "4", "5", "6"]
COUNTS = {
    "Asked for one answer, 600 times": {"1": 0, "2": 124, "3": 201, "4": 183, "5": 92, "6": 0},
    "Asked for a distribution, 600 drawn": {
        "1": 118,
        "2": 114,
        "3": 71,
        "4": 67,
        "5": 111,
        "6": 119,
    },
}
FAIR = dict.fromkeys(FACES, 1 / 6)


def main() -> None:
    plt.rcParams["svg.hashsalt"] = "dice"
    figure, panes = plt.subplots(1, 2, figsize=(8, 2.8), sharey=True, layout="constrained")
    for axes, (title, counts), colour in zip(
        panes, COUNTS.items(), ("#9a9a9a", "#00897b"), strict=True
    ):
        total = sum(counts.values())
        shares = {face: count / total for face, count in counts.items()}
        print(
            f"{title:<37} {sum(count > 0 for count in counts.values())} of 6 faces, "
            f"D(answers ‖ fair) {kl_divergence(shares, FAIR):.3f} nats, "
            f"total variation {total_variation(shares, FAIR):.3f}"
        )
        axes.bar(FACES, list(shares.values()), color=colour)
        axes.axhline(1 / 6, color="#555555", linewidth=1, linestyle="--")
        axes.set_title(title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    panes[0].set_ylabel("share of answers")
    panes[1].annotate("a fair die", (5.55, 1 / 6 + 0.008), fontsize=8, ha="right", color="#555555")
    figure.savefig("dice.svg", metadata={"Date": None})
    print("Wrote dice.svg")


if __name__ == "__main__":
    main()
