"""What the tests of the page's engine share: the engine in a browser, files, and small models."""

import base64
import json

import numpy as np
import pytest
import torch

from lessons_lib.generation import Sampling
from lessons_lib.gguf import gguf_bytes, to_gguf_tensors, write_config, write_gguf, write_tokenizer
from lessons_lib.live.modules import engine_source
from lessons_lib.llama import Llama, LlamaConfig
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END
from tests.live import page as live

page = live.page  # a fixture

GREEDY = Sampling(temperature=0)
WAIT = 60_000  # milliseconds: on a busy machine the engine is slow
# The engine calculates in 64 bits, torch in 32 with logits of a size of about 10; both round the
# weights alike. Differences of some 1e-5 are those of 32 bits.
TOLERANCE = 1e-4
TEXTS = [
    *live.TEXTS,
    "Había una vez una niña que dijo: «¿Dónde está el pingüino?» ¡Qué fría mañana! ",
    "word" * 200 + "\r\n\r\n \t x  1234567 ٣٤٥ ½",
]


@pytest.fixture
def engine(page):
    """The functions of the engine, as `inside`, in a page with a place for files."""
    page.evaluate(
        f"""() => {{
            {engine_source()}
            window.rooms = engine;
            window.inside = Object.assign({{}}, ...Object.values(engine));
            window.files = {{}};
            window.never = async () => false;
        }}"""
    )
    page.set_default_timeout(WAIT)
    return page


def give(page, name, data):
    """Put bytes into the page, as `files[name]`."""
    page.evaluate(
        """([name, text]) => {
            files[name] = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
        }""",
        [name, base64.b64encode(data).decode()],
    )


def fetch(page, code, given=None):
    """What a function in the page returns. As one text, many numbers take a tenth of the time."""
    return json.loads(
        page.evaluate(
            f"async (given) => JSON.stringify(await ({code})(JSON.parse(given)))", json.dumps(given)
        )
    )


def write(tmp_path, model, tokenizer, type="F32"):
    path = tmp_path / "model.gguf"
    write_gguf(path, model, tokenizer, type)
    return path.read_bytes()


def page_logits(page, data, ids, type=None):
    """The engine's logits (T, V) after each of the ids, of a file, perhaps quantized by the page"""
    give(page, "model", data)
    rows = fetch(
        page,
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


def small_model(seed=0, **sizes):
    tokenizer = BPETokenizer.train(
        "a girl saw a fish and a fish saw a girl " * 3, 263, [END], end=END
    )
    torch.manual_seed(seed)
    config = {"context_length": 48, "d_model": 32, "n_heads": 4, "n_layers": 2, "d_ff": 64}
    config |= {"vocab_size": tokenizer.vocab_size} | sizes
    model = Llama(LlamaConfig(**config)).eval()
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            tensor.normal_(1.0 if "norm" in name else 0.0, 0.25)
    return model, tokenizer


def refusals(page, files, how="inside.parseGGUF(bytes)"):
    """For each file the error or null, the milliseconds, and the bytes of arrays taken.

    What takes long is tried again: the browser does other things too.
    """
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
            const exported = "{ ...engine.gguf, ...engine.model }";
            const make = new Function(...names, `${source}; return ${exported};`);
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
        [engine_source(), how, [base64.b64encode(file).decode() for file in files]],
    )


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


T = "tokenizer.ggml."


def with_token(i, text):
    tokens = write_tokenizer(small_model()[1], 263)["tokenizer.ggml.tokens"]
    return {"tokenizer.ggml.tokens": [*tokens[:i], text, *tokens[i + 1 :]]}
