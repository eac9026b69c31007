"""The command: text on disk becomes tokens on disk."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lessons_lib.base.console import tell
from lessons_lib.data.files import find_files
from lessons_lib.data.tokenize import has_shards, read_pieces, tokenize_files
from lessons_lib.tokens import GPT4_PATTERN, BPETokenizer
from lessons_lib.training.shards import TOKENIZER, Shards
from lessons_lib.training.stories import END

__all__ = ["main", "read_tokenizer"]


def read_tokenizer(path: Path) -> BPETokenizer:
    """Read a tokenizer: a file that `save` wrote, or a folder with such a file or tokenizer.json.

    Raises:
        ValueError: neither.
        OSError: it cannot be read.
    """
    if (path / TOKENIZER).is_file():
        return BPETokenizer.load(path / TOKENIZER)
    return BPETokenizer.from_pretrained(path) if path.is_dir() else BPETokenizer.load(path)


def _learned(options: argparse.Namespace) -> BPETokenizer:
    """Learn a tokenizer from all of the text, unless a call that was stopped has done so."""
    if has_shards(options.out):
        return BPETokenizer.load(options.out / TOKENIZER)
    tell("learning a tokenizer")
    files = find_files(options.inputs)
    pieces = read_pieces(files, GPT4_PATTERN, options.column, options.encoding)
    texts = (text for text, _ in pieces)
    return BPETokenizer.train_from_iterator(texts, options.vocab_size, [END], GPT4_PATTERN, END)


def _tokenize(options: argparse.Namespace) -> None:
    tokenizer = read_tokenizer(options.tokenizer) if options.tokenizer else _learned(options)
    tell(f"{tokenizer}")
    found = tokenize_files(
        options.inputs,
        tokenizer,
        options.out,
        options.processes,
        column=options.column,
        encoding=options.encoding,
        shard_tokens=options.shard_tokens,
    )
    total = {
        name: sum(s[name] for s in found["shards"]) for name in ("tokens", "documents", "bytes")
    }
    tell(
        f"{total['documents']:,} documents, {total['bytes']:,} bytes, {total['tokens']:,} tokens, "
        f"{len(found['shards']):,} shards; {found['empty']:,} empty documents left out"
    )
    tell(f"written: {options.out}")


def _check(options: argparse.Namespace) -> None:
    shards = Shards(options.folder, length=1)
    shards.verify()
    tell(f"{shards.n_tokens:,} tokens in {len(shards.index['shards']):,} shards, all as written")


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons_lib.data", description="Text on disk becomes tokens on disk."
    )
    commands = parser.add_subparsers(required=True)
    write = commands.add_parser("tokenize", help="write the tokens of files as shards")
    write.set_defaults(run=_tokenize)
    add = write.add_argument
    kinds = "txt, md, jsonl, csv, tsv, parquet or arrow, also as gz and zst; folders; patterns"
    add("inputs", nargs="+", metavar="INPUT", help=kinds)
    which = write.add_mutually_exclusive_group(required=True)
    which.add_argument("--tokenizer", type=Path, help="a file or folder with one")
    which.add_argument("--vocab-size", type=int, help="learn one of so many tokens from the text")
    add("--out", required=True, type=Path, help="the folder to write, or to go on in")
    add("--processes", type=int, help="how many encode; by default, as many as cores")
    add("--column", default="text", help="where the text of JSON lines and tables stands")
    add("--encoding", default="utf-8", help="of text, JSON lines and CSV")
    add("--shard-tokens", type=int, default=100_000_000, help="a shard ends when it has so many")
    check = commands.add_parser("check", help="read all shards and compare their checksums")
    check.set_defaults(run=_check)
    check.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    options.run(options)
