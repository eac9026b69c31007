"""The real llama.cpp as the judge of whole models, through the C interface of `xllamacpp`.

A failed assertion in C ends the whole process, therefore each question has a process of its own.
What the C structures hold is found by their default values, so the package's version is fixed.
"""

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

VERSION = "2026.10.11549"


def ask(path, texts=(), prompts=(), n_new=0, special=False, adapter=None) -> dict[str, list]:
    """Ask llama.cpp about a GGUF file.

    Args:
        path: of the file.
        texts: to cut into tokens.
        prompts: lists of token ids.
        n_new: how many greedy tokens to add to each prompt.
        special: whether texts may hold special tokens.
        adapter: the path of a LoRA adapter to apply.

    Returns:
        "ids" for the texts; "logits" (T, V) and "greedy" ids for the prompts.

    Raises:
        RuntimeError: llama.cpp refuses the file, or the process failed; with what it printed.
    """
    question = {"path": os.fspath(path), "texts": list(texts), "n_new": n_new, "special": special}
    question["adapter"] = None if adapter is None else os.fspath(adapter)
    question["prompts"] = [list(map(int, ids)) for ids in prompts]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, str(Path(folder, "answer.npz"))]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command,
            input=json.dumps(question).encode(),
            capture_output=True,
            env=environment,
            timeout=300,
        )
        if done.returncode:
            raise RuntimeError(
                f"llama.cpp failed ({done.returncode}): {done.stderr.decode()[-3000:]}"
            )
        with np.load(Path(folder, "answer.npz")) as answer:
            found = {name: answer[name] for name in answer.files}
    answers = {"ids": [], "logits": [], "greedy": []}
    for name in sorted(found, key=lambda name: int(name.split("-")[1])):
        array = found[name]
        answers[name.split("-")[0]].append(array.tolist() if array.ndim == 1 else array)
    return answers


CHAT = """
import json, sys, xllamacpp
path, adapter, chats, n_new = json.load(sys.stdin)
settings = xllamacpp.CommonParams()
settings.model.path, settings.n_ctx, settings.n_parallel, settings.warmup = path, 512, 1, False
settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
settings.verbosity, settings.use_jinja = -1, True
settings.cache_type_k = settings.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
settings.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
if adapter:
    lora = xllamacpp.CommonAdapterLoraInfo()
    lora.path, lora.scale = adapter, 1.0
    settings.lora_adapters = [lora]
server, answers = xllamacpp.Server(settings), []
for messages in chats:
    question = {"messages": messages, "max_tokens": n_new, "temperature": 0}
    [choice] = server.handle_chat_completions(question)["choices"]
    answers.append(choice["message"]["content"])
print(json.dumps(answers))
"""


def chat(path, chats, n_new: int = 200, adapter=None) -> list[str]:
    """Let llama.cpp's server answer chats by the template in the file, with the best tokens.

    It keeps keys and values in 32 bits, so that near ties fall as they do here.
    """
    adapter = None if adapter is None else os.fspath(adapter)
    done = subprocess.run(
        [sys.executable, "-c", CHAT],
        input=json.dumps([os.fspath(path), adapter, list(chats), n_new]).encode(),
        capture_output=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(f"llama.cpp failed ({done.returncode}): {done.stderr.decode()[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


TELL = """
import json, sys, xllamacpp
path, prompt, n_new = json.load(sys.stdin)
settings = xllamacpp.CommonParams()
settings.model.path, settings.n_ctx, settings.n_parallel, settings.warmup = path, 512, 1, False
settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
settings.verbosity = -1
question = {"prompt": prompt, "max_tokens": n_new, "temperature": 0}
[choice] = xllamacpp.Server(settings).handle_completions(question)["choices"]
print(json.dumps([choice["text"], choice["finish_reason"]]))
"""


def tell(path, prompt, n_new: int) -> tuple[str, str]:
    """Let llama.cpp's server go on behind the ids of a prompt, always with the best token.

    Returns:
        The text, and why it stopped: "stop" or "length".
    """
    done = subprocess.run(
        [sys.executable, "-c", TELL],
        input=json.dumps([os.fspath(path), list(map(int, prompt)), n_new]).encode(),
        capture_output=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(f"llama.cpp failed ({done.returncode}): {done.stderr.decode()[-3000:]}")
    text, reason = json.loads(done.stdout.splitlines()[-1])
    return text, reason


class _Parameters(ctypes.Structure):
    """A structure of llama.cpp of at most so many words; larger ones go by address in C."""

    _fields_ = [("words", ctypes.c_uint32 * 256)]


class _Batch(ctypes.Structure):
    _fields_ = [("n_tokens", ctypes.c_int32)] + [
        (name, ctypes.c_void_p) for name in ("token", "embd", "pos", "n_seq_id", "seq_id", "logits")
    ]


class Judge:
    """A model in llama.cpp: everything in float32, plain attention, one thread."""

    def __init__(self, path: str, context: int):
        if importlib.metadata.version("xllamacpp") != VERSION:
            raise RuntimeError(f"expected xllamacpp {VERSION}")
        folder = Path(importlib.util.find_spec("xllamacpp").origin).parent
        self.library = ctypes.CDLL(str(next(folder.glob("xllamacpp*.so"))))
        pointer = ctypes.c_void_p
        self.call("llama_backend_init", None)
        parameters = self.call("llama_model_default_params", _Parameters)
        self.model = self.call("llama_model_load_from_file", pointer, os.fsencode(path), parameters)
        if not self.model:
            raise RuntimeError("llama.cpp does not open the file")
        self.vocabulary = self.call("llama_model_get_vocab", pointer, pointer(self.model))
        self.n_vocab = self.call("llama_vocab_n_tokens", ctypes.c_int32, pointer(self.vocabulary))
        parameters = self.call("llama_context_default_params", _Parameters)
        words = parameters.words
        if [*words[:3], *words[26:28]] != [512, 2048, 512, 1, 1]:
            raise RuntimeError(f"expected the parameters of {VERSION}, got {words[:32]}")
        words[0:3] = [context] * 3  # the context, and how many tokens are read at a time
        words[5:9] = [context, 0, 1, 1]  # all positions give logits; threads
        words[13] = 0  # no flash attention
        words[26:28] = [0, 0]  # keys and values in float32
        self.context = self.call("llama_init_from_model", pointer, pointer(self.model), parameters)
        if not self.context:
            raise RuntimeError("llama.cpp makes no context")

    def call(self, name: str, result: type | None, *arguments):
        """Call a function of llama.cpp."""
        function = getattr(self.library, name)
        function.restype = result
        return function(*arguments)

    def apply(self, path: str) -> None:
        """Apply a LoRA adapter, at its full strength."""
        pointer = ctypes.c_void_p
        given = pointer(self.model), os.fsencode(path)
        adapter = self.call("llama_adapter_lora_init", pointer, *given)
        if not adapter:
            raise RuntimeError("llama.cpp does not open the adapter")
        all_of_them, scales = (pointer * 1)(adapter), (ctypes.c_float * 1)(1.0)
        given = pointer(self.context), all_of_them, ctypes.c_size_t(1), scales
        if self.call("llama_set_adapters_lora", ctypes.c_int32, *given):
            raise RuntimeError("llama.cpp does not apply the adapter")

    def tokens(self, text: str, special: bool) -> list[int]:
        """Return the token ids of a text."""
        data = text.encode()
        ids = (ctypes.c_int32 * (len(data) + 8))()
        given = ctypes.c_void_p(self.vocabulary), data, len(data), ids, len(ids)
        n = self.call("llama_tokenize", ctypes.c_int32, *given, False, special)
        return ids[:n]

    def forget(self) -> None:
        """Clear the cache."""
        memory = self.call("llama_get_memory", ctypes.c_void_p, ctypes.c_void_p(self.context))
        self.call("llama_memory_clear", None, ctypes.c_void_p(memory), True)

    def read(self, ids: list[int]) -> np.ndarray:
        """Read more tokens; return their logits (T, V)."""
        token, wanted = np.array(ids, np.int32), np.ones(len(ids), np.int8)
        batch = _Batch(len(ids), token=token.ctypes.data, logits=wanted.ctypes.data)
        status = self.call("llama_decode", ctypes.c_int32, ctypes.c_void_p(self.context), batch)
        if status:
            raise RuntimeError(f"llama_decode gives {status}")
        floats = ctypes.POINTER(ctypes.c_float)
        logits = self.call("llama_get_logits", floats, ctypes.c_void_p(self.context))
        return np.ctypeslib.as_array(logits, (len(ids), self.n_vocab)).copy()

    def greedy(self, logits: np.ndarray, n_new: int) -> list[int]:
        """Go on behind the tokens that gave these logits."""
        ids = []
        for _ in range(n_new):
            ids.append(int(logits[-1].argmax()))
            logits = self.read(ids[-1:])
        return ids


def answer(question: dict) -> dict[str, np.ndarray]:
    """Answer in this process."""
    longest = max(map(len, question["prompts"]), default=1) + question["n_new"]
    judge = Judge(question["path"], -(-longest // 32) * 32)
    if question["adapter"]:
        judge.apply(question["adapter"])
    answers = {}
    for i, text in enumerate(question["texts"]):
        answers[f"ids-{i}"] = np.array(judge.tokens(text, question["special"]), np.int64)
    for i, ids in enumerate(question["prompts"]):
        judge.forget()
        answers[f"logits-{i}"] = judge.read(ids)
        answers[f"greedy-{i}"] = np.array(
            judge.greedy(answers[f"logits-{i}"], question["n_new"]), np.int64
        )
    return answers


if __name__ == "__main__":
    np.savez(sys.argv[1], **answer(json.load(sys.stdin)))
