"""The model in the page, in a real browser: the library's tokens, logits, bytes and refusals."""

import base64
import html
import json
import random
import re
import threading
from itertools import islice

import numpy as np
import pytest
import regex
import torch

from lessons_lib.generation import Sampling, TextStream, generate, token_probs
from lessons_lib.gguf import (
    MOST_ENTRIES,
    MOST_TEXTS,
    PRE_TOKENIZERS,
    gguf_bytes,
    load_gguf,
    parse_gguf,
    read_model,
    read_tokenizer,
    to_gguf_tensors,
    write_config,
    write_gguf,
    write_tokenizer,
)
from lessons_lib.intro import random_bits
from lessons_lib.live import ModelInPage
from lessons_lib.live.figure import FOLDER, module_source, visible
from lessons_lib.live.model_in_page import model_file, stored_story
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.quantization import dequantize, quantize
from lessons_lib.tokens import GPT2_PATTERN, BPETokenizer, split_words
from lessons_lib.training import END, story_model
from tests import test_gguf_hostile as hostile
from tests.live import page as live
from tests.test_gguf_hostile import HUGE, patched, u32, u64
from tools.book_site.live import MODEL_FIGURE, pack_figures, pack_model
from tools.site import server

pytestmark = pytest.mark.site
page, page_without_scripts = live.page, live.page_without_scripts  # fixtures

GREEDY = Sampling(temperature=0)
WAIT = 60_000  # milliseconds: on a busy machine the engine is slow
# The engine calculates in 64 bits, torch in 32 with logits of a size of about 10; both round the
# weights alike. Differences of some 1e-5 are those of 32 bits.
TOLERANCE = 1e-4
LOAD = {
    "en": f"Load the model ({len(model_file('en')) / 1e6:.1f} MB)",
    "es": f"Cargar el modelo ({len(model_file('es')) / 1e6:.1f} MB)".replace(".", ","),
}
ENGINE = [
    *("openFile", "parseGGUF", "readConfig", "Session", "Tokenizer", "quantizeModel", "typeNamed"),
    *("DECODERS", "encodeNumbers", "decodeTensor", "viewOf", "matricesOf", "pickToken", "softmax"),
    *("tokenProbs", "draw", "randomBits", "PRE_TOKENIZERS", "visible", "decoded"),
    *("wordsInCommon", "wordsOf", "mostProbable", "fromBase64", "toHalf", "fromHalf"),
]
TEXTS = [
    *live.TEXTS,
    "Había una vez una niña que dijo: «¿Dónde está el pingüino?» ¡Qué fría mañana! ",
    "word" * 200 + "\r\n\r\n \t x  1234567 ٣٤٥ ½",
]


@pytest.fixture
def engine(page):
    """The functions of the engine, as `inside`, in a page with a place for files."""
    live.internals(page, "model_in_page", *ENGINE)
    page.evaluate("() => { window.files = {}; window.never = async () => false; }")
    page.set_default_timeout(WAIT)
    return page


def give(page, name, data):
    """Put bytes into the page, as `files[name]`."""
    page.evaluate(
        """async ([name, text]) => {
            files[name] = await inside.fromBase64(text, async () => false);
        }""",
        [name, base64.b64encode(data).decode()],
    )


def write(tmp_path, model, tokenizer, type="F32"):
    path = tmp_path / "model.gguf"
    write_gguf(path, model, tokenizer, type)
    return path.read_bytes()


def page_logits(page, data, ids, type=None):
    """The engine's logits (T, V) after each of the ids, of a file, perhaps quantized by the page"""
    give(page, "model", data)
    rows = page.evaluate(
        """async ([ids, type]) => {
            let { model } = await inside.openFile(files.model, never);
            if (type) model = await inside.quantizeModel(model, type, never);
            const session = new inside.Session(model);
            return ids.map((id) => Array.from(session.read(id)));
        }""",
        [ids, type],
    )
    return np.array(rows)


def page_greedy(page, data, ids, n_tokens):
    give(page, "model", data)
    return page.evaluate(
        """async ([ids, n]) => {
            const { model } = await inside.openFile(files.model, never);
            const session = new inside.Session(model);
            await session.readAll(ids, never);
            const written = [];
            while (written.length < n) {
                written.push(inside.pickToken(session.logits, { temperature: 0 }));
                session.read(written.at(-1));
            }
            return written;
        }""",
        [ids, n_tokens],
    )


def torch_logits(model, ids):
    with torch.inference_mode():
        return model(torch.tensor([ids]))[0].numpy()


def beginning(tokenizer, text):
    return tokenizer.encode(END, allowed_special=[END]) + tokenizer.encode(text)


# ------------------------------------------------------------------------- the book's own model


@pytest.mark.parametrize(
    ("language", "text"), [("en", "Once upon a time"), ("es", "Había una vez"), ("en", "")]
)
def test_greedy_story_token_for_token(engine, language, text):
    model, tokenizer = story_model(language)
    ids = beginning(tokenizer, text)
    expected = generate(model, ids, 100, GREEDY, stop_ids=())
    assert page_greedy(engine, model_file(language), ids, 100) == expected


@pytest.mark.parametrize(
    ("type", "language"),
    [("F32", "en"), ("F16", "es"), ("Q8_0", "es"), ("Q4_0", "en")],
)
def test_logits_of_a_file(engine, tmp_path, language, type):
    """Of any type of file the library's logits, and those of types with all bits the model's."""
    model, tokenizer = story_model(language)
    data = write(tmp_path, model, tokenizer, type)
    ids = [*beginning(tokenizer, "A fox and a niña. "), *range(100, 140)]
    found = page_logits(engine, data, ids)
    expected = torch_logits(load_gguf(tmp_path / "model.gguf")[0], ids)
    assert 1 < abs(expected).max() < 100
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)
    own = torch_logits(model, ids)
    if type in ("F32", "F16"):
        np.testing.assert_allclose(found, own, rtol=0, atol=TOLERANCE)
    else:
        assert abs(found - own).max() > 100 * TOLERANCE


@pytest.mark.parametrize("type", ["Q8_0", "Q4_0"])
def test_logits_of_the_page_s_own_quantization(engine, tmp_path, type):
    model, tokenizer = story_model("en")
    write(tmp_path, model, tokenizer, type)
    ids = beginning(tokenizer, "Once upon a time there was")
    found = page_logits(engine, model_file("en"), ids, type)
    expected = torch_logits(load_gguf(tmp_path / "model.gguf")[0], ids)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


def test_the_file_is_the_stored_model():
    for language in ("en", "es"):
        file = parse_gguf(model_file(language))
        model, tokenizer = story_model(language)
        assert {t.type for t in file.tensors.values() if len(t.shape) > 1} == {"F16"}
        found = read_model(file).state_dict()
        assert all(torch.equal(found[name], one) for name, one in model.state_dict().items())
        assert read_tokenizer(file).merges == tokenizer.merges
        script = pack_model(language)
        start = f'(globalThis.bookModels ??= {{}}).{language} = "'
        assert base64.b64decode(script.removeprefix(start).removesuffix('";\n')) == model_file(
            language
        )


# ------------------------------------------------------------------------------- other models


def small_model(seed=0, **sizes):
    tokenizer = BPETokenizer.train("a girl saw a fish and a fish saw a girl " * 3, 263, [END])
    torch.manual_seed(seed)
    config = {"context_length": 48, "d_model": 32, "n_heads": 4, "n_layers": 2, "d_ff": 64}
    config |= {"vocab_size": tokenizer.vocab_size} | sizes
    model = Llama(LlamaConfig(**config)).eval()
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            tensor.normal_(1.0 if "norm" in name else 0.0, 0.25)
    return model, tokenizer


SMALL = {
    "llama": {},
    "grouped": {"n_kv_heads": 2},
    "one key head": {"n_kv_heads": 1, "rope_base": 500.0, "eps": 0.01},
    "tied": {"tied": True},
    "wide heads": {"d_head": 12, "n_heads": 2, "n_kv_heads": 1, "tied": True},
    "qwen3": {"qk_norm": True},
    "qwen3, grouped and tied": {"qk_norm": True, "n_kv_heads": 2, "tied": True, "d_head": 16},
    "odd sizes": {"d_model": 7, "n_heads": 1, "d_head": 6, "d_ff": 5, "n_layers": 3},
}


@pytest.mark.parametrize("name", SMALL)
def test_logits_and_tokens_of_small_models(engine, tmp_path, name):
    """Rotary layouts, shared keys, tied tables, and sizes that are no multiples of four."""
    model, tokenizer = small_model(**SMALL[name])
    data = write(tmp_path, model, tokenizer)
    ids = torch.randint(model.config.vocab_size, (30,)).tolist()
    expected = torch_logits(model, ids)
    np.testing.assert_allclose(page_logits(engine, data, ids), expected, rtol=0, atol=TOLERANCE)
    found = page_greedy(engine, data, ids[:5], 40)
    assert found == generate(model, ids[:5], 40, GREEDY)


def test_reading_again_what_is_shared(engine, tmp_path):
    """`readAll` after another text gives the logits of reading everything anew."""
    model, tokenizer = small_model(n_kv_heads=2)
    give(engine, "model", write(tmp_path, model, tokenizer))
    texts = [[1, 2, 3, 4], [1, 2, 5], [1, 2, 5], [9], [9, 8, 7], [9, 8]]
    found = engine.evaluate(
        """async (texts) => {
            const { model } = await inside.openFile(files.model, never);
            const session = new inside.Session(model);
            const rows = [];
            for (const ids of texts) {
                await session.readAll(ids, never);
                rows.push([Array.from(session.logits), [...session.ids]]);
            }
            return rows;
        }""",
        texts,
    )
    for ids, (logits, read) in zip(texts, found, strict=True):
        assert read == ids
        np.testing.assert_allclose(logits, torch_logits(model, ids)[-1], atol=TOLERANCE)


# ---------------------------------------------------------------------------------- quantization


def families():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(64, 32))
    outlier = normal.copy()
    outlier[:, 5] *= 1000
    return {
        "normal": normal,
        "heavy tails": rng.standard_t(1.5, size=(64, 32)),
        "zeros": np.zeros((2, 32)),
        "zeros below": -np.zeros((2, 32)),
        "constant": np.full((2, 32), -0.3),
        "tiny": 1e-30 * normal,
        "denormals": 1e-43 * normal,
        "of a half's denormals": 3e-7 * normal,
        "large": 1e5 * normal,
        "too large for a scale": 1e30 * normal,
        "outlier": outlier,
        "sorted": np.sort(normal),
        "halves": rng.integers(-254, 255, (64, 32)) / 2,
        "quarters": rng.integers(-16, 17, (64, 32)) / 4,
        "just below halves": np.tile(
            [127, *np.nextafter(np.arange(0.5, 31), 0, dtype=np.float32)], (2, 1)
        ),
        "of both signs": np.tile([7.0, -7.0], (4, 16)),
        "one number": np.eye(32),
        "trained": story_model("en")[0].head.weight.detach().numpy()[:64],
    }


@pytest.mark.parametrize("type", ["Q8_0", "Q4_0"])
def test_bytes_of_quantization_equal_the_library_s(engine, type):
    for name, values in families().items():
        x = values.astype(np.float32)
        with np.errstate(all="ignore"):
            expected = quantize(x, type)
        give(engine, "x", x.tobytes())
        found = engine.evaluate(
            """async (type) => {
                const numbers = new Float32Array(files.x.buffer);
                const bytes = await inside.encodeNumbers(numbers, inside.typeNamed(type), never);
                const decoded = new Float32Array(numbers.length);
                inside.DECODERS[type](inside.viewOf(bytes), decoded);
                return [Array.from(bytes), Array.from(new Uint8Array(decoded.buffer))];
            }""",
            type,
        )
        assert bytes(found[0]) == expected.tobytes(), name
        decoded = np.frombuffer(bytes(found[1]), np.float32).reshape(x.shape)
        np.testing.assert_array_equal(decoded, dequantize(expected, type, x.shape), name)


def test_all_floats_of_16_bits(engine):
    found = engine.evaluate(
        """() => Array.from({ length: 2 ** 16 }, (_, bits) => {
            const x = inside.fromHalf(bits);
            return [String(x), inside.toHalf(Math.fround(x))];
        })"""
    )
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    for bits, (text, back) in enumerate(found):
        number = float(halves[bits])
        assert np.isnan(number) if text == "NaN" else float(text) == number
        assert not np.isfinite(number) or back == bits


def test_rounding_to_16_bits(engine):
    """Ties to even, between all kinds of numbers."""
    rng = np.random.default_rng(1)
    x = (rng.normal(size=20_000) * 10.0 ** rng.integers(-9, 5, 20_000)).astype(np.float32)
    halves = np.arange(0, 31743, dtype=np.uint16).view(np.float16).astype(np.float32)
    middles = (halves[:-1] + halves[1:]) / 2
    x = np.concatenate([x, middles, -middles, np.float32([65504, 65519, 65520, 65536, 1e30])])
    give(engine, "x", x.tobytes())
    found = engine.evaluate("() => Array.from(new Float32Array(files.x.buffer), inside.toHalf)")
    with np.errstate(over="ignore"):
        assert found == x.astype(np.float16).view(np.uint16).tolist()


# -------------------------------------------------------------------------------- the tokenizer


@pytest.mark.parametrize("language", ["en", "es"])
def test_token_ids_of_hard_texts(engine, language):
    _, tokenizer = story_model(language)
    rng = random.Random(3)
    alphabet = [*"theoxwani 's lrd  12é·'.,<|end|>", *"\n\t\u00a0\u0085\ufeff\u0301ñ猫🦊\u3000\rⅧ"]
    texts = [
        *TEXTS,
        END,
        *("".join(rng.choices(alphabet, k=rng.randrange(60))) for _ in range(300)),
    ]
    give(engine, "model", model_file(language))
    found = engine.evaluate(
        """async (texts) => {
            const { tokenizer } = await inside.openFile(files.model, never);
            const decode = (ids) => {
                const next = tokenizer.stream();
                return ids.map((id) => next(id)).join("") + next();
            };
            return texts.map((text) => {
                const ids = tokenizer.encode(text);
                return [ids, decode(ids)];
            });
        }""",
        texts,
    )
    assert found == [[tokenizer.encode(text), text] for text in texts]


def test_no_character_is_broken(engine):
    """Tokens in any order, half characters and bytes that are no text: as `TextStream`."""
    _, tokenizer = story_model("en")
    rng = random.Random(5)
    rows = [tokenizer.encode(text) for text in TEXTS]
    n_texts = len(rows)
    rows += [[rng.randrange(1024) for _ in range(60)] for _ in range(50)]
    rows += [[rng.randrange(256) for _ in range(60)] for _ in range(50)]
    give(engine, "model", model_file("en"))
    found = engine.evaluate(
        """async (rows) => {
            const { tokenizer } = await inside.openFile(files.model, never);
            return rows.map((ids) => {
                const next = tokenizer.stream();
                return [...ids.map((id) => next(id)), next()];
            });
        }""",
        rows,
    )
    for i, (ids, pieces) in enumerate(zip(rows, found, strict=True)):
        stream = TextStream(tokenizer)
        expected = [*(stream.push(one) for one in ids), stream.end()]
        assert "".join(pieces) == "".join(expected)
        # Of bytes that are no text, Python's decoder holds back some longer.
        assert i >= n_texts or pieces == expected


def test_tokens_are_shown_as_in_the_other_figures(engine):
    rng = random.Random(11)
    tokens = [token for token in story_model("es")[1].vocab.values()]
    tokens += [rng.randbytes(rng.randrange(6)) for _ in range(1000)]
    found = engine.evaluate(
        "tokens => tokens.map((one) => inside.visible(inside.decoded(Uint8Array.from(one))))",
        [list(token) for token in tokens],
    )
    assert found == [visible(token) for token in tokens]


@pytest.mark.parametrize("pre", PRE_TOKENIZERS)
def test_words_of_every_way_to_cut(engine, pre):
    rng = random.Random(7)
    alphabet = [*"aA bB1 23's'S'T'll'RE'Ve'm'd.,!  ", *"\n\r\t\u0085\u00a0\ufeffſKñé\u0301猫🦊٣½"]
    texts = [*TEXTS, *("".join(rng.choices(alphabet, k=rng.randrange(50))) for _ in range(500))]
    found = engine.evaluate(
        """([pre, texts]) => {
            const words = new RegExp(inside.PRE_TOKENIZERS[pre], "gu");
            return texts.map((text) => text.match(words) ?? []);
        }""",
        [pre, texts],
    )
    assert found == [split_words(text, PRE_TOKENIZERS[pre]) for text in texts]


def test_kinds_of_all_characters(engine):
    """Each character is letter, number, space or other for both, as far as both know it."""
    codes = [*range(0xD800), *range(0xE000, 0x33000), *range(0xE0000, 0xE0200)]
    everything = "".join(map(chr, codes))
    found = engine.evaluate(
        """everything => {
            const words = new RegExp(inside.PRE_TOKENIZERS["gpt-2"], "gu");
            const count = (text) => text.match(words).length;
            return Array.from(everything, (one) => /\\p{Cn}/u.test(one) ? "new" :
                [`a${one}b`, `1${one}2`, `.${one}.`].map(count).join("")
            );
        }""",
        everything,
    )
    new = set(regex.findall(r"\p{Cn}", everything))
    known = [(one, n) for one, n in zip(everything, found, strict=True) if n != "new"]
    known = [(one, n) for one, n in known if one not in new]
    assert len(known) > 160_000
    for one, words in known:
        texts = (f"a{one}b", f"1{one}2", f".{one}.")
        kind = regex.match(r"(\p{L})|(\p{N})|( )|(\s)|", one).lastindex
        expected = {1: "133", 2: "313", 3: "222", 4: "333", None: "331"}[kind]
        assert words == expected, (one, [split_words(text) for text in texts])


def test_merges_that_make_one_token_twice(engine, tmp_path):
    """Several pairs for one token, and ids in another order than the merges."""
    pieces = [bytes([byte]) for byte in range(256)] + [b"aa", b"aaa", b"ab", b"aab", b"abab"]
    vocab = {2 * i if i < 256 else 1023 - 2 * i: piece for i, piece in enumerate(pieces)}
    vocab = {rank: vocab[i] for rank, i in enumerate(sorted(vocab))}
    merges = [(b"a", b"a"), (b"a", b"aa"), (b"aa", b"a"), (b"a", b"b"), (b"a", b"ab")]
    merges += [(b"aa", b"b"), (b"ab", b"ab")]
    tokenizer = BPETokenizer.from_merges(vocab, merges)
    model, _ = small_model(vocab_size=tokenizer.vocab_size)
    rng = random.Random(2)
    texts = ["".join(rng.choices("aaab ", k=rng.randrange(40))) for _ in range(300)]
    give(engine, "model", write(tmp_path, model, tokenizer))
    found = engine.evaluate(
        """async (texts) => {
            const { tokenizer } = await inside.openFile(files.model, never);
            return texts.map((text) => tokenizer.encode(text));
        }""",
        texts,
    )
    assert found == [tokenizer.encode(text) for text in texts]


# ------------------------------------------------------------------------------- the next token


def test_probabilities_equal_the_library_s(engine):
    rng = np.random.default_rng(4)
    rows = [scale * rng.normal(size=50) for scale in (0.1, 3, 1000)]
    rows += [np.zeros(7), rng.integers(0, 3, 30).astype(float), np.array([5.0])]
    for row in rows:
        for temperature, min_p in [(1, 0), (0.1, 0), (2, 0.3), (0.7, 0.04), (0, 0), (0, 0.5)]:
            found = engine.evaluate(
                """([row, temperature, minP]) => Array.from(
                    inside.tokenProbs(Float64Array.from(row), { temperature, minP }))""",
                [row.tolist(), temperature, min_p],
            )
            expected = token_probs(torch.tensor(row), Sampling(temperature, min_p=min_p))
            np.testing.assert_allclose(found, expected.numpy(), rtol=1e-9, atol=1e-15)


def test_draws_follow_the_probabilities(engine):
    probs, n = [0.5, 0.0, 0.3, 0.2, 0.0], 20_000
    bits, counts = engine.evaluate(
        """([probs, n]) => {
            const bits = inside.randomBits(7);
            const first = [bits(), bits(), bits()];
            const counts = probs.map(() => 0);
            for (let i = 0; i < n; i++) counts[inside.draw(Float64Array.from(probs), bits)]++;
            return [first, counts];
        }""",
        [probs, n],
    )
    assert bits == list(islice(random_bits(7), 3))
    # five standard deviations of a count are at most 354
    assert all(abs(count - n * p) <= 354 for count, p in zip(counts, probs, strict=True))
    assert counts[1] == counts[4] == 0
    short = "inside.draw(Float64Array.of(0.1, 0.2, 0), () => 2 ** 32 - 1)"
    assert engine.evaluate(short) == 1  # sums may fall short of 1


def test_the_most_probable(engine):
    rng = np.random.default_rng(8)
    for row in (rng.random(100), rng.integers(0, 4, 50) / 10, np.array([0.5, 0.5, 1]), np.ones(3)):
        found = engine.evaluate(
            "row => inside.mostProbable(Float64Array.from(row), 8)", row.tolist()
        )
        assert found == np.argsort(-row, kind="stable")[:8].tolist()


# ------------------------------------------------------------------------------- hostile files

DEEP = b"GGUF" + u32(3) + u64(0) + u64(1) + u64(1) + b"x" + u32(9) + (u32(9) + u64(1)) * 100_000
NAMED_LIKE_OBJECTS = {"__proto__": 1, "constructor": "text", "hasOwnProperty": [1]}


def broken_files():
    """The corpus of `tests/test_gguf_hostile.py`."""
    valid = bytes(hostile.valid())
    for cut in range(hostile.END):
        yield f"cut at {cut}", valid[:cut]
    for magic in (b"GGXX", b"gguf", b"FUGG", b"\0\0\0\0", b"\x89PNG", b"\xff\xfe\0\n"):
        yield f"magic {magic}", patched("magic", magic)
    for version in (0, 1, 4, 99, 2**32 - 1, 3 << 24, 1 << 24):
        yield f"version {version}", patched("version", u32(version))
    fields = ["number of tensors", "number of entries", "length of name of entry 0"]
    fields += ["length of general.architecture", "number of values of list", "length of words[3]"]
    fields += ["number of values of words", "number of values of truths", "length of words[0]"]
    fields += ["length of name of tensor 1", "dimension 0 of matrix", "dimension 2 of cube"]
    fields += ["offset of matrix", "offset of cube", "offset of vector"]
    for name in fields:
        for size in (*HUGE, 2**53, 2**53 + 1, MOST_ENTRIES + 1, MOST_TEXTS + 1):
            yield f"{name} {size}", patched(name, u64(size))
    for name in ("name of entry 1", "name of tensor 1"):
        yield f"long {name}", patched(f"length of {name}", u64(2**16))
    for kind in (13, 14, 255, 2**31, 2**32 - 1):
        for name in ("number", "the values of list", "words"):
            yield f"type of {name} {kind}", patched(f"type of {name}", u32(kind))
        yield f"type of cube {kind}", patched("type of cube", u32(max(kind, 42)))
    yield "a list of lists", patched("type of the values of list", u32(9))
    yield "lists of lists of lists", DEEP
    for n in (5, 255, 2**32 - 1):
        name = "number of dimensions of cube"
        yield f"{name} {n}", patched(name, u32(n))
    one = hostile.TENSORS["vector"]
    twice = gguf_bytes({"one": 1, "two": 2}, {"t1": one, "t2": one})
    yield "entries twice", twice.replace(b"two", b"one")
    yield "tensors twice", twice.replace(b"t2", b"t1")
    for bad in (b"\xff", b"\xc3", b"\x80", b"\xe6\x97", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90"):
        for name in ("name of entry 0", "general.architecture", "words[3]", "name of tensor 0"):
            yield f"{bad} in {name}", patched(name, bad.ljust(6, b"\xff"))
            yield f"{bad} later in {name}", patched(name, b"a" + bad.ljust(5, b"b"))
    for name in ("truth", "truths"):
        yield f"{name} 2", patched(name, b"\x02")
    for n in (0, 3, 33, 2**31, 2**31 + 1):
        yield f"alignment {n}", patched("general.alignment", u32(n))
    for kind in (6, 7):
        yield f"alignment as {kind}", patched("type of general.alignment", u32(kind))
    for n in (1, 31, 33, 63, 32, 64):
        yield f"offset of matrix {n}", patched("offset of matrix", u64(n))
        yield f"offset of cube {n}", patched("offset of cube", u64(n + 1))
    for n in (192, 2**20, 2**40, 2**64 - 32):
        yield f"offset of vector {n}", patched("offset of vector", u64(n))
    for a, b in ((2**32, 2**32), (2**63, 2), (2**62, 4), (32, 2**60), (2**64 - 32, 1)):
        yield f"matrix of {a} by {b}", patched("dimension 0 of matrix", u64(a) + u64(b))
    for n in (0, 1, 31, 33, 2**63 - 1):
        yield f"rows of {n}", patched("dimension 0 of matrix", u64(n))
    yield "no numbers", patched("dimension 1 of cube", u64(0))


def refusals(page, files, how="inside.parseGGUF(bytes)"):
    """For each file the error or null, the milliseconds, and the bytes of arrays taken.

    What takes long is tried again: the browser does other things too.
    """
    live.internals(page, "model_in_page", *ENGINE)
    source = module_source("model_in_page").split("export default")[0]
    return page.evaluate(
        """async ([source, how, files]) => {
            let taken = 0;
            const counted = (type) => new Proxy(type, {
                construct(target, [what, ...rest], self) {
                    if (!(what instanceof ArrayBuffer)) {
                        taken += (what?.length ?? what ?? 0) * type.BYTES_PER_ELEMENT;
                    }
                    return Reflect.construct(target, [what, ...rest], self);
                },
            });
            const names = ["Float32Array", "Float64Array", "Uint8Array", "Uint16Array"];
            const make = new Function(...names, `${source}; return { parseGGUF, openFile };`);
            const inside = make(...names.map((name) => counted(globalThis[name])));
            const act = new Function("inside", "bytes", "never", `return ${how};`);
            const results = [];
            for (const text of files) {
                const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
                let [message, least, most] = [null, Infinity, 0];
                for (let turn = 0; turn < 5 && least > 100; turn++) {
                    taken = 0;
                    const start = performance.now();
                    try {
                        await act(inside, bytes, async () => false);
                    } catch (error) {
                        message = error.constructor === Error ? error.message : `${error.stack}`;
                    }
                    least = Math.min(least, performance.now() - start);
                    most = Math.max(most, taken);
                }
                results.push([message, least, most]);
            }
            return results;
        }""",
        [source, how, [base64.b64encode(file).decode() for file in files]],
    )


def python_refusal(data):
    try:
        parse_gguf(bytes(data))
    except ValueError as error:
        return str(error)
    return None


def test_broken_files_are_refused_where_the_library_refuses_them(page):
    names, files = zip(*broken_files(), strict=True)
    assert len(files) > 700
    for name, data, (message, time, taken) in zip(names, files, refusals(page, files), strict=True):
        expected = python_refusal(data)
        assert expected is not None, name
        assert message is not None, name
        # the field and the byte; the rest is worded for the page
        assert message.split(": expected ")[0] == expected.split(": expected ")[0], name
        assert re.search(r" at byte \d+: expected .*, got ", message, re.S)
        assert time < 100, (name, time)
        assert taken < 1e6, (name, taken)


def test_texts_are_counted_over_the_whole_file(page):
    files = [hostile.TOO_MANY_TEXTS, hostile.TOO_LONG_TEXTS]
    for data, (message, *_) in zip(files, refusals(page, files), strict=True):
        assert message == python_refusal(data)


def test_a_valid_file_is_opened(page):
    files = [hostile.valid(), gguf_bytes(NAMED_LIKE_OBJECTS, {}), gguf_bytes({}, {})]
    assert [message for message, *_ in refusals(page, files)] == [None] * 3
    live.internals(page, "model_in_page", *ENGINE)
    page.evaluate("() => { window.files = {}; }")
    give(page, "valid", hostile.valid())
    give(page, "names", gguf_bytes(NAMED_LIKE_OBJECTS, {}))
    found = page.evaluate(
        """() => {
            const plain = ({ value }) => value?.get
                ? Array.from({ length: value.length }, (_, i) => value.get(i)) : value;
            return Object.values(files).map((bytes) => {
                const file = inside.parseGGUF(bytes);
                return [
                    [...file.metadata].map(([name, entry]) => [name, plain(entry)]),
                    [...file.tensors].map(([name, t]) => [name, t.type.name, t.rows, t.columns]),
                ];
            });
        }"""
    )
    assert dict(found[0][0]) == hostile.METADATA
    assert found[0][1] == [
        ["matrix", "Q8_0", 2, 32], ["cube", "F32", 6, 2], ["vector", "F16", 1, 3]
    ]  # fmt: skip
    assert dict(map(tuple, found[1][0])) == NAMED_LIKE_OBJECTS


def test_two_thousand_mutated_files(page):
    """The page opens and refuses what the library does, at the same byte."""
    rng, base = random.Random(2_000), hostile.valid()
    files = [bytes(hostile.mutated(base, rng)) for _ in range(2_000)]
    opened = other_type = 0
    for data, (message, time, taken) in zip(files, refusals(page, files), strict=True):
        expected = python_refusal(data)
        assert time < 100
        assert taken < 1e6
        if message and "expected one of F32, Q4_0" in message.replace("F16, ", ""):
            other_type += 1  # a type that the page does not decode
            continue
        place = re.compile(r" at byte (\d+): expected ")
        if expected is None or message is None:
            assert (message, expected) == (None, None)
            opened += 1
        else:
            assert place.search(message)[1] == place.search(expected)[1], (message, expected)
    assert 200 < opened < 1_800
    assert other_type < 100


def small_file(entries=(), tensors=(), drop=(), sizes=(), type="F32", **changes):
    """A small model's file with other entries and tensors."""
    model, tokenizer = small_model(**dict(sizes))
    metadata = write_config(model.config) | write_tokenizer(tokenizer, model.config.vocab_size)
    arrays = {
        name: (tensor.detach().numpy(), type if tensor.ndim > 1 else "F32")
        for name, tensor in to_gguf_tensors(model.state_dict(), model.config).items()
    }
    metadata |= dict(entries)
    arrays |= dict(tensors)
    keep = lambda those: {name: one for name, one in those.items() if name not in drop}  # noqa: E731
    return gguf_bytes(keep(metadata), keep(arrays))


def floats(*shape, value=0.5):
    return np.full(shape, value, np.float32), "F32"


def with_token(i, text):
    tokens = write_tokenizer(small_model()[1], 263)["tokenizer.ggml.tokens"]
    return {"tokenizer.ggml.tokens": [*tokens[:i], text, *tokens[i + 1 :]]}


T = "tokenizer.ggml."
MERGES = write_tokenizer(small_model()[1], 263)[f"{T}merges"]
MODELS = {
    "no architecture": ({"drop": ["general.architecture"]}, "general.architecture"),
    "gpt2": ({"entries": {"general.architecture": "gpt2"}}, "general.architecture"),
    "a number for it": ({"entries": {"general.architecture": 7}}, "general.architecture"),
    "experts": ({"entries": {"llama.expert_count": 8}}, "llama.expert_count"),
    "scaling": ({"entries": {"llama.rope.scaling.type": "yarn"}}, "llama.rope.scaling.type"),
    "no width": ({"drop": ["llama.embedding_length"]}, "llama.embedding_length"),
    "width 0": ({"entries": {"llama.embedding_length": 0}}, "llama.embedding_length"),
    "width below 0": ({"entries": {"llama.embedding_length": -1}}, "llama.embedding_length"),
    "width as float": ({"entries": {"llama.embedding_length": 32.0}}, "llama.embedding_length"),
    "width as text": ({"entries": {"llama.embedding_length": "32"}}, "llama.embedding_length"),
    "width as list": ({"entries": {"llama.embedding_length": [32]}}, "llama.embedding_length"),
    "width huge": (
        {"entries": {"llama.embedding_length": np.uint64(2**63)}}, "llama.embedding_length"
    ),
    "other width": ({"entries": {"llama.embedding_length": 16}}, "dimensions of token_embd.weight"),
    "layers": ({"entries": {"llama.block_count": 2**31}}, "llama.block_count"),
    "one layer more": ({"entries": {"llama.block_count": 3}}, "blk.2.attn_norm.weight"),
    "one layer less": ({"entries": {"llama.block_count": 1}}, "blk.1.attn_norm.weight"),
    "heads": ({"entries": {"llama.attention.head_count": 5}}, "llama.attention.head_count"),
    "key heads": (
        {"entries": {"llama.attention.head_count_kv": 2}}, "dimensions of blk.0.attn_k.weight"
    ),
    "head width": ({"entries": {"llama.attention.key_length": 7}}, "llama.attention.value_length"),
    "rope of a part": (
        {"entries": {"llama.rope.dimension_count": 4}}, "llama.rope.dimension_count"
    ),
    "eps nan": (
        {"entries": {"llama.attention.layer_norm_rms_epsilon": float("nan")}},
        "llama.attention.layer_norm_rms_epsilon",
    ),
    "eps none": (
        {"drop": ["llama.attention.layer_norm_rms_epsilon"]},
        "llama.attention.layer_norm_rms_epsilon",
    ),
    "base infinite": ({"entries": {"llama.rope.freq_base": float("inf")}}, "llama.rope.freq_base"),
    "base 0": ({"entries": {"llama.rope.freq_base": 0.0}}, "llama.rope.freq_base"),
    "context huge": (
        {
            "entries": {"llama.context_length": 2**31, "llama.block_count": 1},
            "drop": [],
            "sizes": {"n_layers": 1, "d_model": 1, "n_heads": 1, "d_head": 30_000, "tied": True},
        },
        "llama.context_length",
    ),
    "no table": ({"drop": ["token_embd.weight"]}, "token_embd.weight"),
    "no norm": ({"drop": ["output_norm.weight"]}, "output_norm.weight"),
    "a bias": ({"tensors": {"blk.0.attn_q.bias": floats(32)}}, "blk.0.attn_q.bias"),
    "factors": ({"tensors": {"rope_freqs.weight": floats(4)}}, "rope_freqs.weight"),
    "three dimensions": (
        {"tensors": {"blk.0.ffn_up.weight": floats(1, 64, 32)}}, "dimensions of blk.0.ffn_up.weight"
    ),
    "a norm as a matrix": (
        {"tensors": {"blk.0.attn_norm.weight": floats(4, 8)}},
        "dimensions of blk.0.attn_norm.weight",
    ),
    "turned": (
        {"tensors": {"blk.1.ffn_up.weight": floats(32, 64)}}, "dimensions of blk.1.ffn_up.weight"
    ),
    "other tokenizer": ({"entries": {f"{T}model": "llama"}}, f"{T}model"),
    "no tokenizer": ({"drop": [f"{T}model"]}, f"{T}model"),
    "other cuts": ({"entries": {f"{T}pre": "deepseek-llm"}}, f"{T}pre"),
    "cuts of all objects": ({"entries": {f"{T}pre": "constructor"}}, f"{T}pre"),
    "no tokens": ({"drop": [f"{T}tokens"]}, f"{T}tokens"),
    "few tokens": ({"entries": {f"{T}tokens": ["a", "b"]}}, f"{T}tokens"),
    "numbers for tokens": ({"entries": {f"{T}tokens": [1] * 263}}, f"{T}tokens"),
    "kinds": ({"entries": {f"{T}token_type": [1, 1]}}, f"{T}token_type"),
    "kinds as text": ({"entries": {f"{T}token_type": ["1"] * 263}}, f"{T}token_type"),
    "token twice": ({"entries": with_token(5, "e")}, f"{T}tokens["),
    "no byte": ({"entries": with_token(65, "日")}, f"{T}tokens[65]"),
    "byte missing": ({"entries": with_token(65, "zz")}, f"{T}tokens"),
    "token that no merge makes": ({"entries": with_token(261, "qq")}, f"{T}merges["),
    "no merges": ({"drop": [f"{T}merges"]}, f"{T}merges"),
    "merges missing": ({"entries": {f"{T}merges": MERGES[:-1]}}, f"{T}tokens[261]"),
    "merge of three": ({"entries": {f"{T}merges": ["a b c", *MERGES]}}, f"{T}merges[0]"),
    "merge of one": ({"entries": {f"{T}merges": [*MERGES, "a"]}}, f"{T}merges[6]"),
    "merge too early": ({"entries": {f"{T}merges": ["Ġa w", *MERGES]}}, f"{T}merges[0]"),
    "merge of others": ({"entries": {f"{T}merges": [*MERGES, "q q"]}}, f"{T}merges[6]"),
    "end outside": ({"entries": {f"{T}eos_token_id": 263}}, f"{T}eos_token_id"),
    "start below": ({"entries": {f"{T}bos_token_id": -1}}, f"{T}bos_token_id"),
    "start as text": ({"entries": {f"{T}bos_token_id": "1"}}, f"{T}bos_token_id"),
}  # fmt: skip


def test_models_that_do_not_fit(page):
    files = [small_file(**changes) for changes, _ in MODELS.values()]
    results = refusals(page, files, "inside.openFile(bytes, never)")
    for (name, (_, field)), (message, time, taken) in zip(MODELS.items(), results, strict=True):
        assert message is not None, name
        assert message.startswith(field), (name, message)
        assert re.search(r" at byte \d+: expected .*, got ", message), (name, message)
        assert time < 100, (name, time)
        assert taken < 1e6, (name, taken)


@pytest.mark.parametrize("type", ["F32", "F16", "Q8_0", "Q4_0"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite(page, type, bad):
    """In the third row of a matrix: its first byte, or that of its block, is named."""
    data = small_file(type=type)
    tensor = parse_gguf(data).tensors["blk.1.ffn_down.weight"]
    number = np.array(bad, "<f4" if type == "F32" else "<f2").tobytes()
    at = tensor.offset + 2 * tensor.data.shape[1]
    data[at : at + len(number)] = number
    [[message, *_]] = refusals(page, [data], "inside.openFile(bytes, never)")
    assert message.startswith(f"blk.1.ffn_down.weight at byte {at}: expected finite numbers, got ")


def test_the_small_file_itself_is_opened(page):
    files = [small_file(), small_file(drop=[f"{T}token_type", f"{T}eos_token_id"])]
    files += [small_file({"llama.expert_count": 0, "llama.rope.scaling.type": "none"})]
    results = refusals(page, files, "inside.openFile(bytes, never)")
    assert [message for message, *_ in results[::2]] == [None, None]
    assert results[1][0].startswith(f"{T}tokens[262]")  # the end token is no byte-level one


def test_types_are_refused_by_name(page):
    sizes = {"d_model": 256, "d_ff": 256, "n_layers": 1}
    [[message, *_]] = refusals(page, [small_file(sizes=sizes, type="Q4_K")])
    assert message.startswith("type of token_embd.weight at byte ")
    assert message.endswith("expected one of F32, F16, Q4_0, Q8_0, got Q4_K")


# --------------------------------------------------------------------------- a page from a folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pages as the book has them: the script of all figures, and the models beside it."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "_static").mkdir()
    script = pack_figures(FOLDER)
    (folder / "_static" / "live.js").write_text(script, encoding="utf-8")
    css = (FOLDER / "live.css").read_text(encoding="utf-8")
    for language in ("en", "es"):
        model = folder / "_static" / f"model_{language}.js"
        model.write_text(pack_model(language), encoding="ascii")
        (folder / f"{language}.html").write_text(
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>P</title>'
            f'<link rel="icon" href="data:,"><style>{css}</style>'
            '<script defer src="_static/live.js"></script></head>'
            f"<body><main><h1>Page</h1>{ModelInPage(language=language).to_html()}</main></body>",
            encoding="utf-8",
        )
    return folder


@pytest.fixture
def visit(tab):
    """Open a page; it must end without an error, and its requests are listed."""
    troubles, requests, allowed = [], [], []

    def opened(address, expected=()):
        allowed.extend(expected)
        tab.set_default_timeout(WAIT)
        tab.goto(address)
        tab.wait_for_selector("figure[data-live-state=ready]")
        return tab, requests

    with live.listening(
        tab,
        console=lambda message: message.text in allowed or troubles.append(message.text),
        pageerror=lambda error: troubles.append(str(error)),
        request=lambda request: requests.append(request.url),
    ):
        yield opened
    assert troubles == []


def load(page, language="en"):
    live.press(page, LOAD[language])
    page.wait_for_selector(".live-next tbody tr")


def told(page):
    """Wait until the story is told; return its new ids."""
    words = re.compile("tokens per second|tokens por segundo")
    page.get_by_role("status").filter(has_text=words).wait_for()
    return json.loads(page.locator(".live-controls .live-story > span").get_attribute("data-ids"))


def library_story(text, language="en", sampling=GREEDY, n_tokens=200):
    model, tokenizer = story_model(language)
    [end] = tokenizer.encode(END, allowed_special=[END])
    return generate(model, [end, *tokenizer.encode(text)], n_tokens, sampling, stop_ids=[end])


@pytest.mark.parametrize(("scheme", "language"), [("file", "en"), ("file", "es"), ("http", "en")])
def test_the_book_s_story_by_keyboard(visit, folder, scheme, language):
    with server(folder) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        start = f"http://127.0.0.1:{serving.server_port}/"
        start = start if scheme == "http" else f"{folder.as_uri()}/"
        page, requests = visit(f"{start}{language}.html")
        words = live.words(page, "model_in_page", language)
        # Nothing is loaded before the reader asks for it; the stored story stands there.
        page.wait_for_timeout(300)
        own = [url for url in requests if not url.startswith("data:")]
        assert own == [f"{start}{language}.html", f"{start}_static/live.js"]
        text = {"en": "Once upon a time", "es": "Había una vez"}[language]
        shown = page.locator(".live-body .live-story").first.inner_text()
        assert shown == text + stored_story(text, language)
        assert not page.locator(".live-controls").first.is_visible()

        load(page, language)
        assert live.focused(page) == words["beginning"]
        millions = sum(one.numel() for one in story_model(language)[0].parameters()) / 1e6
        assert f"{millions:.1f}" in page.get_by_role("status").inner_text().replace(",", ".")
        live.press(page, words["tell"])
        ids = told(page)
        assert ids == library_story(text, language)
        _, tokenizer = story_model(language)
        story = page.locator(".live-controls .live-story")
        assert story.first.inner_text() == text + tokenizer.decode(ids)
        own = [url for url in requests if not url.startswith("data:")]
        assert own[2:] == [f"{start}_static/model_{language}.js"]
        assert page.evaluate("Object.keys(globalThis.bookModels)") == []  # the text is let go
        serving.shutdown()


def test_a_missing_script_is_told(visit, folder, tmp_path):
    for name in ("en.html", "_static/live.js"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    missing = "Failed to load resource: net::ERR_FILE_NOT_FOUND"
    page, _ = visit((tmp_path / "en.html").as_uri(), expected=[missing])
    live.press(page, LOAD["en"])
    page.get_by_role("status").filter(has_text="could not be loaded").wait_for()
    assert live.focused(page) == LOAD["en"]  # and can be tried again
    (tmp_path / "_static" / "model_en.js").write_bytes(
        (folder / "_static" / "model_en.js").read_bytes()
    )
    load(page)


def next_shown(page):
    return json.loads(page.locator("table.live-next").get_attribute("data-best"))


def check_next(page, ids, model):
    """The bars show the model's distribution after these ids."""
    probs = torch.tensor(torch_logits(model, ids)[-1]).double().softmax(-1).numpy()
    best = next_shown(page)
    assert len(best) == 8
    np.testing.assert_allclose([p for _, p in best], [probs[i] for i, _ in best], atol=TOLERANCE)
    np.testing.assert_allclose([p for _, p in best], np.sort(probs)[::-1][:8], atol=TOLERANCE)
    cells = page.locator(".live-next tbody td > span:last-child").all_text_contents()
    assert cells[:8] == [f"{p:.3f}" for _, p in best]
    assert float(cells[8]) == pytest.approx(1 - sum(p for _, p in best), abs=1e-3)
    widths = page.locator(".live-next .live-bar > span").evaluate_all(
        "all => all.map(one => parseFloat(one.style.width))"
    )
    assert widths[:8] == pytest.approx([100 * p for _, p in best], abs=1e-2)


def test_the_next_token_follows_the_text(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    model, tokenizer = story_model("en")
    load(page)
    check_next(page, beginning(tokenizer, "Once upon a time"), model)
    for text in ("A long time ago there lived a ", "A long time ago there lived a fox", ""):
        before = next_shown(page)
        live.write(page, "How the text begins", text)
        page.wait_for_function(
            "old => document.querySelector('.live-next').dataset.best !== old",
            arg=json.dumps(before, separators=(",", ":")),
        )
        page.wait_for_timeout(300)
        check_next(page, beginning(tokenizer, text), model)
    live.press(page, "Tell")
    ids = told(page)
    check_next(page, beginning(tokenizer, "") + ids, model)
    names = page.locator(".live-next tbody th").all_text_contents()
    assert names[:8] == [visible(tokenizer.vocab[i]) for i, _ in next_shown(page)]
    assert names[8] == "1,016 others"


def test_settings_and_seeds(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    load(page)
    greedy = library_story("Once upon a time")

    def tell():
        live.press(page, "Tell")
        return told(page)

    live.focus(page, "Temperature; at 0 always the most probable token")
    for _ in range(15):
        page.keyboard.press("ArrowRight")
    assert page.locator(".live-place").first.inner_text() == "1.50"
    first, again = tell(), tell()
    assert first == again != greedy  # the same seed, the same story
    live.focus(page, "Seed of the draws")
    page.keyboard.press("Control+A")
    page.keyboard.type("2")
    assert tell() != first
    live.focus(page, "Min-p: only tokens at least p times as probable as the best")
    page.keyboard.press("End")
    assert page.locator(".live-place").nth(1).inner_text() == "0.50"
    live.focus(page, "Temperature; at 0 always the most probable token")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    # At temperature 0.1 and min-p 0.5 only tokens within a factor of 1.07 can beat the best.
    ids = tell()
    model, tokenizer = story_model("en")
    whole = beginning(tokenizer, "Once upon a time") + ids
    logits = torch_logits(model, whole)
    n_given = len(whole) - len(ids)
    rows = logits[n_given - 1 : -1]
    chosen = rows[np.arange(len(ids)), ids]
    assert (rows.max(-1) - chosen <= 0.1 * np.log(2) + TOLERANCE).all()


def test_stop_and_too_long(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    load(page)
    # A page that is slow: each turn of the story waits for us.
    live.press(page, "Tell")
    page.keyboard.press("Tab")
    assert live.focused(page) == "Stop"
    page.keyboard.press("Enter")
    ids = told(page)
    whole = library_story("Once upon a time")
    assert ids == whole[: len(ids)]
    assert live.focused(page) == "Stop"
    live.write(page, "How the text begins", "a fox " * 330)
    page.get_by_role("status").filter(has_text="too long: the model remembers 512").wait_for()
    live.press(page, "Tell")
    assert "too long" in page.get_by_role("status").inner_text()
    live.write(page, "How the text begins", "a fox " * 150)
    live.press(page, "Tell")
    told(page)


def test_the_same_model_in_fewer_bits(visit, folder, tmp_path):
    page, _ = visit((folder / "en.html").as_uri())
    model, tokenizer = story_model("en")
    load(page)
    live.write(page, "How the text begins", "There was a ")
    live.press(page, "Tell with each")
    page.wait_for_selector(".live-columns[data-ids]")
    found = json.loads(page.locator(".live-columns").get_attribute("data-ids"))
    [end] = tokenizer.encode(END, allowed_special=[END])
    stories, sizes = [], []
    for type in ("F32", "Q8_0", "Q4_0"):
        write(tmp_path, model, tokenizer, type)
        own, _ = load_gguf(tmp_path / "model.gguf")
        tensors = parse_gguf((tmp_path / "model.gguf").read_bytes()).tensors.values()
        sizes.append(f"{type} · {sum(tensor.data.nbytes for tensor in tensors) / 1e6:.1f} MB")
        ids = beginning(tokenizer, "There was a ")
        stories.append(generate(own, ids, 200, GREEDY, stop_ids=[end]))
    assert found == stories
    groups = page.locator(".live-columns > div")
    assert groups.locator("p:first-child").all_inner_texts() == sizes
    texts = [tokenizer.decode(ids) for ids in stories]
    for i, text in enumerate(texts):
        assert groups.nth(i).locator(".live-story").inner_text() == "There was a " + text
        verdict = groups.nth(i).locator(".live-legend").inner_text()
        assert bool(groups.nth(i).locator("mark").count()) == (text.split() != texts[0].split())
        if i and stories[i] == stories[0]:
            assert verdict == "The same text as F32."
        elif i:
            shorter = min(len(stories[0]), len(stories[i]))
            same = [stories[0][k] == stories[i][k] for k in range(shorter)]
            n = same.index(False) if False in same else shorter
            assert verdict == f"Differs from F32 at token {n + 1}."


def test_marked_words_are_those_of_a_longest_common_text(engine):
    rng = random.Random(9)
    for _ in range(60):
        a, b = ([rng.choice("abcd") for _ in range(rng.randrange(12))] for _ in range(2))
        common = engine.evaluate("([a, b]) => inside.wordsInCommon(a, b)", [a, b])
        kept = [word for word, one in zip(a, common, strict=True) if one]
        rest = iter(b)
        assert all(word in rest for word in kept)  # in the order of b
        longest = np.zeros((len(a) + 1, len(b) + 1), int)
        for i, one in enumerate(a):
            for j, other in enumerate(b):
                longest[i + 1, j + 1] = (
                    longest[i, j] + 1 if one == other else max(longest[i, j + 1], longest[i + 1, j])
                )
        assert len(kept) == longest[-1, -1]
    text = " a  niña,\n¿sí? "
    assert "".join(engine.evaluate("text => inside.wordsOf(text)", text)) == text


# ---------------------------------------------------------------------------- the reader's file


def drop(page, name, data):
    transfer = page.evaluate_handle(
        """([name, text]) => {
            const transfer = new DataTransfer();
            const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
            transfer.items.add(new File([bytes], name));
            return transfer;
        }""",
        [name, base64.b64encode(data).decode()],
    )
    page.dispatch_event("form.live-body", "drop", {"dataTransfer": transfer})


@pytest.mark.parametrize("way", ["dropped", "chosen"])
def test_a_file_of_the_reader(visit, folder, tmp_path, way):
    page, requests = visit((folder / "en.html").as_uri())
    model, tokenizer = small_model(n_kv_heads=2, tied=True)
    data = write(tmp_path, model, tokenizer)
    if way == "dropped":
        drop(page, "model.gguf", data)
    else:
        page.set_input_files("input[type=file]", tmp_path / "model.gguf")
    page.get_by_role("status").filter(has_text="Ready: llama, 0.0 million").wait_for()
    live.write(page, "How the text begins", "a girl")
    live.press(page, "Tell")
    ids = beginning(tokenizer, "a girl")
    n_tokens = model.config.context_length - len(ids)
    [end] = tokenizer.encode(END, allowed_special=[END])
    assert told(page) == generate(model, ids, n_tokens, GREEDY, stop_ids=[end])
    assert not [url for url in requests if "model_" in url]
    # The book's model can still be loaded, and then takes its place.
    load(page)
    page.get_by_role("status").filter(has_text="Ready: qwen3").wait_for()
    live.write(page, "How the text begins", "Once upon a time")
    live.press(page, "Tell")
    assert told(page) == library_story("Once upon a time")


def test_files_that_cannot_be_opened(visit, folder):
    """The reason in a sentence, then the field; the model that was there stays."""
    page, _ = visit((folder / "es.html").as_uri())
    load(page, "es")
    sizes = {"d_model": 256, "d_ff": 256, "n_layers": 1}
    for data, words in {
        b"PK\x03\x04 a zip": ("Esto no es un archivo GGUF.", "magic at byte 0"),
        b"": ("Este archivo no se puede abrir.", "magic at byte 0"),
        bytes(hostile.valid()): ("Este archivo no se puede abrir.", "token_embd.weight at byte"),
        bytes(small_file(sizes=sizes, type="Q4_K")): ("de un tipo que la página", "got Q4_K"),
        bytes(small_file({"general.architecture": "bert"})): ("una arquitectura", "got bert"),
        bytes(small_file({f"{T}pre": "tekken"})): ("un tokenizador que", "got tekken"),
        bytes(small_file())[:-40]: ("Este archivo no se puede abrir.", "that of the file"),
    }.items():
        drop(page, "file.gguf", data)
        page.get_by_role("status").filter(has_text=words[0]).filter(has_text=words[1]).wait_for()
    live.press(page, "Seguir el cuento")
    assert told(page) == library_story("Había una vez", "es")


def test_files_that_are_too_large_are_not_read(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    page.evaluate(
        """() => {
            window.read = 0;
            File.prototype.arrayBuffer = function () { window.read++; };
            const transfer = new DataTransfer();
            const large = new File([new Uint8Array(1)], "large.gguf");
            Object.defineProperty(large, "size", { value: 128e6 + 1 });
            const event = new Event("drop", { bubbles: true, cancelable: true });
            event.dataTransfer = { files: [large] };
            document.querySelector("form.live-body").dispatchEvent(event);
        }"""
    )
    page.get_by_role("status").filter(has_text="too large for the page").wait_for()
    assert page.evaluate("window.read") == 0


def test_models_that_cannot_be_quantized(visit, folder, tmp_path):
    page, _ = visit((folder / "en.html").as_uri())
    model, tokenizer = small_model(d_model=24, n_heads=2)
    drop(page, "narrow.gguf", write(tmp_path, model, tokenizer))
    page.get_by_role("status").filter(has_text="Ready").wait_for()
    live.press(page, "Tell with each")
    page.get_by_role("status").filter(has_text="no multiples of 32").wait_for()
    huge = {"blk.0.ffn_up.weight": floats(64, 32, value=3e38)}
    drop(page, "huge.gguf", small_file(tensors=huge))
    page.get_by_role("status").filter(has_text="Ready").wait_for()
    live.press(page, "Tell with each")
    page.get_by_role("status").filter(has_text="A scale is too large for 16 bits").wait_for()


def test_a_quantized_file_is_called_so(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    drop(page, "small.gguf", small_file(type="Q8_0"))
    page.get_by_role("status").filter(has_text="Ready").wait_for()
    live.press(page, "Tell with each")
    page.wait_for_selector(".live-columns[data-ids]")
    assert page.locator(".live-columns b:only-of-type").first.inner_text() == "Q8_0"
    first, second, _ = json.loads(page.locator(".live-columns").get_attribute("data-ids"))
    assert first == second  # what was rounded once is not rounded again


def test_a_model_without_a_token_between_texts(visit, folder):
    """Nothing stands in front of the beginning, so there has to be one."""
    page, _ = visit((folder / "en.html").as_uri())
    model, tokenizer = small_model()
    drop(page, "small.gguf", small_file({f"{T}bos_token_id": 0}))
    page.get_by_role("status").filter(has_text="Ready").wait_for()
    live.write(page, "How the text begins", "")
    live.press(page, "Tell")
    page.get_by_role("status").filter(has_text="Type how the text begins.").wait_for()
    live.write(page, "How the text begins", "a girl")
    live.press(page, "Tell")
    ids = tokenizer.encode("a girl")
    [end] = tokenizer.encode(END, allowed_special=[END])
    assert told(page) == generate(model, ids, 48 - len(ids), GREEDY, stop_ids=[end])
    drop(page, "asked.gguf", small_file({f"{T}bos_token_id": 7, f"{T}add_bos_token": True}))
    page.get_by_role("status").filter(has_text="Ready").wait_for()
    live.press(page, "Tell")
    ids = [7, *tokenizer.encode("a girl")]
    assert told(page) == generate(model, ids, 48 - len(ids), GREEDY, stop_ids=[end])


# ----------------------------------------------------------------------------- words and looks


@live.in_every_look
def test_axe_finds_nothing_and_nothing_sticks_out(visit, folder, theme, width, language):
    source = folder / f"{language}.html"
    name = f"{language} {theme} {width}.html"
    text = source.read_text(encoding="utf-8").replace("<head>", '<head><meta name="viewport"'
        ' content="width=device-width">')  # fmt: skip
    if theme != "no theme":
        text = text.replace("<html", f'<html data-theme="{theme}"')
        text = text.replace("<style>", f"<style>{live.theme_style()}")
    (folder / name).write_text(text, encoding="utf-8")
    page, _ = visit((folder / name).as_uri())
    page.set_viewport_size({"width": width, "height": 900})
    live.assert_accessible(page)
    drop(page, "small.gguf", small_file())
    page.wait_for_selector(".live-next tbody tr")
    live.press(page, {"en": "Tell with each", "es": "Seguir con cada uno"}[language])
    page.wait_for_selector(".live-columns[data-ids]")
    drop(page, "none.gguf", b"GG" + b"long " * 50)
    page.get_by_role("status").filter(has_text="magic").wait_for()
    live.assert_accessible(page)


def test_controls_are_reached_in_reading_order(visit, folder):
    page, _ = visit((folder / "en.html").as_uri())
    file = "Open a small GGUF file of your own, or drop it here"
    page.keyboard.press("Tab")
    assert live.focused(page) == LOAD["en"]
    page.keyboard.press("Tab")
    assert live.focused(page) == file
    load(page)
    reached = [live.focused(page)]
    while reached[-1] != file:
        page.keyboard.press("Tab")
        reached.append(live.focused(page))
    say = live.words(page, "model_in_page", "en")
    names = ("beginning", "temperature", "minP", "seed", "tell", "stop", "compareTell", "file")
    assert reached == [say[name] for name in names]


def test_two_figures_keep_apart(visit, folder):
    both = folder / "both.html"
    one = ModelInPage("A fox", language="en").to_html()
    text = (folder / "en.html").read_text(encoding="utf-8").replace("</main>", f"{one}</main>")
    both.write_text(text, encoding="utf-8")
    page, _ = visit(both.as_uri())
    page.locator("figure").nth(1).scroll_into_view_if_needed()
    buttons = page.get_by_role("button", name=LOAD["en"])
    buttons.nth(1).click()
    page.wait_for_selector("figure:nth-of-type(2) .live-next tbody tr")
    assert page.locator("figure").first.locator(".live-next tbody tr").count() == 0
    assert page.locator("textarea").nth(1).input_value() == "A fox"
    buttons.first.click()
    page.wait_for_selector("figure:nth-of-type(1) .live-next tbody tr")


# ------------------------------------------------------------------------------ other hosts


def test_fallback_shows_the_story(page_without_scripts):
    page = page_without_scripts
    for language, text in {"en": "Once upon a time", "es": "Había una vez"}.items():
        page.set_content(live.html_page(ModelInPage(language=language), scripts=False))
        story = page.locator(".live-fallback .live-story").text_content()
        _, tokenizer = story_model(language)
        assert story == text + tokenizer.decode(library_story(text, language))


def test_jupyter_asks_the_kernel(page, monkeypatch):
    """As anywidget loads it: an ES module; the weights come only when they are asked for."""
    sent = []
    figure = ModelInPage(language="en")
    monkeypatch.setattr(figure, "send", lambda *message, **more: sent.append((*message, more)))
    page.set_default_timeout(WAIT)
    page.evaluate(
        """async ([source, props]) => {
            const url = `data:text/javascript;base64,${btoa(
                String.fromCharCode(...new TextEncoder().encode(source)))}`;
            const module = (await import(url)).default;
            window.listeners = new Map();
            window.asked = [];
            const model = {
                get: (name) => props[name],
                send: (content) => asked.push(content),
                on: (name, listener) => listeners.set(listener, name),
                off: (name, listener) => listeners.delete(listener),
            };
            const el = document.createElement("div");
            document.body.append(el);
            window.stop = module.render({ model, el });
            window.props = props;
        }""",
        [figure._esm, figure.props],
    )
    assert page.evaluate("asked") == []
    page.get_by_role("button", name=LOAD["en"]).click()
    page.wait_for_function("asked.length === 1")
    figure._handle_custom_msg(page.evaluate("asked[0]"), [])
    [(content, more)] = sent
    assert content == {"type": "model"}
    page.evaluate(
        """([content, text]) => {
            const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
            for (const [listener, name] of [...listeners]) {
                if (name !== "msg:custom") continue;
                listener({ type: "other" }, []);
                listener(content, [new DataView(bytes.buffer)]);
            }
        }""",
        [content, base64.b64encode(more["buffers"][0]).decode()],
    )
    page.wait_for_selector(".live-next tbody tr")
    page.get_by_role("button", name="Tell", exact=True).click()
    assert told(page) == library_story("Once upon a time")
    # A figure whose properties change starts afresh; one that is taken away lets go.
    page.evaluate(
        """() => {
            props.language = "es";
            for (const listener of [...listeners.keys()]) listener();
        }"""
    )
    assert page.get_by_role("button", name=LOAD["es"]).is_visible()
    page.evaluate("stop()")
    assert page.evaluate("listeners.size") == 0


def test_the_kernel_answers_nothing_else(monkeypatch):
    sent = []
    figure = ModelInPage(language="es")
    monkeypatch.setattr(figure, "send", lambda *message, **more: sent.append((*message, more)))
    for content in ({}, {"type": "save"}, {"type": "load", "path": "/"}, {"language": "en"}):
        figure._handle_custom_msg(content, [])
    assert sent == []
    figure._handle_custom_msg({"type": "load"}, [])
    assert sent == [({"type": "model"}, {"buffers": [model_file("es")]})]


def test_outputs_are_deterministic_and_small():
    one, other = ModelInPage(language="en"), ModelInPage(language="en")
    assert one.to_html() == other.to_html()
    assert repr(one) == "ModelInPage('Once upon a time', language='en')"
    assert set(one.props) == {"beginning", "language", "size", "story"}
    assert len(one.to_html()) < 3_000
    assert one.size == len(model_file("en"))
    data, _ = one._repr_mimebundle_()
    assert len(json.dumps(data)) < 10_000
    assert MODEL_FIGURE.findall(one.to_html()) == ["en"]
    assert MODEL_FIGURE.findall(ModelInPage(language="es").to_html()) == ["es"]
    figure = ModelInPage("<b>&", language="en")
    assert json.loads(live.Props(figure.to_html()).scripts[0]) == figure.props
    assert html.escape("<b>&") in figure.to_html()


def test_the_built_site_has_the_models_of_its_figures(site):
    for language in ("en", "es"):
        pages = [page.read_text(encoding="utf-8") for page in (site / language).glob("*.html")]
        wanted = {name for text in pages for name in MODEL_FIGURE.findall(text)}
        found = {path.stem for path in (site / language / "_static").glob("model_*.js")}
        assert found == {f"model_{name}" for name in wanted}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ModelInPage(language="fr"), "'en' or 'es', got 'fr'"),
        (lambda: ModelInPage(7), "text"),
        (lambda: ModelInPage("a fox " * 300), "less than 511 tokens, got"),
        (lambda: model_file("fr"), "the language en or es, got 'fr'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_patterns_of_the_page_are_the_library_s():
    """A new way to cut words in the library is missed here."""
    source = (FOLDER / "model_in_page.js").read_text(encoding="utf-8")
    block = source.split("const PRE_TOKENIZERS = {")[1].split("};")[0]
    assert set(re.findall(r'^  "?([\w-]+)"?:', block, re.M)) == set(PRE_TOKENIZERS)
    assert PRE_TOKENIZERS["gpt-2"] == GPT2_PATTERN
