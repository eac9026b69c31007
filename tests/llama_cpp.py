"""The real llama.cpp as the judge of quantization, through the C interface of `xllamacpp`.

A failed assertion in C ends the whole process, therefore each call has a process of its own.
"""

import ctypes
import importlib.util
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np


def ggml_quantize(array: np.ndarray, type: str) -> bytes:
    """Return what llama.cpp's `ggml_quantize_chunk` makes of an array (rows, C), in all its bytes.

    Raises:
        RuntimeError: the process failed; with what it printed.
    """
    rows = np.ascontiguousarray(array, np.float32)
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[type]]
    command = [sys.executable, __file__, type, str(rows.shape[1])]
    done = subprocess.run(command, input=rows.tobytes(), capture_output=True, timeout=300)
    if done.returncode or len(done.stdout) != rows.size // block * size:
        raise RuntimeError(f"llama.cpp failed ({done.returncode}): {done.stderr.decode()[-2000:]}")
    return done.stdout


def library() -> ctypes.CDLL:
    """Load llama.cpp, which `xllamacpp` carries in its one shared object."""
    folder = Path(importlib.util.find_spec("xllamacpp").origin).parent
    return ctypes.CDLL(str(next(folder.glob("xllamacpp*.so"))))


def chunk_quantizer(type: str):
    """Return a function from rows (n, C) of float32 to bytes: C's own, in this process."""
    number = gguf.GGMLQuantizationType[type]
    block, size = gguf.GGML_QUANT_SIZES[number]
    c_function = library().ggml_quantize_chunk
    c_function.restype = ctypes.c_size_t
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    c_function.argtypes = [ctypes.c_int, pointer, pointer, integer, integer, integer, pointer]

    def quantize(rows: np.ndarray) -> np.ndarray:
        data = np.empty((len(rows), rows.shape[1] // block * size), np.uint8)
        address = rows.ctypes.data, data.ctypes.data
        written = c_function(number, *address, 0, *rows.shape, None)
        if written != data.nbytes:
            raise RuntimeError(f"expected {data.nbytes} bytes, got {written}")
        return data

    return quantize


if __name__ == "__main__":
    values = np.frombuffer(sys.stdin.buffer.read(), np.float32).reshape(-1, int(sys.argv[2]))
    sys.stdout.buffer.write(chunk_quantizer(sys.argv[1])(values).tobytes())
