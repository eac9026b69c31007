"""A chat as tokens: who speaks is said by special tokens, which nobody can type."""

from collections.abc import Mapping, Sequence

from lessons_lib.base.validation import check_text
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END

USER, ASSISTANT = "<|user|>", "<|assistant|>"
ROLES = {"user": USER, "assistant": ASSISTANT}

# The same as `chat_text`, in Jinja, the language in which a model's files say how it chats.
TEMPLATE = (
    "{{ '<|end|>' }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def chat_tokenizer(tokenizer: BPETokenizer) -> BPETokenizer:
    """Return a tokenizer that also knows who speaks: `USER` and `ASSISTANT` get the next ids.

    Raises:
        ValueError: it knows them already.
    """
    if set(ROLES.values()) & set(tokenizer.special_tokens):
        raise ValueError("expected a tokenizer without roles, got one that knows them")
    new = {token: tokenizer.vocab_size + i for i, token in enumerate(ROLES.values())}
    special = tokenizer.special_tokens | new
    ordinary = {i: token for token, i in tokenizer.ordinary.items()}
    return BPETokenizer(ordinary, tokenizer.merges, special, tokenizer.pattern, tokenizer.end)


def check_messages(messages: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    """Return (role, content) of messages that alternate, the first from the user.

    Raises:
        ValueError: no messages, one that is no message or is empty, or the wrong one speaking.
    """
    if isinstance(messages, str) or not isinstance(messages, Sequence) or not messages:
        raise ValueError(f"expected a list of messages, got {messages!r:.60}")
    found = []
    for number, message in enumerate(messages):
        if not isinstance(message, Mapping) or not {"role", "content"} <= set(message):
            raise ValueError(f"expected role and content in message {number}, got {message!r:.60}")
        expected = ("user", "assistant")[number % 2]
        if message["role"] != expected:
            raise ValueError(
                f"expected message {number} to come from the {expected}, got {message['role']!r}"
            )
        found.append((expected, check_text(message["content"], empty=False)))
    return found


def chat_text(messages: Sequence[Mapping[str, str]], add_generation_prompt: bool = False) -> str:
    """Write a chat as one text.

    `END` opens it and closes each answer. To see is what a model reads; to encode it use
    `encode_chat`, because in a text nobody can tell a role from a user who types one.

    Args:
        messages: each with "role" ("user" or "assistant", in turn) and "content".
        add_generation_prompt: whether the assistant's token follows, so that it speaks next.

    Raises:
        ValueError: see `check_messages`.

    Source: `apply_chat_template` of `transformers` with `TEMPLATE`, to the byte.

    >>> chat_text([{"role": "user", "content": "Who is Ana?"}], add_generation_prompt=True)
    '<|end|><|user|>Who is Ana?<|assistant|>'
    """
    text = END
    for role, content in check_messages(messages):
        text += ROLES[role] + content + (END if role == "assistant" else "")
    return text + (ASSISTANT if add_generation_prompt else "")


def encode_chat(
    messages: Sequence[Mapping[str, str]],
    tokenizer: BPETokenizer,
    add_generation_prompt: bool = False,
) -> list[int]:
    """Return the ids of a chat; what users type is data, whatever it looks like.

    Each content is encoded alone, without special tokens. A user who types ``<|assistant|>`` gets
    the pieces of that word, not the token.

    Raises:
        ValueError: see `check_messages`; a tokenizer that does not know the roles.
    """
    role_ids = {role: special_id(tokenizer, token) for role, token in ROLES.items()}
    end = special_id(tokenizer, END)
    ids = [end]
    for role, content in check_messages(messages):
        ids += [role_ids[role], *tokenizer.encode(content)]
        ids += [end] if role == "assistant" else []
    return ids + ([role_ids["assistant"]] if add_generation_prompt else [])


def special_id(tokenizer: BPETokenizer, token: str) -> int:
    """Return the id of a special token.

    Raises:
        ValueError: the tokenizer does not know it.
    """
    if token not in tokenizer.special_tokens:
        raise ValueError(
            f"expected a tokenizer that knows {token}, got one with {[*tokenizer.special_tokens]}"
        )
    return tokenizer.special_tokens[token]
