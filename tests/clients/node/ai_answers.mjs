// The AI SDK before scripted answers: tool loops (two answers, then two streams), typed output,
// an error and a broken stream.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const provider = createOpenAICompatible({
  name: "gateway",
  baseURL: process.argv[2],
  apiKey: "none",
  supportsStructuredOutputs: true,
});
const base = { model: provider("chat"), maxRetries: 0 };

function loop(asked) {
  return {
    ...base,
    prompt: "Weather?",
    stopWhen: stepCountIs(3),
    tools: {
      get_weather: tool({
        description: "Weather of a city",
        inputSchema: z.object({ city: z.string() }),
        execute: async ({ city }) => {
          asked.push(city);
          return "21 degrees";
        },
      }),
    },
  };
}

test("generateText calls tools", async () => {
  const asked = [];
  const { text, steps } = await generateText(loop(asked));
  assert.equal(text, "Sunny");
  assert.deepEqual(asked, ["Cluj", "Cluj"]);
  assert.deepEqual(
    steps.map((step) => step.finishReason),
    ["tool-calls", "stop"],
  );
});

test("streamText calls tools", async () => {
  const asked = [];
  const result = streamText(loop(asked));
  let text = "";
  for await (const piece of result.textStream) text += piece;
  assert.equal(text, "Sunny");
  assert.deepEqual(asked, ["Cluj", "Cluj"]);
  assert.deepEqual(
    (await result.steps)[0].toolCalls.map((call) => call.toolCallId),
    ["call_1", "call_2"],
  );
});

test("output has a type", async () => {
  const schema = z.object({ name: z.string(), age: z.number() });
  const { output } = await generateText({
    ...base,
    prompt: "Who?",
    output: Output.object({ schema }),
  });
  assert.deepEqual(output, { name: "Ada", age: 36 });
});

test("a refusal is an APICallError with the message", async () => {
  await assert.rejects(generateText({ ...base, prompt: "Hello" }), (error) => {
    assert.ok(APICallError.isInstance(error));
    assert.equal(error.statusCode, 404);
    assert.equal(error.message, JSON.parse(error.responseBody).error.message);
    return true;
  });
});

test("an error in a stream is told", async () => {
  const errors = [];
  const onError = ({ error }) => errors.push(error);
  const result = streamText({ ...base, prompt: "Hello", onError });
  let text = "";
  for await (const piece of result.textStream) text += piece;
  assert.equal(text, "Hel");
  assert.match(JSON.stringify(errors.map((error) => error.message ?? error)), /out of memory/);
});
