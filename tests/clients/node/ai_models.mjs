// The AI SDK before real models.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateImage, generateText, streamText } from "ai";

const provider = createOpenAICompatible({
  name: "gateway",
  baseURL: process.argv[2],
  apiKey: "none",
  includeUsage: true,
});
const options = {
  prompt: "What is the capital of Romania?",
  maxOutputTokens: 3,
  temperature: 0,
  maxRetries: 0,
};

for (const name of ["chatgpt", "openai-chat"]) {
  test(`${name} generates`, async () => {
    const { text, finishReason } = await generateText({ ...options, model: provider(name) });
    assert.ok(text);
    assert.ok(["stop", "length"].includes(finishReason));
  });

  test(`${name} streams`, async () => {
    const result = streamText({ ...options, model: provider(name) });
    let pieces = 0;
    let text = "";
    for await (const piece of result.textStream) {
      pieces += 1;
      text += piece;
    }
    assert.ok(text);
    assert.ok(pieces > 1);
    assert.ok(["stop", "length"].includes(await result.finishReason));
  });
}

test("a provider's usage is known at the end of a stream", async () => {
  const result = streamText({ ...options, model: provider("openai-chat") });
  await result.consumeStream();
  assert.equal((await result.usage).outputTokens, 3);
});

test("texts are embedded", async () => {
  const { embeddings } = await embedMany({
    model: provider.embeddingModel("openai-embeddings"),
    values: ["A text", "Another"],
  });
  assert.equal(embeddings.length, 2);
  assert.ok(embeddings[0].length > 0);
  assert.notDeepEqual(embeddings[0], embeddings[1]);
});

test("an image is generated", async () => {
  const { image } = await generateImage({
    model: provider.imageModel("openai-images"),
    prompt: "A beach",
    size: "64x64",
  });
  assert.equal(Buffer.from(image.uint8Array).subarray(1, 4).toString(), "PNG");
});
