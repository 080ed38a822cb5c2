// openai-node's tool loop: two answers for the first test, two streams for the second.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });

function request(asked) {
  return {
    model: "chat",
    messages: [{ role: "user", content: "Weather?" }],
    tools: [
      {
        type: "function",
        function: {
          name: "get_weather",
          description: "Weather of a city",
          parse: JSON.parse,
          parameters: { type: "object", properties: { city: { type: "string" } } },
          function: ({ city }) => {
            asked.push(city);
            return "21 degrees";
          },
        },
      },
    ],
  };
}

function checkConversation(messages) {
  assert.deepEqual(
    messages.map((message) => message.role),
    ["user", "assistant", "tool", "tool", "assistant"],
  );
  assert.deepEqual(
    messages[1].tool_calls.map((call) => call.id),
    ["call_1", "call_2"],
  );
}

test("runTools calls what was asked for and gives the final answer", async () => {
  const asked = [];
  const runner = client.chat.completions.runTools(request(asked));
  assert.equal(await runner.finalContent(), "Sunny");
  assert.deepEqual(asked, ["Cluj", "Cluj"]);
  checkConversation(runner.messages);
});

test("runTools does the same with streams", async () => {
  const asked = [];
  const runner = client.chat.completions.runTools({ ...request(asked), stream: true });
  const reasons = [];
  for await (const chunk of runner) reasons.push(chunk.choices[0].finish_reason);
  assert.equal(await runner.finalContent(), "Sunny");
  assert.deepEqual(
    reasons.filter((reason) => reason),
    ["tool_calls", "stop"],
  );
  assert.deepEqual(asked, ["Cluj", "Cluj"]);
  checkConversation(runner.messages);
});
