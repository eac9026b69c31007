"""Train the page's small model in a browser and store what came of it, for readers without scripts.

    python -m tools.page_training

The run that the figure `TrainInPage` begins with, in both languages: what new stories cost on the
way and the last story told. Beside it, what the same stories cost the best n-gram. On an idle core
this takes some minutes. The results go to `lessons_lib/models/page_training.json`.
"""

import argparse
import base64
import json

import numpy as np
from playwright.sync_api import sync_playwright

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.live.modules import engine_source
from lessons_lib.live.train_in_page import N_HELD, SETTINGS, STORED, pack_stories, word_stories
from lessons_lib.ngrams import NGram
from tools.browser import launch

N_STEPS = 1500
ORDERS = range(1, 7)
RUN = """
async ([source, text, settings, last]) => {
    const engine = new Function(`${source} return engine;`)();
    const run = { measured: [], story: "" };
    const tell = ({ type, step, nats, text, message, parameters }) => {
        if (type === "measured") run.measured.push([step, nats]);
        else if (type === "story") run.story = text;
        else if (type === "begun") run.parameters = parameters;
        else if (message) throw new Error(message);
    };
    const hear = engine.training_run.serve(tell);
    const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    await hear({ type: "stories", bytes });
    await hear({ type: "begin", run: 1, settings, factor: 1, last });
    return run;
}
"""


def ngram_costs(language: str) -> dict[int, float]:
    """Return what the held-out stories cost n-grams of each order, in nats per story."""
    words, stories = word_stories(language)
    row = [place for story in stories[:-N_HELD] for place in story]
    new = [place for story in stories[-N_HELD:] for place in story]
    model, costs = NGram(row, max(ORDERS), len(words)), {}
    for model.n in ORDERS:
        costs[model.n] = float(np.sum(model.surprises(new))) / N_HELD
    return costs


def page_run(page, language: str, n_steps: int) -> dict:
    """Train in a browser's page; return the figures on the way and the last story."""
    text = base64.b64encode(pack_stories(language)).decode()
    page.set_default_timeout(0)
    run = page.evaluate(RUN, [engine_source(), text, SETTINGS, n_steps])
    measured = [[step, round(nats, 1)] for step, nats in run["measured"]]
    return {"measured": measured, "parameters": run["parameters"], "story": run["story"]}


def main() -> None:
    """Make the runs and store them."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    stored = {}
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for language in ("en", "es"):
            costs = ngram_costs(language)
            order = min(costs, key=costs.get)
            print(language, {n: round(cost, 1) for n, cost in costs.items()}, flush=True)
            run = page_run(browser.new_page(), language, N_STEPS)
            stored[language] = {"order": order, "ngram": round(costs[order], 1), **run}
            print(stored[language], flush=True)
        browser.close()
    write_atomic(STORED, (json.dumps(stored, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    console.run(main)
