// The npm client against the host of the tests, whose model repeats the prompt. Exits 0 when every flow holds.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: 'unused', maxRetries: 0 });
const model = 'scripted';
const say = (content) => [{ role: 'user', content }];
const tools = [{
  type: 'function',
  function: {
    name: 'add',
    parameters: {
      type: 'object', properties: { a: { type: 'integer', minimum: 0, maximum: 9 } }, required: ['a'], additionalProperties: false,
    },
  },
}];
const call = '<tool_call>{"name": "add", "arguments": {"a": 4}}</tool_call>';

const flows = {
  async models() {
    const found = [];
    for await (const card of client.models.list()) found.push(card.id);
    assert.deepEqual(found, [model]);
    assert.equal((await client.models.retrieve(model)).id, model);
  },
  async chat() {
    const answer = await client.chat.completions.create({ model, messages: say('hello'), temperature: 0, n: 1 });
    assert.equal(answer.choices[0].message.content, 'hello');
    assert.equal(answer.choices[0].finish_reason, 'stop');
    assert.deepEqual([answer.usage.prompt_tokens, answer.usage.completion_tokens], [5, 6]);
  },
  async streamedChat() {
    const stream = await client.chat.completions.create({
      model, messages: say('hello'), temperature: 0, stream: true, stream_options: { include_usage: true },
    });
    let text = '', usage = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? '';
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, 'hello');
    assert.equal(usage.total_tokens, 11);
  },
  async completions() {
    const answer = await client.completions.create({ model, prompt: ['ab', 'cd'], max_tokens: 2, temperature: 0, logprobs: 1, echo: true });
    assert.deepEqual(answer.choices.map((c) => c.text), ['abab', 'cdcd']);
    assert.equal(answer.choices[1].logprobs.tokens.length, 4);
  },
  async logprobs() {
    const answer = await client.chat.completions.create({
      model, messages: say('hi'), temperature: 0, logprobs: true, top_logprobs: 3,
    });
    const [first] = answer.choices[0].logprobs.content;
    assert.equal(first.token, 'h');
    assert.deepEqual(first.bytes, [104]);
    assert.equal(first.top_logprobs.length, 3);
  },
  async schema() {
    const answer = await client.chat.completions.create({
      model, messages: say('x'), temperature: 1, seed: 3,
      response_format: { type: 'json_schema', json_schema: { name: 'n', strict: true, schema: tools[0].function.parameters } },
    });
    const { a } = JSON.parse(answer.choices[0].message.content);
    assert.ok(Number.isInteger(a) && a >= 0 && a <= 9);
  },
  async tools() {
    const answer = await client.chat.completions.create({ model, messages: say(call), temperature: 0, tools });
    assert.equal(answer.choices[0].finish_reason, 'tool_calls');
    assert.deepEqual(JSON.parse(answer.choices[0].message.tool_calls[0].function.arguments), { a: 4 });
  },
  async streamedTools() {
    const runner = client.chat.completions.stream({ model, messages: say(`Wait. ${call}`), temperature: 0, tools });
    const whole = await runner.finalChatCompletion();
    assert.equal(whole.choices[0].message.content, 'Wait.');
    assert.equal(whole.choices[0].message.tool_calls[0].function.name, 'add');
    assert.deepEqual(JSON.parse(whole.choices[0].message.tool_calls[0].function.arguments), { a: 4 });
  },
  async forcedTool() {
    const answer = await client.chat.completions.create({
      model, messages: say('no'), temperature: 1, seed: 1, tools, tool_choice: { type: 'function', function: { name: 'add' } },
    });
    assert.equal(answer.choices[0].message.tool_calls[0].function.name, 'add');
  },
  async cancellation() {
    const stream = await client.chat.completions.create({ model, messages: say('x'.repeat(500)), temperature: 0, stream: true });
    for await (const _ of stream) break;
    stream.controller.abort();
    const after = await client.chat.completions.create({ model, messages: say('still here'), temperature: 0 });
    assert.equal(after.choices[0].message.content, 'still here');
  },
  async errors() {
    await assert.rejects(client.chat.completions.create({ model: 'other', messages: say('x') }), OpenAI.NotFoundError);
    await assert.rejects(
      client.chat.completions.create({ model, messages: say('x'), temperature: 3 }),
      (error) => error instanceof OpenAI.BadRequestError && error.param === 'temperature');
  },
};

for (const [name, flow] of Object.entries(flows)) {
  await flow().then(() => console.log(`${name}: ok`), (error) => {
    console.log(`${name}: ${error.stack}`);
    process.exitCode = 1;
  });
}
