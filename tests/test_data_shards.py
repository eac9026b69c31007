"""Tokens on disk: what is written, what is read back, and what happens when something is wrong."""

import csv
import errno
import gzip
import json
import os
import random
import signal
import sys
import tracemalloc
from collections import Counter
from contextlib import suppress
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import tiktoken
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.base.files import lock_folder
from lessons_lib.data import Shards, document_loss, tokenize_files
from lessons_lib.data import tokenize as writing
from lessons_lib.data.command import main
from lessons_lib.data.files import find_files, read_documents
from lessons_lib.gpt import loss
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.tokens import GPT2_PATTERN, GPT4_PATTERN, BPETokenizer, engine, train_bpe
from lessons_lib.tokens.streams import SAFE_CUTS, count_words, cut_text
from lessons_lib.training import END, Recipe, Windows, train
from lessons_lib.training.command import main as training_command

WORDS = [
    "la casa",
    "pequeña",
    "tiene",
    "12 ventanas,",
    "un árbol",
    "y",
    "(dos)",
    "gatos;",
    "it's\n",
]
TEXTS = [" ".join(random.Random(i).choices(WORDS, k=5 + i % 40)) for i in range(120)]
TOKENIZER = BPETokenizer.train("\n".join(TEXTS), 400, [END], GPT4_PATTERN, END)


def expected(texts=TEXTS, tokenizer=TOKENIZER):
    """END text END text END, by tiktoken."""
    peer = tiktoken.Encoding(
        "peer",
        pat_str=tokenizer.pattern,
        mergeable_ranks=tokenizer.ordinary,
        special_tokens=tokenizer.special_tokens,
    )
    rows = [[*peer.encode_ordinary(text), tokenizer.end_id] for text in texts if text]
    return [tokenizer.end_id, *(i for row in rows for i in row)]


def on_disk(folder, dtype="<u2"):
    """All tokens of a folder, by NumPy alone, as nanoGPT reads them."""
    files = sorted(folder.glob("shard-*.bin"))
    return np.concatenate([np.fromfile(file, dtype) for file in files]).tolist()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def json_lines(path, texts=TEXTS, column="text"):
    lines = [json.dumps({"id": i, column: text}) for i, text in enumerate(texts)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write(kind, folder):
    """Write TEXTS as one kind of file; return what to read."""
    plain = json_lines(folder / "texts.jsonl")
    if kind == "jsonl":
        return plain
    if kind == "gz":
        path = folder / "texts.jsonl.gz"
        path.write_bytes(gzip.compress(plain.read_bytes()))
    elif kind == "zst":
        packed = pytest.importorskip("zstandard")
        path, half = folder / "texts.jsonl.zst", len(plain.read_bytes()) // 2
        parts = plain.read_bytes()[:half], plain.read_bytes()[half:]  # two frames in one file
        path.write_bytes(b"".join(map(packed.compress, parts)))
    elif kind in ("csv", "tsv"):
        path = folder / f"texts.{kind}"
        with open(path, "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, delimiter="," if kind == "csv" else "\t")
            rows.writerows([["text", "id"], *([text, i] for i, text in enumerate(TEXTS))])
    elif kind == "txt":
        path = folder / "many"
        path.mkdir()
        for i, text in enumerate(TEXTS):
            (path / f"{i:03}.txt").write_bytes(text.encode())
        (path / "notes.pdf").write_bytes(b"not read")
    else:
        arrow = pytest.importorskip("pyarrow")
        table = arrow.table({"id": list(range(len(TEXTS))), "text": TEXTS})
        if kind == "parquet":
            path = folder / "texts.parquet"
            pytest.importorskip("pyarrow.parquet").write_table(table, path, row_group_size=50)
        else:  # a folder of `datasets`, with a file that was computed from it
            path = folder / "dataset"
            path.mkdir()
            for name in ("data-00000-of-00001.arrow", "cache-abc.arrow"):
                with arrow.ipc.new_stream(path / name, table.schema) as file:
                    file.write_table(table)
            state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}
            (path / "state.json").write_text(json.dumps(state))
    return path


KINDS = ["txt", "jsonl", "csv", "tsv", "gz", "zst", "parquet", "datasets"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_tiktokens_tokens(kind, tmp_path):
    path, out = write(kind, tmp_path), tmp_path / "out"
    index = tokenize_files([path], TOKENIZER, out, 1, shard_tokens=500)
    assert on_disk(out) == expected()
    assert sum(shard["tokens"] for shard in index["shards"]) == len(expected())
    assert sum(shard["documents"] for shard in index["shards"]) == len(TEXTS)
    assert sum(shard["bytes"] for shard in index["shards"]) == sum(len(t.encode()) for t in TEXTS)
    assert len(index["shards"]) > 3
    assert index["complete"]
    Shards(out, 16).verify()
    before = contents(out)
    assert tokenize_files(path, TOKENIZER, out, 1, shard_tokens=500) == index  # nothing is to do
    assert contents(out) == before


def test_the_number_of_processes_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_BATCH", 300)  # many messages
    path = json_lines(tmp_path / "texts.jsonl")
    for processes in (1, 2):
        tokenize_files([path], TOKENIZER, tmp_path / str(processes), processes, shard_tokens=700)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_a_wider_vocabulary_takes_four_bytes(tmp_path):
    far = {i if i < 256 else i + 70_000: token for token, i in TOKENIZER.ordinary.items()}
    wide = BPETokenizer(far, TOKENIZER.merges, {END: 90_000}, GPT4_PATTERN, END)
    tokenize_files(json_lines(tmp_path / "a.jsonl"), wide, tmp_path / "out", 1)
    shards = Shards(tmp_path / "out", 8, tokenizer=wide)
    assert shards.index["dtype"] == "<u4"
    assert on_disk(tmp_path / "out", "<u4") == expected(tokenizer=wide)
    assert shards.all_tokens.tolist() == expected(tokenizer=wide)
    with pytest.raises(ValueError, match="expected shards of BPETokenizer"):
        Shards(tmp_path / "out", 8, tokenizer=TOKENIZER)


def test_what_tiktoken_cannot_say_is_encoded_here(tmp_path):
    vocab = {i: token for token, i in TOKENIZER.ordinary.items()}
    own = BPETokenizer(vocab, TOKENIZER.merges, [END], end=END, user_defined=["la casa"])
    with pytest.raises(ValueError, match="got more settings"):
        own.to_tiktoken()
    tokenize_files(json_lines(tmp_path / "a.jsonl"), own, tmp_path / "out", 1)
    rows = [[*own.encode(text), own.end_id] for text in TEXTS]
    assert on_disk(tmp_path / "out") == [own.end_id, *(i for row in rows for i in row)]


def test_a_million_spaces_which_are_too_many_for_the_engine_are_encoded_here():
    tokenizer = BPETokenizer.train("a  b" * 9, 258, [END], end=END)
    encoder = engine.Encoder(tokenizer, tokenizer.end_id, "<u2")
    text = "a" + " " * 1_000_000 + "b"
    assert encoder.fast is not None
    assert tokenizer.decode(encoder.encode(text).tolist()) == text


# ------------------------------------------------------------------------------ stopped and resumed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is forked and killed")
@pytest.mark.parametrize("kill_at", [3, 8])
def test_killed_and_called_again_the_folder_is_the_same_to_the_bit(kill_at, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_BATCH", 300)
    inputs = [json_lines(tmp_path / "a.jsonl", [*TEXTS[:50], "", None]), tmp_path / "b.csv"]
    inputs[1].write_text("text\n" + "\n".join(["un gato", '"la\ncasa"'] * 20), encoding="utf-8")
    call = partial(tokenize_files, inputs, TOKENIZER, processes=1, shard_tokens=200)
    call(out=tmp_path / "whole")
    again, child = tmp_path / "again", os.fork()
    if not child:
        n, replace = [0], os.replace

        def killed(*paths):
            n[0] += 1
            if n[0] == kill_at:  # a shard or an index is written, but has no name yet
                os.kill(os.getpid(), signal.SIGKILL)
            replace(*paths)

        os.replace = killed
        call(out=again)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert not json.loads((again / "index.json").read_bytes())["complete"]
    with pytest.raises(ValueError, match="expected finished shards"):
        Shards(again, 8)
    call(out=again)
    assert contents(again) == contents(tmp_path / "whole")
    assert json.loads((again / "index.json").read_bytes())["empty"] == 2


@pytest.mark.parametrize("n_bytes", [1, 1500])
def test_a_full_disk_keeps_what_is_whole(n_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_BATCH", 300)
    path, out = json_lines(tmp_path / "a.jsonl"), tmp_path / "out"
    call = partial(tokenize_files, [path], TOKENIZER, processes=1, shard_tokens=200)
    call(out=tmp_path / "whole")
    write_bytes, left = writing._Writer._write_bytes, [n_bytes]

    def full(self, tokens):
        left[0] -= tokens.nbytes
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device", self.file.name)
        write_bytes(self, tokens)

    with monkeypatch.context() as patch:
        patch.setattr(writing._Writer, "_write_bytes", full)
        with pytest.raises(OSError, match=r"No space left.*are kept: mend that") as found:
            call(out=out)
    assert found.value.errno == errno.ENOSPC
    assert not list(out.glob(".writing*"))
    call(out=out)
    assert contents(out) == contents(tmp_path / "whole")


def test_a_process_that_was_ended_is_named(tmp_path, monkeypatch):
    def broken(*_):
        raise engine.BrokenProcessPool

    monkeypatch.setattr(engine.ProcessPoolExecutor, "submit", broken)
    with pytest.raises(OSError, match=r"a process that encodes was ended.*are kept"):
        tokenize_files(json_lines(tmp_path / "a.jsonl"), TOKENIZER, tmp_path / "out", 2)


def test_two_writers_and_other_folders_are_refused(tmp_path):
    path, out = json_lines(tmp_path / "a.jsonl"), tmp_path / "out"
    out.mkdir()
    with lock_folder(out), pytest.raises(ValueError, match="expected a folder that nobody uses"):
        tokenize_files(path, TOKENIZER, out, 1)
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"expected an empty folder or one of shards.*thesis"):
        tokenize_files(path, TOKENIZER, out, 1)
    (out / "thesis.txt").unlink()
    tokenize_files(path, TOKENIZER, out, 1)
    other = BPETokenizer.train("other", 258, [END], end=END)
    for change in ({"tokenizer": other}, {"shard_tokens": 5}, {"column": "id"}):
        with pytest.raises(ValueError, match=f"(?s)these differ:.*{next(iter(change))}: saved"):
            tokenize_files(path, **({"tokenizer": TOKENIZER} | change), out=out, processes=1)
    for texts in (TEXTS[1:], [*TEXTS, "more"]):
        with pytest.raises(ValueError, match="these differ:\n  inputs"):
            tokenize_files(json_lines(path, texts), TOKENIZER, out, 1)
    json_lines(path)
    with pytest.raises(ValueError, match="these differ:\n  inputs"):
        tokenize_files([path, json_lines(tmp_path / "b.jsonl")], TOKENIZER, out, 1)


# --------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("a.txt", "niño".encode("latin-1"), "byte 0xf1 at offset 2 .*name another encoding"),
        ("a.txt", "a".encode("utf-16"), "byte 0xff at offset 0"),
        ("a.txt", b"x" * 65_535 + "ñ".encode()[:1], "byte 0xc3 at offset 65,535"),
        ("a.jsonl", b'{"text": "a"}\n{"text": "ni\xf1o"}\n', "byte 0xf1 at offset 26"),
        ("a.jsonl", b'{"text": "a"}\n{"tex', "expected JSON in line 2"),
        ("a.jsonl", b'{"body": "a", "id": 1}\n', "'text' in line 1, got: body, id"),
        ("a.jsonl", b"[1]\n", "'text' in line 1, got: list"),
        ("a.jsonl", b'{"text": 7}\n', "expected text in line 1, got 7"),
        ("a.jsonl", b'{"text": "\\ud800"}\n', r"expected whole characters, got .*document 1"),
        ("a.jsonl", b'{"text": ""}\n{"text": null}\n\n', "at least one document with text, got 2"),
        ("a.txt", b"", "at least one document with text, got 1"),
        ("a.csv", b"id,body\n1,a\n", "a column 'text', got: id, body"),
        ("a.csv", b"text,text\n1,2\n", "a column 'text', got: text, text"),
        ("a.csv", b"id,text\n1\n", "expected 2 cells up to line 2, got 1"),
        ("a.csv", b'text\n"never closed\n', "unexpected end of data"),
        ("a.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 999)[:-20], "a whole packed file"),
        ("a.txt.gz", gzip.compress(os.urandom(9999))[:4000], "byte|a whole packed file"),
        ("a.txt.gz", b"plain", "a whole packed file.*[Nn]ot a gzipped file"),
    ],
)
def test_bad_files_are_named_with_the_place(name, data, match, tmp_path):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ValueError, match=match) as found:
        tokenize_files(path, TOKENIZER, tmp_path / "out", 1)
    assert "got" in str(found.value) or "unexpected" in str(found.value)
    assert str(path) in str(found.value) or "at least one" in match


def test_mixed_encodings_stop_at_the_file_that_is_other(tmp_path):
    (tmp_path / "1.txt").write_text("El niño", encoding="utf-8")
    (tmp_path / "2.txt").write_text("El niño", encoding="latin-1")
    with pytest.raises(ValueError, match=r"2\.txt: expected text in utf-8"):
        tokenize_files(tmp_path, TOKENIZER, tmp_path / "out", 1)
    (tmp_path / "1.txt").unlink()
    tokenize_files(tmp_path / "2.txt", TOKENIZER, tmp_path / "latin", 1, encoding="latin-1")
    assert on_disk(tmp_path / "latin") == expected(["El niño"])


def test_a_truncated_zst_and_a_wrong_one_are_refused(tmp_path):
    packed = pytest.importorskip("zstandard").compress(os.urandom(50_000))
    for data, match in ((packed[:-9], "before its end-of-stream"), (b"plain", "got one broken")):
        (tmp_path / "a.txt.zst").write_bytes(data)
        documents = read_documents(tmp_path / "a.txt.zst", encoding="latin-1")
        with pytest.raises(ValueError, match=match):
            list(map("".join, documents))


PACKED = ["snappy.parquet", "gzip.parquet", "zstd.parquet", "stream.arrow", "file.arrow"]


@pytest.mark.parametrize("name", PACKED)
def test_flipped_bytes_of_a_table_are_an_error_or_a_text(name, tmp_path):
    """A flip that `arrow` believes would let it read beyond the file, and end the process."""
    arrow = pytest.importorskip("pyarrow")
    table, path = arrow.table({"text": [f"hello {i} ñ" for i in range(200)]}), tmp_path / name
    if path.suffix == ".parquet":
        pytest.importorskip("pyarrow.parquet").write_table(table, path, compression=path.stem)
    else:
        new = arrow.ipc.new_stream if path.stem == "stream" else arrow.ipc.new_file
        with new(str(path), table.schema) as writer:
            writer.write_table(table)
    whole, rng, n_refused = path.read_bytes(), random.Random(0), 0
    for _ in range(300):
        flipped = bytearray(whole)
        for place in rng.sample(range(len(whole)), rng.randint(1, 3)):
            flipped[place] = rng.randrange(256)
        path.write_bytes(flipped[: rng.choice([rng.randint(1, len(whole)), len(whole)])])
        try:
            list(read_documents(path))
        except ValueError as error:
            n_refused += 1
            assert str(path) in str(error)  # noqa: PT017
    assert n_refused > 100


def test_the_disks_own_errors_stay_what_they_are(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')

    def broken(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("lessons_lib.data.files._opened", broken)
    with pytest.raises(OSError, match="Input/output"):
        list(read_documents(tmp_path / "a.jsonl"))


def test_tables_without_the_column_or_broken_are_refused(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    parquet.write_table(arrow.table({"body": ["a"], "n": [1]}), path)
    for column, match in (("text", "a column 'text', got: body, n"), ("n", "text in row 1, got 1")):
        with pytest.raises(ValueError, match=rf"a\.parquet: expected {match}"):
            tokenize_files(path, TOKENIZER, tmp_path / "out", 1, column=column)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"in .*a\.parquet"):
        tokenize_files(path, TOKENIZER, tmp_path / "out", 1)
    with arrow.OSFile(str(tmp_path / "b.arrow"), "wb") as sink:  # the other of Arrow's two kinds
        table = arrow.table({"text": ["a", None, "b"]})
        with arrow.ipc.new_file(sink, table.schema) as file:
            file.write_table(table)
    index = tokenize_files(tmp_path / "b.arrow", TOKENIZER, tmp_path / "b", 1)
    assert on_disk(tmp_path / "b") == expected(["a", "b"])
    assert index["empty"] == 1


def test_a_package_that_is_missing_is_named(tmp_path, monkeypatch):
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"expected the package pyarrow for \.parquet files: pip"):
        tokenize_files(tmp_path, TOKENIZER, tmp_path / "out", 1)


def test_what_is_no_input_is_refused(tmp_path):
    call = partial(tokenize_files, tokenizer=TOKENIZER, out=tmp_path / "out", processes=1)
    (tmp_path / "a.pdf").write_bytes(b"a")
    (tmp_path / "b.txt").write_bytes(b"a")
    for inputs, match in (
        ([], "got none"),
        (tmp_path / "*.html", r"at .*\*\.html, got none of \.txt"),
        (tmp_path / "a.pdf", r"expected a file of \.txt .*, got .*a\.pdf"),
    ):
        with pytest.raises(ValueError, match=match):
            call(inputs)
    for encoding in ("klingon", "hex", 7):
        with pytest.raises(ValueError, match="an encoding such as utf-8, got"):
            call(tmp_path / "b.txt", encoding=encoding)
    for wrong in (None, [3], [b"a.txt"]):
        with pytest.raises(ValueError, match="expected paths of files"):
            call(wrong)
    with pytest.raises(ValueError, match="expected a BPETokenizer, got 'gpt2'"):
        call(tmp_path / "b.txt", tokenizer="gpt2")
    with pytest.raises(ValueError, match="text"):
        call(tmp_path / "b.txt", column=3)
    with pytest.raises(ValueError, match="processes"):
        call(tmp_path / "b.txt", processes=0)
    with pytest.raises(ValueError, match="a tokenizer with an end"):
        call(tmp_path / "b.txt", tokenizer=BPETokenizer.train("a", 256))
    files = find_files([tmp_path / "b.txt", tmp_path / "*.txt", tmp_path])
    assert files == [tmp_path / "b.txt"]  # each once


def test_a_dataset_in_parts_or_with_its_rows_rearranged_is_refused(tmp_path):
    state = {"_data_files": [], "_indices_data_files": [{"filename": "indices.arrow"}]}
    (tmp_path / "state.json").write_text(json.dumps(state))
    with pytest.raises(ValueError, match="with its rows in order"):
        find_files(tmp_path)
    for name in ("train", "test"):
        (tmp_path / "all" / name).mkdir(parents=True)
    (tmp_path / "all" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(
        ValueError, match=r"a single part of the dataset in .*, got all: test, train"
    ):
        find_files(tmp_path / "all")


# ------------------------------------------------------------------------------------- long texts


@given(
    st.lists(st.text(alphabet="ab1 \n\r\t.,'ñ\u3000", max_size=30), max_size=8),
    st.integers(1, 20),
    st.sampled_from([*SAFE_CUTS]),
)
def test_pieces_have_the_tokens_of_the_whole(chunks, size, pattern):
    tokenizer = PIECEMEAL[pattern]
    pieces = list(cut_text(chunks, pattern, size))
    assert "".join(pieces) == "".join(chunks)
    found = [i for piece in pieces for i in tokenizer.encode(piece)]
    assert found == tokenizer.encode("".join(chunks))


PIECEMEAL = {p: BPETokenizer.train("ab a1 ñ.\n\n  b\t'a", 280, (), p) for p in SAFE_CUTS}


def test_a_single_long_line_is_read_in_little_memory(tmp_path):
    path = tmp_path / "line.txt"
    path.write_bytes(b"a word and another " * 400_000)  # 7.6 MB
    tracemalloc.start()
    pieces = Counter()
    for piece, end in writing.read_pieces([path], GPT4_PATTERN):
        pieces[end is None] += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(pieces.values()) == 7_600_000
    assert peak < 3_000_000


def test_a_long_text_that_cannot_be_cut_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="expected a place to cut in every 1,000 characters"):
        list(cut_text(["a" * 2000], GPT2_PATTERN, 100, most=1000))
    monkeypatch.setattr("lessons_lib.data.files._LONGEST", 100)
    path = json_lines(tmp_path / "a.jsonl", ["a", "b" * 200])
    with pytest.raises(ValueError, match="expected lines of at most 100 bytes"):
        tokenize_files(path, TOKENIZER, tmp_path / "out", 1)


def test_line_ends_and_marks_are_those_of_load_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbf" + b"a\r\n" * 60_000 + b"\r")
    assert list(map("".join, read_documents(path))) == ["a\n" * 60_000 + "\r"]


def test_a_tokenizer_learned_from_a_stream_is_the_same():
    special = [END]
    text = END.join(TEXTS)
    streamed = BPETokenizer.train_from_iterator(cut_text([text], GPT2_PATTERN, 50), 350, special)
    assert (streamed.vocab, streamed.merges) == train_bpe(text, 350, special)
    with pytest.raises(ValueError, match="vocab_size"):
        BPETokenizer.train_from_iterator(["a"], 256, special)


def test_of_many_words_the_frequent_ones_are_kept():
    texts = [f" often w{i}" for i in range(1000)]
    counts = count_words(texts, most=100)
    assert counts[" often"] == 1000
    assert len(counts) <= 100


# ---------------------------------------------------------------------------------------- reading


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("shards")
    path = json_lines(tmp_path_factory.mktemp("texts") / "a.jsonl")
    tokenize_files(path, TOKENIZER, out, 1, shard_tokens=300)
    return out


@settings(max_examples=25)
@given(st.integers(1, 40), st.integers(0, 200), st.integers(0, 9), st.integers(0, 300))
def test_shards_give_the_windows_of_memory_to_any_number_of_processes(
    folder, length, step, seed, begin
):
    shards = Shards(folder, length, begin=begin)
    memory = Windows(torch.tensor(expected()[begin:]), length)
    assert (len(shards), shards.last, shards.n_tokens) == (
        len(memory),
        memory.last,
        memory.n_tokens,
    )
    batch = shards.batch(step, 8, seed)
    assert torch.equal(batch, memory.batch(step, 8, seed))
    for n in (1, 2, 4):
        parts = [Shards(folder, length, begin=begin).batch(step, 8, seed)[i::n] for i in range(n)]
        assert torch.equal(torch.stack(parts, 1).flatten(0, 1), batch)
    first = torch.tensor([0, memory.last])
    assert torch.equal(shards.rows(first), memory.rows(first))


def test_errors_of_reading(folder, tmp_path):
    with pytest.raises(ValueError, match="expected a folder of shards"):
        Shards(tmp_path)
    with pytest.raises(ValueError, match="at least 1000000 tokens"):
        Shards(folder, 999_999)
    with pytest.raises(ValueError, match="starts"):
        Shards(folder, 8).rows(torch.tensor([10**6]))
    with pytest.raises(ValueError, match="follow one another"):
        Shards(folder, 8).token_ids[::2]
    for name, data in contents(folder).items():
        (tmp_path / name).write_bytes(data)
    data = (tmp_path / "shard-00001.bin").read_bytes()
    (tmp_path / "shard-00001.bin").write_bytes(bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(ValueError, match=r"shard-00001\.bin as it was written"):
        Shards(tmp_path, 8).verify()
    (tmp_path / "shard-00001.bin").write_bytes(data[:-2])
    with pytest.raises(
        ValueError, match=r"bytes in the shard .*shard-00001\.bin, got [\d,]+ bytes"
    ):
        Shards(tmp_path, 8)
    (tmp_path / "shard-00001.bin").unlink()
    with pytest.raises(ValueError, match=r"shard-00001\.bin, got no file"):
        Shards(tmp_path, 8)
    index = json.loads((tmp_path / "index.json").read_bytes())
    for change in ({"dtype": "<f4"}, {"format": "other"}, {"shards": [{"file": "../a"}]}):
        (tmp_path / "index.json").write_text(json.dumps(index | change))
        with pytest.raises(ValueError, match="expected a folder of shards"):
            Shards(tmp_path, 8)
    BPETokenizer.train("other", 258, [END]).save(tmp_path / "bpe.json")
    (tmp_path / "index.json").write_text(json.dumps(index))
    (tmp_path / "shard-00001.bin").write_bytes(data)
    with pytest.raises(ValueError, match="the shards' own tokenizer"):
        Shards(tmp_path, 8).tokenizer()


def test_texts_do_not_look_into_one_another_when_asked(folder):
    shards = Shards(folder, 24)
    torch.manual_seed(0)
    model = Llama(LlamaConfig(shards.index["vocab_size"], 32, 16, n_heads=2, n_layers=2, d_ff=24))
    row = torch.tensor([expected(["un gato", "la casa"])])
    ends = (row[0] == shards.end_id).nonzero().flatten().tolist()
    assert shards.documents(row)[0].bincount().tolist()[1:] == [ends[1], ends[2] - ends[1], 1]
    alone = [row[:, a : b + 1] for a, b in pairwise(ends)]
    parts = [loss(model, part) * (part.shape[1] - 1) for part in alone]
    together = document_loss(model, row, shards.end_id)
    # rotary positions are seen as distances only: equal up to rounding
    torch.testing.assert_close(together, sum(parts) / (row.shape[1] - 1), rtol=1e-5, atol=1e-5)
    assert abs(together - loss(model, row)) > 1e-4
    with pytest.raises(ValueError, match="end_id"):
        document_loss(model, row, -1)
    loss_fn = partial(document_loss, end_id=shards.end_id)
    record = train(model, shards, Recipe(n_steps=2, batch_size=2), loss_fn=loss_fn)
    assert len(record) == 2


def test_a_run_on_shards_goes_on_as_if_it_had_not_stopped(folder, tmp_path):
    def new_run(name, begin=0, **more):
        torch.manual_seed(0)
        model = Llama(LlamaConfig(TOKENIZER.vocab_size, 16, 8, n_heads=1, n_layers=1, d_ff=8))
        recipe = Recipe(n_steps=4, batch_size=2, save_every=1)
        with suppress(InterruptedError):
            train(model, Shards(folder, 16, begin), recipe, folder=tmp_path / name, **more)
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    def stop(line):
        if line["step"] == 2:
            raise InterruptedError

    whole = new_run("whole")
    new_run("stopped", watch=stop)
    assert torch.equal(new_run("stopped", resume=True), whole)
    with pytest.raises(ValueError, match=r"(?s)these differ:.*data\.sum"):
        new_run("stopped", begin=1, resume=True)


def test_the_commands_write_check_and_train(tmp_path, capsys):
    path, out = json_lines(tmp_path / "a.jsonl"), tmp_path / "tokens"
    words = ["tokenize", str(path), "--vocab-size", "300", "--out", str(out), "--processes", "1"]
    main(words)
    before = contents(out)
    main(words)
    assert contents(out) == before
    main(["tokenize", str(path), "--tokenizer", str(out), "--out", str(tmp_path / "2")])
    main(["check", str(tmp_path / "2")])
    assert "120 documents" in capsys.readouterr().out
    sizes = ["--d-model", "16", "--n-layers", "1", "--n-heads", "2", "--context", "16"]
    run = ["--text", str(out), "--out", str(tmp_path / "run"), "--steps", "2", *sizes]
    training_command([*run, "--batch", "2"])
    told = capsys.readouterr().out
    assert "bits per byte" in told
    assert (tmp_path / "run" / "model.safetensors").is_file()
    tokens = on_disk(out)
    assert f"{len(tokens) - len(tokens) // 10:,} tokens" in told
