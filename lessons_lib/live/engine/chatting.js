// A model that chats: what `encode_chat` and `reply` of `lessons_lib.fine_tuning` do, as functions that
// are called by messages, in a worker or in the page.

import { adaptModel } from "./adapters.js";
import { answerCalls } from "./calls.js";
import { Session, openFile } from "./model.js";
import { pickToken } from "./sampling.js";
import { makePause } from "./turns.js";

const ROLES = { user: "<|user|>", assistant: "<|assistant|>" };

// The ids of a chat to which the assistant is to answer. Each content is encoded alone, as ordinary
// text: what users type is data, whatever it looks like.
function encodeChat(tokenizer, messages) {
  const idOf = (role) => tokenizer.controls.get(ROLES[role]);
  const ids = [tokenizer.eos];
  for (const { role, content } of messages) {
    ids.push(idOf(role), ...tokenizer.encode(content));
    if (role === "assistant") ids.push(tokenizer.eos);
  }
  return [...ids, idOf("assistant")];
}

// `tell` also gets `{ said }`, the answer so far.
function serve(tell) {
  let [tokenizer, session] = [null, null];
  const models = { off: null, on: null }; // without the adapter and with it
  return answerCalls(tell, makePause(), (pause) => ({
    // Open a GGUF file, and that of an adapter if there is one.
    async open(bytes, adapter = null) {
      const opened = await openFile(bytes, pause);
      models.off = opened.model;
      models.on = adapter && (await adaptModel(opened.model, adapter, pause));
      tokenizer = opened.tokenizer;
      session = null;
    },

    // What the model reads: a text for each token, and whether it is special.
    read(messages) {
      const special = new Set(tokenizer.controls.values());
      return encodeChat(tokenizer, messages).map((id) => [tokenizer.bytes[id], special.has(id)]);
    },

    // Answer the last message with the most probable tokens, at most `most` of them. Where the chat
    // leaves no room for so many, there is no answer.
    async reply(messages, most, adapter) {
      const model = adapter ? models.on : models.off;
      const ids = encodeChat(tokenizer, messages);
      if (session?.model !== model) session = new Session(model);
      if (ids.length + most > session.positions) return null;
      const own = session;
      await own.readAll(ids, pause);
      const text = tokenizer.stream();
      let [said, n] = ["", 0];
      while (n++ < most) {
        const id = pickToken(own.logits, { temperature: 0 });
        if (id === tokenizer.eos) break;
        said += text(id);
        tell({ said });
        if (n < most) own.read(id);
        await pause();
      }
      return said + text();
    },
  }));
}

export { encodeChat, serve };
