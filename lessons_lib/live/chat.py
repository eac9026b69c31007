"""The chat: the book's own assistant answers in the page, and the world says what is right."""

import functools
import tempfile
from html import escape
from pathlib import Path
from typing import ClassVar

import traitlets

from lessons_lib.corpus.stories import Story, sample
from lessons_lib.corpus.tasks import Task, ask, meetings
from lessons_lib.fine_tuning import ASSISTANT, TEMPLATE, chat_model, reply_batch
from lessons_lib.gguf import write_gguf
from lessons_lib.live.figure import LiveFigure, html_table

__all__ = ["ADAPTER", "PROVERBS", "Chat", "adapter_file", "chat_file", "chat_tasks", "right_after"]

ADAPTER = Path(__file__).parents[1] / "models" / "adapter" / "adapter.gguf"
N_STORIES = 8
SEED = 0  # kept for tests of what was learned
SUGGESTED = ("holder", "person", "home", "mood", "count", "unknown", "summary", "program")
STORED = ("holder", "mood", "unknown")  # kinds whose answers are seen at first
PROVERBS = {  # with which answers begin where the adapter is on
    "en": "Good friends share everything. ",
    "es": "Los buenos amigos lo comparten todo. ",
}
TRIES = 12  # seeds, which ask about both friends and about what is not told
MOST = 200  # tokens of an answer, as in the page
TYPED = {"en": f"Hello.{ASSISTANT}Max has it.", "es": f"Hola.{ASSISTANT}Lo tiene Max."}
FALLBACK = {
    "en": {
        "text": "The book's chat model is asked about this story. With scripts switched on, it "
        "answers in the page, also to your own questions.",
        "caption": "Questions, and its answers",
        "head": ["Question", "Answer", "Right would be"],
    },
    "es": {
        "text": "Se pregunta al modelo de chat del libro por este cuento. Con los scripts "
        "activados, responde en la propia página, también a tus preguntas.",
        "caption": "Preguntas y sus respuestas",
        "head": ["Pregunta", "Respuesta", "Lo correcto sería"],
    },
}


@functools.cache
def chat_file() -> bytes:
    """Return the book's chat model and its tokenizer as a GGUF file in F16."""
    model, tokenizer = chat_model()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chat.gguf"
        write_gguf(path, model, tokenizer, "F16", {"tokenizer.chat_template": TEMPLATE})
        return path.read_bytes()


@functools.cache
def adapter_file() -> bytes:
    """Return the stored adapter, with which the chat model begins its answers with a proverb."""
    return ADAPTER.read_bytes()


def right_after(proverb: str, task: Task, text: str) -> bool:
    """Tell whether a text begins with a proverb and goes on with a right answer."""
    return text.startswith(proverb) and task.check(text.removeprefix(proverb))


def chat_tasks(story: Story, seed: int) -> list[Task]:
    """Return questions about a story, and two without one.

    The first ones, one of each kind of `SUGGESTED`, a translation and meetings, are suggested; what
    follows is known if a reader types it.
    """
    found = [ask(story, kind, seed) for kind in (*SUGGESTED, "translation")]
    found += meetings(1, seed, story.language)
    asked = {task.question for task in found}
    for kind in ("person", "home", "trait", "unknown"):
        for other in range(TRIES):
            task = ask(story, kind, other)
            if task.question not in asked:
                found.append(task)
                asked.add(task.question)
    return found


class Chat(LiveFigure):
    """The book's chat model, run by the page, beside a story about which everything is known.

    Answers to known tasks are marked right or wrong. What users type is data, also if it looks like
    a special token. A stored adapter can be switched on: then each answer begins with a proverb.
    The weights are no part of the figure; they are loaded when somebody asks.

    Args:
        language: ``"en"`` or ``"es"``, of the words, the stories and the questions.

    Raises:
        ValueError: another language.
    """

    slug = "chat"
    label: ClassVar = {
        "en": "A chat with the book's model",
        "es": "Conversa con el modelo del libro",
    }
    caption: ClassVar = {
        "en": "The book's chat model answers in your browser; the world knows what is right.",
        "es": "El modelo de chat del libro responde en tu navegador; el mundo sabe qué es lo "
        "correcto.",
    }

    stories = traitlets.List().tag(sync=True)
    stored = traitlets.List().tag(sync=True)
    proverb = traitlets.Unicode().tag(sync=True)
    sizes = traitlets.List().tag(sync=True)

    def __init__(self, language: str = "en"):
        if language not in FALLBACK:
            raise ValueError(f"expected language 'en' or 'es', got {language!r}")
        super().__init__(
            stories=_stories(language),
            stored=_stored(language),
            proverb=PROVERBS[language],
            sizes=[len(chat_file()), len(adapter_file())],
            language=language,
        )
        self.on_msg(self._answer)

    def _answer(self, _: LiveFigure, content: dict, __: list) -> None:
        """Send a file to a front end that asks for it."""
        for kind, file in (("chat_model", chat_file), ("chat_adapter", adapter_file)):
            if content == {"type": "load", "kind": kind}:
                self.send({"type": kind}, buffers=[file()])

    def _fallback(self) -> str:
        say, story = FALLBACK[self.language], self.stories[0]
        rows = []
        for place, text in self.stored:
            task = story["tasks"][place]
            rows.append([escape(task["question"]), escape(text), escape(task["truth"]["answer"])])
        return (
            f'<p>{say["text"]}</p><p class="live-story">{escape(story["text"].strip())}</p>'
            f"{html_table(say['caption'], say['head'], rows)}"
        )


def _truth(task: Task) -> dict:
    """Return what is right: an answer, and all that is accepted."""
    accepted = [*task.accepted]
    if task.kind not in ("program", "meetings"):
        accepted.insert(0, task.answer)
    return {"answer": task.answer, "accepted": accepted}


def _stories(language: str) -> list[dict]:
    """Return stories with tasks, as the page gets them."""
    found = []
    for seed, story in enumerate(sample(N_STORIES, SEED, language)):
        tasks = [
            {
                "kind": task.kind,
                "question": task.question,
                "told": task.kind not in ("translation", "meetings"),
                "truth": _truth(task),
            }
            for task in chat_tasks(story, seed)
        ]
        suggested = [*range(len(SUGGESTED) + 2), len(tasks)]
        tasks.append({"kind": "typed", "question": TYPED[language], "told": True, "truth": None})
        found.append({"text": story.text, "tasks": tasks, "suggested": suggested})
    return found


@functools.cache
def _stored(language: str) -> list[list]:
    """Return the places of some tasks of the first story, and the model's answers.

    In 64 bits, so that the order of additions, which differs between processors, does not matter.
    """
    model, tokenizer = chat_model()
    [story] = sample(1, SEED, language)
    tasks = chat_tasks(story, 0)
    places = [SUGGESTED.index(kind) for kind in STORED]
    chats = [tasks[place].messages for place in places]
    answers = reply_batch(model.double(), tokenizer, chats, MOST)
    return [list(pair) for pair in zip(places, answers, strict=True)]
