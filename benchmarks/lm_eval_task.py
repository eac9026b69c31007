"""The questions of the chapter `evaluation` as a task of EleutherAI's `lm-eval`.

    python -m benchmarks.lm_eval_task [--out lm-eval-task] [--language en] [--questions 200]

writes the book's model, the questions and the task into a folder, prints the accuracies that
`evaluation` finds, and the command with which `lm-eval` finds its own. `lm-eval` belongs in an
environment of its own; the book does not need it.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from lessons_lib.base import console
from lessons_lib.base.files import write_atomic
from lessons_lib.evaluation import choice_log_probs, pick, story_questions
from lessons_lib.training import END, story_model

TASK = """\
task: story_questions
dataset_path: json
dataset_kwargs:
  data_files:
    test: {questions}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{prompt}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: answer
target_delimiter: ""
metric_list:
  - metric: acc
  - metric: acc_norm
  - metric: acc_bytes
"""
COMMAND = (
    "lm_eval --model hf --model_args pretrained={model},dtype=float32 "
    "--include_path {folder} --tasks story_questions --device cpu --batch_size 8"
)


def main() -> None:
    """Write the folder and print what this book's functions find."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("lm-eval-task"))
    parser.add_argument("--language", choices=("en", "es"), default="en")
    parser.add_argument("--questions", type=int, default=200)
    given = parser.parse_args()
    folder = given.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    model, tokenizer = story_model(given.language)
    questions = story_questions(given.questions, 0, given.language, things=2)
    model.save_pretrained(folder / "model", tokenizer)
    lines = [
        {"prompt": END + q.prompt, "choices": q.choices, "answer": q.answer} for q in questions
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_atomic(folder / "questions.jsonl", text.encode())
    task = TASK.format(questions=folder / "questions.jsonl")
    write_atomic(folder / "story_questions.yaml", task.encode())
    right = {"acc": [], "acc_norm": [], "acc_bytes": []}
    for q in questions:
        log_probs = choice_log_probs(model, tokenizer, q.prompt, q.choices)
        characters, n_bytes = ([len(c) for c in q.choices], [len(c.encode()) for c in q.choices])
        for name, lengths in zip(right, (1, characters, n_bytes), strict=True):
            right[name].append(pick(log_probs, lengths) == q.answer)
    for name, found in right.items():
        error = np.std(found, ddof=1) / len(found) ** 0.5
        print(f"{name:9} {np.mean(found):.4f}, standard error {error:.4f}")
    print(COMMAND.format(model=folder / "model", folder=folder))


if __name__ == "__main__":
    console.run(main)
