"""The real llama.cpp opens our files, cuts texts alike and predicts alike; and files of others."""

import math
import os
from dataclasses import replace

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it

import numpy as np
import pytest
import torch

from lessons_lib.corpus.stories import sample
from lessons_lib.gguf import (
    PRE_TOKENIZERS,
    load_gguf,
    read_gguf,
    read_model,
    to_gguf_tensors,
    write_config,
    write_gguf,
    write_tensors,
    write_tokenizer,
)
from lessons_lib.gpt import GPT, GPTConfig, greedy
from lessons_lib.llama import Llama, LlamaConfig, RopeScaling
from lessons_lib.tokens import GPT4_PATTERN, BPETokenizer
from lessons_lib.training import END, story_model
from tests import foreign_gguf
from tests.llama_cpp_models import ask

HARD = [
    "",
    " ",
    "  \n",
    "\n",
    "Once upon a time there was a dog. It's 3 o'clock; they'll go, we've WE'VE don't DON'T",
    "Había una vez un niño: ¿qué?, ¡sí! áéíóúüñ ÁÉÍÓÚÜÑ",
    "a\u0301e\u0301 n\u0303 \u00e1\u00e9 \ufb01 ß ẞ İ ı \u017f \u212a",  # accents apart
    "🐟👩\u200d👩\u200d👧🏽🇪🇸 ❤\ufe0f 1\ufe0f\u20e3 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🧑🏿\u200d🚀",
    "line\r\nline\r\rline\n\n\nline \r\n \t\ttab\vvertical\fform",
    "no\u00a0break\u202fspace\u2003em\u3000wide\u200bzero\u2028line\u2029paragraph\ufeffmark\x85next",
    "1 12 123 1234 12345 3.14159 1,000,000 ½ ² ٣٤٥ १२३ 一二三 Ⅷ ①",
    "مرحبا بالعالم كيف حالك؟ שלום עולם",
    "日本の猫は魚を食べる。カタカナ ﾊﾝｶｸ 한국어 안녕하세요 中文字符，標點「」",
    "Привет, мир! Γειά σου Κόσμε नमस्ते สวัสดีชาวโลก გამარჯობა",
    "    indented\n        code(x == 1) { return x; } // !!! ??? ... --- === <<<>>>",
    "x" * 300 + " " * 40 + "y" + "\n" * 20 + "z" + "!" * 50,
    "'s 'S 't 'T ''s 'x 'll 'LL \"quoted\" `code` $100 50% #tag @me a_b-c/d\\e",
    "\x00\x01\x1f\x7f \x00",
    "<|end|> is not special here, nor <|endoftext|> <s> </s> [PAD3]",
    "spaces before digits:  5   67    8\n\n9 \t10  \n 11     x     yz",
    "trailing spaces   ",
    " leading",
    "\u0301combining first \u200djoiner",
]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.gguf"


@pytest.fixture(scope="module")
def book():
    return story_model("en")


def story_ids(tokenizer, n_tokens, seed=4321):
    """Tokens of stories that no model of the book was trained on."""
    text = "".join(END + story.text for story in sample(40, seed, "en"))
    return tokenizer.encode(text, allowed_special=[END])[:n_tokens]


def logits_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids]))[0]


def difference(logits, model, ids):
    return (torch.from_numpy(logits) - logits_of(model, ids)).abs().max().item()


def perplexity(logits, ids):
    """From logits (T, V) at the tokens before."""
    log_probs = torch.as_tensor(logits).double().log_softmax(-1)[:-1]
    return math.exp(-log_probs.gather(1, torch.tensor(ids[1:])[:, None]).mean())


# ----------------------------------------------------------------------------- the book's own model


def test_the_books_model_runs_in_llama_cpp(path, book):
    model, tokenizer = book
    write_gguf(path, model, tokenizer, "F32")
    ids = story_ids(tokenizer, 100)
    start = story_ids(tokenizer, 12)
    texts = [*HARD, *(story.text for story in sample(5, 99, "es"))]
    answer = ask(path, texts, [ids, start], n_new=100)
    assert answer["ids"] == [tokenizer.encode(text) for text in texts]
    assert difference(answer["logits"][0], model, ids) < 1e-4
    own = greedy(model, torch.tensor([start]), 100)[0, 12:].tolist()
    assert answer["greedy"][1] == own


def test_special_tokens_are_recognised_where_allowed(path, book):
    model, tokenizer = book
    write_gguf(path, model, tokenizer, "Q8_0")
    text = f"{END}Once{END}{END} upon <|end |>{END}"
    [ids] = ask(path, [text], special=True)["ids"]
    assert ids == tokenizer.encode(text, allowed_special="all")
    [ids] = ask(path, [text])["ids"]
    assert ids == tokenizer.encode(text)


@pytest.mark.parametrize("type", ["F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"])
def test_quantized_files_predict_as_our_dequantized_model(path, book, type):
    """llama.cpp rounds the activations too, therefore 1 percent."""
    model, tokenizer = book
    write_gguf(path, model, tokenizer, type)
    ids = story_ids(tokenizer, 400)
    [logits] = ask(path, prompts=[ids])["logits"]
    ours = perplexity(logits_of(Llama.from_gguf(path), ids), ids)
    assert perplexity(logits, ids) == pytest.approx(ours, rel=0.01)
    assert ours < 40  # the model knows its stories: of 1024 tokens it would be as many for none


@pytest.mark.parametrize("type", ["Q4_1", "Q5_0", "Q5_1", "Q5_K", "MXFP4"])
def test_the_other_types_open_too(path, book, type):
    model, tokenizer = book
    write_gguf(path, model, tokenizer, type)
    ids = story_ids(tokenizer, 60)
    [logits] = ask(path, prompts=[ids])["logits"]
    ours = perplexity(logits_of(Llama.from_gguf(path), ids), ids)
    assert perplexity(logits, ids) == pytest.approx(ours, rel=0.03)  # few tokens, coarse types


# ----------------------------------------------------------------------------------- all our models

TEXT = "Una niña vio 12 peces; a girl saw 345 fish. 日本の猫 🐟 مرحبا\r\n\t¿Qué? I'll see.\n\n" * 4
TOKENIZER = BPETokenizer.train(TEXT, 320, special_tokens=[END])
V = TOKENIZER.vocab_size
TINY = LlamaConfig(V, 256, 64, 4, 2, 96, n_kv_heads=2)
KINDS = {
    "llama": TINY,
    "tied": replace(TINY, tied=True),
    "plain heads": replace(TINY, n_kv_heads=None, eps=1e-6),
    "wide heads": replace(TINY, d_head=32, n_kv_heads=1),
    "long": replace(TINY, rope_base=500000.0, rope_scaling=RopeScaling(8.0, 1.0, 4.0, 40)),
    "qwen3": replace(TINY, qk_norm=True, rope_base=1e6),
    "qwen3 tied": replace(TINY, qk_norm=True, tied=True, d_head=32),
}


def random_model(config, seed=0):
    """A model with weights large enough that a wrong layout shows."""
    torch.manual_seed(seed)
    model = GPT(config) if isinstance(config, GPTConfig) else Llama(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_logits_of_every_kind_of_llama(path, kind):
    model = random_model(KINDS[kind])
    write_gguf(path, model, TOKENIZER)
    ids = TOKENIZER.encode(TEXT)[:100]
    [logits] = ask(path, prompts=[ids])["logits"]
    assert difference(logits, model, ids) < 1e-4


def test_the_judge_sees_a_wrong_layout(path):
    """Queries and keys in our own order: only the first position, which nothing turns, is right."""
    model = random_model(TINY)
    tensors = to_gguf_tensors(model.state_dict(), replace(TINY, qk_norm=True))  # not reordered
    entries = write_config(TINY) | write_tokenizer(TOKENIZER, V)
    write_tensors(path, entries, {name: (t.numpy(), "F32") for name, t in tensors.items()})
    ids = TOKENIZER.encode(TEXT)[:100]
    [logits] = ask(path, prompts=[ids])["logits"]
    assert difference(logits[:1], model, ids[:1]) < 1e-4
    assert difference(logits, model, ids) > 0.1


def test_gpt2_runs_in_llama_cpp(path):
    """Its GELU is a table of 16-bit numbers there: 5e-3, and decisions by more than twice that."""
    model = random_model(GPTConfig(V, 256, 64, 4, 2))
    write_gguf(path, model, TOKENIZER)
    ids = TOKENIZER.encode(TEXT)[:100]
    answer = ask(path, HARD, [ids, ids[:10]], n_new=100)
    assert answer["ids"] == [TOKENIZER.encode(text) for text in HARD]
    assert difference(answer["logits"][0], model, ids) < 5e-3
    own = greedy(model, torch.tensor([ids[:10]]), 100)[0]
    best = logits_of(model, own.tolist())[9:-1].topk(2).values
    assert (best[:, 0] - best[:, 1]).min() > 0.01
    assert answer["greedy"][1] == own[10:].tolist()


@pytest.mark.parametrize("type", ["Q8_0", "Q4_0"])
def test_quantized_gpt2_runs_in_llama_cpp(path, type):
    model = random_model(GPTConfig(V, 256, 64, 4, 2))
    write_gguf(path, model, TOKENIZER, type)
    ids = TOKENIZER.encode(TEXT)[:100]
    [logits] = ask(path, prompts=[ids])["logits"]
    ours = perplexity(logits_of(GPT.from_gguf(path), ids), ids)
    assert perplexity(logits, ids) == pytest.approx(ours, rel=0.05)  # a random model is not smooth


# --------------------------------------------------------------------------------------- tokenizers


@pytest.mark.parametrize("pre", [*PRE_TOKENIZERS, "GPT-4"])
def test_texts_are_cut_alike(path, pre):
    pattern = PRE_TOKENIZERS.get(pre, GPT4_PATTERN)
    text = TEXT + "".join(HARD) * 3
    tokenizer = BPETokenizer.train(text, 600, [END], pattern)
    write_gguf(path, Llama(replace(TINY, vocab_size=610)), tokenizer)
    texts = [*HARD, "".join(HARD), " ".join(HARD)]
    assert ask(path, texts)["ids"] == [tokenizer.encode(text) for text in texts]


def test_where_gpt4s_pattern_differs_from_llamas(path):
    """Spaces after the last line end: GPT-4's pattern takes both as one word."""
    vocab = {i: bytes([i]) for i in range(256)} | {256: b"\n ", 257: b"\n  "}
    merges = [(b"\n", b" "), (b"\n ", b" ")]
    tokenizer = BPETokenizer.from_merges(vocab, merges, pattern=GPT4_PATTERN)
    write_gguf(path, Llama(replace(TINY, vocab_size=258)), tokenizer)
    texts = ["a\n  ", "a\n  b", "a\n", "a  \n"]
    theirs = ask(path, texts)["ids"]
    ours = [tokenizer.encode(text) for text in texts]
    assert theirs[1:] == ours[1:]
    assert theirs[0] != ours[0]
    _, read = load_gguf(path)
    assert theirs == [read.encode(text) for text in texts]


def test_tokenizers_without_special_tokens(path):
    tokenizer = BPETokenizer.train(TEXT, 300)
    write_gguf(path, Llama(replace(TINY, vocab_size=300)), tokenizer)
    assert ask(path, HARD)["ids"] == [tokenizer.encode(text) for text in HARD]


def test_bytes_alone(path):
    tokenizer = BPETokenizer({i: bytes([i]) for i in range(256)}, [])
    write_gguf(path, Llama(replace(TINY, vocab_size=256)), tokenizer)
    assert ask(path, HARD)["ids"] == [list(text.encode()) for text in HARD]


# ---------------------------------------------------------------------------- files of other people


@pytest.mark.parametrize("kind", foreign_gguf.KINDS)
def test_files_of_converters(path, kind):
    """Three read the same file: `transformers` wrote it, llama.cpp and we agree with it."""
    theirs = foreign_gguf.random_model(kind, V)
    foreign_gguf.convert(theirs, path, TOKENIZER)
    ids = TOKENIZER.encode(TEXT)[:60]
    answer = ask(path, [TEXT], [ids])
    assert answer["ids"] == [TOKENIZER.encode(TEXT)]
    model = read_model(read_gguf(path))
    most = 5e-3 if kind == "gpt2" else 1e-4
    assert difference(answer["logits"][0], model, ids) < most
    with torch.no_grad():
        expected = theirs(torch.tensor([ids])).logits[0]
    assert np.abs(answer["logits"][0] - expected.numpy()).max() < most


def test_a_refused_file_is_an_error(path):
    path.write_bytes(b"GGXX")
    with pytest.raises(RuntimeError, match="invalid magic characters: 'GGXX', expected 'GGUF'"):
        ask(path)
