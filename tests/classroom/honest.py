"""Right solutions in the many ways in which students write them: each must get its mark.

From a name to the chapter, the exercise's function, and the code cells of a notebook.
"""

HONEST = {
    # ------------------------------------------------ tables that are filled somewhere else
    "a table filled by a helper": ("intro", "count_next", """
        table = {}
        # %%
        def remember(letter):
            table[letter] = table.get(letter, 0) + 1
        # %%
        remember("x"); del table["x"]
        # %%
        def count_next(text, context):
            table.clear()
            for i in range(len(text) - len(context)):
                if text.startswith(context, i):
                    remember(text[i + len(context)])
            return dict(table)
        """),
    "a table of functions filled by a call": ("intro", "surprise", """
        import math
        RULES = {}
        def add_rules():
            RULES["some"] = lambda p: -math.log2(p)
            RULES["none"] = lambda p: math.inf
        # %%
        add_rules()
        # %%
        def surprise(probs, character):
            p = probs.get(character, 0)
            return RULES["some" if p else "none"](p)
        """),
    "a table handed to a helper": ("intro", "surprise", """
        import math
        values = {}
        def fill(target, key, value):
            target[key] = value
        fill(values, "nothing", math.inf)
        # %%
        def surprise(probs, character):
            p = probs.get(character, 0)
            return -math.log2(p) if p else values["nothing"]
        """),
    "a helper that hands on": ("intro", "surprise", """
        import math
        values = []
        def inner(target): target += [math.inf]
        def outer(target): inner(target)
        outer(values)
        def surprise(probs, character):
            p = probs.get(character, 0)
            return -math.log2(p) if p else values[0]
        """),
    "global in a helper": ("intro", "surprise", """
        import math
        LOG = None
        def choose():
            global LOG
            LOG = math.log2
        # %%
        choose()
        # %%
        def surprise(probs, character):
            p = probs.get(character, 0)
            return -LOG(p) if p else math.inf
        """),
    "global in the function": ("tokens", "bytes_per_token", """
        n_calls = 0
        def bytes_per_token(text, ids):
            global n_calls
            n_calls += 1
            return len(text.encode()) / len(ids)
        """),
    "a table under another name": ("intro", "surprise", """
        import math
        table = {}
        alias = table
        alias["nothing"] = math.inf
        def surprise(probs, character):
            p = probs.get(character, 0)
            return -math.log2(p) if p else table["nothing"]
        """),
    "tables filled in a loop": ("intro", "surprise", """
        import math
        logs, ends = [], []
        for table, value in ((logs, math.log2), (ends, math.inf)):
            table.append(value)
        def surprise(probs, character):
            p = probs.get(character, 0)
            return -logs[0](p) if p else ends[0]
        """),
    "globals()": ("intro", "most_likely", """
        globals()["order"] = lambda counts: sorted(sorted(counts), key=counts.get, reverse=True)
        def most_likely(counts):
            return order(counts)[0]
        """),
    "exec": ("intro", "most_likely", """
        exec("def first(some): return some[0]")
        def most_likely(counts):
            return first(sorted(counts, key=lambda letter: (-counts[letter], letter)))
        """),
    "a registry with a decorator": ("intro", "most_likely", """
        HELPERS = {}
        def helper(function):
            HELPERS[function.__name__] = function
            return function
        @helper
        def best(counts):
            return min(counts, key=lambda letter: (-counts[letter], letter))
        def most_likely(counts):
            return HELPERS["best"](counts)
        """),
    "an object whose method fills it": ("intro", "surprise", """
        import math
        class Limits:
            def __init__(self):
                self.values = {}
            def prepare(self):
                self.values["nothing"] = math.inf
                return self
        limits = Limits()
        ready = limits.prepare()
        def surprise(probs, character):
            p = probs.get(character, 0)
            return -math.log2(p) if p else limits.values["nothing"]
        """),
    "nonlocal": ("intro", "most_likely", """
        def make_counter():
            n = 0
            def count():
                nonlocal n
                n += 1
                return n
            return count
        count = make_counter()
        count()
        def most_likely(counts):
            assert count() > 1
            return min(counts, key=lambda letter: (-counts[letter], letter))
        """),
    "a generator that was begun": ("intro", "most_likely", """
        def lines():
            yield "not this one"
            while True:
                yield lambda letter, counts: (-counts[letter], letter)
        rules = lines()
        next(rules)
        def most_likely(counts):
            rule = next(rules)
            return min(counts, key=lambda letter: rule(letter, counts))
        """),
    "a file that the notebook writes": ("intro", "most_likely", """
        from pathlib import Path
        with open("order.txt", "w") as file:
            file.write("-")
        Path("end.txt").write_text("1")
        def most_likely(counts):
            sign = -1 if open("order.txt").read() == "-" else Path("end.txt")
            return sorted(counts, key=lambda letter: (sign * counts[letter], letter))[0]
        """),
    "settings": ("intro", "count_next", """
        import decimal
        import sys
        sys.setrecursionlimit(5_000)
        decimal.getcontext().prec = 7
        decimal.setcontext(decimal.Context(prec=9))
        def count_next(text, context):
            assert sys.getrecursionlimit() == 5_000 and decimal.getcontext().prec == 9
            after = [text[i:][len(context)] for i in range(len(text) - len(context))
                     if text[i:].startswith(context)]
            return {letter: after.count(letter) for letter in after}
        """),
    "a solution in a class": ("intro", "most_likely", """
        class Solution:
            best: str = ""
            def most_likely(self, counts: dict) -> str:
                for letter in sorted(counts):
                    if not self.best or counts[letter] > counts[self.best]:
                        self.best = letter
                return self.best
        if __name__ == "__main__":
            most_likely = lambda counts: Solution().most_likely(counts)
        """),
    # ------------------------------------------------ IPython's own
    "pip that goes on": ("attention", "count_kv_cache", """
        !pip install numpy \\
            --quiet \\
            matplotlib
        def count_kv_cache(n_layers, n_kv_heads, d_head, n_tokens, n_bytes):
            return 2 * n_layers * n_kv_heads * d_head * n_tokens * n_bytes
        """),
    "magics among the code": ("intro", "surprise", """
        %load_ext autoreload
        %autoreload 2
        %config InlineBackend.figure_format = 'retina'
        import math
        files = !ls
        math.log2?
        def surprise(probs, character):
            p = probs.get(character, 0)
            return -math.log2(p) if p else math.inf
        """),
    "a timed cell": ("intro", "most_likely", """
        %%time
        def most_likely(counts):
            return min(counts, key=lambda letter: (-counts[letter], letter))
        """),
    "a timed line": ("intro", "surprise", """
        import math
        # %%
        %time nothing = math.inf
        # %%
        def surprise(probs, character):
            return -math.log2(probs[character]) if probs.get(character) else nothing
        """),
    "a captured cell": ("intro", "surprise", """
        %%capture out
        import math
        nothing = math.inf
        # %%
        def surprise(probs, character):
            return -math.log2(probs[character]) if probs.get(character) else nothing
        """),
    "a module that the notebook writes": ("intro", "surprise", """
        %%writefile my_helpers.py
        import math
        def bits(p):
            return -math.log2(p) if p else math.inf
        # %%
        from my_helpers import bits
        # %%
        def surprise(probs, character):
            return bits(probs.get(character, 0))
        """),
    "a cell for the shell": ("intro", "most_likely", """
        %%bash
        for i in 1 2 3; do echo $i; done
        # %%
        def most_likely(counts):
            return min(counts, key=lambda letter: (-counts[letter], letter))
        """),
    "await at the top": ("intro", "surprise", """
        import asyncio, math
        async def load():
            await asyncio.sleep(0)
            return math.inf
        nothing = await load()
        # %%
        def surprise(probs, character):
            return -math.log2(probs[character]) if probs.get(character) else nothing
        """),
    # ------------------------------------------------ the order of things
    "a helper that is defined anew later": ("tokens", "bytes_per_token", """
        def size(text):
            return len(text.encode())
        # %%
        def bytes_per_token(text, ids):
            return size(text) / len(ids)
        # %%
        def size(text):
            return len(text)
        """),
    "a name that is used anew later": ("intro", "surprise", """
        import math
        nothing = math.inf
        # %%
        def surprise(probs, character):
            return -math.log2(probs[character]) if probs.get(character) else nothing
        # %%
        nothing = 0
        math = "my favourite subject"
        """),
    "a helper below": ("intro", "surprise", """
        def surprise(probs, character):
            return bits(probs.get(character, 0))
        # %%
        import math
        def bits(p):
            return -math.log2(p) if p else math.inf
        """),
    "an import below": ("intro", "surprise", """
        def surprise(probs, character):
            return -math.log2(probs[character]) if probs.get(character) else math.inf
        # %%
        import math
        """),
    "a first try above": ("tokens", "bytes_per_token", """
        def bytes_per_token(text, ids):
            return len(text) // len(ids)
        # %%
        def bytes_per_token(text, ids):
            return len(text.encode()) / len(ids)
        """),
    "broken cells around": ("tokens", "bytes_per_token", """
        def half(
        # %%
        raise RuntimeError("stop here")
        # %%
        def bytes_per_token(text, ids):
            return len(text.encode()) / len(ids)
        # %%
        bytes_per_token("a", [])
        """),
    # ------------------------------------------------ ways to write a function
    "lambda": ("tokens", "bytes_per_token", """
        bytes_per_token = lambda text, ids: len(bytes(text, "utf8")) / len(ids)
        """),
    "partial": ("intro", "surprise", """
        import math
        from functools import partial
        def bits(nothing, probs, character):
            return -math.log2(probs[character]) if probs.get(character) else nothing
        surprise = partial(bits, math.inf)
        """),
    "a class with __call__": ("intro", "most_likely", """
        class MostLikely:
            def __call__(self, counts):
                best = max(counts.values())
                return min(letter for letter, n in counts.items() if n == best)
        most_likely = MostLikely()
        """),
    "a method": ("intro", "count_next", """
        from collections import defaultdict
        class Counts(defaultdict):
            @classmethod
            def after(cls, text, context):
                found = cls(int)
                for i in range(len(context), len(text)):
                    if text[i - len(context): i] == context:
                        found[text[i]] += 1
                return found
        count_next = Counts.after
        """),
    "recursion": ("intro", "count_next", """
        def count_next(text, context, counts=None):
            counts = {} if counts is None else counts
            if len(text) > len(context):
                if text.startswith(context):
                    letter = text[len(context)]
                    counts[letter] = counts.get(letter, 0) + 1
                count_next(text[1:], context, counts)
            return counts
        """),
    "cache and decorators": ("intro", "count_next", """
        import functools
        from collections import Counter
        def spoken(function):
            @functools.wraps(function)
            def inner(*args, **kwargs):
                print("called", function.__name__)
                return function(*args, **kwargs)
            return inner
        @spoken
        @functools.cache
        def count_next(text, context):
            n = len(context)
            return Counter(text[i + n] for i in range(len(text) - n) if text[i:i + n] == context)
        """),
    "type hints of one's own": ("intro", "most_likely", """
        from typing import TypeVar, Mapping
        Letter = TypeVar("Letter", bound=str)
        def most_likely(counts: Mapping[Letter, "int"]) -> "Letter | None":
            ordered: list[Letter] = sorted(counts)
            return max(ordered, key=lambda letter: counts[letter])
        """),
    "a dataclass and match": ("intro", "surprise", """
        import math
        from dataclasses import dataclass
        @dataclass(frozen=True)
        class Chance:
            p: float
            @property
            def bits(self):
                match self.p:
                    case 0 | None:
                        return math.inf
                    case p:
                        return -math.log2(p)
        def surprise(probs, character):
            return Chance(probs.get(character)).bits
        """),
    "Spanish names": ("intro", "count_next", """
        def contar_después(texto, contexto):
            años_ñandú = {}
            for posición, carácter in enumerate(texto):
                if posición >= len(contexto) and texto[:posición].endswith(contexto):
                    años_ñandú[carácter] = años_ñandú.setdefault(carácter, 0) + 1
            return años_ñandú
        count_next = contar_después
        """),
    "walrus and star": ("tokens", "bytes_per_token", """
        (n_bytes := lambda text: sum(1 for _ in text.encode()))
        def bytes_per_token(*given):
            text, ids = given
            return (n := n_bytes(text)) / len([*ids])
        """),
    "try and import": ("attention", "stable_softmax", """
        try:
            import cupy as xp
        except ImportError:
            import numpy as xp
        def stable_softmax(scores):
            e = xp.exp(scores - xp.max(scores, -1, keepdims=True))
            return e / e.sum(-1, keepdims=True)
        """),
    # ------------------------------------------------ kinds of answers
    "a generator": ("tokens", "best_split", """
        import math

        def best_split(word, shares):
            bits, last = [0.0], [0]
            for end in range(1, len(word) + 1):
                bits.append(math.inf)
                last.append(0)
                for size in range(1, end + 1):
                    piece = word[end - size : end]
                    if piece in shares:
                        cost = bits[end - size] - math.log(shares[piece])
                        if cost < bits[end]:
                            bits[end], last[end] = cost, size
            ends = [len(word)]
            while ends[-1]:
                ends.append(ends[-1] - last[ends[-1]])
            for end, start in zip(ends[-2::-1], ends[::-1]):
                yield word[start:end]
        """),
    "a NumPy number": ("intro", "surprise", """
        import numpy as np
        def surprise(probs, character):
            with np.errstate(divide="ignore"):
                return -np.log2(np.float64(probs.get(character, 0)))
        """),
    "float32": ("intro", "surprise", """
        import numpy as np
        def surprise(probs, character):
            with np.errstate(divide="ignore"):
                return -np.log2(np.float32(probs.get(character, 0)))
        """),
    "float32 for tokens": ("tokens", "bytes_per_token", """
        import numpy as np
        def bytes_per_token(text, ids):
            return np.float32(len(text.encode())) / np.float32(len(ids))
        """),
    "float32 for n-grams": ("ngrams", "perplexity_of", """
        import numpy as np
        def perplexity_of(probs):
            with np.errstate(divide="ignore"):
                return np.exp(-np.log(np.array(probs, dtype="float32")).mean())
        """),
    "float32 for blocks": ("block", "gelu_exact", """
        import math
        import numpy as np
        def gelu_exact(x):
            x = np.float32(x)
            return x * np.float32(0.5) * np.float32(1 + math.erf(x / np.sqrt(np.float32(2))))
        """),
    "a tensor": ("intro", "surprise", """
        import torch
        def surprise(probs, character):
            return -torch.log2(torch.tensor(probs.get(character, 0.0)))
        """),
    "a fraction": ("tokens", "bytes_per_token", """
        from fractions import Fraction
        def bytes_per_token(text, ids):
            return Fraction(len(text.encode()), len(ids))
        """),
    "a decimal": ("tokens", "bytes_per_token", """
        from decimal import Decimal
        def bytes_per_token(text, ids):
            return Decimal(len(text.encode())) / len(ids)
        """),
    "einsum in float32": ("attention", "two_heads", """
        import numpy as np
        def two_heads(q, k, v):
            q, k, v = (np.asarray(a, np.float32).reshape(len(a), 2, -1) for a in (q, k, v))
            scores = np.einsum("thd,shd->hts", q, k) / np.sqrt(np.float32(q.shape[-1]))
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            weights /= weights.sum(-1, keepdims=True)
            return np.einsum("hts,shd->thd", weights, v).reshape(len(q), -1)
        """),
    "plain lists": ("attention", "stable_softmax", """
        import math
        def rows(some):
            if isinstance(some[0], list):
                return [rows(one) for one in some]
            e = [math.exp(x - max(some)) for x in some]
            return [x / sum(e) for x in e]
        def stable_softmax(scores):
            return rows(scores.tolist())
        """),
}  # fmt: skip


def cells(name: str) -> list[str]:
    """Return the cells of a variant, the import of its chapter's checks first."""
    from textwrap import dedent

    chapter, function, text = HONEST[name]
    imported = f"from lessons_lib.classroom.practice.{chapter} import check_{function}"
    return [imported, *(cell.strip("\n ") for cell in dedent(text).split("# %%\n"))]
