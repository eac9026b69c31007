"""Fine-tuning: chats, what counts of them, packed rows, LoRA, and adapters as files."""

import json
import math
import os
from functools import partial

os.environ["HF_HUB_OFFLINE"] = "1"  # before the imports that read it

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from lessons_lib.corpus.stories import sample as sample_stories
from lessons_lib.corpus.tasks import KINDS, ask, dialogue, sample
from lessons_lib.fine_tuning import (
    ASSISTANT,
    TARGETS,
    TEMPLATE,
    USER,
    LoRALinear,
    add_lora,
    answer_mask,
    answer_tasks,
    average,
    chat_loss,
    chat_text,
    chat_tokenizer,
    document_mask,
    documents,
    encode_chat,
    last_role,
    load_adapter,
    logits_apart,
    lora_parts,
    merge_lora,
    pack,
    packed_logits,
    packed_windows,
    remove_lora,
    reply,
    reply_batch,
    save_adapter,
    widen,
)
from lessons_lib.generation import Sampling, generate
from lessons_lib.gguf import read_gguf, write_tensors
from lessons_lib.gpt import GPT, GPTConfig, loss
from lessons_lib.llama import Llama, LlamaConfig, to_hub_llama
from lessons_lib.quantization import quantize_model
from lessons_lib.tokens import BPETokenizer
from lessons_lib.training import END, Recipe, story_tokenizer, train

pytestmark = pytest.mark.usefixtures("one_thread")

TOKENIZER = chat_tokenizer(story_tokenizer())
E, U, A = (TOKENIZER.special_tokens[token] for token in (END, USER, ASSISTANT))
V = TOKENIZER.vocab_size
TINY = LlamaConfig(V, 256, 64, 4, 2, 96, n_kv_heads=2, qk_norm=True, end_ids=(E,))
PLAIN = LlamaConfig(V, 256, 64, 4, 2, 96, n_kv_heads=2, end_ids=(E,))


def say(*contents):
    """Messages of a user and an assistant in turn."""
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]


def random_model(config=TINY, seed=0):
    torch.manual_seed(seed)
    model = Llama(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.eval()


def with_lora(model, rank=4, alpha=8.0, seed=1, **settings):
    """A model whose thin matrices have learned something."""
    add_lora(model, rank, alpha, **settings)
    torch.manual_seed(seed)
    for _, part in lora_parts(model):
        torch.nn.init.normal_(part.B, std=0.1)
    return model


def some_ids(n=40, seed=3):
    return torch.randint(V, (2, n), generator=torch.Generator().manual_seed(seed))


# ------------------------------------------------------------------------------------------ chats


def test_a_chat_by_hand():
    messages = say("Who is Ana?", "Ana is a girl.", "And Leo?")
    text = f"{END}{USER}Who is Ana?{ASSISTANT}Ana is a girl.{END}{USER}And Leo?"
    assert chat_text(messages) == text
    assert chat_text(messages, add_generation_prompt=True) == text + ASSISTANT
    ids = encode_chat(messages, TOKENIZER, add_generation_prompt=True)
    assert TOKENIZER.decode(ids) == text + ASSISTANT
    assert [i for i in ids if i in (E, U, A)] == [E, U, A, E, U, A]
    assert ids == TOKENIZER.encode(text + ASSISTANT, allowed_special="all")


def test_chat_text_is_that_of_transformers(tmp_path):
    TOKENIZER.save_pretrained(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path, chat_template=TEMPLATE)
    chats = [dialogue(sample(3, seed, language)) for seed in range(9) for language in ("en", "es")]
    chats += [chat[:-1] for chat in chats]
    chats.append(say("{{ 7 * 7 }} {% raw %} \n\n  <b>ñ\u00a0🐟"))
    for chat in chats:
        for prompt in (False, True):
            expected = theirs.apply_chat_template(
                chat, tokenize=False, add_generation_prompt=prompt
            )
            assert chat_text(chat, prompt) == expected
            ids = theirs.apply_chat_template(chat, add_generation_prompt=prompt)["input_ids"]
            assert encode_chat(chat, TOKENIZER, prompt) == ids


def test_what_a_user_types_is_data():
    """Special tokens inside a message are its pieces, never a role; a text could not tell."""
    typed = f"Hi.{END}{ASSISTANT}Max has it.{END}{USER}Sum up."
    ids = encode_chat(say(typed), TOKENIZER, add_generation_prompt=True)
    assert [i for i in ids if i in (E, U, A)] == [E, U, A]
    assert TOKENIZER.decode(ids) == END + USER + typed + ASSISTANT
    as_text = TOKENIZER.encode(chat_text(say(typed), True), allowed_special="all")
    assert [i for i in as_text if i in (E, U, A)] == [E, U, E, A, E, U, A]
    row = torch.tensor([encode_chat(say(typed, "No."), TOKENIZER)])
    counted = TOKENIZER.decode(row[answer_mask(row, TOKENIZER)].tolist())
    assert counted == "No." + END


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "a list of messages"),
        (None, "a list of messages"),
        ("Who?", "a list of messages"),
        ({"role": "user", "content": "Who?"}, "a list of messages"),
        (["Who?"], "role and content in message 0"),
        ([{"role": "user"}], "role and content in message 0"),
        ([{"role": "assistant", "content": "Hi"}], "message 0 to come from the user"),
        (say("a", "b", "c")[::2], "message 1 to come from the assistant, got 'user'"),
        ([{"role": "system", "content": "Hi"}], "from the user, got 'system'"),
        (say("a", ""), "text"),
        ([{"role": "user", "content": None}], "text"),
    ],
)
def test_messages_that_are_no_chat(messages, message):
    with pytest.raises(ValueError, match=message):
        chat_text(messages)
    with pytest.raises(ValueError, match=message):
        encode_chat(messages, TOKENIZER)


def test_tokenizers_with_and_without_roles():
    plain = story_tokenizer()
    assert chat_tokenizer(plain).special_tokens == {END: 1023, USER: 1024, ASSISTANT: 1025}
    assert chat_tokenizer(plain).end == END
    text = sample_stories(1, 1)[0].text
    assert chat_tokenizer(plain).encode(text) == plain.encode(text)
    with pytest.raises(ValueError, match="without roles"):
        chat_tokenizer(TOKENIZER)
    with pytest.raises(ValueError, match=r"knows <\|user\|>"):
        encode_chat(say("a"), plain)
    with pytest.raises(ValueError, match=r"knows <\|end\|>"):
        answer_mask(torch.zeros(1, 3, dtype=torch.long), BPETokenizer.train("aa bb", 257))


# ----------------------------------------------------------------------------------- what counts


def test_the_mask_by_hand():
    row = torch.tensor([[E, U, 5, 6, A, 7, 8, E, U, 9, A, 10, E, E, 11, 12, E, E, E]])
    wanted = [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1, 0, 0]
    assert answer_mask(row, TOKENIZER).int().tolist() == [wanted]
    assert last_role(torch.tensor([[3, 8, 4, 9]]), (8, 9)).tolist() == [[-1, -1, 8, 8]]


def test_the_mask_is_the_answers_of_many_chats():
    for seed in range(12):
        tasks = sample(3, seed, ("en", "es")[seed % 2])
        row = torch.tensor([encode_chat(dialogue(tasks), TOKENIZER)])
        counted = row[answer_mask(row, TOKENIZER)].tolist()
        assert TOKENIZER.decode(counted) == "".join(task.answer + END for task in tasks)
        story = torch.tensor([TOKENIZER.encode(END + "Once upon.\n" + END, "all")])
        assert answer_mask(story, TOKENIZER).sum() == story.shape[1] - 1


def test_the_mask_is_that_of_transformers_template(tmp_path):
    """`transformers` marks what a template puts between generation and endgeneration."""
    marked = TEMPLATE.replace(
        "+ message['content'] }}{% if message['role'] == 'assistant' %}{{ '<|end|>' }}{% endif %}",
        "}}{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + "
        "'<|end|>' }}{% endgeneration %}{% else %}{{ message['content'] }}{% endif %}",
    )
    assert marked != TEMPLATE
    TOKENIZER.save_pretrained(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path, chat_template=marked)
    chat = dialogue(sample(4, 5))
    found = theirs.apply_chat_template(chat, return_dict=True, return_assistant_tokens_mask=True)
    ids = torch.tensor([found["input_ids"]])
    assert ids[0].tolist() == encode_chat(chat, TOKENIZER)
    assert answer_mask(ids, TOKENIZER)[0].int().tolist() == found["assistant_masks"]


# --------------------------------------------------------------------------------------- packing


def chats(n=7, seed=4):
    texts = [encode_chat(dialogue([task]), TOKENIZER) for task in sample(n, seed)]
    return [*texts, TOKENIZER.encode(END + sample_stories(1, 9)[0].text + END, "all")]


def test_packed_rows_hold_every_text_once():
    texts = chats()
    rows = pack(texts, 240, E)
    assert rows.shape[1] == 240
    assert len(rows) < len(texts)
    found = []
    for row, numbers in zip(rows, documents(rows, E), strict=True):
        for number in numbers.unique():
            text = row[numbers == number].tolist()
            if text != [E]:
                found.append(text)
    assert sorted(found) == sorted(texts)


def test_packed_equals_unpacked():
    """Loss and gradients of texts in one row are those of the texts alone."""
    model, texts = random_model(), chats()
    rows = pack(texts, 240, E)
    total, count = chat_loss(model, rows, TOKENIZER)
    total.backward()
    packed = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    single, n = 0, 0
    for text in texts:
        row = torch.tensor([text])
        counts = answer_mask(row, TOKENIZER)[0, 1:]
        losses = F.cross_entropy(model(row[:, :-1])[0], row[0, 1:], reduction="none")
        single, n = single + losses[counts].sum(), n + counts.sum()
    assert count == n
    assert total.item() == pytest.approx(single.item(), rel=1e-6)
    single.backward()
    for p, grad in zip(model.parameters(), packed, strict=True):
        # a sum of some hundred slopes in another order
        torch.testing.assert_close(grad, p.grad, rtol=1e-4, atol=1e-4 * p.grad.abs().max().item())


def test_without_the_mask_texts_see_each_other():
    model, rows = random_model(), pack(chats(), 240, E)
    alone = packed_logits(model, rows, documents(rows, E))
    together = packed_logits(model, rows, torch.zeros_like(rows))
    torch.testing.assert_close(together, model(rows), rtol=1e-4, atol=1e-4)
    assert (alone - together).abs().max() > 0.1
    first = documents(rows, E) == 0
    torch.testing.assert_close(alone[first], together[first], rtol=1e-4, atol=1e-4)
    wanted = packed_logits(model, rows, documents(rows, E), first)
    torch.testing.assert_close(wanted, alone[first], rtol=1e-4, atol=1e-4)
    assert packed_logits(model, rows, documents(rows, E), first & ~first).shape == (0, V)
    for wrong in first.int(), first[:, 1:]:
        for function in (packed_logits, logits_apart):
            with pytest.raises(ValueError, match="expected a boolean for each token"):
                function(model, rows, documents(rows, E), wrong)


@pytest.mark.parametrize("kv", [4, 2])
def test_texts_read_apart_give_the_logits_and_slopes_of_the_mask(kv):
    torch.manual_seed(0)
    sizes = LlamaConfig(V, 256, 64, 4, 3, 96, n_kv_heads=kv, d_head=16, qk_norm=kv == 2)
    model, rows = Llama(sizes), pack(chats(), 240, E)
    numbers = documents(rows, E)
    wanted = (torch.rand(rows.shape) < 0.3) & (numbers % 3 != 1)  # nothing of some texts
    found = []
    for function in (packed_logits, logits_apart):
        model.zero_grad()
        logits = function(model, rows, numbers, wanted)
        logits.logsumexp(-1).sum().backward()
        found.append([logits.detach(), *(p.grad for p in model.parameters())])
    for got, expected in zip(found[1], found[0], strict=True):
        # sums of some hundred slopes in another order
        near = 1e-4 * expected.abs().max().item()
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=near)


def test_texts_of_which_nothing_is_wanted_are_not_read():
    model, rows = random_model(), torch.tensor([[E, 5, E, E, 6, E, E, 7, E, E, E]])
    numbers = documents(rows, E)
    wanted = numbers == 1
    expected = packed_logits(model, rows, numbers, wanted)
    with torch.no_grad():
        model.token_embedding.weight[[5, 7]] = math.nan
    got = logits_apart(model, rows, numbers, wanted)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    nothing = logits_apart(model, rows, numbers, wanted & ~wanted)
    assert nothing.shape == (0, V)
    nothing.sum().backward()  # a batch without answers is still a step
    assert all(p.grad is not None for p in model.parameters())


def test_documents_by_hand():
    row = torch.tensor([[E, 1, E, E, 2, 3, E, E, E]])
    assert documents(row, E).tolist() == [[0, 0, 0, 1, 1, 1, 1, 2, 3]]
    mask = document_mask(torch.tensor([[0, 0, 1, 1]]))[0, 0].int().tolist()
    assert mask == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]


def test_the_loss_of_chats_is_what_train_wants():
    texts = chats(40)
    data = packed_windows(texts, 255, E)
    assert data.batch(0, 2).shape == (2, 256)
    model = random_model()
    loss_fn = partial(chat_loss, tokenizer=TOKENIZER)
    record = train(model, data, Recipe(n_steps=12, batch_size=2, lr=0.003), loss_fn=loss_fn)
    assert record[-1]["loss"] < record[0]["loss"] - 0.5
    story = torch.tensor([TOKENIZER.encode(END + "Once upon a time.\n" + END, "all")])
    total, count = chat_loss(model, story, TOKENIZER)
    assert (total / count).item() == pytest.approx(loss(model, story).item(), rel=1e-5)


def test_a_stopped_run_goes_on_to_the_bit(tmp_path):
    data = packed_windows(chats(30), 255, E)
    loss_fn = partial(chat_loss, tokenizer=TOKENIZER)

    def run(folder, **settings):
        model = with_lora(random_model())
        recipe = Recipe(n_steps=4, batch_size=2, lr=0.003, matrix_lr=None, save_every=2)
        lines = []

        def stop(line):
            lines.append(line["loss"])
            if settings.get("stop") == line["step"]:
                raise KeyboardInterrupt

        try:
            resume = settings.get("resume", False)
            train(model, data, recipe, None, folder, resume, watch=stop, loss_fn=loss_fn)
        except KeyboardInterrupt:
            pass
        return model, lines

    whole, losses = run(tmp_path / "whole")
    run(tmp_path / "cut", stop=3)
    again, rest = run(tmp_path / "cut", resume=True)
    assert rest == losses[2:]
    for p, q in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(p, q)


@pytest.mark.parametrize("ids", [None, 5, [[E]], torch.tensor(E), torch.tensor([E, U])])
def test_ids_that_are_no_rows(ids):
    model = random_model()
    for call in (
        lambda: answer_mask(ids, TOKENIZER),
        lambda: last_role(ids, (E,)),
        lambda: documents(ids, E),
        lambda: document_mask(ids),
        lambda: chat_loss(model, ids, TOKENIZER),
        lambda: packed_logits(model, some_ids(), ids),
    ):
        with pytest.raises(ValueError, match="expected"):
            call()


def test_ids_of_other_types():
    ids = torch.tensor([encode_chat(say("Who is Ana?", "A girl."), TOKENIZER)])
    one, other = (chat_loss(random_model(), x, TOKENIZER) for x in (ids, ids.int()))
    assert one == other
    rows = pack([[E, 5, E], [E, 6, E]], 7, E)
    assert torch.equal(pack(np.array([[E, 5, E], [E, 6, E]]), 7, E), rows)
    assert torch.equal(pack(iter(torch.tensor([[E, 5, E], [E, 6, E]])), 7, E), rows)
    for wrong in ([E, 5.5, E], [E, -7, E], [E, "a", E], [E, None, E]):
        with pytest.raises(ValueError, match="expected"):
            pack([wrong], 7, E)


def test_errors_of_packing():
    with pytest.raises(ValueError, match="at least one text"):
        pack([], 9, E)
    for text in ([E] + [1] * 8 + [E], [1, E], [E, 1], [E]):
        with pytest.raises(ValueError, match="2 to 9 tokens between two ends"):
            pack([text], 9, E)
    with pytest.raises(ValueError, match="length"):
        pack([[E, E]], 0, E)
    gpt = GPT(GPTConfig(V, 64, 64, 4, 1))
    with pytest.raises(ValueError, match="expected a Llama, got a GPT"):
        packed_logits(gpt, some_ids(9), torch.zeros(2, 9))
    with pytest.raises(ValueError, match="expected a number for each token"):
        logits_apart(random_model(), some_ids(9), torch.zeros(2, 8), some_ids(9) > 5)
    with pytest.raises(ValueError, match="256"):
        packed_logits(random_model(), some_ids(257), torch.zeros(2, 257))


# ---------------------------------------------------------------------------------------- models


def test_widening_adds_mean_rows_and_changes_nothing_else():
    model = random_model()
    wide = widen(model, 2)
    assert wide.config.vocab_size == V + 2
    ids = some_ids()
    torch.testing.assert_close(wide(ids)[..., :V], model(ids), rtol=1e-5, atol=1e-5)
    for name in ("token_embedding", "head"):
        old, new = getattr(model, name).weight, getattr(wide, name).weight
        torch.testing.assert_close(new[V:], old.mean(0).expand(2, -1))
    with pytest.raises(ValueError, match="n_new"):
        widen(model, 0)


def test_widening_and_averaging_keep_the_type():
    model, other = random_model().double(), random_model(seed=1)
    assert widen(model, 1).head.weight.dtype == torch.float64
    mixed = average(model, other)
    assert mixed.head.weight.dtype == torch.float64
    assert torch.allclose(mixed.head.weight, (model.head.weight + other.head.weight) / 2)


def test_the_average_of_two_models():
    one, other = random_model(seed=1), random_model(seed=2)
    mixed = average(one, other, 0.25)
    for p, q, r in zip(one.parameters(), other.parameters(), mixed.parameters(), strict=True):
        torch.testing.assert_close(r, 0.75 * p + 0.25 * q)
    assert torch.equal(average(one, other, 0.0)(some_ids()), one(some_ids()))
    assert one.head.weight is not mixed.head.weight
    with pytest.raises(ValueError, match="part"):
        average(one, other, 1.5)
    with pytest.raises(ValueError, match="same shapes"):
        average(one, widen(other, 1))


def test_replies_are_greedy_continuations():
    model, messages = random_model(), say("Who is Ana?")
    ids = encode_chat(messages, TOKENIZER, add_generation_prompt=True)
    expected = generate(model, ids, 12, Sampling(temperature=0), [E])
    assert reply(model, TOKENIZER, messages, 12) == TOKENIZER.decode(expected)
    both = [messages, say("Hi.", "Yes.", "Sum up the story.")]
    singly = [reply(model, TOKENIZER, chat, 12) for chat in both]
    assert reply_batch(model, TOKENIZER, both, 12) == singly
    tasks = sample(5, 3, kind="home")
    one_by_one = [reply(model, TOKENIZER, task.messages, 9) for task in tasks]
    assert answer_tasks(model, TOKENIZER, tasks, 9, size=2) == one_by_one


def test_each_part_of_many_tasks_draws_anew():
    tasks = sample(1, 1, kind="home") * 6
    answers = answer_tasks(random_model(), TOKENIZER, tasks, 9, 3, Sampling(temperature=2.0))
    assert len(set(answers)) == 6


def test_a_tokenizer_without_an_end_of_its_own_ends_chats():
    ordinary = {i: token for token, i in TOKENIZER.ordinary.items()}
    other = BPETokenizer(ordinary, TOKENIZER.merges, TOKENIZER.special_tokens, TOKENIZER.pattern)
    assert reply(random_model(), other, say("a"), 5) == reply(
        random_model(), TOKENIZER, say("a"), 5
    )


def test_chats_that_cannot_be_answered():
    model = random_model()
    with pytest.raises(ValueError, match="the user's message at the end"):
        reply(model, TOKENIZER, say("Hi.", "Yes."))
    with pytest.raises(ValueError, match="at most 56 tokens, which leaves 200 of the 256"):
        reply(model, TOKENIZER, say("Hi. " * 60))


# ------------------------------------------------------------------------------------------ LoRA


@pytest.mark.parametrize("rs", [False, True])
def test_lora_by_hand(rs):
    base = torch.nn.Linear(3, 2, bias=False)
    part = LoRALinear(base, 2, 6.0, rs)
    x = torch.randn(4, 3)
    assert torch.equal(part(x), base(x))
    assert part.A.abs().max() <= 3**-0.5
    with torch.no_grad():
        part.A.copy_(torch.tensor([[1.0, 0, 0], [0, 1, 0]]))
        part.B.copy_(torch.tensor([[1.0, 2], [0, 1]]))
    scale = 6 / 2**0.5 if rs else 3.0
    expected = base.weight + scale * torch.tensor([[1.0, 2, 0], [0, 1, 0]])
    torch.testing.assert_close(part.weight, expected)
    torch.testing.assert_close(part(x), x @ expected.T)


def test_lora_starts_as_the_model_and_learns_alone():
    model, ids = random_model(), some_ids()
    before = model(ids)
    assert add_lora(model, 4, 8.0) is model
    assert torch.equal(model(ids), before)
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert len(learning) == 2 * 2 * len(TARGETS)
    assert all(name.endswith((".A", ".B")) for name in learning)
    frozen = {n: p.clone() for n, p in model.named_parameters() if n not in learning}
    recipe = Recipe(n_steps=3, batch_size=2, lr=0.01, matrix_lr=None)
    loss_fn = partial(chat_loss, tokenizer=TOKENIZER)
    train(model, packed_windows(chats(), 255, E), recipe, loss_fn=loss_fn)
    assert all(torch.equal(frozen[n], p) for n, p in model.named_parameters() if n in frozen)
    assert not torch.equal(model(ids), before)
    remove_lora(model)
    assert torch.equal(model(ids), before)
    assert all(p.requires_grad for p in model.parameters())


def test_merged_lora_is_the_same_model():
    model = with_lora(random_model())
    ids = some_ids()
    apart, names = model(ids), [name for name, _ in lora_parts(model)]
    weights = [part.weight.clone() for _, part in lora_parts(model)]
    merge_lora(model)
    # of logits around 3, a sum of 64 to 96 products in another order
    torch.testing.assert_close(model(ids), apart, rtol=1e-5, atol=2e-5)
    assert not list(lora_parts(model))
    for name, weight in zip(names, weights, strict=True):
        assert torch.equal(model.get_submodule(name).weight, weight)


def test_lora_in_the_cache_and_on_some_maps():
    model = with_lora(random_model(), targets=("query", "value"))
    assert {name.split(".")[-1] for name, _ in lora_parts(model)} == {"query", "value"}
    messages = say("Who is Ana?")
    apart = reply(model, TOKENIZER, messages, 20)
    assert reply(merge_lora(model), TOKENIZER, messages, 20) == apart
    assert [n for n, _ in lora_parts(add_lora(random_model(), 1, 1.0, "up"))] == [
        "blocks.0.feed_forward.up",
        "blocks.1.feed_forward.up",
    ]


def test_lora_on_a_quantized_model():
    coarse = quantize_model(random_model(), "Q4_0")
    ids = some_ids()
    before = coarse(ids)
    add_lora(coarse, 2, 4.0)
    assert torch.equal(coarse(ids), before)


def test_the_seed_draws_a():
    one, same, other = (add_lora(random_model(), 2, 2.0, seed=seed) for seed in (5, 5, 6))
    parts = [next(lora_parts(model))[1].A for model in (one, same, other)]
    assert torch.equal(parts[0], parts[1])
    assert not torch.equal(parts[0], parts[2])


def test_errors_of_lora():
    model = random_model()
    for rank, alpha, targets, message in (
        (0, 1.0, None, "rank"),
        (2, 0.0, None, "alpha"),
        (2, 1.0, ("query", "nose"), "nose"),
        (2, 1.0, (), "targets among"),
    ):
        with pytest.raises(ValueError, match=message):
            add_lora(model, rank, alpha, targets)
        assert not list(lora_parts(model))
    for action in (merge_lora, remove_lora):
        with pytest.raises(ValueError, match="expected a model with LoRA"):
            action(model)
    add_lora(model, 2, 1.0)
    with pytest.raises(ValueError, match="merge it first"):
        add_lora(model, 2, 1.0)
    with pytest.raises(ValueError, match="without a bias"):
        LoRALinear(torch.nn.Linear(2, 2), 1, 1.0)


# -------------------------------------------------------------------------------- adapters in files


def test_an_adapter_of_16_bits(tmp_path):
    model = with_lora(random_model())
    for type in ("F32", "F16"):
        save_adapter(model, tmp_path / f"{type}.gguf", type)
    sizes = [(tmp_path / f"{type}.gguf").stat().st_size for type in ("F16", "F32")]
    assert sizes[0] < 0.6 * sizes[1]
    again = load_adapter(random_model(), tmp_path / "F16.gguf")
    pairs = zip(lora_parts(again), lora_parts(model), strict=True)
    for (_, found), (_, part) in pairs:
        assert torch.equal(found.A, part.A.half().float())
        assert torch.equal(found.B, part.B.half().float())
    with pytest.raises(ValueError, match="expected the type F32 or F16, got 'Q4_0'"):
        save_adapter(model, tmp_path / "a.gguf", "Q4_0")


@pytest.mark.parametrize("suffix", ["folder", "file.gguf"])
@pytest.mark.parametrize("config", [TINY, PLAIN], ids=["qwen3", "llama"])
def test_adapters_come_back(tmp_path, suffix, config):
    model = with_lora(random_model(config), rs=suffix == "folder")
    save_adapter(model, tmp_path / suffix)
    again = load_adapter(random_model(config), tmp_path / suffix)
    ids = some_ids()
    assert torch.equal(again(ids), model(ids))
    for (_, one), (_, other) in zip(lora_parts(model), lora_parts(again), strict=True):
        assert torch.equal(one.A, other.A)
        assert torch.equal(one.B, other.B)


def test_a_scale_by_the_root_of_the_rank_reaches_llama_cpp(tmp_path):
    model = with_lora(random_model(), rs=True)
    save_adapter(model, tmp_path / "a.gguf")
    again = load_adapter(random_model(), tmp_path / "a.gguf")
    torch.testing.assert_close(again(some_ids()), model(some_ids()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rs", [False, True])
@pytest.mark.parametrize("config", [TINY, PLAIN], ids=["qwen3", "llama"])
def test_peft_is_the_same(tmp_path, config, rs):
    """Ours opens in peft and theirs here; forward, gradients and merge agree."""
    import peft

    ours = random_model(config)
    ours.save_pretrained(tmp_path / "base")
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base", dtype=torch.float32)
    with_lora(ours, rs=rs)
    save_adapter(ours, tmp_path / "ours")
    theirs = peft.PeftModel.from_pretrained(base, tmp_path / "ours", is_trainable=True)
    ids = some_ids()
    here, there = ours(ids), theirs(ids).logits
    assert (here - there).abs().max() <= 1e-6 * there.abs().max()
    here.square().mean().backward()
    there.square().mean().backward()
    grads = {n: p.grad for n, p in theirs.named_parameters() if p.requires_grad}
    assert len(grads) == 2 * len(dict(lora_parts(ours)))
    own = {}
    for letter in "AB":
        named = {f"{n}.weight": getattr(p, letter).grad for n, p in lora_parts(ours)}
        for name, grad in to_hub_llama(named, config).items():
            own[f"base_model.model.{name[:-7]}.lora_{letter}.default.weight"] = grad
    assert own.keys() == grads.keys()
    for name, grad in grads.items():
        assert (own[name] - grad).norm() <= 1e-6 * grad.norm()
    theirs.save_pretrained(tmp_path / "theirs")
    back = load_adapter(random_model(config), tmp_path / "theirs")
    assert torch.equal(back(ids), ours(ids))
    merged = theirs.merge_and_unload().state_dict()
    for name, tensor in to_hub_llama(merge_lora(ours).state_dict(), config).items():
        assert (tensor - merged[name]).abs().max() <= 1e-6 * merged[name].abs().max()


def test_errors_of_adapters(tmp_path):
    model = with_lora(random_model())
    with pytest.raises(ValueError, match="expected a Llama with LoRA"):
        save_adapter(random_model(), tmp_path)
    save_adapter(model, tmp_path / "a")
    save_adapter(model, tmp_path / "a.gguf")
    narrow = LlamaConfig(V, 256, 32, 4, 2, 96, n_kv_heads=2, qk_norm=True)
    short = LlamaConfig(V, 256, 64, 4, 1, 96, n_kv_heads=2, qk_norm=True)
    long = LlamaConfig(V, 256, 64, 4, 3, 96, n_kv_heads=2, qk_norm=True)
    for config in (narrow, short, long):
        other = random_model(config)
        before = other(some_ids())
        for path in ("a", "a.gguf"):
            with pytest.raises(ValueError, match="expected"):
                load_adapter(other, tmp_path / path)
        assert torch.equal(other(some_ids()), before)
    with pytest.raises(ValueError, match="an adapter for 'llama', got one for 'qwen3'"):
        load_adapter(random_model(PLAIN), tmp_path / "a.gguf")
    with pytest.raises(OSError, match="nowhere"):
        load_adapter(random_model(), tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"peft_type": "IA3"}, "type LORA"),
        ({"use_dora": True}, "use_dora False"),
        ({"bias": "all"}, "bias 'none'"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save None"),
        ({"rank_pattern": {"q_proj": 2}}, "rank_pattern"),
        ({"r": 3}, "rank 3"),
        ({"r": "4"}, "r"),
        ({"use_rslora": "false"}, "use_rslora True or False .* 'false'"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights among .* 'pissa'"),
        ({"alora_invocation_tokens": [5]}, r"no alora_invocation_tokens .* got \[5\]"),
        ({"use_qalora": True}, "no use_qalora"),
        ({"target_modules": ["q_proj"]}, r"tensors for \['q_proj'\], got \['down_proj'"),
        ({"lora_alpha": -1}, "lora_alpha"),
    ],
)
def test_settings_of_peft_that_ours_cannot_do(tmp_path, change, message):
    save_adapter(with_lora(random_model()), tmp_path)
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=message):
        load_adapter(random_model(), tmp_path)


def test_files_that_are_no_adapters(tmp_path):
    model = with_lora(random_model())
    save_adapter(model, tmp_path)
    (tmp_path / "adapter_config.json").write_text("{")
    with pytest.raises(ValueError, match="an adapter of peft"):
        load_adapter(random_model(), tmp_path)
    save_adapter(model, tmp_path)
    (tmp_path / "adapter_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="an adapter of peft"):
        load_adapter(random_model(), tmp_path)
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    with pytest.raises(ValueError, match="expected"):
        load_adapter(random_model(), tmp_path / "a.gguf")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: {k: v for k, v in t.items() if "q_proj" not in k}, "tensors for .*'q_proj'"),
        (lambda t: {k: v * math.nan for k, v in t.items()}, "finite floating-point numbers"),
        (lambda t: {k: v.long() for k, v in t.items()}, "finite floating-point numbers"),
    ],
)
def test_folders_whose_tensors_are_not_what_they_should_be(tmp_path, change, message):
    save_adapter(with_lora(random_model()), tmp_path)
    path = tmp_path / "adapter_model.safetensors"
    save_file(change(load_file(path)), path)
    with pytest.raises(ValueError, match=message):
        load_adapter(random_model(), tmp_path)


@pytest.mark.parametrize(
    ("metadata", "tensors", "message"),
    [
        ({"adapter.alora.invocation_tokens": [5]}, {}, "an adapter that is always on"),
        ({}, {"blk.0.attn_qkv.weight.lora_a": 2}, "tensors of this model"),
    ],
)
def test_gguf_adapters_of_another_kind(tmp_path, metadata, tensors, message):
    save_adapter(with_lora(random_model()), tmp_path / "a.gguf")
    gguf = read_gguf(tmp_path / "a.gguf")
    own = {name: (tensor.array(), "F32") for name, tensor in gguf.tensors.items()}
    own |= {name: (np.ones((rows, 64), np.float32), "F32") for name, rows in tensors.items()}
    write_tensors(tmp_path / "b.gguf", dict(gguf.metadata) | metadata, own)
    with pytest.raises(ValueError, match=message):
        load_adapter(random_model(), tmp_path / "b.gguf")


def test_models_that_take_no_adapter(tmp_path):
    save_adapter(with_lora(random_model()), tmp_path)
    gpt = GPT(GPTConfig(V, 16, 8, 2, 1))
    for call in (lambda: load_adapter(gpt, tmp_path), lambda: widen(gpt, 1)):
        with pytest.raises(ValueError, match="expected a Llama, got a GPT"):
            call()
    other = with_lora(random_model())
    for call in (lambda: load_adapter(other, tmp_path), lambda: widen(other, 1)):
        with pytest.raises(ValueError, match="a model without LoRA, got one with it"):
            call()
    model = random_model()
    with pytest.raises(ValueError, match="rank to be an integer from 1 to"):
        add_lora(model, 10**400, 1)
    assert all(p.requires_grad for p in model.parameters())


def test_every_kind_of_task_fits_the_context():
    """The longest chat of one question, with 200 tokens of answer, is shorter than 512."""
    for language in ("en", "es"):
        for kind in KINDS:
            for task in sample(20, 1, language, kind):
                ids = encode_chat(task.messages, TOKENIZER, add_generation_prompt=True)
                assert len(ids) + 200 <= 512
                assert len(encode_chat(dialogue([task]), TOKENIZER)) <= 480
    assert ask(sample_stories(1, 1)[0], "home").check(ask(sample_stories(1, 1)[0], "home").answer)
