// A web page that calls a gateway with openai-node, and tells its own server what it found.
import OpenAI from "/openai/index.mjs";

const baseURL = new URLSearchParams(location.search).get("gateway");
const client = new OpenAI({ baseURL, apiKey: "key", maxRetries: 0, dangerouslyAllowBrowser: true });
const ask = { model: "chat", messages: [{ role: "user", content: "Hello" }] };
const tell = (path, found) => fetch(path, { method: "POST", body: JSON.stringify(found) });

async function attempt(call) {
  try {
    return await call();
  } catch (error) {
    const { name, status, code, param, requestID } = error;
    return { error: error.constructor.name, name, status, code, param, requestID };
  }
}

const whole = await attempt(async () => {
  const answer = await client.chat.completions.create(ask);
  return { content: answer.choices[0].message.content, requestID: answer._request_id };
});
const streamed = await attempt(async () => {
  const seen = [];
  for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
    seen.push(chunk.choices[0].delta.content ?? chunk.choices[0].finish_reason);
    if (seen.length === 1) await tell("/first", seen);
  }
  return { seen };
});
const refused = await attempt(() => client.chat.completions.create({ ...ask, n: 0 }));
await tell("/found", { whole, streamed, refused });
