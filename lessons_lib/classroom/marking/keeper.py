"""The keeper of one student's turn: it starts their code, watches it, and ends all of it.

It reads a task for each notebook, a line of JSON, and writes a line for each exercise. Each step
(to find what a function needs, to run it, to judge its answers) is a process of its own, with a
time limit; after each step nothing of it is left. The keeper itself runs no line of the student's.
"""

import ast
import contextlib
import importlib
import importlib.util
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from lessons_lib.classroom import practice
from lessons_lib.classroom.marking import limits
from lessons_lib.classroom.marking.judge import judge
from lessons_lib.classroom.marking.student import answer, lines, plan
from lessons_lib.classroom.marking.words import Told
from lessons_lib.classroom.practice import Exercise

__all__ = ["keep"]

LARGEST = 20_000_000  # bytes of all answers to one exercise
_EVERY = 0.01  # seconds between two looks at a process
_STEPS = {"plan": plan, "answer": answer, "judge": judge}
_TRUSTED = ("numpy", "torch", "regex", "lessons_lib")  # imported once, before the student's code
_own: dict[
    str, str
] = {}  # the sources of the lecturer's own exercises; no student's process has it
_METHOD = "fork" if limits.LINUX else "spawn"


def keep() -> None:
    """Do the tasks that stand in the lines of the input, and say "done" after each."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def send(*line: object) -> None:
        print(json.dumps(line), file=out, flush=True)

    first = True
    while line := sys.stdin.buffer.readline():
        task = json.loads(line)
        _own.clear()
        _own.update(task.pop("own"))
        if first and task["enclosed"]:
            limits.enclose(task["folder"])
        if first:
            limits.guard()
        first = False
        _Keeper(task, send).work()
        send("done")


class _Keeper:
    def __init__(self, task: dict, send: Callable):
        self.task, self.send = task, send
        self.language, self.seconds = task["language"], task["seconds"]

    def work(self) -> None:
        """Send "ready", then for each exercise its name, its fault, and whether it is published."""
        task = self.task
        practice.speak(self.language)
        _preload(_imported_by(f"lessons_lib.classroom.practice.{task['chapter']}"))
        self.send("ready")
        reason, data = self.run("plan", task["cells"], list(task["exercises"]))
        plans = {}
        with contextlib.suppress(ValueError):
            plans = {name: rest for name, *rest in map(json.loads, data.splitlines())}
        for name in task["exercises"]:
            versions, modules, failed = plans.get(name) or ([[]], [], None)
            _preload(modules)
            fault, published = Exercise(name, None, ()).find_fault(None), False
            for texts in versions:
                if name in plans:
                    reason, fault, published = self.mark(name, texts, failed)
                else:
                    fault, published = self.judged(name, b"", reason, [])
                if fault is None or reason:
                    break
            self.send(name, fault, published)

    def mark(self, name: str, texts: list[str], failed: str | None) -> tuple:
        """Return why the process was ended (or ""), what is wrong, and whether it is published."""
        arguments = self.task["exercises"][name]["arguments"]
        reason, data = self.run("answer", texts, name, arguments, failed)
        ended = reason or self.say("ended")
        if len(data) >= LARGEST:
            ended = self.say("large", limit=LARGEST // 10**6)
        return reason, *self.judged(name, data, ended, texts)

    def judged(self, name: str, data: bytes, ended: str, texts: list[str]) -> tuple:
        more = self.task["exercises"][name]["more"]
        given = (self.task["chapter"], name, more, data, ended or self.say("ended"))
        reason, result = self.run("judge", *given, self.language, texts, _own.get(name))
        try:
            return tuple(json.loads(result))
        except ValueError:
            late = reason and "time" in self.last
            why = self.say("compare", seconds=self.seconds) if late else self.say("compare ended")
            return self.say("no answers", reason=why), False

    def say(self, key: str, **values: object) -> str:
        return Told(key, **values).say(self.language)

    def run(self, step: str, *given: object) -> tuple[str, bytes]:
        """Run one step in a process of its own; return why it was ended, and what it has written.

        The reason is empty where it ended by itself.
        """
        self.last = None
        task = self.task
        handle, path = tempfile.mkstemp(dir=task["folder"])
        folder = task["folder"] if task["enclosed"] else tempfile.mkdtemp(dir=task["folder"])
        context = multiprocessing.get_context(_METHOD)
        bounds = (folder, self.seconds, task["memory"], task["enclosed"], task["hidden"])
        process = context.Process(target=_step, args=(step, path, bounds, given))
        process.start()
        try:
            self.last = self.watch(process, folder)
        finally:
            limits.end_all(process.pid)
            process.kill()
            process.join()
            limits.reap()
            if not task["enclosed"]:
                _remove(folder)
        with open(handle, "rb") as file:
            data = file.read(LARGEST)
        os.unlink(path)
        reasons = {
            "time": {"seconds": self.seconds},
            "memory": {"limit": task["memory"] / 2**30},
            "processes": {"limit": limits.PROCESSES},
            "files": {"limit": limits.FILES // 2**20},
        }
        return self.say(self.last, **reasons[self.last]) if self.last else "", data

    def watch(self, process: multiprocessing.Process, folder: str) -> str | None:
        """Wait for the end of a process; return which limit was passed, if one was."""
        begun, looks = time.monotonic(), 0
        while process.exitcode is None:
            if time.monotonic() - begun > self.seconds:
                return "time"
            if limits.left_alone():
                limits.end_all(process.pid)
                os._exit(1)
            looks += 1
            pids = limits.processes()
            if len(pids) > limits.PROCESSES:
                return "processes"
            if looks % 4 == 0 and limits.memory_of(pids) > self.task["memory"]:
                return "memory"
            loose = not self.task["enclosed"] and looks % 8 == 0
            if loose and limits.size_of(folder) > limits.FILES:
                return "files"
            time.sleep(_EVERY if looks < 50 else 3 * _EVERY)
        return None


def _step(step: str, path: str, bounds: tuple, given: tuple) -> None:
    """Do one step in the process that is there for it."""
    file = os.open(path, os.O_WRONLY)
    silent = os.open(os.devnull, os.O_RDWR)
    for handle in range(3):
        os.dup2(silent, handle)
    if hasattr(os, "setsid"):
        os.setsid()
    if _METHOD == "fork":  # nothing of the keeper's stays open
        os.dup2(file, 3)
        file = 3
        os.closerange(4, 1_000)
    folder, seconds, memory, enclosed, hidden = bounds
    if step != "judge":
        _own.clear()
    limits.confine(folder, seconds, memory, enclosed and step != "judge", hidden)
    write = lines(lambda line: _write(file, line.encode()))
    if step == "judge":
        write = lambda *line: _write(file, json.dumps(line).encode())  # noqa: E731
    with contextlib.suppress(BaseException):
        _STEPS[step](*given, write)
    os._exit(0)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _remove(folder: str) -> None:
    """Remove a folder, however deep it is and whatever its permissions are."""
    if os.name == "nt":
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
    else:
        for command in (["chmod", "-R", "u+rwX", folder], ["rm", "-rf", folder]):
            subprocess.run(command, stderr=subprocess.DEVNULL, check=False)


def _imported_by(module: str) -> set[str]:
    """Return what a module imports, without importing it: the keeper holds no solution."""
    source = importlib.util.find_spec(module).loader.get_source(module)
    nodes = ast.parse(source).body
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return found | {node.module for node in nodes if isinstance(node, ast.ImportFrom)}


def _preload(modules: object) -> None:
    """Import what the processes will need: they are copies of this one, and begin with it."""
    if _METHOD == "fork":
        for module in modules:
            package, _, rest = module.partition(".")
            if package in _TRUSTED and not rest.startswith("classroom.practice."):
                with contextlib.suppress(ImportError):
                    importlib.import_module(module)
