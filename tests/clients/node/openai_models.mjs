// openai-node before real models.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: "What is the capital of Romania?" }];
const brief = { messages, max_tokens: 10, temperature: 0 };

for (const model of ["chatgpt", "openai-chat"]) {
  test(`${model} answers`, async () => {
    const answer = await client.chat.completions.create({ model, ...brief });
    assert.equal(answer.object, "chat.completion");
    assert.ok(answer.choices[0].message.content);
    assert.ok(["stop", "length"].includes(answer.choices[0].finish_reason));
    assert.ok(answer._request_id);
  });

  test(`${model} streams`, async () => {
    const request = { model, ...brief, stream: true };
    const chunks = [];
    for await (const chunk of await client.chat.completions.create(request)) chunks.push(chunk);
    const choices = chunks.flatMap((chunk) => chunk.choices);
    assert.ok(choices.map((choice) => choice.delta.content ?? "").join(""));
    assert.equal(choices.filter((choice) => choice.finish_reason).length, 1);
  });

  test(`the helper gathers what ${model} streams`, async () => {
    let text = "";
    const stream = client.chat.completions
      .stream({ model, ...brief })
      .on("content", (delta) => (text += delta));
    assert.equal(await stream.finalContent(), text);
    assert.ok(text);
    assert.equal((await stream.finalMessage()).role, "assistant");
  });
}

test("a stream can be aborted", async () => {
  const request = { model: "chatgpt", messages, stream: true };
  const stream = await client.chat.completions.create(request);
  let count = 0;
  for await (const _ of stream) {
    count += 1;
    stream.controller.abort();
  }
  assert.ok(count >= 1);
  const next = await client.chat.completions.create({ ...request, stream: false, max_tokens: 1 });
  assert.equal(next.choices.length, 1);
});

test("embeddings are numbers, however they travel", async () => {
  const request = { model: "openai-embeddings", input: ["A text", "Another"] };
  const encoded = await client.embeddings.create(request); // the client asks for base64
  const plain = await client.embeddings.create({ ...request, encoding_format: "float" });
  assert.equal(plain.data.length, 2);
  plain.data.forEach(({ embedding }, index) => {
    assert.ok(embedding.length > 0);
    assert.equal(encoded.data[index].embedding.length, embedding.length);
    embedding.forEach((number, at) => {
      assert.ok(Math.abs(number - encoded.data[index].embedding[at]) < 1e-6);
    });
  });
});

test("images are PNG", async () => {
  const { data } = await client.images.generate({
    model: "openai-images",
    prompt: "A beach",
    n: 2,
    size: "64x64",
    response_format: "b64_json",
  });
  assert.equal(data.length, 2);
  for (const image of data) {
    assert.equal(Buffer.from(image.b64_json, "base64").subarray(1, 4).toString(), "PNG");
  }
});
