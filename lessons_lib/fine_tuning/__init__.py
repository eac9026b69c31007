"""Fine-tuning: a model that tells stories becomes an assistant that answers.

The chapter `fine_tuning`. It adds to the trained model a chat format of special tokens, a loss that
counts the answers alone, several chats packed into one row, and LoRA: thin matrices that learn in
place of the large ones, and travel as small files.

Shapes: B batch, T positions, D width in and E width out of a map, r the rank of LoRA.

Sources:
    Ouyang et al., "Training language models to follow instructions with human feedback", 2022,
        arXiv:2203.02155: fine-tuning on examples of answers.
    Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021, arXiv:2106.09685.
    Kalajdzievski, "A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA", 2023,
        arXiv:2312.03732: rsLoRA.
    Wortsman et al., "Model soups", 2022, arXiv:2203.05482: the average of two models.
    The packages `transformers` (chat templates) and `peft` (LoRA and its files), and llama.cpp.
"""

from lessons_lib.fine_tuning.adapters import load_adapter, save_adapter
from lessons_lib.fine_tuning.apart import check_packed, logits_apart
from lessons_lib.fine_tuning.chat import (
    ASSISTANT,
    ROLES,
    TEMPLATE,
    USER,
    chat_text,
    chat_tokenizer,
    check_messages,
    encode_chat,
    special_id,
)
from lessons_lib.fine_tuning.lora import (
    TARGETS,
    LoRALinear,
    add_lora,
    lora_parts,
    merge_lora,
    remove_lora,
)
from lessons_lib.fine_tuning.loss import (
    answer_mask,
    chat_loss,
    document_mask,
    documents,
    last_role,
    pack,
    packed_logits,
    packed_windows,
)
from lessons_lib.fine_tuning.models import (
    answer_tasks,
    average,
    chat_model,
    reply,
    reply_batch,
    widen,
)

__all__ = [
    "ASSISTANT",
    "ROLES",
    "TARGETS",
    "TEMPLATE",
    "USER",
    "LoRALinear",
    "add_lora",
    "answer_mask",
    "answer_tasks",
    "average",
    "chat_loss",
    "chat_model",
    "chat_text",
    "chat_tokenizer",
    "check_messages",
    "check_packed",
    "document_mask",
    "documents",
    "encode_chat",
    "last_role",
    "load_adapter",
    "logits_apart",
    "lora_parts",
    "merge_lora",
    "pack",
    "packed_logits",
    "packed_windows",
    "remove_lora",
    "reply",
    "reply_batch",
    "save_adapter",
    "special_id",
    "widen",
]
