// openai-node before scripted answers: typed ones, refusals of the model server, a broken stream.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const base = { model: "chat", messages: [{ role: "user", content: "Who?" }] };
const Person = z.object({ name: z.string(), age: z.number() });

test("an answer is parsed", async () => {
  const response_format = zodResponseFormat(Person, "person");
  const answer = await client.chat.completions.parse({ ...base, response_format });
  assert.deepEqual(answer.choices[0].message.parsed, { name: "Ada", age: 36 });
});

test("a streamed answer is parsed, and its usage is known", async () => {
  const stream = client.chat.completions.stream({
    ...base,
    response_format: zodResponseFormat(Person, "person"),
    stream_options: { include_usage: true },
  });
  const answer = await stream.finalChatCompletion();
  assert.deepEqual(answer.choices[0].message.parsed, { name: "Ada", age: 36 });
  assert.equal(answer.usage.total_tokens, 11);
});

test("404 is a NotFoundError with its code", async () => {
  await assert.rejects(client.chat.completions.create(base), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    assert.equal(error.type, "invalid_request_error");
    return true;
  });
});

test("503 is an InternalServerError, streamed or not", async () => {
  const create = (stream) => client.chat.completions.create({ ...base, stream });
  await assert.rejects(create(false), OpenAI.InternalServerError);
  await assert.rejects(create(true), OpenAI.InternalServerError);
});

test("an error in a stream is thrown where it comes", async () => {
  const seen = [];
  await assert.rejects(async () => {
    for await (const chunk of await client.chat.completions.create({ ...base, stream: true })) {
      seen.push(chunk.choices[0].delta.content);
    }
  }, /out of memory/);
  assert.deepEqual(seen, ["Hel"]);
});
