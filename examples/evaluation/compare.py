"""Does Verbalized Sampling help on prompts of your own? Asks, measures, and writes a report.

Run it with OPENAI_API_KEY set. Without a key, start `vs serve` and set OPENAI_BASE_URL to the
address it prints, and OPENAI_API_KEY to anything: the answers are then simulated.
"""

from pathlib import Path

from vs_core import plugins
from vs_core.clients import OpenAIModel
from vs_core.evaluation import Experiment

PROMPTS = """\
Write a slogan for a bicycle shop.
Write a slogan for a night bus.
"""


def main() -> None:
    Path("slogans.txt").write_text(PROMPTS)
    experiment = Experiment(
        plugins.task("joke", file="slogans.txt"),  # any writing task takes prompts of your own
        ["direct", "sequence", "vs_standard", "vs_cot"],
        model=OpenAIModel("gpt-4.1-mini", temperature=0.7),
        n=10,
        thresholds=[1.0, 0.1],
        price=(0.4, 1.6),  # dollars for a million input and output tokens
        out="slogans",  # run it again, and it asks for nothing that it has
    ).run()
    columns = ["strategy", "threshold", "lexical_diversity", "distinct", "cost_per_useful"]
    print(experiment.table()[columns].round(6).to_string(index=False))
    print("report:", experiment.report())


if __name__ == "__main__":
    main()
