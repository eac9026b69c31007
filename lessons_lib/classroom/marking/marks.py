"""The marks of one notebook."""

import contextlib
import json
import math
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lessons_lib.classroom import practice
from lessons_lib.classroom.marking import limits
from lessons_lib.classroom.marking.reading import Notebook, exercises, read
from lessons_lib.classroom.marking.values import pack_arguments
from lessons_lib.classroom.marking.words import Told, printable
from lessons_lib.classroom.own import Own, own_case
from lessons_lib.classroom.practice import Exercise

__all__ = [
    "SECONDS",
    "Mark",
    "Sitting",
    "check_cases",
    "end_turns",
    "load_cases",
    "mark",
    "mark_read",
]

SECONDS = 20.0  # for one exercise
START = 120.0  # seconds for what is no student's: Python, torch, a container
LEAVE = 5.0  # seconds for a keeper to end
LONGEST_LINE = 1_000_000  # bytes of what a keeper says about one exercise
KEEP = "from lessons_lib.classroom.marking.keeper import keep; keep()"
_turns: dict[subprocess.Popen, list[str]] = {}  # keepers at work, and how to end their containers
_stopped: set[subprocess.Popen] = set()  # keepers whose run was stopped


@dataclass(frozen=True)
class Mark:
    """The mark of one exercise: the notebook's path, and what the check says where it is wrong.

    `published` tells that the code is the solution of the library, but for names and comments.
    """

    notebook: str
    chapter: str
    exercise: str
    right: bool
    message: str
    published: bool = False


def mark(
    notebook: str | os.PathLike,
    *,
    chapter: str | None = None,
    cases: Mapping[str, Iterable[tuple]] | None = None,
    seconds: float = SECONDS,
    language: str | None = None,
    container: str | None = None,
    own: Iterable[Own] = (),
) -> list[Mark]:
    """Mark all exercises of the chapter that a notebook belongs to.

    Of a function that is defined several times, the last definition counts, as it was when its cell
    had run, or as it is at the end. The book's own solutions (see `reading.read`) do not.

    Args:
        notebook: the path of an `.ipynb` file of format 4, with or without outputs.
        chapter: the chapter's name; by default the one whose checks the notebook imports.
        cases: more cases: from "chapter.function" to tuples of arguments. They come after the
            cases of the book; the model solution gives the right answers.
        seconds: the limit for each exercise.
        language: of the messages, "en" or "es"; by default the one that the notebook chooses with
            `practice.speak`, else English.
        container: the image of a container to mark in, with podman or docker.
        own: exercises of the lecturer's own, as `own.read_all` gives; those of the chapter count.

    Returns:
        one `Mark` for each exercise, in the order of the notebook; missing functions come last.

    Raises:
        ValueError: the file is no notebook, its chapter is unclear or unknown, a case names no
            exercise or is refused by the model solution, or another argument is none.
        ChildProcessError: the marker's own process does not start.
    """
    try:
        found = read(notebook)
        chapter = chapter or found.chapter()
    except Told as reason:
        raise ValueError(f"{notebook}: {reason.say(language or 'en')}") from None
    with Sitting(container) as sitting:
        return mark_read(
            str(notebook), found, chapter, cases or {}, seconds, language, own, sitting
        )


def mark_read(
    name: str,
    notebook: Notebook,
    chapter: str,
    cases: Mapping[str, Iterable[tuple]],
    seconds: float = SECONDS,
    language: str | None = None,
    own: Iterable[Own] = (),
    sitting: "Sitting | None" = None,
    checked: bool = False,
) -> list[Mark]:
    """Mark a notebook that has been read; see `mark`.

    `sitting` holds the keeper; `checked` tells that the cases have been.
    """
    language = language or notebook.language or "en"
    if language not in practice.LANGUAGES:
        raise ValueError(f"expected one of {sorted(practice.LANGUAGES)}, got {language!r}")
    if not (isinstance(seconds, int | float) and 0 < seconds < math.inf):
        raise ValueError(f"expected seconds above 0, got {seconds!r}")
    cells = list(notebook.cells)
    text = "\n".join(cells)
    own = [one for one in own if one.chapter == chapter]
    asked = exercises(chapter, own)
    more = {key: list(some) for key, some in cases.items()}
    if not checked:
        check_cases(more, own)
    tasks = {exercise.name: _task(exercise, more.get(f"{chapter}.{exercise.name}", ()))
             for exercise in asked}  # fmt: skip
    task = {"chapter": chapter, "cells": cells, "language": language, "seconds": seconds}
    task |= {"memory": limits.MEMORY, "own": {one.name: one.source for one in own}}
    task["hidden"] = str(Path(own[0].path).absolute().parents[1]) if own else None
    said = _ask(task, tasks, sitting)
    marks = []
    places = {name: text.find(f"def {name}(") % (len(text) + 1) for name in tasks}
    for one in sorted(tasks, key=places.get):
        fault, published = said[one]
        message = printable(fault or "")
        marks.append(Mark(name, chapter, one, fault is None, message, published))
    return marks


def load_cases(path: str | os.PathLike) -> dict[str, list[tuple]]:
    """Run a Python file and return its `CASES`: from "chapter.function" to tuples of arguments.

    Raises `ValueError` if the file has no such dictionary.
    """
    cases = runpy.run_path(str(path)).get("CASES")
    if not isinstance(cases, dict):
        raise ValueError(f"{path}: expected a dictionary CASES, got {type(cases).__name__}")
    return {key: list(more) for key, more in cases.items()}


def check_cases(cases: Mapping[str, Iterable[tuple]], own: Iterable[Own] = ()) -> None:
    """Check a lecturer's cases: each names an exercise, and its solution takes the arguments."""
    for key, more in cases.items():
        chapter, _, name = str(key).partition(".")
        found = [exercise for exercise in exercises(chapter, own) if exercise.name == name]
        if not found:
            raise ValueError(f"expected cases for chapter.function, got {key!r}")
        for arguments in more:
            _check_case(key, found[0], arguments)


def _check_case(key: str, exercise: Exercise, arguments: tuple) -> None:
    if not isinstance(arguments, tuple):
        raise ValueError(f"{key}: expected a tuple of arguments, got {arguments!r}")
    try:
        pack_arguments(arguments)
        own = replace(exercise, cases=(own_case(arguments),))
        fault = own.find_fault(exercise.solution)
    except Exception as error:
        fault = practice.told(error)
    if fault:
        raise ValueError(f"{key}: expected arguments that the solution can take, got {fault}")


def _task(exercise: Exercise, more: Iterable[tuple]) -> dict:
    packed = [pack_arguments(arguments) for arguments in more]
    book = [pack_arguments(case.arguments) for case in exercise.cases]
    return {"arguments": book + packed, "more": packed}


# ---------------------------------------------------------------- the keeper


def _ask(task: dict, tasks: dict, sitting: "Sitting") -> dict[str, tuple[str | None, bool]]:
    """Let a keeper mark the exercises; where it is killed, another one does the rest."""
    said: dict[str, tuple[str | None, bool]] = {}
    while missing := [name for name in tasks if name not in said]:
        before = len(said)
        turn = task | {"exercises": {name: tasks[name] for name in missing}}
        for name, fault, published in sitting.turn(turn):
            if name in missing:
                said[name] = fault and str(fault), bool(published)
        if len(said) == before:
            reason = Told("ended").say(task["language"])
            said[missing[0]] = Told("no answers", reason=reason).say(task["language"]), False
    return said


class Sitting:
    """One keeper for all notebooks of a student: to start one takes longer than most exercises.

    It starts with the first of them, and again where it was killed. Use it as a context manager.
    """

    def __init__(self, container: str | None = None):
        self.container, self.process = container, None

    def __enter__(self) -> "Sitting":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:  # it has done its tasks, and ends by itself when no more can come
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                self.process.stdin.close()
                self.process.wait(LEAVE)
        self.close()

    def turn(self, task: dict) -> Iterator[list]:
        """Let the keeper do a task and yield what it says about each exercise.

        Raises `ChildProcessError` if it does not start, `InterruptedError` if it was stopped.
        """
        if self.process is None:
            self._start()
        process, enclosed = self.process, self.enclosed
        task |= {"enclosed": enclosed, "folder": "/tmp" if self.container else self.folder.name}
        steps = 1 + 4 * len(task["exercises"])
        timer = threading.Timer(START + steps * (task["seconds"] + 10), _end, [process])
        timer.daemon = True
        timer.start()
        done = ready = stopped = False
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(task).encode() + b"\n")
                process.stdin.flush()
            while not done and (line := process.stdout.readline(LONGEST_LINE)):
                with contextlib.suppress(ValueError):
                    said = json.loads(line)
                    ready, done = ready or said == ["ready"], said == ["done"]
                    if len(said) == 3:
                        yield said
        finally:
            timer.cancel()
            stopped = process in _stopped
            if not done:
                last = self.close()
        if stopped:
            raise InterruptedError("the run was stopped")
        if not ready:
            command = start(self.container, "")[0]
            raise ChildProcessError(f"expected {command} to start the marker, got {last}")

    def _start(self) -> None:
        self.name = os.urandom(16).hex()
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (until `close`)
        command = start(self.container, self.name)
        self.enclosed = not self.container and bool(limits.enclosing())
        own = _environment(self.folder.name, self.name)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            cwd=self.folder.name,
            env=dict(os.environ) if self.container else own,
            start_new_session=True,
        )
        ends = [command[0], "kill", f"marking-{self.name}"] if self.container else []
        _turns[self.process] = ends

    def close(self) -> str:
        """End the keeper, if there is one, and all that is left of it; return its last words."""
        if self.process is None:
            return "nothing"
        _end(self.process)
        self.process.stdout.close()
        _stopped.discard(self.process)
        self.process = None
        if not (self.enclosed or self.container):
            limits.sweep(self.name)
        with self.errors:
            self.errors.seek(0)
            last = self.errors.read()[-2000:].decode(errors="replace").strip().splitlines()
        self.folder.cleanup()
        return last[-1] if last else "nothing"


def start(container: str | None, turn: str) -> list[str]:
    """Return the command of a keeper."""
    if not container:
        return [*limits.enclosing(), sys.executable, "-P", "-c", KEEP]
    runtime = next(filter(_exists, ("podman", "docker")), None)
    if not runtime:
        raise ChildProcessError("expected podman or docker for --container, found neither")
    how = f"""run --rm --interactive --name marking-{turn} --network none --read-only
        --tmpfs /tmp:size={2 * limits.FILES},mode=1777 --memory {limits.MEMORY}
        --memory-swap {limits.MEMORY} --pids-limit {2 * limits.PROCESSES} --cap-drop ALL
        --security-opt no-new-privileges --user 65534:65534"""
    variables = [f"--env={name}={value}" for name, value in _FIXED.items()]
    return [runtime, *how.split(), *variables, container, "python", "-P", "-c", KEEP]


def _exists(program: str) -> bool:
    return bool(shutil.which(program))


_FIXED = {
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "LESSONS_LIB_OFFLINE": "1",
    "TQDM_DISABLE": "1",
}


def _environment(folder: str, turn: str) -> dict[str, str]:
    """Return an environment that holds nothing of the lecturer's but where Python finds modules."""
    library = str(Path(__file__).parents[3])
    paths = [os.path.abspath(path) for path in sys.path if path]
    paths = [library, *(path for path in paths if path not in (library, os.getcwd()))]
    needed = ("SYSTEMROOT", "LD_LIBRARY_PATH")  # without them Python may not start
    kept = {name: os.environ[name] for name in needed if name in os.environ}
    homes = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), folder)
    own = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(paths), "MARKING_TURN": turn}
    return _FIXED | kept | homes | own


def _end(process: subprocess.Popen) -> None:
    """End a keeper and all that it has started; its container too."""
    if command := _turns.pop(process, None):
        subprocess.run(command, capture_output=True, check=False)
    if hasattr(os, "killpg") and process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    with contextlib.suppress(OSError):
        process.stdin.close()
    process.wait()


def end_turns() -> None:
    """End all keepers at work: the run was stopped."""
    for process in list(_turns):
        _stopped.add(process)
        _end(process)
